"""Where contestants meet: a real Dovecot, a fast SMTP sink, the same mail, and a stop watch for time and CPU."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from servers.base import free_ports, greets, stop_process, wait_for  # noqa: E402
from servers.dovecot import Dovecot  # noqa: E402
from servers.postfix import AUTH_SOCKET, Postfix  # noqa: E402

__all__ = [
    "Cost", "Dovecot", "Postfix", "Sink", "children", "community", "fill", "intake", "mail", "relay", "run", "table",
]  # fmt: skip

ORGANIZERS = ("Ann Example", "Bob Builder", "Carl Cox", "Dora Dean", "Eve Evans")
COMMUNITY = "help@azug.example"


class Sink:
    """Postfix's smtp-sink: takes everything as fast as it comes."""

    def __enter__(self) -> Self:
        program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            sys.exit("smtp-sink is missing: install Debian's postfix")
        (self.port,) = free_ports(1)
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self._counters = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [program, *user, "-c", f"127.0.0.1:{self.port}", "1000"], stdout=self._counters
        )
        wait_for(lambda: greets(self.port, b"220"), "smtp-sink")
        return self

    def taken(self) -> int:
        """How many messages it has taken so far."""
        self._counters.seek(0)
        counted = re.findall(rb"mesg=(\d+)", self._counters.read())
        return int(counted[-1]) if counted else 0

    def __exit__(self, *_: object) -> None:
        stop_process(self._process)
        self._counters.close()


@contextmanager
def relay() -> Iterator[Postfix]:
    """A real Postfix instead: it queues every message as it would any other, and then discards it."""
    settings = "default_transport = discard:\nvirtual_transport = discard:\n"
    with Dovecot(extra=AUTH_SOCKET) as server, Postfix(server, settings=settings) as postfix:
        yield postfix


@dataclass(frozen=True)
class Cost:
    """What a run has cost: wall and CPU time in seconds (CPU: user and system, of the child alone)."""

    wall: float
    cpu: float
    output: str = ""


def run(command: Sequence[str], **environment: str) -> Cost:
    """Run a command to its end and take its time."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"PYTHONPATH": str(ROOT), **environment}
    before, start = children(), time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    wall, cpu = time.perf_counter() - start, children() - before
    if done.returncode not in {0, 75}:
        sys.exit(f"{' '.join(command)}: ended with {done.returncode}\n{done.stderr[-2000:]}")
    return Cost(wall, cpu, done.stdout)


def children() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def mail(number: int, size: int = 3400) -> bytes:
    """A report of ``size`` bytes, different from every other."""
    head = (
        f"From: Rita {number} <rita{number}@example{number % 97}.com>\r\nTo: {COMMUNITY}\r\n"
        "Subject: Code-of-conduct\r\n"
        f"Message-ID: <bench{number}@example.com>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    line = f"At the meetup last week somebody shouted at me, and nobody stepped in. It was talk {number}.\r\n"
    return (head + line * (1 + (size - len(head)) // len(line))).encode()[:size] + b"\r\n"


def fill(server: Dovecot, user: str, folder: str, count: int, first: int = 0) -> None:
    """Put mail into a folder by writing Maildir files: the quickest way, and what an MTA would do.

    ``first`` is the number of the first: mails of one number are the same mail.
    """
    with server.client(user) as client:
        if folder != "INBOX" and not client.folder_exists(folder):
            client.create_folder(folder)
        client.select_folder(folder)
    place = server.maildir(user) / ("" if folder == "INBOX" else f".{folder}") / "new"
    owner = place.stat()
    stamp = int(datetime(2026, 11, 22, tzinfo=UTC).timestamp())
    for number in range(first, first + count):
        file = place / f"{stamp + number}.M{number}P1.bench"
        file.write_bytes(mail(number))
        os.chown(file, owner.st_uid, owner.st_gid)


@contextmanager
def community(
    server: Dovecot, user: str, smtp_port: int, ca_file: Path | None = None, **mailbox: str
) -> Iterator[Path]:
    """A configuration file with five organizers in one language; ``mailbox`` adds keys to ``[[mailbox]]``."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    (folder / "password").write_text(server.password)
    (folder / "password").chmod(0o600)
    people = "".join(
        f'[[organizer]]\nname = "{name}"\nemail = "{name.split()[0].lower()}@example.org"\n' for name in ORGANIZERS
    )
    keys = {"start": '"all"', "folders": '["INBOX"]', **mailbox}
    file = folder / "config.toml"
    file.write_text(
        f'[community]\nname = "Azure User Group"\naddress = "{COMMUNITY}"\nlanguages = ["en"]\n'
        f'[[mailbox]]\nname = "help"\nhost = "127.0.0.1"\nport = {server.imaps_port}\nuser = "{user}"\n'
        f'password_file = "password"\nca_file = "{ca_file or server.ca_file}"\n'
        + "".join(f"{key} = {value}\n" for key, value in keys.items())
        + f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\nsecurity = "none"\nauth = "none"\n'
        "max_per_minute = 10000000\n[acknowledgement]\nper_day = 1000000\nper_domain_per_day = 1000000\n" + people
    )
    try:
        yield file
    finally:
        shutil.rmtree(folder)


def intake(*words: str) -> list[str]:
    """The command, as a user starts it."""
    return [sys.executable, "-m", "intake", *words]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows in Markdown, the first one the head."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])
