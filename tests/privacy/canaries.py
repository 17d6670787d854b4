"""Words that must not be found anywhere, and every form in which they could be."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote

# One word for each place in a mail; letters only, so that it may stand anywhere.
FIELDS = (
    "FromName", "FromLocal", "FromDomain", "ReplyTo", "Cc", "Subject", "Body", "Html", "Header", "MessageId",
    "InReplyTo", "References", "Received", "FileName", "FileText", "NestedFrom", "NestedSubject", "NestedBody",
    "NestedId", "Preamble", "Boundary", "ContentId", "EncodedSubject",
)  # fmt: skip


def word(field: str) -> str:
    """The word of a field."""
    return f"Zqxj{field}Vkwp"


def _spread(text: str) -> set[str]:
    return {text, text.lower(), text.upper()}


@cache
def forms(field: str) -> tuple[tuple[str, bytes], ...]:
    """A field's word in every form, with the form's name."""
    found: list[tuple[str, bytes]] = []
    for text in sorted(_spread(word(field))):
        raw = text.encode()
        found.append(("raw", raw))
        for offset in range(3):
            # What surrounds it in base64 is not known: only the middle, which is the same whatever that is.
            encoded = base64.b64encode(b"\0" * offset + raw)
            middle = encoded[4 if offset else 0 : len(encoded) - 4]
            found += [(f"base64+{offset}", middle), (f"base64url+{offset}", middle.translate(_URL))]
        escaped = "".join(f"={byte:02X}" for byte in raw)
        found += [("quoted-printable", escaped.encode()), ("quoted-printable", escaped.lower().encode())]
        found += [("utf-16", text.encode("utf-16-le")), ("utf-16", text.encode("utf-16-be"))]
        percent = "".join(f"%{byte:02X}" for byte in raw)
        found += [("percent", percent.encode()), ("percent", percent.lower().encode())]
        found += [("hex", raw.hex().encode()), ("hex", raw.hex().upper().encode())]
        found.append(("escaped", "".join(f"\\u{byte:04x}" for byte in raw).encode()))
        found.append(("character references", "".join(f"&#{byte};" for byte in raw).encode()))
        found.append(("reversed", raw[::-1]))
    return tuple(dict.fromkeys(found))


_URL = bytes.maketrans(b"+/", b"-_")
_BREAKS = re.compile(rb"=?\r?\n[ \t]?")


def found_in(content: bytes) -> set[tuple[str, str]]:
    """Fields whose word stands in there in any form, and in which."""
    joined = _BREAKS.sub(b"", content)  # base64 and quoted-printable are broken into lines
    return {(field, form) for field in FIELDS for form, needle in forms(field) if needle in content or needle in joined}


def files(*folders: Path) -> Iterator[Path]:
    """Every file below."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def leaks(folders: Iterable[Path], *outputs: str) -> dict[str, set[tuple[str, str]]]:
    """Where words were found: by file, or by the number of an output. Names of files count as well."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in files(*folders):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # a child's temporary file, gone meanwhile
        found[str(path.name)] = found_in(content) | found_in(str(path).encode())
    for number, output in enumerate(outputs):
        found[f"output {number}"] = found_in(output.encode("utf-8", "surrogateescape"))
    return {where: what for where, what in found.items() if what}


def encodings(text: str) -> dict[str, bytes]:
    """A text as it might be kept, to show that each is seen."""
    raw = text.encode()
    quoted = b"".join(b"=%02X" % byte for byte in raw)
    return {
        "raw": raw,
        "lower": raw.lower(),
        **{f"base64 {n}": base64.encodebytes(b"x" * n + raw + b"yy") for n in range(3)},
        "base64 in lines": re.sub(rb"(.{8})", rb"\1\r\n", base64.b64encode(b"abc" + raw + b"abc")),
        "quoted-printable": quoted,
        "quoted-printable in lines": b"=\r\n".join(quoted[i : i + 30] for i in range(0, len(quoted), 30)),
        "quopri": quopri.encodestring(raw),
        "utf-16": text.encode("utf-16"),
        "utf-16-be": text.encode("utf-16-be"),
        "percent": "".join(f"%{byte:02x}" for byte in raw).encode(),
        "percent, sparing": quote(text).encode(),
        "hex": binascii.hexlify(raw),
    }


def unseen(text: str) -> bytes:
    """A form that is not looked for, to know that the search is not simply always right."""
    return zlib.compress(text.encode())


def mail(community: str, number: int, *, named: str = "", machine: bool = False, extra_body: str = "") -> bytes:
    """A mail with a word in every place; ``number`` makes it another one."""
    w = word
    # Mail in which only the numbers differ: the words are the same.
    head = [
        f"Received: from {w('Received')}.example by mx.example; Mon, 01 Mar 2027 01:00:00 +0100",
        f'From: "{w("FromName")}" <{w("FromLocal")}{number}@{w("FromDomain")}.example>',
        f"Reply-To: {w('ReplyTo')}{number}@people.example",
        f"To: {community}",
        f"Cc: {w('Cc')}@people.example",
        f"Subject: Code of conduct {w('Subject')} =?utf-8?b?{base64.b64encode(w('EncodedSubject').encode()).decode()}?=",
        f"Message-ID: <{w('MessageId')}.{number}@people.example>",
        f"In-Reply-To: <{w('InReplyTo')}@people.example>",
        f"References: <{w('References')}@people.example>",
        f"X-Whatever: {w('Header')}",
        "Date: Mon, 01 Mar 2027 01:00:00 +0100",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{w("Boundary")}"',
        *(["Auto-Submitted: auto-generated"] if machine else []),
    ]
    b = f"--{w('Boundary')}"
    body = [
        w("Preamble"),
        b, "Content-Type: text/plain; charset=utf-8", "",
        f"Somebody {named} shouted at me. {w('Body')} {number}", extra_body,
        b, "Content-Type: text/html; charset=utf-8", f"Content-ID: <{w('ContentId')}>", "",
        f"<p>Again: <b>{w('Html')}</b></p>",
        b, f'Content-Type: application/octet-stream; name="{w("FileName")}.bin"',
        f'Content-Disposition: attachment; filename="{w("FileName")}.bin"', "Content-Transfer-Encoding: base64", "",
        base64.encodebytes(w("FileText").encode()).decode().strip(),
        b, "Content-Type: message/rfc822", "",
        f"From: {w('NestedFrom')}@people.example", f"Subject: {w('NestedSubject')}",
        f"Message-ID: <{w('NestedId')}@people.example>", "", w("NestedBody"),
        f"{b}--", "",
    ]  # fmt: skip
    return "\r\n".join([*head, "", *body]).encode()
