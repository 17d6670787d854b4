"""``intake cases list``: coloured and relative on a terminal, plain in a pipe, the most pressing first."""

from __future__ import annotations

import re

from servers.terminal import Terminal
from servers.world import World


def report(number: int, text: str) -> bytes:
    return (
        f"From: Rita <rita{number}@people.example>\r\nTo: x\r\nSubject: Code of conduct\r\n"
        f"Message-ID: <{number}@people.example>\r\n\r\n{text}\r\n"
    ).encode()


def on_terminal(world: World, *words: str, width: int = 120) -> str:
    terminal = Terminal(world.folder, *words, width=width)
    assert terminal.end() == 0
    return terminal.seen


def test_the_list_of_cases(embedded: World) -> None:
    early, late = "2027-03-01T08:00:00+00:00", "2027-03-01T11:30:00+00:00"
    embedded.deliver(report(1, "Somebody shouted at me at the meetup yesterday."))
    assert embedded.run("once", "--now", early).code == 0
    embedded.deliver(report(2, "He is here right now and has a knife."))
    assert embedded.run("once", "--now", late).code == 0

    plain = embedded.run("cases", "list", "--now", late)
    head, first, second = plain.out.splitlines()
    assert head.split()[:6] == ["code", "category", "urgency", "state", "opened", "due"]
    assert "urgent" in first  # before the older one, which is not
    assert "just now" in first
    assert "claim 4 h" in first or "claim 3 h" in first
    assert re.search(r"3 h ago +claim (?:29|30) min", second)
    assert "\x1b" not in plain.out

    overdue = embedded.run("cases", "list", "--now", "2027-03-01T13:00:00+00:00").out.splitlines()
    assert re.search(r"claim (?:59 min|1 h) late", overdue[1])  # what is late comes before what is urgent

    shown = on_terminal(embedded, "cases", "list", "--now", late)
    assert "\x1b[1;31murgent" in shown
    code = first.split()[0]
    narrow = on_terminal(embedded, "cases", "list", "--now", late, width=60)
    assert code in narrow
    heads = re.sub(r"\x1b\[[0-9;]*m", "", narrow).splitlines()[0].split()
    assert heads[0] == "code"
    assert {"urgency", "due"} <= set(heads), "what presses stays"
    assert "withheld" not in heads
    assert "more columns on a wider terminal" in narrow
    assert "more column" not in shown
    one = embedded.run("cases", "show", code, "--now", late).out
    assert re.search(r"opened +just now, 2027-03-01 12:30 \(CET\)", one)
