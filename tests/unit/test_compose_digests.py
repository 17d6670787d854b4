"""The digest: order, bars, health, and nothing personal; also when nothing is new."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.compose import digest_csv, digest_json, digests, sample
from intake.compose.composer import Composer
from intake.letters import Digest, DigestCase, Expiry, MailboxHealth
from intake.model import Outgoing
from unit.test_compose_copies import bodies, matches, parsed, schema, seen

LANGUAGES = ("en", "nl", "fr", "de")
COMPOSER = Composer(sample.house())


def composed(letter: Digest) -> Outgoing:
    return COMPOSER.digest(letter, sample.NOW)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("quiet", [False, True])
def test_the_headers_and_parts_of_the_contract(language: str, quiet: bool) -> None:
    outgoing = composed(sample.digest(language, quiet=quiet))
    message = parsed(outgoing)
    assert (outgoing.sender, outgoing.recipient) == ("help@example.org", "ann@example.org")
    assert message["X-Intake-Kind"] == "digest"
    assert message["Auto-Submitted"] == "auto-generated"
    assert not {"X-Intake-Case", "Thread-Index", "Importance", "Cc", "Bcc"} & set(message.keys())
    types = [part.get_content_type() for part in message.iter_parts()]
    assert types == ["multipart/alternative", "application/json", "text/csv"]
    part = next(p for p in message.walk() if p.get_filename() == "digest.json")
    answer = json.loads(part.get_content())
    matches(answer, schema("digest"), schema("digest"))
    assert len(answer["cases"]) == (1 if quiet else 5)
    html = bodies(outgoing)[1]
    assert len(html.encode()) < 100_000
    assert seen(html).links == []


def test_the_most_pressing_comes_first() -> None:
    assert [name for name, _ in digests.grouped(sample.digest("en"))] == list(digests.GROUPS)
    text, html = bodies(composed(sample.digest("en")))
    for shown in (text, html):
        assert [code for code in dict.fromkeys(re.findall(r"\b[A-Z0-9]{6}\b", shown)) if code in {"K7QXM2", "PW4TRD", "H2VNX9", "C8MZF3", "D9GWQ4"}] == [
            "K7QXM2", "PW4TRD", "H2VNX9", "C8MZF3", "D9GWQ4",
        ]  # fmt: skip


def test_nothing_new_is_said() -> None:
    letter = sample.digest("en", quiet=True)
    text, _ = bodies(composed(letter))
    assert text.startswith("Nothing new. 1 open.")
    nothing = replace(letter, cases=(), mailboxes=(MailboxHealth("help", None),))
    text, html = bodies(composed(nothing))
    assert "Nothing new. 0 open." in text
    assert "help: not read yet" in text
    assert "help: not read yet" in html


def test_time_left_as_bars_and_in_words() -> None:
    text, html = bodies(composed(sample.digest("en")))
    assert "[############] 2 h overdue: nobody has taken it" in text
    assert "[#########...] 1 h left for somebody to take it" in text
    assert 'width="75%"' in html
    assert "1 h left for somebody to take it" in html


def test_what_needs_a_look_is_on_top() -> None:
    letter = replace(sample.digest("en"), mailboxes=(MailboxHealth("help", sample.NOW, "the log-in was refused"),))
    text, html = bodies(composed(letter))
    assert text.index("be read at the moment: the log-in is refused.") < text.index("OVERDUE")
    assert "the log-in is refused" in html
    assert "automatic mail: 14" in " ".join(text.split())
    assert "intake cases machine" in " ".join(text.split())


@pytest.mark.parametrize("age", [timedelta(0), timedelta(seconds=-5), timedelta(days=4000)])
def test_no_age_and_no_clock_breaks_it(age: timedelta) -> None:
    item = replace(sample.digest("en").cases[0], opened=sample.NOW - age, due=sample.NOW - age)
    assert "K7QXM2" in bodies(composed(replace(sample.digest("en"), cases=(item,))))[0]


def test_two_hundred_cases_stay_below_what_gmail_cuts() -> None:
    base = sample.digest("de")
    cases = tuple(replace(base.cases[number % 4], code=f"C{number:05}") for number in range(200))
    text, html = bodies(composed(replace(base, cases=cases, closed=cases[:50])))
    assert len(html.encode()) < 100_000
    for said in (text, re.sub("<[^>]+>", "", html)):
        assert "Überfällig (50)" in said or "ÜBERFÄLLIG (50)" in said
        assert "und noch 40. Ansehen: intake cases list" in said
        assert "und noch 50." in said


CASES = st.builds(
    DigestCase,
    code=st.text("BCDFG2345", min_size=6, max_size=6),
    category=st.sampled_from(["report", "concern", "question", "own-category"]),
    urgency=st.sampled_from(["normal", "urgent"]),
    event=st.sampled_from(["", "Global Example Day"]),
    state=st.sampled_from(["new", "claimed", "closed"]),
    opened=st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda span: sample.NOW - span),
    lead=st.sampled_from(["", "Bea Voorbeeld"]),
    human_reply=st.booleans(),
    mails=st.integers(1, 50),
    new_mails=st.integers(0, 5),
    due=st.none() | st.timedeltas(timedelta(days=-9), timedelta(days=9)).map(lambda span: sample.NOW + span),
    due_for=st.sampled_from(["claim", "reply", ""]),
)


@settings(max_examples=60, deadline=None)
@given(cases=st.lists(CASES, max_size=8), language=st.sampled_from(LANGUAGES))
def test_every_case_stands_once_in_text_and_html(cases: list[DigestCase], language: str) -> None:
    letter = replace(sample.digest(language), cases=tuple(cases), closed=())
    outgoing = composed(letter)
    groups = digests.grouped(letter)
    assert sorted(item.code for _, items in groups for item in items) == sorted(item.code for item in cases)
    text, html = bodies(outgoing)
    for item in cases:
        assert item.code in text
        assert item.code in html
    assert "{" not in text.replace("{{", ""), "no word is left unfilled"
    message = email.message_from_bytes(outgoing.content, policy=email.policy.default)
    part = next(p for p in message.walk() if p.get_filename() == "digest.json")
    matches(json.loads(part.get_content()), schema("digest"), schema("digest"))


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "31 March 2027"), ("nl", "31 maart 2027"), ("fr", "31 mars 2027"), ("de", "31. März 2027")],
)
def test_the_end_of_the_log_in_is_announced(language: str, said: str) -> None:
    ends = datetime(2027, 3, 31, tzinfo=UTC)
    for expiry in (Expiry("secret", ends), Expiry("certificate", ends), Expiry("key", ends, "Bea Voorbeeld")):
        letter = replace(sample.digest(language), expiries=(expiry,))
        for shown, without in zip(
            bodies(composed(letter)), bodies(composed(replace(letter, expiries=()))), strict=True
        ):
            assert said in " ".join(shown.split())
            assert said not in " ".join(without.split())
            assert ("Bea Voorbeeld" in shown.partition("K7QXM2")[0]) == (expiry.what == "key")
    over = replace(sample.digest(language), expiries=(Expiry("key", None, "Bea Voorbeeld"),))
    assert "Bea Voorbeeld" in bodies(composed(over))[0].partition("K7QXM2")[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_trouble_is_told_in_the_readers_language_and_with_a_way_to_look(language: str) -> None:
    error = "mailbox help (imap.example.org:993): can't log in: connection refused, nothing listens there: check host"
    letter = replace(
        sample.digest(language),
        mailboxes=(MailboxHealth("help", sample.NOW, error),),
        problems=("drill",),
        not_fanned_out=(("automatic", 2), ("junk", 4), ("before", 120)),
        places=(("automatic", ("help/Processed",)), ("junk", ("help/Junk",)), ("before", ("help/INBOX", "help/Junk"))),
    )
    for shown in bodies(composed(letter)):
        flat = " ".join(shown.split())
        assert "connection refused" not in flat
        assert "imap.example.org" not in flat
        assert COMPOSER.templates.phrases(language).get("trouble", "unreachable") in unescape(flat)
        assert COMPOSER.templates.phrases(language).get("alarm", "drill") in unescape(flat)
        assert "(help/Junk)" in flat
        assert "(help/INBOX, help/Junk)" in flat
        assert "intake cases machine --all" in flat
        assert "intake status" in flat
        assert "H2VNX9" in flat.partition("14")[2], "whose answer was held back"


@pytest.mark.parametrize("counts", [(), (("list", 3),)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_counted_is_said_in_each_digest(language: str, counts: tuple[tuple[str, int], ...]) -> None:
    said = COMPOSER.templates.phrases(language).get("digest", "not-counted")
    letter = replace(sample.digest(language), not_fanned_out=counts)
    for shown in bodies(composed(letter)):
        assert said not in unescape(" ".join(shown.split()))
    for shown in bodies(composed(replace(letter, answers_counted=False))):
        told = unescape(" ".join(shown.split()))
        assert said in told
        assert "intake cases machine" in told


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1+1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("said", FORMULAS)
def test_the_table_holds_no_formula(said: str) -> None:
    base = sample.digest("en")
    item = replace(base.cases[0], event=said, lead=said, category=said)
    message = parsed(composed(replace(base, cases=(item,))))
    part = next(p for p in message.walk() if p.get_filename() == "digest.csv")
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert raw.startswith(b"\xef\xbb\xbfcode,")
    head, first, closed = csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    assert tuple(head) == digest_csv.COLUMNS
    row = dict(zip(head, first, strict=True))
    assert row["code"] == "K7QXM2"
    assert row["event"] == row["lead"] == row["category"] == f"'{said}"
    assert closed[0] == "D9GWQ4"
    for cell in (*first, *closed):
        assert not cell.strip().startswith(("=", "+", "-", "@"))


def test_the_table_tells_what_the_document_tells() -> None:
    letter = sample.digest("nl")
    rows = list(csv.DictReader(io.StringIO(digest_csv.table(letter))))
    told = json.loads(digest_json.document(letter, COMPOSER.house))
    for row, case in zip(rows, [*told["cases"], *told["closed"]], strict=True):
        for name in row.keys() - {"age_hours", "human_reply", "overdue"}:
            assert row[name] == str(case[name] if case[name] is not None else "")
        assert row["human_reply"] == ("yes" if case["human_reply"] else "no")
        assert int(row["age_hours"]) == case["age_seconds"] // 3600


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_erased_soon_is_announced(language: str) -> None:
    codes = tuple(f"CGB-{number}" for number in range(12))
    for shown in bodies(composed(replace(sample.digest(language), erased_soon=codes))):
        assert "CGB-9" in shown
        assert "CGB-10" not in shown
        assert "12" in shown
    one = bodies(composed(replace(sample.digest(language), erased_soon=codes[:1])))[0]
    assert " ".join(one.split()).count("CGB-0") == 1
