"""A Postfix of our own: takes mail for test.example and hands it to a Dovecot by LMTP. Its master insists on root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from .base import ServerTroubleError, free_ports, greets, stop_process, wait_for, write_certificate
from .dovecot import Dovecot
from .smtp import DOMAIN, LARGEST, SmtpServer

# For ``Dovecot(extra=…)``: a socket at which Postfix asks whether a password is right.
AUTH_SOCKET = "service auth {\n  unix_listener auth-postfix {\n    mode = 0666\n  }\n}"

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/q
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
default_database_type = texthash
smtpd_peername_lookup = no
disable_dns_lookups = yes
smtp_host_lookup = native
biff = no
virtual_mailbox_domains = {domain}
virtual_transport = lmtp:inet:127.0.0.1:{lmtp_port}
default_transport = error:5.1.2 no relaying in tests
smtpd_relay_restrictions =
  check_recipient_access inline:{{
    {{ refuse@{domain} = 550 5.1.1 no such user here }}
    {{ full@{domain} = 552 5.2.2 mailbox full }}
    {{ defer@{domain} = 451 4.7.1 greylisted, try again later }}
    {{ drop@{domain} = 421 4.3.2 going away }} }}
smtpd_recipient_restrictions = permit_sasl_authenticated, permit_mynetworks, reject
smtpd_end_of_data_restrictions = check_sender_access inline:{{
    {{ eod451@{domain} = 451 4.3.0 content check is down }}
    {{ eod550@{domain} = 550 5.7.1 content refused }}
    {{ eod421@{domain} = 421 4.3.2 shutting down }} }}
smtpd_tls_chain_files = {folder}/key-and-chain.pem
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = {auth_socket}
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_client_connection_count_limit = 0
message_size_limit = {largest}
virtual_mailbox_limit = 0
mailbox_size_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 5s
queue_run_delay = 1s
in_flow_delay = 0
smtputf8_enable = yes
strict_rfc821_envelopes = no
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{starttls_port} inet n - n - - smtpd
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{tls_port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

OWNED = ["active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"]


class Postfix(SmtpServer):
    """Real mail transport in front of a Dovecot started with ``AUTH_SOCKET``."""

    def __init__(self, dovecot: Dovecot, *, largest: int = LARGEST, settings: str = "") -> None:
        self.dovecot = dovecot
        self._largest = largest
        self._settings = settings  # lines for main.cf; of two that set the same thing the later counts
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, and wait for the greeting."""
        self.directory = Path(tempfile.mkdtemp(prefix="pf"))
        self.directory.chmod(0o755)
        self.ca_file, chain, key = write_certificate(self.directory, "localhost", "127.0.0.1")
        both = self.directory / "key-and-chain.pem"
        both.write_bytes(key.read_bytes() + chain.read_bytes())
        self.port, self.tls_port, self.starttls_port = free_ports(3)
        self._configure()
        with (self.directory / "stderr").open("wb") as said:
            self._process = subprocess.Popen(
                ["/usr/lib/postfix/sbin/master", "-c", str(self.directory / "etc"), "-d"],
                stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            )  # fmt: skip
        try:
            wait_for(self._ready, "Postfix")
        except ServerTroubleError as trouble:
            said_text = (self.directory / "stderr").read_text() + self.log()
            self.stop()
            raise ServerTroubleError(f"{trouble}\n{said_text}") from None
        return self

    def _configure(self) -> None:
        folders = {name: self.directory / name for name in ("q", "data", "log", "etc")}
        for folder in folders.values():
            folder.mkdir()
        shutil.chown(folders["data"], "postfix", "postfix")
        for name in OWNED:
            (folders["q"] / name).mkdir(mode=0o700)
            shutil.chown(folders["q"] / name, "postfix")
        for name, mode in (("public", 0o710), ("maildrop", 0o730)):
            (folders["q"] / name).mkdir()
            (folders["q"] / name).chmod(mode)
            shutil.chown(folders["q"] / name, "postfix", "postdrop")
        (folders["q"] / "pid").mkdir()
        facts = {
            "folder": self.directory, "domain": DOMAIN, "lmtp_port": self.dovecot.lmtp_port, "largest": self._largest,
            "auth_socket": self.dovecot.directory / "run" / "auth-postfix", "port": self.port,
            "tls_port": self.tls_port, "starttls_port": self.starttls_port,
        }  # fmt: skip
        for name, text in (("main.cf", MAIN), ("master.cf", MASTER)):
            (folders["etc"] / name).write_text(text.format(**facts) + (self._settings if name == "main.cf" else ""))
            os.utime(folders["etc"] / name, (1, 1))  # Postfix waits until main.cf is two seconds old

    def _ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ServerTroubleError("Postfix ended at once")
        return greets(self.port, b"220")

    def stop(self) -> None:
        """SIGTERM to the master ends every child; the folder goes with it."""
        if self._process is not None:
            stop_process(self._process)
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        """What Postfix wrote down."""
        file = self.directory / "log" / "postfix.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def arrived(self, recipient: str) -> list[bytes]:
        """What stands in the recipient's own INBOX."""
        return self.dovecot.read(recipient, "INBOX")
