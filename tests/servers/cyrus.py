"""Cyrus IMAP 3.6 of our own: everything below ``INBOX.``, levels apart by dots. Needs root."""

from __future__ import annotations

import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
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
from .unpack import library_path, unpacked

IMAPD = """
configdirectory: {folder}/conf
partition-default: {folder}/spool
sievedir: {folder}/sieve
proc_path: {folder}/proc
mboxname_lockpath: {folder}/lock
cyrus_user: nobody
admins: admin
servername: localhost
virtdomains: userid
defaultdomain: test.example
altnamespace: no
unixhierarchysep: no
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN LOGIN
syslog_prefix: intaketest
tls_server_cert: {folder}/server.pem
tls_server_key: {folder}/server.key
autocreate_quota: 0
autocreate_post: yes
lmtp_downcase_rcpt: yes
sync_log: no
lmtpsocket: {folder}/lmtp.sock
idlesocket: {folder}/idle.sock
duplicatesuppression: no
"""
MASTER = """
START {{
  recover cmd="{binaries}/ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imap  cmd="{binaries}/imapd -C {folder}/imapd.conf" listen="127.0.0.1:{imap_port}" prefork=1
  imaps cmd="{binaries}/imapd -C {folder}/imapd.conf -s" listen="127.0.0.1:{imaps_port}" prefork=1
  lmtp  cmd="{binaries}/lmtpd -C {folder}/imapd.conf -a" listen="127.0.0.1:{lmtp_port}" prefork=0
}}
EVENTS {{
}}
"""
FOLDERS = (
    "spool",
    "sieve",
    "proc",
    "lock",
    *(f"conf/{name}" for name in ["db", "socket", "proc", "log", "msg", "user", "quota", "lock"]),
)


class Cyrus(ImapServer):
    """Real folders named ``INBOX.…``; MOVE and UIDPLUS; NO without a response code for what is missing."""

    prefix = "INBOX."
    separator = "."
    forbidden = '"%'

    def start(self) -> Self:
        """Start, and wait for the greeting."""
        self._root = unpacked("cyrus")
        self._environment = {**os.environ, "LD_LIBRARY_PATH": library_path(self._root), "CYRUS_USER": "nobody"}
        self.directory = Path(tempfile.mkdtemp(prefix="cy"))
        self.directory.chmod(0o755)
        self.ca_file, _, _ = write_certificate(self.directory, "localhost", "127.0.0.1")
        self.imap_port, self.imaps_port, self.lmtp_port = free_ports(3)
        self.starttls_port = self.imap_port
        for name in FOLDERS:
            (self.directory / name).mkdir(parents=True)
        places = {
            "folder": self.directory, "binaries": self._root / "usr/lib/cyrus/bin",
            "imap_port": self.imap_port, "imaps_port": self.imaps_port, "lmtp_port": self.lmtp_port,
        }  # fmt: skip
        (self.directory / "imapd.conf").write_text(IMAPD.format(**places))
        (self.directory / "cyrus.conf").write_text(MASTER.format(**places))
        self._add("admin")
        for path in [self.directory, *self.directory.rglob("*")]:
            shutil.chown(path, "nobody")
        self._process = start_process(
            [
                str(self._root / "usr/lib/cyrus/bin/master"),
                "-C", str(self.directory / "imapd.conf"), "-M", str(self.directory / "cyrus.conf"),
                "-p", str(self.directory / "master.pid"),
            ],
            output=self.directory / "out.log", environment=self._environment,
        )  # fmt: skip
        try:
            wait_for(self._ready, "Cyrus")
        except ServerTroubleError as trouble:
            said = (self.directory / "out.log").read_text()
            self.stop()
            raise ServerTroubleError(f"{trouble}\n{said}") from None
        return self

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise ServerTroubleError("Cyrus ended at once")
        return greets(self.imap_port)

    def stop(self) -> None:
        """SIGTERM to the master ends every child; the folder goes with it."""
        stop_process(self._process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _add(self, name: str) -> None:
        subprocess.run(
            [
                str(self._root / "usr/sbin/saslpasswd2"),
                "-p", "-c", "-f", str(self.directory / "sasldb2"), "-u", "localhost", name,
            ],
            input=self.password.encode(), check=True, capture_output=True, env=self._environment,
        )  # fmt: skip

    def user(self) -> str:
        """A new user; the mailbox comes with the first log-in."""
        name = super().user()
        self._add(name.partition("@")[0])
        return name

    def deliver(self, user: str, raw: bytes, sender: str = "a@b.example") -> None:
        """Deliver by LMTP."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, "mx.test.example", timeout=30) as lmtp:
            assert lmtp.sock is not None
            lmtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lmtp.sendmail(sender, [user], raw)
