"""Mails that mean harm, made here: each tries to hang, flood, crash or trick whoever reads it."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator

TO = "help@example.org"


def plain(
    body: bytes = b"Somebody shouted at me.", *head: bytes, sender: bytes = b"Rita <rita@people.example>"
) -> bytes:
    lines = [
        b"From: " + sender, b"To: help@example.org", b"Subject: Code of conduct", b"Message-ID: <1@people.example>",
        b"Date: Mon, 02 Mar 2026 09:00:00 +0100", *head, b"", body, b"",
    ]  # fmt: skip
    return b"\r\n".join(lines)


def _mime(content_type: bytes, body: bytes) -> bytes:
    return plain(body, b"MIME-Version: 1.0", b"Content-Type: " + content_type)


def _nested(levels: int) -> bytes:
    body = plain(b"the innermost")
    for _ in range(levels):
        body = b"Content-Type: message/rfc822\r\nSubject: n\r\n\r\n" + body
    return body


def _deep(levels: int) -> bytes:
    open_parts = b"".join(
        b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(levels)
    )
    return _mime(b"multipart/mixed; boundary=b0", open_parts + b"--b%d\r\n\r\nthe innermost\r\n" % levels)


def _zip_bomb() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("zeros", b"\0" * (50 << 20))
    content = base64.encodebytes(held.getvalue())
    return _mime(
        b"multipart/mixed; boundary=b",
        b"--b\r\n\r\nsee the file\r\n--b\r\nContent-Type: application/zip; name=bomb.zip\r\n"
        b"Content-Disposition: attachment; filename=bomb.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + content + b"\r\n--b--",
    )  # fmt: skip


def _many_addresses(name: bytes, count: int) -> bytes:
    listed = b",\r\n ".join(b'"Name, %d" <a%d@many.example>' % (n, n) for n in range(count))
    return plain(b"to all", name + b": " + listed)


def _words(count: int) -> bytes:
    return b" ".join(b"=?utf-8?q?=C3=A9%d?=" % n for n in range(count))


def _reopened(number: int) -> bytes:
    return b"<p><i id=%d>x</p></div></div>" % number


_AGAIN = b"=?utf-8?q?=41nn?= =41=C3=A9 base64 %s </b>\r\n" % base64.b64encode(b"<b>=41</b> base64 QUJDREVGR0hJSktM")
_AMBIGUOUS = (
    b"--b\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: x\r\n\r\n"
    + b"<b>=41 " * 2000
    + b"\r\n"
)
_OUTLOOK = b"--b\r\nContent-Type: application/x; name=a.msg\r\n\r\n" + bytes(range(256)) * 100 + b"\r\n"


def hostile() -> Iterator[tuple[str, bytes]]:  # noqa: PLR0915 - a table of which each row is made when it is its turn
    """Every one of them, with a name."""
    yield "nothing", b""
    yield "one NUL", b"\0"
    yield "only line ends", b"\r\n" * 100_000
    yield "no head", b"\r\n\r\nbody"
    yield "no body", b"From: a@b.example"
    yield "rfc822 in rfc822", _nested(300)
    yield "multipart in multipart", _deep(2000)
    yield "many parts", _mime(b"multipart/mixed; boundary=b", b"--b\r\n\r\nx\r\n" * 50_000 + b"--b--")
    yield "many empty parts", _mime(b"multipart/mixed; boundary=b", b"--b\r\n" * 200_000)
    yield "boundary of one dash", _mime(b"multipart/mixed; boundary=-", b"---\r\n" * 100_000)
    yield "empty boundary", _mime(b'multipart/mixed; boundary=""', b"--\r\n" * 100_000)
    yield (
        "boundary that is a beginning of another",
        _mime(
            b"multipart/mixed; boundary=b",
            b"--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--b--",
        ),
    )
    yield "boundary with a line end", _mime(b'multipart/mixed; boundary="a\r\n b"', b"--a b\r\n\r\nx\r\n--a b--")
    yield "long boundary", _mime(b"multipart/mixed; boundary=" + b"b" * 100_000, b"--" + b"b" * 100_000 + b"\r\n\r\nx")
    yield "many headers", plain(b"x", *(b"X-%d: y" % n for n in range(100_000)))
    yield "one header a hundred thousand times", plain(b"x", *([b"Subject: again"] * 100_000))
    yield "one long header", plain(b"x", b"X-Long: " + b"y" * 5_000_000)
    yield "one folded header", plain(b"x", b"X-Folded: " + b"\r\n y" * 500_000)
    yield "header without an end", b"Subject: " + b"x" * 3_000_000
    yield "many Received", plain(b"x", *([b"Received: from a by b; Mon, 02 Mar 2026 09:00:00 +0100"] * 20_000))
    yield "many References", plain(b"x", b"References: " + b" ".join(b"<%d@x.example>" % n for n in range(100_000)))
    yield "brackets in Message-ID", plain(b"x", b"Message-ID: " + b"<" * 200_000)
    yield "encoded words in Subject", plain(b"x").replace(b"Code of conduct", _words(40_000))
    yield "encoded words without ends", plain(b"x").replace(b"Code of conduct", b"=?utf-8?q?" * 100_000)
    yield "encoded words in From", plain(b"x", sender=_words(20_000) + b" <a@b.example>")
    yield (
        "encoded word with line ends",
        plain(b"x").replace(b"Code of conduct", b"=?utf-8?q?a=0D=0ABcc:=20x@y.example?="),
    )
    yield "many To", _many_addresses(b"To", 30_000)
    yield "many From", plain(b"x", sender=b", ".join(b"a%d@b.example" % n for n in range(30_000)))
    yield "groups in To", plain(b"x", b"Cc: " + b"g:" * 100_000)
    yield "comments in From", plain(b"x", sender=b"(" * 100_000 + b"a@b.example" + b")" * 100_000)
    yield "quotes in From", plain(b"x", sender=b'"' * 99_999 + b" <a@b.example>")
    yield "backslashes in From", plain(b"x", sender=b'"' + b"\\" * 200_000 + b'" <a@b.example>')
    yield "parameters", _mime(b"text/plain; " + b"; ".join(b"p*%d*=x" % n for n in range(50_000)), b"x")
    yield "charset with NUL", _mime(b'text/plain; charset="utf-8\0"', b"x")
    yield "charset of a codec that is none for text", _mime(b"text/plain; charset=zlib", b"x\x9c" * 1000)
    yield "charset idna", _mime(b"text/plain; charset=idna", b"xn--" * 100_000)
    yield "charset punycode", _mime(b"text/plain; charset=punycode", b"abc-" + b"z" * 30_000)
    yield "utf-7", _mime(b"text/plain; charset=utf-7", b"+AGE-" * 100_000)
    yield "quoted-printable of equal signs", plain(b"=" * 2_000_000, b"Content-Transfer-Encoding: quoted-printable")
    yield "base64 of one line", plain(b"QUJD" * 1_000_000, b"Content-Transfer-Encoding: base64")
    yield "uuencode", plain(b"begin 644 x\r\n" * 100_000, b"Content-Transfer-Encoding: x-uuencode")
    yield "comments in HTML", _mime(b"text/html", b"<!--" * 200_000)
    yield "tags in HTML", _mime(b"text/html", b"<b>" * 300_000)
    yield "tags and ends in HTML", _mime(b"text/html", b"<div><p></div>" * 100_000)
    yield "attributes in HTML", _mime(b"text/html", b"<a " + b"x=y " * 300_000 + b">")
    yield "entities in HTML", _mime(b"text/html", b"&amp;lt;&#x27;" * 200_000)
    yield "tables in HTML", _mime(b"text/html", b"<table><tr><td>" * 50_000)
    yield "open brackets in HTML", _mime(b"text/html", b"<" * 1_000_000)
    yield "style in HTML", _mime(b"text/html", b"<style>" + b"a{" * 500_000)
    # What a tree would be made of that grows with the square of what is written, in time and in memory.
    yield "elements that open again in HTML", _mime(b"text/html", b"".join(_reopened(n) for n in range(17_000)))
    yield "lists in lists in HTML", _mime(b"text/html", b"<ul><li>" * 28_000 + b"</li></ul>" * 28_000)
    yield "divisions in HTML", _mime(b"text/html", b"<div>" * 47_000 + b"</div>" * 47_000)
    yield "different attributes in HTML", _mime(b"text/html", b"<p " + b" ".join(b"a%d=x" % n for n in range(50_000)))
    yield "quotes in HTML that nothing ends", _mime(b"text/html", b"<a ='<a =\"" * 45_000)
    yield "tags in HTML that nothing ends", _mime(b"text/html", b"<a " * 170_000)
    yield "styles in HTML", _mime(b"text/html", b"<style>a::after{content:'" * 20_000)
    yield "pictures in HTML", _mime(b"text/html", b'<img src="data:image/png;base64,' + b"QUJD" * 3_000_000 + b'">')
    yield "pictures in HTML that are none", _mime(b"text/html", b'<img src="data:x;base64,' * 100_000)
    yield "svg in HTML", _mime(b"text/html", b"<svg><math><mtext><p>" * 20_000)
    yield "a zip bomb", _zip_bomb()
    yield "one long line", plain(b"x" * 5_000_000)
    yield "spaces", plain(b" " * 3_000_000)
    yield "spaces and a letter", plain((b" " * 5000 + b"x\r\n") * 400)
    yield "quoted lines", plain(b"> " * 1_000_000)
    yield "deeply quoted lines", plain((b">" * 500 + b" x\r\n") * 2000)
    yield "Markdown brackets", plain(b"[" * 500_000 + b"](" * 100_000)
    yield "Markdown stars", plain(b"*a **b " * 200_000)
    yield "Markdown backticks", plain(b"`" * 500_000 + b"a" + b"`" * 499_999)
    yield "Markdown quotes", plain(b"> " * 20_000 + b"x")
    yield "Markdown lists", plain(b"".join(b" " * n + b"- x\r\n" for n in range(1500)))
    yield "links", plain(b"http://a.example/ " * 100_000)
    yield "one long link", plain(b"http://" + b"a." * 300_000)
    yield "addresses in text", plain(b"a@b.example " * 100_000)
    yield "combining marks", plain("e\u0301\u0327\u0316".encode() * 150_000, b"Content-Type: text/plain; charset=utf-8")
    yield "right to left", plain("\u202e\u2066evil\u2069".encode() * 50_000, b"Content-Type: text/plain; charset=utf-8")
    yield "ligatures that grow", plain("\ufdfa".encode() * 200_000, b"Content-Type: text/plain; charset=utf-8")
    yield "names of organizers", plain(b"Ann Example Bram van den Berg " * 50_000)
    yield "phrases", plain(b"he is here now he has a knife code of conduct " * 20_000)
    yield "hyphens between letters", plain(b"c-o-d-e- -o-f- -c-o-n-d-u-c-t " * 30_000)
    yield (
        "many file names",
        _mime(
            b"multipart/mixed; boundary=b",
            b"".join(
                b'--b\r\nContent-Disposition: attachment; filename="%s%d"\r\n\r\nx\r\n' % (b"n" * 900, n)
                for n in range(3000)
            ),
        ),
    )
    yield (
        "a long file name",
        _mime(
            b"multipart/mixed; boundary=b",
            b'--b\r\nContent-Disposition: attachment; filename="' + b"n/../" * 200_000 + b'"\r\n\r\nx',
        ),
    )
    yield "surrogates", plain(b"\xed\xa0\x80\xed\xbf\xbf" * 100_000, b"Content-Type: text/plain; charset=utf-8")
    yield "escapes for a terminal", plain(b"\x1b]0;owned\x07\x1b[2J" * 50_000)
    yield "whatever can be read otherwise", plain(_AGAIN * 15_000)
    yield (
        "whatever can be read otherwise, in parts",
        _mime(b"multipart/mixed; boundary=b", (b"--b\r\n\r\n" + _AGAIN * 40) * 500),
    )
    yield (
        "base64 in base64",
        plain(b"base64\r\n" + base64.encodebytes(b"base64\n" + base64.encodebytes(b"\xc3\xa9" * 300_000))),
    )
    yield "parts that are two things", _mime(b"multipart/mixed; boundary=b", _AMBIGUOUS * 400)
    yield (
        "text before the first part",
        _mime(b"multipart/mixed; boundary=b", b"x \xe9" * 3_000_000 + b"\r\n--b\r\n\r\nx"),
    )
    yield "ends before the first part", _mime(b"multipart/mixed; boundary=b", b"--b--\r\nx\r\n" * 10_000)
    yield "bare CR in headers", plain(b"x", *(b"X-%d: a\rb" % n for n in range(4000)))
    yield "signed without an end", _mime(b"application/pkcs7-mime", b"\x30\x80" * 4_000_000)
    yield "signed in pieces", _mime(b"application/pkcs7-mime", b"\x04\x01A" * 3_000_000)
    yield "files of Outlook", _mime(b"multipart/mixed; boundary=b", _OUTLOOK * 400)
    yield "no base64, as it says", plain(b"words are here " * 700_000, b"Content-Transfer-Encoding: base64")
    yield "addresses at a domain of the team", plain(b"joe@example.org " * 130_000)
    yield "Authentication-Results", plain(b"x", *([b"Authentication-Results: " + b"a=b;" * 1000] * 200))
    yield "List headers", plain(b"x", *([b"List-Id: <" + b"a." * 10_000 + b">"] * 20))
    yield (
        "a report in a report",
        _mime(
            b"multipart/report; report-type=delivery-status; boundary=b",
            b"--b\r\nContent-Type: message/delivery-status\r\n\r\n"
            + b"Final-Recipient: rfc822;x\r\n\r\n" * 50_000
            + b"--b--",
        ),
    )


def forty_megabytes(kind: str) -> bytes:
    """A mail of nearly 40 MB, the most that is read as a whole by default."""
    size = (40 << 20) - 4096
    if kind == "one attachment":
        content = base64.encodebytes(b"\xa5\x5a\x3c" * (size // 78 * 19))
        return _mime(
            b"multipart/mixed; boundary=b",
            b"--b\r\n\r\nthe recording\r\n--b\r\nContent-Type: audio/mpeg; name=r.mp3\r\n"
            b"Content-Disposition: attachment; filename=r.mp3\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + content.replace(b"\n", b"\r\n") + b"\r\n--b--",
        )  # fmt: skip
    if kind == "text":
        return plain(b"He shouted at me again, and I was afraid of going there.\r\n" * (size // 58))
    if kind == "html":
        return _mime(b"text/html; charset=utf-8", b"<p>He shouted at me <b>again</b>.</p>\r\n" * (size // 39))
    return plain(b"\xe9" * size)


LARGE = ("one attachment", "text", "html", "one line")
