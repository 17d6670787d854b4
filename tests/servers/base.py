"""What every mail server of the tests offers, whatever stands behind it."""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import imapclient
import trustme


class ServerTroubleError(RuntimeError):
    """A server of the tests did not start, or did not do what a test asked of it; the text holds its log."""


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def write_certificate(folder: Path, *names: str) -> tuple[Path, Path, Path]:
    """A certificate for ``names`` by an authority of its own: the files of the authority, the chain and the key."""
    authority = trustme.CA()
    issued = authority.issue_cert(*names)
    ca_file, chain, key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    authority.cert_pem.write_to_path(str(ca_file))
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    key.chmod(0o600)
    return ca_file, chain, key


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait until ``ready()``; ServerTroubleError after ``seconds``."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise ServerTroubleError(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


def is_open(port: int) -> bool:
    """Whether anybody listens there, on loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return False
    return True


def greets(port: int, prefix: bytes = b"* OK") -> bool:
    """Whether a server on the loopback says its greeting: connecting alone proves nothing."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            connection.settimeout(5)
            return connection.recv(400).startswith(prefix)
    except OSError:
        return False


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start_process(
    command: Sequence[str], *, output: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server that ends when the tests end, also when they are killed. What it says goes to ``output``."""
    with output.open("ab") as said:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env=environment,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into libc, loaded before the fork
        )


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """End one process that the tests started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class ImapServer:
    """A running IMAP server on the loopback.

    ``imap_port`` speaks plain (and STARTTLS where ``starttls_port`` says so), ``imaps_port`` TLS from the start.
    Every user has the same ``password``; ``user()`` gives a fresh one with an empty mailbox.
    """

    host = "localhost"
    password = "secret"
    prefix = ""  # what the server wants before the name of every folder but INBOX
    separator = "/"
    forbidden = ""  # letters that the server takes in no name of a folder
    imap_port: int
    imaps_port: int
    starttls_port: int
    ca_file: Path

    def __init__(self) -> None:
        self._users = itertools.count(1)

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def user(self) -> str:
        """A new user with an empty mailbox."""
        return f"u{next(self._users)}-{os.getpid()}@test.example"

    def deliver(self, user: str, raw: bytes, sender: str = "a@b.example") -> None:
        """Bring a mail into the user's INBOX; where the server takes LMTP it comes that way."""
        raise NotImplementedError

    def folder(self, name: str) -> str:
        """The server's own name for a folder that people call ``name``."""
        if name.upper() == "INBOX":
            return "INBOX"
        return self.prefix + name.replace("/", self.separator)

    @contextmanager
    def client(self, user: str) -> Iterator[imapclient.IMAPClient]:
        """A second client, logged in over the loopback without TLS: the eyes of a test."""
        client = imapclient.IMAPClient("127.0.0.1", self.imap_port, ssl=False, timeout=30)
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.normalise_times = False
        try:
            client.login(user, self.password)
            yield client
        finally:
            try:
                client.logout()
            except (imapclient.exceptions.IMAPClientError, OSError):
                client.shutdown()

    def create(self, user: str, folder: str) -> None:
        """Create a folder by the name people call it, unless it is there."""
        with self.client(user) as client:
            self._create(client, folder)

    def _create(self, client: imapclient.IMAPClient, folder: str) -> None:
        if folder.upper() != "INBOX" and not client.folder_exists(self.folder(folder)):
            client.create_folder(self.folder(folder))

    def append(
        self, user: str, folder: str, *raw: bytes, when: datetime | None = None, flags: tuple[bytes, ...] = ()
    ) -> None:
        """Store mails byte for byte, with ``when`` (aware) as INTERNALDATE; creates the folder."""
        with self.client(user) as client:
            self._create(client, folder)
            for one in raw:
                client.append(self.folder(folder), one, flags, when)

    def read(self, user: str, folder: str) -> list[bytes]:
        """Every mail of a folder in UID order, as the server gives it; empty when the folder is missing."""
        with self.client(user) as client:
            if folder.upper() != "INBOX" and not client.folder_exists(self.folder(folder)):
                return []
            client.select_folder(self.folder(folder), readonly=True)
            found = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
            return [found[uid][b"BODY[]"] or b"" for uid in sorted(found)]

    def flags(self, user: str, folder: str) -> dict[int, set[bytes]]:
        """The flags of every mail of a folder by UID, without \\Recent."""
        with self.client(user) as client:
            client.select_folder(self.folder(folder), readonly=True)
            found = client.get_flags(client.search("ALL"))
            return {uid: set(flags) - {b"\\Recent"} for uid, flags in found.items()}


def tls_server_context(chain: Path, key: Path) -> ssl.SSLContext:
    """TLS as a server speaks it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    return context
