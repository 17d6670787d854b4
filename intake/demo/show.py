"""What the demo shows: its steps as they happen, two tables, the messages as files and a page to open."""

from __future__ import annotations

import email
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from intake.demo import page
from intake.demo.stage import Play

PLURALS = {
    "acknowledgement": ("receipt", "receipts"), "report": ("report", "reports"), "digest": ("digest", "digests"),
    "follow-up": ("follow-up", "follow-ups"), "notice": ("notice", "notices"), "alarm": ("alarm", "alarms"),
    "reminder": ("reminder", "reminders"),
}  # fmt: skip


NO_TERMINAL = 120  # columns, where nobody says how many there are


@contextmanager
def steps(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Gives a function that shows a line for each step that is done, and that more is to come."""
    if quiet:
        yield lambda _line: None
        return
    console = Console(highlight=False)
    with console.status("Starting …") as status:

        def say(line: str) -> None:
            console.print(f"[green]✓[/] {line}" if console.is_terminal else f"- {line}", soft_wrap=True)
            status.update("Working …")

        yield say


def write(play: Play, where: Path, now: datetime) -> Path:
    """Everything that came in and went out as ``.eml``, and the page; gives the page."""
    arrived = where / "in"
    arrived.mkdir()
    for number, received in enumerate(play.received, 1):
        (arrived / f"{number:02}-{received.letter.name}.eml").write_bytes(received.letter.raw)
    files: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for mail in play.sent:
        counts[mail.recipient] += 1
        name = f"out/{mail.recipient}/{counts[mail.recipient]:02}-{mail.kind}.eml"
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(mail.raw)
        files[id(mail)] = name
    index = where / "index.html"
    index.write_text(page.page(play, files, now), "utf-8")
    return index


def tables(play: Play) -> None:
    """What came in, and what each person got."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=NO_TERMINAL)
    console.print()
    console.print(_came_in(play))
    console.print()
    console.print(_went_out(play))


def farewell(index: Path, where: Path) -> None:
    """Where to look."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    console.print(f"Open [bold]{index.resolve()}[/] in a browser to read every message.", style="green")
    console.print(f"Each message is also a file in {where / 'out'}, to open in a mail program.")
    console.print("To set Intake up on your own mailbox: README.md")


def _came_in(play: Play) -> Table:
    table = Table(title="What came in", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for head in ("From", "Subject", "Taken for", "Case", "Copies to", "Receipt"):
        table.add_column(head, overflow="fold")
    for received in play.received:
        mail = email.message_from_bytes(received.letter.raw)
        name, address = parseaddr(page.header(mail, "From"))
        verdict = received.verdict
        kind = Text(page.taken_for(received))
        if received.case and verdict.urgency == "urgent":
            kind.append(" urgent", style="bold red")
        got = Text(page.copies(received, play) or "-")
        out = page.withheld(received, play)
        if out:
            got.append(f" (not {out}: named in it)", style="yellow")
        subject = page.header(mail, "Subject")
        table.add_row(
            Text(name or address), Text(subject), kind, Text(page.outcome(received)), got, page.receipt(received)
        )
    return table


def _went_out(play: Play) -> Table:
    table = Table(
        title="What each person got", title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("Person", overflow="fold")
    table.add_column("Got", overflow="fold")
    people = [(one.name, [one.email]) for one in play.config.organizers]
    known = {one.email for one in play.config.organizers}
    people.append(("The reporters together", sorted({mail.recipient for mail in play.sent} - known)))
    for name, addresses in people:
        counts = Counter(mail.kind for address in addresses for mail in play.to(address))
        words = [f"{count} {PLURALS[kind][count != 1]}" for kind, count in counts.items()]
        table.add_row(Text(name), ", ".join(words) or "nothing")
    return table
