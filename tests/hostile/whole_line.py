"""Run in a process of its own, within hard limits: each mail goes the whole line, from its bytes to the wire.

Read from a mailbox in memory, parsed, judged, planned, written into a real ledger, composed for everyone, brought into
the form that SMTP carries. Prints a JSON line for each: name, CPU seconds, growth of memory, what became of it.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from hostile.mails import hostile, plain
from unit.judging import COMMUNITY

from intake import app
from intake.config import loads
from intake.deliver import envelope
from intake.edge import Clock
from intake.model import MailHead, MailRef, Outgoing, RawMail, Result, Sent
from intake.ports import Filed, Folder
from intake.steps.parts import Parts
from intake.steps.whole import one_pass

CPU_S = 300  # for all of them
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Box:
    """A mailbox whose mails stand in files: what a server needs for them is not ours."""

    name = "help"

    def __init__(self, folder: Path) -> None:
        self.folder, self.uid = folder, 0
        self.held: dict[int, Path] = {}

    def put(self, *mails: bytes | Path) -> None:
        """From now on it holds these."""
        for place in self.held.values():
            place.unlink()
        self.held.clear()
        for mail in mails:
            self.uid += 1
            place = self.held[self.uid] = self.folder / f"{self.uid}.eml"
            if isinstance(mail, Path):
                shutil.copyfile(mail, place)
            else:
                place.write_bytes(mail)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def ensure_folder(self, folder: str) -> None: ...

    def select(self, folder: str) -> Folder:
        return Folder(folder, 1, self.uid + 1, len(self.held))

    def uids(self, first: int, last: int | None = None) -> list[int]:
        return [uid for uid in self.held if first <= uid <= (last or uid)]

    def heads(self, uids: Sequence[int]) -> list[MailHead]:
        return [MailHead(uid, self.held[uid].stat().st_size, NOW) for uid in uids]

    def dates(self, uids: Sequence[int]) -> dict[int, datetime]:
        return {uid: NOW for uid in uids if uid in self.held}

    def fetch(self, heads: Iterable[MailHead], most: int | None = None) -> Iterator[RawMail]:
        for head in heads:
            yield RawMail(MailRef("help", "INBOX", 1, head.uid), NOW, head.size, self.held[head.uid].read_bytes())

    def file(self, uids: Sequence[int], destination: str) -> Filed:
        return Filed(tuple(uids), ())

    def remove(self, uids: Sequence[int]) -> Filed:
        return Filed(tuple(uids), ())


class Wire:
    """A way out that takes everything, in the form in which it would leave."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.bad = 0
        self.looking = 0.0  # CPU seconds that looking at it has taken, which are none of the program's

    def send(self, outgoing: Outgoing) -> Result:
        content = envelope.wire_of(outgoing)
        began = time.thread_time()
        self.bad += any(b"\n.\r\n" in piece or piece.count(b"\n") != piece.count(b"\r\n") for piece in content)
        self.sent.append((str(envelope.path(outgoing.recipient).text), sum(map(len, content))))
        self.looking += time.thread_time() - began
        return Sent("250 taken")

    def may_send(self, ahead: int = 0) -> float:
        return 0.0

    def check(self) -> None: ...

    def close(self) -> None: ...


def line(folder: Path) -> tuple[Parts, Box, Wire]:
    """A whole line, put together as the program does it, but for its two ends."""
    path = folder / "config.toml"
    text = COMMUNITY.replace('user = "u"', 'user = "u"\nstart = "all"')
    # In three languages: what is attached is the same in each.
    for address, language in (("bram@example.net", "nl"), ("zoe.muller@gmail.com", "fr")):
        text = text.replace(f'email = "{address}"', f'email = "{address}"\nlanguage = "{language}"')
    config = loads(text, path)
    box, wire = Box(folder), Wire()
    parts = app.build(config, app.Outside(clock=Clock(lambda: NOW)), {"P": "x"})
    return replace(parts, mailbox=lambda _settings: cast("Any", box), transport=lambda: wire), box, wire


def peak_kb() -> int:
    """The most memory that this program has had; what getrusage tells may be that of the process it was forked from."""
    (line,) = (one for one in Path("/proc/self/status").read_text("ascii").splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1])


def mails(names: Sequence[str]) -> Iterator[tuple[str, Sequence[Path | bytes]]]:
    """Those of the files that are named, several that come together joined by ``|``; else all that are made here.

    Each of these has another sender and Message-ID, so that none belongs to the case of another.
    """
    for name in names:
        yield name, [Path(one) for one in name.split("|")]
    for number, (name, body) in enumerate(() if names else hostile()):
        yield name, [own(body, number)]


def own(body: bytes, number: int) -> bytes:
    """A mail of ``hostile`` with a sender and a Message-ID of its own."""
    return body.replace(b"rita@", b"rita%d@" % number, 1).replace(b"<1@", b"<%d@" % (number + 10), 1)


def main(memory: int, *names: str) -> None:
    """Carry each mail through. ``memory`` is the limit of address space that is added to what there is, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        parts, box, wire = line(Path(folder))
        box.put(plain(b"warm"))
        one_pass(parts)
        used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory, used + memory))
        for name, together in mails(names):
            wire.sent.clear()
            wire.looking = 0.0
            box.put(*together)
            before = peak_kb()
            started = time.process_time()
            report = one_pass(parts)
            cpu, peak = time.process_time() - started - wire.looking, peak_kb()
            answer = {
                "name": name, "cpu": cpu, "grown_kb": peak - before, "peak_kb": peak,
                "accepted": report.total("accepted"), "duplicates": report.total("duplicates"),
                "sent": len(wire.sent), "failed": report.failed, "pending": report.pending, "bad": wire.bad,
                "to": sorted({to for to, _ in wire.sent}), "error": report.mailboxes[0].error,
            }  # fmt: skip
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    main(int(sys.argv[1]), *sys.argv[2:])
