"""A Dovecot 2.3 of our own: any user, one password, Maildir in a temporary folder, random ports of the loopback.

Runs as root (mail then belongs to nobody) or as an ordinary user.
"""

from __future__ import annotations

import getpass
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

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
instance_name = {name}
listen = {listen}
protocols = imap lmtp
{internal_users}
first_valid_uid = 1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = {owner} home={folder}/mail/%u allow_all_users=yes
}}
mail_location = maildir:~/Maildir
mailbox_list_index = yes
mail_fsync = never
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox Junk {{
    special_use = \\Junk
    auto = subscribe
  }}
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox "All Mail" {{
    special_use = \\All
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
mail_max_userip_connections = 200
lmtp_save_to_detail_mailbox = no
recipient_delimiter = +
protocol lmtp {{
  postmaster_address = postmaster@test.example
  hostname = mail.test.example
}}
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
  {chroot}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp_port}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
  {chroot}
}}
{extra}
"""


class Dovecot(ImapServer):
    """The reference server. ``extra`` is appended to its configuration.

    ``prefix`` and ``separator`` are those of the personal namespace: ``INBOX.`` and ``.`` look like Courier. It listens
    on the loopback, and on ``address`` where one is given.
    """

    def __init__(self, *, extra: str = "", prefix: str = "", separator: str = "/", address: str = "") -> None:
        super().__init__()
        self._listen = ["127.0.0.1", *([address] if address else [])]
        self.prefix, self.separator = prefix, separator
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, and wait for the greeting."""
        self.directory = Path(tempfile.mkdtemp(prefix="dv"))  # short: a unix socket's path ends at 104 characters
        self.directory.chmod(0o755)
        self.ca_file, _, _ = write_certificate(self.directory, "localhost", "mail.test.example", *self._listen)
        self.imap_port, self.imaps_port, self.lmtp_port = free_ports(3)
        self.starttls_port = self.imap_port
        self._configuration = self.directory / "dovecot.conf"
        (self.directory / "state").mkdir()
        (self.directory / "mail").mkdir()
        self._configure()
        self._process = start_process(
            ["dovecot", "-F", "-c", str(self._configuration)], output=self.directory / "stderr"
        )
        try:
            wait_for(self._ready, "Dovecot")
        except ServerTroubleError as trouble:
            said = (self.directory / "stderr").read_text() + self.log()
            self.stop()
            raise ServerTroubleError(f"{trouble}\n{said}") from None
        return self

    def _configure(self) -> None:
        root = os.geteuid() == 0
        me = getpass.getuser()
        if root:
            shutil.chown(self.directory / "mail", "nobody", "nogroup")
        self._configuration.write_text(
            CONFIGURATION.format(
                folder=self.directory,
                name=self.directory.name,
                listen=", ".join(self._listen),
                password=self.password,
                separator=self.separator,
                prefix=self.prefix,
                imap_port=self.imap_port,
                imaps_port=self.imaps_port,
                lmtp_port=self.lmtp_port,
                internal_users=""
                if root
                else f"default_internal_user = {me}\ndefault_internal_group = {me}\ndefault_login_user = {me}",
                owner="uid=nobody gid=nogroup" if root else f"uid={me} gid={me}",
                chroot="" if root else "chroot =",
                extra=self._extra,
            )
        )

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ServerTroubleError("Dovecot ended at once")
        return greets(self.imap_port)

    def stop(self) -> None:
        """SIGTERM to the master ends every child; the folder goes with it."""
        if self._process is not None:
            stop_process(self._process)
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        """What Dovecot wrote down."""
        file = self.directory / "dovecot.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def doveadm(self, *arguments: str) -> str:
        """Run doveadm on this instance; ServerTroubleError when it fails."""
        done = subprocess.run(
            ["doveadm", "-c", str(self._configuration), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerTroubleError(f"doveadm {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def deliver(self, user: str, raw: bytes, sender: str = "a@b.example") -> None:
        """Deliver by LMTP, which writes Return-Path and Delivered-To as a mail server would."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, "mx.test.example", timeout=30) as lmtp:
            assert lmtp.sock is not None
            lmtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lmtp.sendmail(sender, [user], raw)

    def maildir(self, user: str) -> Path:
        """Where the mail of a user lies on the disk."""
        return self.directory / "mail" / user / "Maildir"
