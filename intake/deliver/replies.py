"""What a server answers, and what that means for a message: the one table of outcomes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:\s|$)")  # RFC 3463
_ADDRESS = re.compile(
    r"""<[^<>]*>|"[^"]*"@\S+|[^\s<>()\[\],;:"'=]+(?:@|%40|\(at\)|\[at\])[^\s<>()\[\],;"']+""", re.IGNORECASE
)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\u02ff]+")
_TOO_LARGE = re.compile(
    r"\bsize\b.*\bexceed|\bexceed.*\bsize\b|\b(?:message|mail) (?:is )?too (?:big|large)\b", re.IGNORECASE
)
_RELAYING = re.compile(r"\brelay(?:ing)?\b.*\b(?:denied|prohibited|not permitted|not allowed)\b", re.IGNORECASE)
# What Exchange Online says, after the whole message too, when it is our own mailbox or account that may not send: a
# quota, a full mailbox, no right to this From, an account or a tenant that is blocked (5.2.25x, 5.7.50x, 5.7.70x).
_OURS = re.compile(
    r"STOREDRV\.\S*(?:QuotaExceeded|SendAsDenied|AccountDisabled|Licen[cs]e|Throttl|thread limit)",
    re.IGNORECASE,
)
_OURS_ENHANCED = re.compile(r"5\.(?:1\.8|1\.90|2\.25[1-5]|7\.60|7\.50[1-3]|7\.70[58]|7\.750)")
LONGEST = 200  # letters of a reply that are kept


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of RFC 5321, 4.2: ``text`` is its last line, ``enhanced`` the code of RFC 3463 or empty."""

    code: int
    lines: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def text(self) -> str:
        """The last line, after the code."""
        return self.lines[-1] if self.lines else ""

    @property
    def enhanced(self) -> str:
        """The enhanced status code, if the reply has one."""
        match = _ENHANCED.match(self.text)
        return match.group(1) if match else ""

    @property
    def temporary(self) -> bool:
        """4yz: later may be better."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5yz: this will not be taken."""
        return 500 <= self.code < 600

    @property
    def closing(self) -> bool:
        """421: the server ends the connection (RFC 5321, 3.8)."""
        return self.code == 421

    @property
    def wants_new_connection(self) -> bool:
        """421, or 452: some servers take only so many messages on one connection."""
        return self.code in {421, 452}

    @property
    def about_access(self) -> bool:
        """We may not send here, to anybody: no log-in (RFC 4954, 6), or no relaying. Not the recipient's fault."""
        return self.code in {530, 535, 538} or (self.permanent and _RELAYING.search(self.text) is not None)

    @property
    def about_us(self) -> bool:
        """Our mailbox or account may not send, whatever the message and whoever gets it: somebody has to look."""
        if not self.permanent:
            return "MapiExceptionLogonFailed" in self.text  # the application may not open the mailbox it sends from
        return bool(_OURS.search(self.text) or _OURS_ENHANCED.fullmatch(self.enhanced))

    @property
    def about_size(self) -> bool:
        """Too large: 5.3.4 or 5.2.3 of RFC 3463, RFC 1870's 552, or the words alone.

        552 also says that a mailbox is full (5.2.2), and some use it against what is in a message (5.7.0).
        """
        if not self.permanent:
            return False
        if self.enhanced in {"5.3.4", "5.2.3"} or _TOO_LARGE.search(self.text):
            return True
        return self.code == 552 and not self.enhanced.startswith(("5.2.2", "5.7."))


def parse(lines: Iterable[bytes]) -> Reply:
    """Lines of a reply as they came, the code in front. A reply that is none has the code 0."""
    code, texts = 0, []
    for line in lines:
        head = line[:3]
        code = int(head) if len(head) == 3 and head.isdigit() and line[3:4] in {b" ", b"-", b""} else 0
        if not code:
            return Reply(0, ())
        texts.append(line[4:].decode("utf-8", "replace").strip())
    return Reply(code, tuple(texts))


def redact(text: str, *secrets: str) -> str:
    """A server's words without addresses, controls and the given words, and not longer than a line."""
    text = _UNPRINTABLE.sub(" ", _ADDRESS.sub("<…>", text[: 5 * LONGEST]))
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if secret.casefold() not in text.casefold():  # hardly any is, and a pattern for each would have to be compiled
            continue
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "…", text, flags=re.IGNORECASE)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def described(reply: Reply, *secrets: str) -> str:
    """Code and words of a reply, redacted; one line."""
    return redact(f"{reply.code:03} {reply.text}", *secrets) if reply.code else "an answer that is not SMTP"
