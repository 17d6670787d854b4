"""No word of anything that a reporter sent is in any digest: not in its text, its page, its attachments or its headers."""

from __future__ import annotations

import base64
import email
import email.policy
import re
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.model import Arrival, MailRef, RawMail
from intake.steps.parts import PassReport
from intake.steps.understand import understand
from intake.steps.whole import settle

from .society import FRIDAY, Society

# Words that can stand in a mail and in no digest by themselves.
WORD = st.from_regex(r"\A[b-df-hj-np-tv-z]{7,12}\Z") | st.text(
    "\u05d0\u05d1\u05d2\u05d3\u0436\u0448\u4e2d\u6587\u00e9", min_size=6, max_size=9
)
PATTERNS = (
    "{} shouted at me at the meetup",
    "{} has a knife and is here right now",
    "Will {} be there on Friday?",
    "{}",
)


def mail(number: int, words: list[str], pattern: str, subject: str) -> bytes:
    """A report in which each word stands somewhere else."""
    name, local, domain, title, body, file, ident = words
    host = "".join(c if c.isascii() else "x" for c in domain)
    user = "".join(c if c.isascii() else "y" for c in local)
    text = f"{pattern.format(body)}. {title}"
    encoded = base64.b64encode(text.encode()).decode()
    return (
        f"From: =?utf-8?b?{base64.b64encode(name.encode()).decode()}?= <{user}@{host}.example>\r\n"
        f"To: help@azug.example\r\n"
        f"Subject: =?utf-8?b?{base64.b64encode(f'{subject} {title}'.encode()).decode()}?=\r\n"
        f"Message-ID: <{''.join(c for c in ident if c.isascii())}{number}@{host}.example>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b\r\nContent-Type: image/png\r\n"
        f"Content-Disposition: attachment; filename*=utf-8''{''.join(f'%{b:02X}' for b in file.encode())}.png\r\n\r\nx\r\n--b--\r\n"
    ).encode()


def said(content: bytes) -> str:
    """Everything of a message that anybody could read, decoded and as it is."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    texts = [part.decode("utf-8", "replace") for part in parts if isinstance(part, bytes)]
    heads = [str(value) for part in message.walk() for value in part.values()]
    unescaped = [re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text) for text in texts]
    return "\n".join([content.decode("latin-1"), *heads, *texts, *unescaped]).casefold()


@settings(max_examples=12, deadline=None)
@given(
    words=st.lists(WORD, min_size=7, max_size=7, unique=True),
    pattern=st.sampled_from(PATTERNS),
    subject=st.sampled_from(["Code-of-conduct", "Hello", "Newsletter"]),
    automatic=st.booleans(),
)
@example(
    words=["zzname", "zzlocal", "zzdomain", "zztitle", "zzbody", "zzfile", "zzident"],
    pattern=PATTERNS[0],
    subject="Code-of-conduct",
    automatic=False,
)
def test_no_word_of_a_report_is_in_any_digest(words: list[str], pattern: str, subject: str, automatic: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="dg"))
    try:
        society = Society(folder)
        raw = mail(1, words, pattern, subject)
        if automatic:
            raw = b"Auto-Submitted: auto-generated\r\n" + raw
        place = RawMail(MailRef("help", "INBOX", 1, 1), society.now, len(raw), raw)
        understood, verdict = understand(society.parts, raw, society.now, place)
        planner, now = society.parts.planner(), society.now
        society.parts.ledger.accept([Arrival(place, understood, verdict)], lambda a, h: planner(a, h, now), now)
        settle(society.parts, PassReport())
        society.now = FRIDAY + timedelta(days=4)
        settle(society.parts, PassReport())
        digests = [one.content for one in society.way_out.sent if b"X-Intake-Kind: digest" in one.content]
        copies = [one.content for one in society.way_out.sent if b"X-Intake-Kind: report" in one.content]
        society.parts.ledger.close()
    finally:
        shutil.rmtree(folder)
    assert len(digests) >= 3
    for content in digests:
        text = said(content)
        assert [word for word in words if word.casefold() in text] == []
    if copies and words[0].isascii():
        assert words[0] in said(copies[0]), "the test can see words where they are"
