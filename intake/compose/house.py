"""What every message knows about the community that sends it: the part of the configuration that compose needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from intake.compose.headers import own_addr_spec

if TYPE_CHECKING:
    from intake.config import Config


@dataclass(frozen=True, slots=True)
class House:
    """The sender of all mail.

    ``promise`` is None unless a time has been configured; ``reader_style`` is ``names``, ``roles`` or ``none``;
    ``fallback`` is ``(name, address)`` of somebody outside the team, or None.
    """

    name: str
    short_name: str
    address: str
    languages: tuple[str, ...]
    zone: ZoneInfo
    aliases: frozenset[str] = frozenset()
    promise: timedelta | None = None
    reader_style: str = "names"
    null_sender: bool = True
    fallback: tuple[str, str] | None = None
    keep: timedelta = timedelta(days=365)

    @classmethod
    def of(cls, config: Config) -> House:
        """Take over what is configured."""
        community, fallback = config.community, config.fallback
        return cls(
            name=community.name,
            short_name=community.short_name or community.name,
            address=community.address,
            languages=tuple(community.languages),
            zone=community.zone,
            aliases=frozenset(alias.lower() for alias in community.aliases),
            promise=config.acknowledgement.reply_within,
            reader_style=config.acknowledgement.readers,
            null_sender=config.smtp.envelope_sender == "null",
            fallback=(fallback.name, fallback.email) if fallback is not None and fallback.email else None,
            keep=config.retention.closed_cases,
        )

    @property
    def sender(self) -> str:
        """The address as it goes into the envelope."""
        return own_addr_spec(self.address)

    @property
    def own_addresses(self) -> frozenset[str]:
        """Every address that is ours, in lower case."""
        return self.aliases | {self.address.lower()}
