"""Mails that name somebody where one program looks and another does not: each shape as ``(what it is, the mail)``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

HEAD = b"From: r@example.com\r\nTo: help@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
TABLES = b"Content-Type: text/html\r\n\r\n"
ENDING = b"--b--\r\n"


def mails(first: bytes, last: bytes) -> Iterator[tuple[str, bytes]]:
    """Every shape, with somebody of that first name and last name in it (ASCII)."""
    whole = first + b" " + last
    said = Said(b"It was " + whole + b" who shouted at me.")
    yield from _structures(said)
    yield from _encodings(said, first, last)
    yield from _charsets(whole)
    yield from _heads(whole, said)
    yield from _names_of_files(first, last)
    yield from _whole_mails(first, last, said)
    for name, html in _html(first, last):
        yield name, HEAD + TABLES + html


class Said:
    """A sentence, and a part that holds it in base64, so that it is no word of the bytes themselves."""

    def __init__(self, text: bytes) -> None:
        self.plain = text
        self.base64 = base64.b64encode(text)
        self.part = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + self.base64 + b"\r\n"
        self.uuencoded = b"begin 644 notes.txt\r\n" + binascii.b2a_uu(text).replace(b"\n", b"\r\n") + b"`\r\nend\r\n"


def typed(content_type: bytes, body: bytes, *head: bytes) -> bytes:
    """A mail of that type."""
    return b"".join([HEAD, *(line + b"\r\n" for line in head), b"Content-Type: " + content_type, b"\r\n\r\n", body])


def mixed(*parts: bytes, kind: bytes = b"multipart/mixed; boundary=b") -> bytes:
    """A mail of parts, cut as it says."""
    return typed(kind, b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + ENDING)


def _structures(said: Said) -> Iterator[tuple[str, bytes]]:
    closed = b"--b\r\n" + said.part + ENDING
    two = b"--a\r\n\r\nhello\r\n--a--\r\n"
    yield "two types, the second has the parts", HEAD + b"Content-Type: text/plain\r\n" + _multi(b"b") + closed
    yield "two types, two boundaries", HEAD + _multi(b"a", b"") + _multi(b"b") + two + closed
    yield "two boundaries", typed(b"multipart/mixed; boundary=a; boundary=b", two + closed)
    yield "a boundary in pieces", typed(b"multipart/mixed; boundary*0=b; boundary*1=c", closed.replace(b"--b", b"--bc"))
    yield "a boundary in pieces, and another", typed(b"multipart/mixed; boundary=b; boundary*0=c", closed)
    yield "a boundary with a comment", typed(b"multipart/mixed; boundary=b (c)", closed)
    yield "a boundary with half its quotes", typed(b'multipart/mixed; boundary="b', closed)
    yield "a boundary without a semicolon", typed(b"multipart/mixed boundary=b", closed)
    yield "a boundary as an encoded word", typed(b'multipart/mixed; boundary="=?utf-8?q?b?="', closed)
    yield "no boundary", typed(b"multipart/mixed", closed)
    yield "a boundary with text after it", typed(_B, b"--b\r\n\r\nhello\r\n" + closed.replace(b"--b\r", b"--b x\r", 1))
    yield "a boundary that is longer than said", typed(_B, closed.replace(b"--b", b"--bcd"))
    yield "no end", typed(_B, b"--b\r\n\r\nhello\r\n--b\r\n" + said.part)
    yield "a part after the end", typed(_B, b"--b\r\n\r\nhello\r\n" + ENDING + closed)
    yield "far after the end", typed(_B, b"--b\r\n\r\nhello\r\n" + ENDING + b"x\r\n" * 10_000 + said.plain)
    yield "far before the first part", typed(_B, b"x\r\n" * 10_000 + said.plain + b"\r\n--b\r\n\r\nhello\r\n" + ENDING)
    yield (
        "where old programs are greeted",
        typed(_B, b"This is MIME. " + said.plain + b"\r\n--b\r\n\r\nhello\r\n" + ENDING),
    )
    yield "a comment before the type", typed(b"(c) " + _B, closed)
    yield "half a type", typed(b"multipart; boundary=b", closed)
    yield "after six hundred parts", mixed(*[b"\r\nx"] * 600, said.part)
    yield "after six hundred parts, plain", mixed(*[b"\r\nx"] * 600, b"\r\n" + said.plain)
    levels = b"".join(b"--b%d\r\n" % n + _multi(b"b%d" % (n + 1)) for n in range(15))
    yield "fifteen levels deep", HEAD + _multi(b"b0") + levels + b"--b15\r\n" + said.part
    yield "bare CR for every line end", HEAD + _multi(b"b") + closed.replace(b"\r\n", b"\r")
    log = b"Content-Type: text/plain; name=a.log\r\nContent-Disposition: attachment\r\n\r\n" + b"a b c d\r\n" * 300_000
    yield "after a long file", mixed(b"\r\nhello", log, b"\r\n" + said.plain)
    yield (
        "the third of three",
        mixed(
            b"\r\nhello", b"Content-Type: text/html\r\n\r\n<p>hi", said.part, kind=b"multipart/alternative; boundary=b"
        ),
    )


_B = b"multipart/mixed; boundary=b"


def _multi(boundary: bytes, end: bytes = b"\r\n") -> bytes:
    return b"Content-Type: multipart/mixed; boundary=" + boundary + b"\r\n" + end


def _encodings(said: Said, first: bytes, last: bytes) -> Iterator[tuple[str, bytes]]:
    plain, cte = b"text/plain", b"Content-Transfer-Encoding: "
    yield "two encodings", typed(plain, said.base64, cte + b"7bit", cte + b"base64")
    yield "two encodings, the other first", typed(plain, said.plain, cte + b"base64", cte + b"7bit")
    yield "not in base64 as it says", typed(plain, said.plain, cte + b"base64")
    for name in (b"base 64", b"x-base64", b"8bit, base64", b"(x) base64", b"\r\n base64"):
        yield f"encoded as {name!r}", typed(plain, said.base64, cte + name)
    encoded = base64.encodebytes(b"--b\r\n" + said.part + ENDING)
    yield "parts that are encoded together", typed(_B, encoded, cte + b"base64")
    yield "parts that are not encoded as they say", typed(_B, b"--b\r\n" + said.part + ENDING, cte + b"base64")
    yield "encoded and not said", typed(plain, b"It was %s=20%s" % (first, last), cte + b"7bit")
    yield "uuencoded and said", typed(plain, said.uuencoded, cte + b"x-uuencode")
    yield "uuencoded in the text", typed(plain, b"see\r\n\r\n" + said.uuencoded)
    yield (
        "base64 after the end of base64",
        typed(plain, base64.b64encode(b"hi") + b"\r\n" + said.base64, cte + b"base64"),
    )
    yield "base64 with waste", typed(plain, b"!!" + said.base64[:10] + b"\x80-" + said.base64[10:], cte + b"base64")
    card = b"BEGIN:VCARD\r\nFN;ENCODING=QUOTED-PRINTABLE:=%02X%s=20%s\r\nEND:VCARD" % (first[0], first[1:], last)
    yield "quoted-printable in a card", mixed(b"Content-Type: text/x-vcard\r\n\r\n" + card)
    rtf = b"Content-Type: text/rtf\r\n\r\n{\\rtf1 %s\\~\\'%02x%s}" % (first, last[0], last[1:])
    yield "rich text", mixed(rtf)
    yield "enriched text", typed(b"text/enriched", b"<bold>%s</bold> <italic>%s</italic>ample" % (first, last[:-5]))
    for kind in (b"octet-stream; name=notes", b"x-yaml; name=a.yaml", b"msword; name=a.doc", b"octet-stream"):
        yield f"a text as {kind!r}", mixed(b"\r\nhi", b"Content-Type: application/" + kind + b"\r\n\r\n" + said.plain)
    yield "XML", typed(b"text/xml", b"<a>%s</a><b>&#%d;%s</b>" % (first, last[0], last[1:]))
    yield "XHTML", mixed(b"Content-Type: application/xhtml+xml\r\n\r\n<td>%s</td><td>%s</td>" % (first, last))
    yield "a drawing", mixed(b"Content-Type: image/svg+xml\r\n\r\n<svg><text>%s %s</text></svg>" % (first, last))
    for kind in (b"text/x-amp-html", b"text/watch-html", b"TEXT/HTML", b"text/plain", b"application/x; name=a.html"):
        body = b"<td>%s</td><td>&#%d;%s</td>" % (first, last[0], last[1:])
        yield f"HTML as {kind!r}", mixed(b"Content-Type: " + kind + b"\r\n\r\n" + body)


def _charsets(whole: bytes) -> Iterator[tuple[str, bytes]]:
    text = (b"It was " + whole + b" !").decode()
    wide = text.encode("utf-16-be")
    for charset in (b"utf-16", b"utf-16le", b"utf-16be", b"utf-32", b"cp037", b"utf-7", b"x-foo", b"hz-gb-2312"):
        yield f"ASCII as {charset!r}", typed(b"text/plain; charset=" + charset, text.encode())
    yield "UTF-16, its bytes in one order", typed(b"text/plain; charset=utf-16", wide)
    yield "UTF-16, its bytes in the other", typed(b"text/plain; charset=utf-16", text.encode("utf-16-le"))
    yield "UTF-16 and not said", typed(b"text/plain", b"\xfe\xff" + wide)
    yield "EBCDIC", typed(b"text/plain; charset=cp037", text.encode("cp037"))
    yield "another charset from here on, for some", typed(b"text/plain; charset=utf-8", b"a \x1b$B " + whole)
    yield "another charset from here on", typed(b"text/plain; charset=iso-2022-kr", b"\x1b$)C\x0e" + whole)
    yield "GB from here on", typed(b"text/plain; charset=hz-gb-2312", b"~{" + whole)


def _heads(whole: bytes, said: Said) -> Iterator[tuple[str, bytes]]:
    word = b"=?utf-8?b?" + said.base64 + b"?="
    many = b"From: r@example.com\r\n" + b"X-a: b\r\n" * 5000
    yield "two subjects", HEAD + b"Subject: about " + whole + b"\r\n\r\nhello"
    yield "the end of a long subject", HEAD.replace(b"x\r", b"x y " * 5000 + whole + b"\r", 1) + b"\r\nhello"
    long = b'From: "' + b"x y " * 1500 + whole + b'" <r@example.com>'
    yield "the end of a long author", HEAD.replace(b"From: r@example.com", long) + b"\r\nhello"
    yield "a second author", HEAD + b"From: " + whole + b" <x@y.example>\r\n\r\nhello"
    yield "an author's comment", HEAD.replace(b"r@example.com", b"r@example.com (" + whole + b")") + b"\r\nhello"
    yield "a group of authors", HEAD.replace(b"r@example.com", whole + b": r@example.com;") + b"\r\nhello"
    yield "a subject after five thousand headers", many + b"Subject: " + word + b"\r\n\r\nhello"
    yield (
        "a subject after two million bytes",
        b"From: r@example.com\r\nX: " + b"b" * (2 << 20) + b"\r\nSubject: " + word,
    )
    yield "a body after three million bytes", b"From: a@b.example\r\nX: " + b"b" * (3 << 20) + b"\r\n\r\n" + said.plain
    yield "a subject after what is none", b"From: r@example.com\r\nnone\r\nnone\r\nSubject: " + word + b"\r\n\r\nhello"
    rest = b"Content-Transfer-Encoding: base64\r\n\r\n" + said.base64
    yield "an encoding after what is none", b"From: r@example.com\r\nnone\r\nnone\r\n" + rest
    yield "a subject behind a bare CR", b"From: r@example.com\r\nX: y\rSubject: " + word + b"\r\n\r\nhello"
    yield "a field of one's own", HEAD + b"X-About: " + whole + b"\r\n\r\nhello"
    yield "a summary", HEAD + b"Summary: what " + whole + b" did\r\n\r\nhello"
    yield (
        "who is told that it was read",
        HEAD + b"Disposition-Notification-To: " + whole + b" <x@y.example>\r\n\r\nhello",
    )
    yield "an encoded word with a space", HEAD.replace(b"x\r", b"=?utf-8?q?" + whole + b"?=\r", 1) + b"\r\nhello"


def _names_of_files(first: bytes, last: bytes) -> Iterator[tuple[str, bytes]]:
    name, escaped = b"%s %s.pdf" % (first, last), b"%s%%20%s.pdf" % (first, last)
    file = b"Content-Disposition: attachment; "
    yield "a second name of a file", mixed(file + b'filename=a.pdf; filename="' + name + b'"\r\n\r\nx')
    kind = b'Content-Type: application/pdf; name="' + name + b'"\r\n'
    yield "another name in the type", mixed(kind + file + b"filename=a.pdf\r\n\r\nx")
    yield "the plain one of two names", mixed(file + b'filename="' + name + b"\"; filename*=utf-8''a.pdf\r\n\r\nx")
    yield "a second encoded name", mixed(file + b"filename*=utf-8''a.pdf; filename*=utf-8''" + escaped + b"\r\n\r\nx")
    yield "a second disposition", mixed(file + b"filename=a.pdf\r\n" + file + b'filename="' + name + b'"\r\n\r\nx')
    many = b"".join(b"a%d=x;" % n for n in range(50))
    yield "a name after fifty parameters", mixed(file + many + b'filename="' + name + b'"\r\n\r\nx')
    yield "a name after a long one", mixed(file + b'x="' + b"y" * 5000 + b'"; filename="' + name + b'"\r\n\r\nx')
    yield "the end of a long name", mixed(file + b'filename="' + b"y " * 900 + name + b'"\r\n\r\nx')
    begin, end = base64.b64encode(first), base64.b64encode(b"x " + last + b".pdf")[4:]
    yield (
        "an encoded word in two pieces",
        mixed(
            file + b'filename*0="=?utf-8?b?' + begin + b'"; filename*1="?= =?utf-8?q?_' + last + b'?="\r\n\r\n' + end
        ),
    )
    yield "where a picture stands", mixed(b"Content-Type: image/png\r\nContent-Location: " + escaped + b"\r\n\r\nx")
    yield "the name of a text", mixed(b'Content-Type: text/plain; name="' + name + b'"\r\n\r\nx')
    yield "the name of parts", mixed(_multi(b'c; name="' + name + b'"') + b"--c\r\n\r\nx\r\n--c--")
    tnef = b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    wide = name.decode().encode("utf-16-le")
    yield "in winmail.dat", mixed(b"\r\nhi", tnef + base64.encodebytes(b"\x78\x9f\x3e\x22\x02\x03" + name + b"\0\1"))
    yield (
        "in winmail.dat, two bytes each",
        mixed(b"\r\nhi", tnef + base64.encodebytes(b"\x78\x9f\x01\0" + wide + b"\0\0")),
    )
    yield (
        "in a mail that Outlook kept",
        mixed(b"Content-Type: application/x; name=a.msg\r\n\r\n\1\2\3" + wide + b"\0\0"),
    )


def _whole_mails(first: bytes, last: bytes, said: Said) -> Iterator[tuple[str, bytes]]:
    inner = b"Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n" + said.base64
    subject = b"Subject: =?utf-8?b?" + said.base64 + b"?=\r\n\r\nx"
    yield "a mail in pieces", typed(b"message/partial; id=x; number=1; total=1", inner)
    yield "a mail as a file", mixed(b"Content-Type: application/octet-stream; name=x.eml\r\n\r\n" + inner)
    yield "the subject of a mail as a file", mixed(b"Content-Type: application/x; name=x.eml\r\n\r\n" + subject)
    yield "the subject of a mail as a text", mixed(b"Content-Type: text/plain; name=x.eml\r\n\r\n" + subject)
    yield "a mail in a text", typed(b"text/plain", b"This is a copy of the message.\r\n\r\n" + inner)
    yield "a digest", mixed(HEAD + b"\r\n" + said.plain, kind=b"multipart/digest; boundary=b")
    body = b"Content-Type: text/plain\r\n\r\nIt was %s\r\n%s.\r\n" % (first, last)
    signed, cte = (
        b"application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
        b"Content-Transfer-Encoding: base64",
    )
    yield "signed as a whole", typed(signed, base64.encodebytes(signed_data([body], indefinite=False)), cte)
    pieces = [body[:45], body[45:]]
    yield "signed as a whole, in pieces", typed(signed, base64.encodebytes(signed_data(pieces, indefinite=True)), cte)


def signed_data(pieces: list[bytes], *, indefinite: bool) -> bytes:
    """A SignedData (RFC 5652, 5.1) around a content, without its signatures."""
    oid = bytes.fromhex("06092a864886f70d0107")
    octets = b"".join(b"\x04" + bytes([len(piece)]) + piece for piece in pieces)
    tail = b"\xa0\x03\x04\x01x1\x02\x04\x00"  # what follows holds octets too
    if indefinite:
        content = b"\xa0\x80\x24\x80" + octets + b"\0\0" * 2
        whole = b"\x02\x01\x011\x00\x30\x80" + oid + b"\x01" + content + b"\0\0" + tail
        return b"\x30\x80" + oid + b"\x02\xa0\x80\x30\x80" + whole + b"\0\0" * 3
    content = _value(0x30, oid + b"\x01" + _value(0xA0, octets))
    return _value(0x30, oid + b"\x02" + _value(0xA0, _value(0x30, b"\x02\x01\x011\x00" + content + tail)))


def _value(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def _html(first: bytes, last: bytes) -> Iterator[tuple[str, bytes]]:
    name, cells = first + b" " + last, b"<td>" + first + b"</td><td>" + last + b"</td>"
    yield "a style that writes", b"<style>p::before{content:'" + name + b"'}</style><p>x</p>"
    for tag in (b"title", b"noscript", b"template", b"textarea", b"xmp", b"script", b"object", b"noframes", b"iframe"):
        yield f"in {tag!r}", b"<" + tag + b">" + name + b"</" + tag + b"><p>x</p>"
    yield "in a drawing", b"<svg><text>" + name + b"</text></svg><p>x</p>"
    yield "in a formula", b"<math><mtext>" + name + b"</mtext></math><p>x</p>"
    yield "a page in a page", b"<iframe srcdoc='&lt;b>" + first + b"&lt;/b> " + last + b"'></iframe><p>x</p>"
    yield "a choice", b"<select><option label='" + name + b"'></select><p>x</p>"
    yield "without quotes", b"<p title=" + first + b"-" + last + b">x"
    yield "backwards", b"<bdo dir=rtl>" + name[::-1] + b"</bdo>"
    yield "backwards by style", b"<b style='unicode-bidi:bidi-override;direction:rtl'>" + name[::-1] + b"</b>"
    yield "for Outlook", b"<!--x-->" * 150 + b"<!--[if mso]>" + cells + b"<![endif]-->"
    yield "in a comment without an end", b"x<!-- " + name
    yield "not for Outlook", b"<![if !mso]>" + name + b"<![endif]>"
    yield "as data", b"<![CDATA[" + name + b"]]>"
    yield "in an island of XML", b"<xml><o:p>" + name + b"</o:p></xml>"
    yield "after the end of all tags", b"<plaintext>" + name
    yield "in a tag without an end", b"<p>x<p title='" + name + b"'"
    yield "behind the end of nothing", b"</1<style>" + name
    yield "behind a style after the end of all tags", b"<plaintext><style>p{" + name
    yield "in a formula's style", b"<math><style>" + name + b"</style></math>"
    yield "in a tag that is none, in a comment", b"<!-- <'" + name + b"> -->"
    yield "behind a quote that is none", b"<p ='>" + name + b"'>"
    yield "behind a quote within a value", b"<p a=='>" + name + b"'>x"
    split = first + b" " + last[:3] + b"%s" + last[3:]
    yield "a word around what is not shown", split % b"<span style='display: none'>zq</span>"
    yield "a word around letters without a size", split % b"<B STYLE='font-size:0px'>zq</B>"
    yield "a word around what is hidden", split % b"<i hidden>zq</i>"
    yield "words around what is not shown", b"<p>%s<span style='display:none'> was not </span> %s" % (first, last)
    yield (
        "a word around a picture of a letter",
        b"<p>%s %s<img src=x alt='%s'>%s" % (first, last[:1], last[1:2], last[2:]),
    )
    yield "a word beside a picture of one", b"<p><img src=x alt=" + first + b"> " + last
    style = b"<style>p::before{%s}</style><p>x</p>"
    yield "a style that writes with numbers", style % (b"content: '\\%x%s'" % (first[0], name[1:]))
    yield "a style that writes in pieces", style % (b"content: counter(x) '%s' ' ' \"%s\"" % (first, last))
    yield "a style that writes, with a comment", style % (b"content/* x */:/**/'" + name + b"'")
    yield "an address that is not one of the net", b"<a href='/people/%s%%20%s'>x</a>" % (first, last)
    yield "with zeros", b"<p>" + first[:1] + b"\0" + first[1:] + b" " + last
    yield "at the end of six hundred kilobytes", b"<p>x</p>" * 80_000 + cells
    yield "at the end of more than a megabyte", b"<p>x</p>" * 150_000 + cells
    yield "after a picture of three megabytes", b'<img src="data:image/png;base64,' + b"QUJD" * 750_000 + b'">' + cells
