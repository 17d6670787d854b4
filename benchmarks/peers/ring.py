"""What every contestant is given: a mailbox full of mail, a place of its own, and a sink that counts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from servers.base import ServerTroubleError, wait_for

from benchmarks.arena import COMMUNITY, ORGANIZERS, ROOT, Dovecot, Sink, fill

PEERS = ROOT / "build" / "peers"  # an environment for what pip installs; see ``install``
RECIPIENTS = tuple(f"{name.split()[0].lower()}@example.org" for name in ORGANIZERS)


class NotTheWorkError(Exception):
    """A contestant did not do what it was measured for."""


@dataclass(frozen=True)
class Arena:
    """The servers of a run."""

    server: Dovecot
    sink: Sink

    @contextmanager
    def round(self, count: int) -> Iterator[tuple[str, Path]]:
        """A user with that many mails, and an empty folder for the contestant's own files."""
        user = self.server.user()
        fill(self.server, user, "INBOX", count)
        with place() as folder:
            yield user, folder

    @contextmanager
    def sending(self, expected: int) -> Iterator[None]:
        """Makes sure that so many messages leave meanwhile."""
        before = self.sink.taken()
        yield
        with suppress(ServerTroubleError):  # procmail ends before the last of what it has started
            wait_for(lambda: self.sink.taken() - before >= expected, "the last messages")
        sent = self.sink.taken() - before
        if sent != expected:
            raise NotTheWorkError(f"{sent} messages left instead of {expected}")


@contextmanager
def place() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def programs(*names: str) -> str:
    """Which of these programs are not here; each is what Debian calls its package too."""
    return " ".join(name for name in names if shutil.which(name) is None)


def msmtp(folder: Path, port: int) -> Path:
    """A configuration for msmtp that sends into the sink."""
    file = folder / "msmtprc"
    file.write_text(f"account default\nhost 127.0.0.1\nport {port}\nfrom {COMMUNITY}\ntls off\nauth off\n")
    file.chmod(0o600)
    return file


def procmail(folder: Path, port: int) -> Path:
    """Rules for procmail: answer the author, one message to five organizers, keep the mail in a folder."""
    sender = f"/usr/bin/msmtp -C {msmtp(folder, port)}"
    file = folder / "procmailrc"
    file.write_text(
        f"PATH=/usr/bin:/bin\nSHELL=/bin/sh\nLOGFILE={folder}/log\nMAILDIR={folder}\nDEFAULT={folder}/Processed/\n"
        f'SENDMAIL=/usr/bin/msmtp\nSENDMAILFLAGS="-C {folder}/msmtprc -oi"\n\n'
        f':0 c\n| (formail -rt -I"From: {COMMUNITY}" -I"Subject: We received your message" '
        f'-I"Auto-Submitted: auto-replied"; echo "Thank you. A person will read this.") | {sender} -t\n\n'
        f":0 c\n! {' '.join(RECIPIENTS)}\n\n:0\n{folder}/Processed/\n"
    )
    file.chmod(0o600)
    return file


def kept(folder: Path, expected: int) -> None:
    """Makes sure that every mail was kept."""
    found = sum(1 for _ in (folder / "Processed" / "new").iterdir())
    if found != expected:
        raise NotTheWorkError(f"{found} mails were kept instead of {expected}")
