"""What is understood of a mail, and that nothing in it can stop the reading."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.model import ParsedMail
from intake.receive.parse import parse
from unit.judging import NOW, judge

HEAD = b"From: Rita <rita@example.com>\nTo: help@example.org\nSubject: Code-of-conduct\n"


def made(headers: bytes = b"", body: bytes = b"hello\n") -> ParsedMail:
    return parse(HEAD + headers + b"\n" + body)


def mixed(*parts: bytes, kind: bytes = b"mixed") -> ParsedMail:
    joined = b"".join(b"--b\n" + part + b"\n" for part in parts)
    return made(b"Content-Type: multipart/" + kind + b"; boundary=b\n", joined + b"--b--\n")


def test_an_ordinary_mail() -> None:
    mail = parse(
        b"Return-Path: <rita@example.com>\nReceived: from a by b\nMessage-ID: <1@example.com>\nIn-Reply-To: <0@example.org>\n"
        b"References: <a@b>\n <0@example.org>\nDate: Mon, 2 Mar 2026 10:00:00 +0100\n"
        + HEAD
        + b"Cc: Ben <ben@example.com>, c@EXAMPLE.com\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9=\n bar\n"
    )
    assert mail.message_id == "<1@example.com>"
    assert mail.in_reply_to == ("<0@example.org>",)
    assert mail.references == ("<a@b>", "<0@example.org>")
    assert mail.return_path == "rita@example.com"
    assert mail.date == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert [(a.name, a.email) for a in mail.authors] == [("Rita", "rita@example.com")]
    assert [a.email for a in mail.cc] == ["ben@example.com", "c@example.com"]
    assert mail.subject == "Code-of-conduct"
    assert mail.text.strip() == "Café bar"
    assert mail.defects == ()
    assert mail.all_text == ()


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"=?utf-8?q?Caf=C3=A9?=", "Café"),
        (b"=?UTF-8?B?Q2Fmw6k=?= =?utf-8?Q?_bar?=", "Café bar"),
        (b"=?utf-8?b?w6k=?=\n =?utf-8?b?w6g=?=", "éè"),
        (b"=?utf-8?b?44GT44KT44Gr44Gh4w==?= =?utf-8?b?gaE=?=", "こんにちち".replace("ちち", "ち") + "ち"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"\x1b$BF|K\\\x1b(B", "日本"),
        (b"Caf\xc3\xa9", "Café"),
        (b"Caf\xe9", "Café"),
        (b"=?unknown?q?Caf=C3=A9?=", "Café"),
        (b"=?utf-8?q?a=00b=1B[31m=0D=0ABcc:_x?=", "a b [31m Bcc: x"),
        (b"a\x00b\x07c", "a b c"),
        (b"=?utf-8?q?no end", "=?utf-8?q?no end"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"folded\n line\n\tagain", "folded line again"),
        (b"=?utf-7?q?+AOk-?=", "é"),
        (b"=?idna?q?xn--a?= =?punycode?q?abc?=", "xn--aabc"),
        (b"=?utf-8*nl?q?hallo?=", "hallo"),
        (b"", ""),
    ],
)
def test_subjects(raw: bytes, subject: str) -> None:
    assert parse(b"From: a@b.example\nSubject: " + raw + b"\n\nx").subject == subject


@pytest.mark.parametrize(
    ("charset", "encoded", "text"),
    [
        (b"utf-8", "Café".encode(), "Café"),
        (b"iso-8859-1", b"Caf\xe9", "Café"),
        (b"us-ascii", "Café".encode(), "Café"),
        (b"us-ascii", b"Caf\xe9 \x80", "Café €"),
        (b"nonsense", "Café".encode(), "Café"),
        (b'"\x00"', "Café".encode(), "Café"),
        (b"zip", "Café".encode(), "Café"),
        (b"punycode", b"abc", "abc"),
        (b"iso-2022-jp", "日本".encode("iso-2022-jp"), "日本"),
        (b"us-ascii", "日本".encode("iso-2022-jp"), "日本"),
        (b"shift_jis", "日本①".encode("cp932"), "日本①"),
        (b"gb2312", "你好".encode("gb18030"), "你好"),
        (b"utf-7", "é".encode("utf-7"), "é"),
        (b"utf-16le", "hello".encode("utf-16-le"), "hello"),
        (b"koi8-r", "привет".encode("koi8-r"), "привет"),
        (b"utf-8", b"a\x00b\xed\xa0\x80c", "ab"),
    ],
)
@pytest.mark.parametrize("encoding", [b"8bit", b"base64", b'"BASE64" (so)'])
def test_charsets(charset: bytes, encoded: bytes, text: str, encoding: bytes) -> None:
    body = base64.encodebytes(encoded) if b"64" in encoding else encoded
    mail = made(
        b"Content-Type: text/plain; charset=" + charset + b"\nContent-Transfer-Encoding: " + encoding + b"\n", body
    )
    assert mail.text.strip().startswith(text)
    assert "\x00" not in mail.text


def test_the_authors_text_and_all_others() -> None:
    mail = mixed(
        b"Content-Type: multipart/alternative; boundary=c\n\n--c\n\nplain words\n--c\nContent-Type: text/html\n\n<p>rich <b>words</b></p>\n--c--",
        b"Content-Type: text/plain; name=notes.txt\n\nnamed but inline",
        b"Content-Type: text/plain\nContent-Disposition: attachment; filename=log.txt\n\nthe log",
        b"Content-Type: message/rfc822\n\nFrom: x@y.example\nMessage-ID: <inner@y.example>\nSubject: inner subject\n\ninner body",
        b'Content-Type: image/png; name="../../etc/p\xc3\xa9\x07w\xe2\x80\xaegnp.exe"\nContent-Transfer-Encoding: base64\n\n'
        + base64.b64encode(b"png"),
    )
    assert mail.text == "plain words\n\nnamed but inline"
    told = "\n".join(mail.all_text)
    for words in ("rich words", "the log", "inner subject", "inner body", "notes.txt"):
        assert words in told
        assert words not in mail.text
    assert mail.nested_message_ids == ("<inner@y.example>",)
    assert [(a.name, a.type, a.bytes) for a in mail.attachments] == [
        ("notes.txt", "text/plain", 16),
        ("log.txt", "text/plain", 7),
        ("", "message/rfc822", 82),
        ("péwgnp.exe", "image/png", 3),
    ]
    assert mail.attachments[-1].sha256 == hashlib.sha256(b"png").hexdigest()


def test_html_alone_and_html_that_the_plain_text_only_stands_in_for() -> None:
    html = b"Content-Type: text/html\n\n<html><style>p{}</style><p>What happened</p><p>Then " + b"long " * 60 + b"</p>"
    assert made(b"Content-Type: text/html\n", b"<p>What<br>happened</p>").text == "What\nhappened"
    assert "What happened" in mixed(b"\n\nPlease view as HTML", html, kind=b"alternative").text
    assert mixed(b"\n\n", html, kind=b"alternative").text.startswith("What happened")


@pytest.mark.parametrize(
    ("headers", "body", "content"),
    [
        (b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n', b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\nx\n--b--", {"encrypted"}),
        (b"", b"-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----", {"encrypted"}),
        (b"", b"-----BEGIN PGP SIGNED MESSAGE-----\n\nabc", {"signed"}),
        (b"Content-Type: multipart/signed; boundary=b\n", b"--b\n\nhi\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--", {"signed"}),
        (b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n", b"x", {"smime", "encrypted"}),
        (b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data\n", b"x", {"smime", "signed"}),
        (b"Content-Type: application/ms-tnef; name=winmail.dat\n", b"x", {"tnef"}),
        (b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n", b"--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b--", {"report", "delivery-report"}),
    ],
)  # fmt: skip
def test_special_content(headers: bytes, body: bytes, content: set[str]) -> None:
    assert made(headers, body).content == content


def test_a_reports_own_words_are_apart_from_what_it_returns() -> None:
    mail = mixed(
        b"\nIt failed.",
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x",
        b"Content-Type: text/rfc822-headers\n\nMessage-ID: <ours@example.org>\nSubject: returned",
        kind=b"report; report-type=delivery-status",
    )
    assert mail.text == "It failed."
    assert mail.report_type == "delivery-status"
    assert mail.nested_message_ids == ("<ours@example.org>",)


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (b"<a@b> <c@d>", ("<a@b>", "<c@d>")),
        (b"<a@b>,<c@d>", ("<a@b>", "<c@d>")),
        (b"<a@b>\n\t<c@\n d>", ("<a@b>", "<c@d>")),
        (b"=?utf-8?q?=3Ca=40b=3E?=", ("<a@b>",)),
        (b'"a" <a@b> (comment)', ("<a@b>",)),
        (b"a@b c@d", ("<a@b>", "<c@d>")),
        (b"<" + b"x" * 900 + b"@b>", ("<" + "x" * 900 + "@b>",)),
        (b"<<<<", ()),
        (b"<a@b> <a@b>", ("<a@b>",)),
        (b"", ()),
    ],
)
def test_references(raw: bytes, ids: tuple[str, ...]) -> None:
    assert made(b"References: " + raw + b"\n").references == ids


def test_very_many_references_keep_the_oldest_and_the_newest() -> None:
    found = made(b"References: " + b" ".join(b"<%d@x>" % number for number in range(3000)) + b"\n").references
    assert len(found) == 200
    assert found[0] == "<0@x>"
    assert found[-1] == "<2999@x>"


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (b"", "empty"),
        (b"Subject: x\n\nhi", "no-from"),
        (b"From: a@b.example\nFrom: c@d.example\n\nhi", "several-from"),
        (b"From:\n\nhi", "empty-from"),
        (HEAD + b"Content-Type: multipart/mixed\n\nhi", "no-boundary"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\n\nhi", "boundary-missing"),
        (HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 900, "too-many-parts"),
        (HEAD + b"Content-Type: message/rfc822\n\n" * 40 + b"hi", "too-deep"),
        (HEAD + b"\n" + b"words and words\n" * 200_000, "text-cut"),
        (HEAD + b"X: y\n" * 5000 + b"\nhi", "too-many-headers"),
    ],
)
def test_defects(raw: bytes, defect: str) -> None:
    assert defect in parse(raw).defects


def test_what_the_server_could_not_give_is_a_defect() -> None:
    assert parse(HEAD + b"\nhal", truncated=True).defects == ("truncated",)
    assert "unreadable" in parse(b"", unreadable=True).defects


def test_a_broken_boundary_keeps_the_text() -> None:
    assert (
        made(b"Content-Type: multipart/mixed; boundary=b\n", b"no delimiter, but words").text
        == "no delimiter, but words"
    )
    assert (
        made(b"Content-Type: multipart/mixed; boundary=b\n", b"--b\n\nwords without an end").text
        == "words without an end"
    )


@pytest.mark.parametrize(
    ("raw", "path"), [(b"<>", ""), (b" <> ", ""), (b"a@b.example", "a@b.example"), (b"<a@b.example>", "a@b.example")]
)
def test_return_path(raw: bytes, path: str) -> None:
    assert made(b"Return-Path:" + raw + b"\n").return_path == path
    assert made().return_path is None


def test_an_encoded_word_in_a_servers_field_stays_one() -> None:
    value = b"mx; spf=fail smtp.mailfrom==?utf-8?q?x;_dkim=3Dpass?="
    assert made(b"Authentication-Results: " + value + b"\n").first("authentication-results") == value.decode()


LINES = st.sampled_from(
    [b"From: a@b.example", b"From: \xff <", b"Subject: =?utf-8?q?=FF?=", b"Subject: =?x?b?a?=", b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: message/rfc822",
     b"Content-Type: text/html; charset=\x00", b"Content-Type: text/plain; name*0*=utf-16''%D8", b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable",
     b'Content-Disposition: attachment; filename="a', b"Date: Mon, 99 Foo 99999 99:99", b"Date: 1 Jan 0001 00:00:00 +2359", b"--b", b"--b--", b"", b" ", b"\x00", b"=\x80", b"QUJD", b"<p", b"<!--", b"\r", b"References: <"]
)  # fmt: skip


@given(
    st.one_of(st.binary(max_size=400), st.lists(LINES, max_size=25).map(b"\n".join)),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
@settings(max_examples=400)
def test_no_bytes_stop_parse_or_judge(raw: bytes, end: bytes) -> None:
    mail = parse(raw.replace(b"\n", end))
    assert "unparsed" not in mail.defects
    assert "head-unreadable" not in mail.defects
    for text in (
        mail.subject,
        mail.text,
        *mail.all_text,
        *(value for _, value in mail.headers),
        *(a.name for a in mail.attachments),
    ):
        text.encode("utf-8")
        assert "\x00" not in text
    verdict = judge().judge(mail, NOW)
    assert verdict.acknowledge == (verdict.acknowledge_to is not None)
    assert verdict.category in {"report", "concern", "question"}
