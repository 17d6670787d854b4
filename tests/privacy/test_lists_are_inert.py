"""What people and servers write can make no terminal, no spreadsheet and no program that reads our answers do anything."""

from __future__ import annotations

import json
import unicodedata

from hostile.test_injection import EVIL, FIELDS, written
from privacy.test_canary import EVENING, commands, refuse
from servers.world import Answer, World

ESCAPES = "\x1b]0;owned\x07\x1b[2J"
ALL_OF_IT = "".join(EVIL[kind] for kind in ("spreadsheet", "terminal", "directions", "format", "page", "template"))


def acting(text: str) -> set[str]:
    """Characters that a terminal would obey, or that turn the direction of what follows."""
    kinds = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return {letter for letter in text if letter != "\n" and unicodedata.category(letter) in kinds}


def inert(answer: Answer, words: tuple[str, ...]) -> None:
    assert acting(answer.out + answer.err) == set(), words
    assert "evil" not in answer.err, words
    if "--json" in words:
        for line in answer.out.splitlines():
            json.loads(line)


def test_no_list_obeys_what_stands_in_a_mail_or_in_a_server_s_answer(embedded: World) -> None:
    place = embedded
    place.configure(more='[alarm]\nemail = "operator@test.example"\n')
    ann = place.people[0].address
    for field in FIELDS:
        raw = written(field, ALL_OF_IT).replace(b"help@example.org", place.community.encode())
        place.deliver(raw.replace(b"Somebody shouted", f"Somebody {field} shouted".encode()))
    refuse(place, f"550 5.1.1 {ESCAPES}=1+1 no")
    inert(place.run("once", "--now", EVENING), ("once",))
    inert(place.run("outbox", "list", "--all"), ("outbox",))
    inert(place.run("outbox", "--json"), ("outbox", "--json"))
    place.smtp.faults.__dict__.pop("handle_RCPT")  # type: ignore[attr-defined]  # the embedded one is Aiosmtpd
    code = json.loads(place.run("cases", "--json").out.splitlines()[0])[0]["code"]
    evil = place.folder / f"=1+1{EVIL['terminal']}.eml"
    evil.write_bytes(written("Subject", ALL_OF_IT))
    for words in (("classify", str(evil)), ("classify", "--json", str(evil)), *commands(code, ann)):
        inert(place.run(*words), words)
