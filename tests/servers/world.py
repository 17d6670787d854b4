"""A community with everything it needs: a mailbox, a way out, organizers who can be looked over the shoulder.

The command runs as a subprocess, as cron would run it: in the tests of the wheel it is the installed one.
"""

from __future__ import annotations

import base64
import email
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from .base import ImapServer
from .databases import ledger_of
from .postfix import Postfix
from .smtp import DOMAIN, Aiosmtpd, SmtpServer

CHECKOUT = Path(__file__).resolve().parents[2]
WHEEL = os.environ.get("INTAKE_TEST_WHEEL") == "1"
COMMAND = [str(Path(sys.executable).with_name("intake"))] if WHEEL else [sys.executable, "-P", "-m", "intake"]

CONFIG = """\
[community]
name = "Cloud Group Belgium"
short_name = "CGB"
address = "{community}"
languages = ["en", "nl", "fr"]
timezone = "Europe/Brussels"

[ledger]
url = "{ledger}"
key_file = "intake.key"

[[mailbox]]
name = "help"
host = "{imap_host}"
port = {imap_port}
security = "{imap_security}"
ca_file = "{imap_ca}"
user = "{community}"
password_file = "imap-password"
folders = {folders}
start = "{start}"

[smtp]
host = "{smtp_host}"
port = {smtp_port}
security = "{smtp_security}"
ca_file = "{smtp_ca}"
user = "{smtp_user}"
password_file = "smtp-password"
max_per_minute = 10000

{organizers}
[fallback]
minimum = 1
name = "Board of the federation"
email = "{board}"

{more}
"""


@dataclass(frozen=True, slots=True)
class Person:
    """An organizer: ``address`` is also the name of their mailbox."""

    name: str
    address: str
    language: str = "en"


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must hold one JSON value."""
        return json.loads(self.out)


@dataclass
class World:
    """One community on one pair of servers. ``folder`` holds its configuration."""

    imap: ImapServer
    smtp: SmtpServer
    folder: Path
    people: tuple[Person, ...]
    community: str
    board: str
    settings: dict[str, Any] = field(default_factory=dict)

    def configure(self, **settings: Any) -> Path:
        """Write ``config.toml``, with other values than the usual ones where given."""
        self.settings = settings
        facts: dict[str, Any] = {
            "community": self.community, "board": self.board, "imap_host": "localhost",
            "imap_port": self.imap.imaps_port, "imap_security": "tls", "imap_ca": self.imap.ca_file,
            "smtp_host": "localhost", "smtp_port": self.smtp.tls_port, "smtp_security": "tls",
            "smtp_ca": self.smtp.ca_file, "smtp_user": self.smtp.user, "folders": '["INBOX", "Junk"]', "start": "all",
            "ledger": ledger_of(self.folder), "more": "", "people": self.people, **settings,
        }  # fmt: skip
        facts["organizers"] = "".join(
            f'[[organizer]]\nname = "{one.name}"\nemail = "{one.address}"\nlanguage = "{one.language}"\n\n'
            for one in facts["people"]
        )
        path = self.folder / "config.toml"
        path.write_text(CONFIG.format(**facts), "utf-8")
        path.chmod(0o600)
        for name, password in (("imap-password", self.imap.password), ("smtp-password", self.smtp.password)):
            (self.folder / name).write_text(str(settings.get(name, password)) + "\n", "utf-8")
            (self.folder / name).chmod(0o600)
        return path

    def start(
        self, *words: str, file_limit: int = 0, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command, with ``environment`` added to its own; ``file_limit`` is the most that any file may grow to, in bytes, as on a full disk."""
        environ = {
            name: os.environ[name] for name in ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START") if name in os.environ
        }
        environ |= environment or {}
        if not WHEEL:
            environ["PYTHONPATH"] = str(CHECKOUT)

        limited = ["prlimit", f"--fsize={file_limit}"] if file_limit else []
        return subprocess.Popen(
            [*limited, *COMMAND, *words], cwd=self.folder, env=environ, text=True, encoding="utf-8",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, file_limit: int = 0) -> Answer:
        """Run a command to its end."""
        return finished(self.start(*words, file_limit=file_limit))

    def deliver(self, raw: bytes, sender: str = "someone@people.example") -> None:
        """Mail for the community arrives."""
        self.imap.deliver(self.community, raw, sender)

    def arrived(self, address: str, count: int | None = None) -> list[Mail]:
        """What one person's mailbox holds; with ``count``, as soon as it holds so many."""
        raw = self.smtp.arrived(address) if count is None else self.smtp.wait_for(address, count)
        return [Mail(one) for one in raw]

    def sender_of(self, mail: Mail) -> str:
        """The envelope's sender, empty for null; from what the server recorded."""
        if isinstance(self.smtp, Aiosmtpd):
            return next(sender.strip("<>") for sender, _, raw in self.smtp.faults.taken if raw == mail.raw)
        return str(mail.head["Return-Path"]).strip("<>")

    def filed(self, folder: str = "Processed") -> list[bytes]:
        """Every mail of a folder of the community's mailbox, as the server gives it."""
        return self.imap.read(self.community, folder)


