"""The configuration as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake.config.models import (
    AcknowledgementConfig,
    AlarmConfig,
    CategoryConfig,
    CommunityConfig,
    DigestConfig,
    DrillConfig,
    EventConfig,
    FallbackConfig,
    LedgerConfig,
    MailboxConfig,
    MetricsConfig,
    OrganizerConfig,
    RetentionConfig,
    Section,
    SmtpConfig,
    TemplatesConfig,
)

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DEFAULT_CATEGORIES = (
    CategoryConfig(name="concern", subject="code-of-conduct", body="pre-event"),
    CategoryConfig(name="report", subject="code-of-conduct"),
    CategoryConfig(name="report", body="incident"),
    CategoryConfig(name="question"),
)


def complete(categories: tuple[CategoryConfig, ...]) -> tuple[CategoryConfig, ...]:
    """Own categories, and behind them the shipped ones whose names are free, unless the last already takes all."""
    if categories and not categories[-1].has_rule:
        return categories
    names = {category.name for category in categories}
    return (*categories, *(category for category in DEFAULT_CATEGORIES if category.name not in names))


@dataclass(frozen=True)
class Config:
    """The whole configuration. ``path`` is the file, absolute; ``categories`` ends with one that has no rule."""

    path: Path
    community: CommunityConfig
    mailboxes: tuple[MailboxConfig, ...]
    smtp: SmtpConfig
    organizers: tuple[OrganizerConfig, ...]
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    acknowledgement: AcknowledgementConfig = field(default_factory=AcknowledgementConfig)
    fallback: FallbackConfig | None = None
    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    categories: tuple[CategoryConfig, ...] = DEFAULT_CATEGORIES
    events: tuple[EventConfig, ...] = ()
    digest: DigestConfig = field(default_factory=DigestConfig)
    alarm: AlarmConfig = field(default_factory=AlarmConfig)
    drill: DrillConfig = field(default_factory=DrillConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    templates: TemplatesConfig = field(default_factory=TemplatesConfig)

    @property
    def directory(self) -> Path:
        """Where the file stands: what other paths are relative to."""
        return self.path.parent

    @property
    def zone(self) -> ZoneInfo:
        """The community's time zone."""
        return self.community.zone

    def language_of(self, person: OrganizerConfig | FallbackConfig) -> str:
        """The language of messages to them."""
        return person.language or self.community.languages[0]

    def category(self, name: str) -> CategoryConfig | None:
        """The first category of that name."""
        return next((category for category in self.categories if category.name == name), None)


def tables() -> dict[str, tuple[str, type[Section], bool]]:
    """Name in the file -> (attribute of Config, model, whether it is an array of tables)."""
    shapes: dict[str, Any] = {
        "community": ("community", CommunityConfig, False),
        "ledger": ("ledger", LedgerConfig, False),
        "mailbox": ("mailboxes", MailboxConfig, True),
        "smtp": ("smtp", SmtpConfig, False),
        "acknowledgement": ("acknowledgement", AcknowledgementConfig, False),
        "organizer": ("organizers", OrganizerConfig, True),
        "fallback": ("fallback", FallbackConfig, False),
        "category": ("categories", CategoryConfig, True),
        "event": ("events", EventConfig, True),
        "digest": ("digest", DigestConfig, False),
        "alarm": ("alarm", AlarmConfig, False),
        "drill": ("drill", DrillConfig, False),
        "metrics": ("metrics", MetricsConfig, False),
        "retention": ("retention", RetentionConfig, False),
        "templates": ("templates", TemplatesConfig, False),
    }
    return shapes
