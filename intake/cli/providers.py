"""Mail providers that ``intake init`` knows: where their servers are, and what has surprised others there."""

from __future__ import annotations

import secrets
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

MX_SECONDS = 1.5
RESERVED = frozenset({"example", "test", "invalid", "localhost"})  # RFC 6761, 6: nobody is asked about these
_RESOLVER = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. ``domains`` are of its own addresses; ``exchanger`` is a label of its MX names.

    ``smtp_security`` is ``tls`` on port 465 and ``starttls`` on 587, unless ``smtp_port`` says otherwise.
    """

    key: str
    name: str
    imap: str
    smtp: str
    smtp_security: str = "tls"
    domains: tuple[str, ...] = ()
    exchanger: str = ""
    junk: str = "Junk"
    auth: str = "password"
    note: str = ""
    imap_port: int = 993
    imap_security: str = "tls"
    smtp_port: int = 0

    @property
    def port_out(self) -> int:
        """The port for sending."""
        return self.smtp_port or (465 if self.smtp_security == "tls" else 587)


_MADE_FOR_IT = "It wants an app password, made in the account's security settings, not the one you log in with."

PROVIDERS = (
    Provider(
        "microsoft", "Microsoft 365", "outlook.office365.com", "smtp.office365.com", "starttls",
        ("outlook.com", "hotmail.com", "live.com"), "outlook", "Junk Email", "microsoft",
        "Passwords are no longer accepted: register an application in Entra ID with the application permissions "
        "IMAP.AccessAsApp and SMTP.SendAsApp, and give it this one mailbox only. SMTP AUTH must be allowed for the "
        'mailbox. Exchange refuses the null sender: envelope_sender = "community" is written.',
    ),
    Provider(
        "google", "Google Workspace or Gmail", "imap.gmail.com", "smtp.gmail.com", "starttls",
        ("gmail.com", "googlemail.com"), "google", "[Gmail]/Spam",
        note=_MADE_FOR_IT + " Two-step verification must be on. A service account is the other way (google).",
    ),
    Provider("infomaniak", "Infomaniak", "mail.infomaniak.com", "mail.infomaniak.com", "starttls",
             ("ik.me", "ikmail.com"), "infomaniak", "Spam",
             note="A device password of the address serves as well as its own."),
    Provider("ovh", "OVHcloud (MX Plan)", "ssl0.ovh.net", "ssl0.ovh.net", exchanger="ovh", junk="Junk",
             note="An Exchange or Email Pro plan has other hosts (exN.mail.ovh.net, proN.mail.ovh.net)."),
    Provider("combell", "Combell", "imap.mailprotect.be", "smtp-auth.mailprotect.be", "starttls",
             exchanger="mailprotect", junk="Spam"),
    Provider("proximus", "Proximus", "imap.proximus.be", "smtp.proximus.be", "starttls",
             ("proximus.be", "skynet.be", "belgacom.net"), "proximus"),
    Provider("telenet", "Telenet", "imap.telenet.be", "smtp.telenet.be", "starttls",
             ("telenet.be", "pandora.be"), "telenet-ops"),
    Provider("fastmail", "Fastmail", "imap.fastmail.com", "smtp.fastmail.com", "tls",
             ("fastmail.com", "fastmail.fm"), "messagingengine", "Spam", note=_MADE_FOR_IT),
    Provider("mailbox.org", "mailbox.org", "imap.mailbox.org", "smtp.mailbox.org", "tls", ("mailbox.org",), "mailbox",
             note="With two-factor log-in, it wants an application password."),
    Provider("gandi", "Gandi", "mail.gandi.net", "mail.gandi.net", "tls", exchanger="gandi"),
    Provider("transip", "TransIP", "imap.transip.email", "smtp.transip.email", "tls", exchanger="transip"),
    Provider("one.com", "one.com", "imap.one.com", "send.one.com", "tls", junk="Spam"),
    Provider("ionos", "IONOS", "imap.ionos.com", "smtp.ionos.com", "tls", exchanger="ionos", junk="Spam",
             note="Accounts of a national IONOS use its own hosts, such as imap.ionos.de and imap.ionos.fr."),
    Provider("zoho", "Zoho Mail (EU)", "imap.zoho.eu", "smtp.zoho.eu", "tls", ("zohomail.eu",), "zoho", "Spam",
             note="IMAP must be switched on in the settings. " + _MADE_FOR_IT),
    Provider("icloud", "iCloud", "imap.mail.me.com", "smtp.mail.me.com", "starttls",
             ("icloud.com", "me.com", "mac.com"), "icloud", note=_MADE_FOR_IT),
    Provider("posteo", "Posteo", "posteo.de", "posteo.de", "tls", ("posteo.de", "posteo.net", "posteo.eu"), "posteo"),
    Provider("migadu", "Migadu", "imap.migadu.com", "smtp.migadu.com", "tls", exchanger="migadu"),
    Provider("proton", "Proton Mail (through its Bridge)", "127.0.0.1", "127.0.0.1", "starttls",
             ("proton.me", "protonmail.com", "pm.me"), "protonmail", "Spam",
             note="Proton has no IMAP of its own: its Bridge must run on this machine. Use the password that the "
                    "Bridge shows, and its exported certificate as the certificate file.",
             imap_port=1143, imap_security="starttls", smtp_port=1025),
)  # fmt: skip


def by_name(answer: str) -> Provider | None:
    """The provider somebody means: its key, its name or its number in the list."""
    said = answer.strip().lower()
    if said.isdecimal() and 1 <= int(said) <= len(PROVIDERS):
        return PROVIDERS[int(said) - 1]
    return next((one for one in PROVIDERS if said in {one.key, one.name.lower()}), None)


def by_domain(domain: str) -> Provider | None:
    """The provider whose own domain that is."""
    return next((one for one in PROVIDERS if domain.lower() in one.domains), None)


def by_exchanger(answer: bytes, question: int = 0) -> Provider | None:
    """The provider that a DNS answer about MX points at; ``question`` is where its question ends.

    Only known labels are looked for, with the length before them (RFC 1035, 3.1): nothing of it is parsed.
    """
    told = answer[question:].lower()
    labels = ((one, bytes([len(one.exchanger)]) + one.exchanger.encode()) for one in PROVIDERS if one.exchanger)
    return next((one for one, label in labels if label in told), None)


def by_lookup(domain: str) -> Provider | None:
    """Ask this machine's resolver who takes mail for a domain. None when that can't be known quickly."""
    server = "" if domain.rpartition(".")[2] in RESERVED else _nameserver()
    try:
        name = b"".join(bytes([len(label)]) + label.encode("ascii") for label in domain.split(".")) + b"\0"
    except (UnicodeEncodeError, ValueError):
        return None
    if not server:
        return None
    mark = secrets.token_bytes(2)
    query = mark + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", 15, 1)
    try:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            asked.settimeout(MX_SECONDS)
            asked.connect((server, 53))
            asked.send(query)
            answer = asked.recv(4096)
    except OSError:
        return None
    return by_exchanger(answer, len(query)) if answer[:2] == mark else None


def _nameserver() -> str:
    try:
        lines = _RESOLVER.read_text("ascii", "replace").splitlines()
    except OSError:
        return ""
    words = (line.split() for line in lines)
    return next((word[1].partition("%")[0] for word in words if len(word) > 1 and word[0] == "nameserver"), "")