def finished(process: subprocess.Popen[str]) -> Answer:
    """Wait for a command."""
    out, err = process.communicate(timeout=120)
    return Answer(process.returncode, out, err)


@dataclass(frozen=True)
class Mail:
    """A message as it was read back."""

    raw: bytes

    @property
    def head(self) -> Message:
        """Headers and parts."""
        return email.message_from_bytes(self.raw)

    @property
    def kind(self) -> str:
        """``X-Intake-Kind``."""
        return str(self.head["X-Intake-Kind"])

    @property
    def case(self) -> str:
        """``X-Intake-Case``."""
        return str(self.head["X-Intake-Case"])

    def text(self, content_type: str = "text/plain") -> str:
        """The first part of that type, decoded."""
        for part in self.head.walk():
            if part.get_content_type() == content_type:
                payload = part.get_payload(decode=True)
                assert isinstance(payload, bytes)
                return payload.decode(part.get_content_charset("utf-8"))
        raise AssertionError(f"no {content_type}")

    def document(self, name: str) -> Any:
        """The JSON part of that file name."""
        for part in self.head.walk():
            if part.get_content_type() == "application/json" and part.get_filename() == name:
                payload = part.get_payload(decode=True)
                assert isinstance(payload, bytes)
                return json.loads(payload)
        raise AssertionError(f"no {name}")

    def original(self) -> bytes:
        """The bytes of the ``message/rfc822`` part, cut out by its boundary: a parser would change them."""
        boundary = self.head.get_boundary()
        assert boundary, "not a multipart"
        for part in re.split(rb"\r\n--" + re.escape(boundary.encode()) + rb"(?:--)?\r\n", b"\r\n" + self.raw)[1:]:
            head, _, body = part.partition(b"\r\n\r\n")
            if b"message/rfc822" in head.lower():
                # Base64 carries what no 8-bit line may hold: NUL, a bare CR or LF, more than 998 octets.
                return base64.b64decode(body) if b"base64" in head.lower() else body
        raise AssertionError("no message/rfc822")


def world(imap: ImapServer, smtp: SmtpServer, folder: Path, name: Callable[[], str]) -> World:
    """A community with three organizers and a board, all with new mailboxes; ``name`` gives a new address."""
    people = (
        Person("Ann Willems", name(), "nl"),
        Person("Bram Peeters", name()),
        Person("Claire Dubois", name(), "fr"),
    )
    made = World(imap, smtp, folder, people, imap.user(), name())
    imap.create(made.community, "Junk")
    made.configure()
    return made


def addresses(prefix: str) -> Callable[[], str]:
    """Gives new addresses in the servers' domain."""
    count = iter(range(1, 1000))
    return lambda: f"{prefix}{next(count)}-{os.getpid()}@{DOMAIN}"


def servers_of(kind: str, get: Callable[[str], Any]) -> Sequence[Any]:
    """The IMAP server and the way out of one kind of world; ``get`` gives a fixture."""
    if kind == "postfix":
        postfix: Postfix = get("postfix")
        return postfix.dovecot, postfix
    return get("pymap_server"), get("aiosmtpd_server")
