"""Courier IMAP 5.0 of our own, in a root of its own: no MOVE, no UIDNEXT, everything below ``INBOX.``. Needs root."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from .base import (
    ImapServer,
    ServerTroubleError,
    free_ports,
    greets,
    start_process,
    stop_process,
    wait_for,
    write_certificate,
)
from .unpack import unpacked

OWNER = 65534  # nobody: no user of this machine is needed, nor known, in there
CAPABILITIES = "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"


def _rooted_in(root: Path) -> list[int]:
    """The processes that know this folder as ``/``."""
    found = []
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it has just ended
            if place.name.isdigit() and (place / "root").readlink() == root:
                found.append(int(place.name))
    return found


class Courier(ImapServer):
    """Courier, run with a copy of its unpacked files as its root."""

    prefix = "INBOX."
    separator = "."

    def start(self) -> Self:
        """Start the daemon that knows the users, and the two listeners; wait for both greetings."""
        self.directory = Path(tempfile.mkdtemp(prefix="co"))
        self._root = self.directory / "root"
        shutil.copytree(unpacked("courier"), self._root, symlinks=True)
        self.directory.chmod(0o755)
        self.imap_port, self.imaps_port = free_ports(2)
        self.starttls_port = self.imap_port
        self.ca_file, chain, key = write_certificate(self.directory, "localhost", "127.0.0.1")
        self._delivered = itertools.count()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = self.directory / "log"
        self._log.touch()
        try:
            self._furnish(key.read_bytes() + chain.read_bytes())
            self._start_all()
            wait_for(lambda: greets(self.imap_port), "Courier")
        except (ServerTroubleError, OSError) as trouble:
            said = self._log.read_text(errors="replace")
            self.stop()
            raise ServerTroubleError(f"{trouble}\n{said}") from None
        return self

    def _furnish(self, certificate: bytes) -> None:
        root = self._root
        (root / "server.pem").write_bytes(certificate)
        (root / "etc/passwd").write_text(
            f"root:x:0:0::/:/bin/sh\ncourier:x:{OWNER}:{OWNER}::/:/bin/sh\nnobody:x:{OWNER}:{OWNER}::/:/bin/sh\n"
        )
        (root / "etc/group").write_text(f"root:x:0:\ncourier:x:{OWNER}:\nnogroup:x:{OWNER}:\n")
        (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
        rc = root / "etc/courier/authdaemonrc"
        rc.write_text(rc.read_text().replace('authmodulelist="authpam"', 'authmodulelist="authuserdb"'))
        for place in ("run/courier/authdaemon", "tmp", "dev", "var/run", "home"):
            (root / place).mkdir(parents=True, exist_ok=True)
        os.chown(root / "run/courier", OWNER, OWNER)
        (root / "tmp").chmod(0o777)
        (root / "dev/null").touch()
        (root / "dev/urandom").write_bytes(os.urandom(1 << 16))  # read for salt; devices can't be made everywhere
        (root / "etc/courier/userdb").touch(mode=0o600)
        hashed = self._run("/usr/sbin/userdbpw", "-md5", given=f"{self.password}\n")
        self._hash = hashed.strip()
        self._known: dict[str, str] = {}

    def _run(self, *command: str, given: str = "") -> str:
        done = subprocess.run(
            ["chroot", str(self._root), *command], input=given, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerTroubleError(f"{command}: {done.stderr}{done.stdout}")
        return done.stdout

    def _start_all(self) -> None:
        path = {"PATH": "/usr/bin:/usr/sbin:/bin"}
        daemon = {
            key: value.strip('"')
            for key, _, value in (
                line.partition("=") for line in (self._root / "etc/courier/authdaemonrc").read_text().splitlines()
                if "=" in line and not line.startswith("#")
            )
        }  # fmt: skip
        self._spawn({**path, **daemon}, "/usr/lib/courier/courier-authlib/authdaemond")
        listen = ("/usr/sbin/couriertcpd", "-address=127.0.0.1", "-maxprocs=60", "-maxperip=60",
                  "-nodnslookup", "-noidentlookup")  # fmt: skip
        login = ("/usr/lib/courier/courier/imaplogin", "/usr/bin/imapd", "Maildir")
        # It looks each second whether there is news. What watches folders for it otherwise (gamin) is one process for all
        # Couriers of a machine, with the root of the first, and tells the others nothing.
        offer = {
            **path,
            "IMAP_CAPABILITY": CAPABILITIES, "IMAP_CAPABILITY_TLS": f"{CAPABILITIES} AUTH=PLAIN", "IMAP_KEYWORDS": "1",
            "IMAP_ACL": "1", "IMAP_IDLE_TIMEOUT": "1", "IMAP_MAILBOX_SANITY_CHECK": "1", "IMAP_DISABLETHREADSORT": "0",
            "IMAP_CHECK_ALL_FOLDERS": "0", "IMAP_OBSOLETE_CLIENT": "0", "IMAP_USELOCKS": "1", "IMAP_ENHANCEDIDLE": "0",
            "IMAP_TRASHFOLDERNAME": "Trash", "IMAP_EMPTYTRASH": "Trash:7", "IMAP_MOVE_EXPUNGE_TO_TRASH": "0",
            "IMAPDSTARTTLS": "YES", "IMAP_STARTTLS": "YES", "IMAP_TLS_REQUIRED": "0", "IMAP_PROXY": "0",
            "COURIERTLS": "/usr/bin/couriertls", "TLS_CERTFILE": "/server.pem", "TLS_VERIFYPEER": "NONE",
            "TLS_PROTOCOL": "TLSv1.2+", "MAILDIRPATH": "Maildir", "HEADERFROM": "X-IMAP-Sender",
        }  # fmt: skip
        self._spawn(offer, *listen, str(self.imap_port), *login)
        tls = ("/usr/bin/couriertls", "-server", "-tcpd")
        self._spawn({**offer, "IMAP_TLS": "1"}, *listen, str(self.imaps_port), *tls, *login)

    def _spawn(self, environment: dict[str, str], *command: str) -> None:
        rooted = ("/usr/sbin/chroot", str(self._root), *command)
        self._processes.append(start_process(rooted, output=self._log, environment=environment))

    def stop(self) -> None:
        """End the three processes, and what they have started; their root goes with them."""
        for process in self._processes:
            stop_process(process)
        for process_id in _rooted_in(self._root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def user(self) -> str:
        """A new user with an empty Maildir."""
        name = super().user()
        home = self._root / "home" / name
        for folder in ("cur", "new", "tmp"):
            (home / "Maildir" / folder).mkdir(parents=True)
        for path in [home, *home.rglob("*")]:
            os.chown(path, OWNER, OWNER)
            path.chmod(0o700)
        self._known[name] = f"uid={OWNER}|gid={OWNER}|home=/home/{name}|mail=/home/{name}/Maildir|_="
        self._tell("userdb", self._known)
        self._tell("userdbshadow", dict.fromkeys(self._known, f"systempw={self._hash}"))
        return name

    def _tell(self, database: str, users: dict[str, str]) -> None:
        """Write the database that Courier reads; its own script for that wants Perl."""
        place = f"/etc/courier/{database}"
        lines = "".join(f"{name}\t{fields}\n" for name, fields in users.items())
        self._run(
            "/usr/lib/courier/courier-authlib/makedatprog", "-", f"{place}.tmp", f"{place}.dat", given=f"{lines}.\n"
        )

    def deliver(self, user: str, raw: bytes, sender: str = "a@b.example") -> None:
        """Put a file into the Maildir, as a delivery agent does, with LF line ends."""
        maildir = self._root / "home" / user / "Maildir"
        name = f"{time.time():.6f}.{next(self._delivered)}.test"
        waiting = maildir / "tmp" / name
        waiting.write_bytes(b"Return-Path: <" + sender.encode() + b">\n" + raw.replace(b"\r\n", b"\n"))
        os.chown(waiting, OWNER, OWNER)
        waiting.rename(maildir / "new" / name)
