"""TOML -> Config: every problem at once, each with ``file:line`` and what to do."""

from intake.config.directory import load_each
from intake.config.load import load, loads
from intake.config.models import (
    LANGUAGES,
    AcknowledgementConfig,
    AlarmConfig,
    Away,
    CategoryConfig,
    CommunityConfig,
    DigestConfig,
    EventConfig,
    FallbackConfig,
    LedgerConfig,
    Login,
    MailboxConfig,
    Matcher,
    OrganizerConfig,
    RetentionConfig,
    Section,
    SmtpConfig,
    TemplatesConfig,
)
from intake.config.values import Schedule
from intake.config.whole import DEFAULT_CATEGORIES, Config

__all__ = [
    "DEFAULT_CATEGORIES",
    "LANGUAGES",
    "AcknowledgementConfig",
    "AlarmConfig",
    "Away",
    "CategoryConfig",
    "CommunityConfig",
    "Config",
    "DigestConfig",
    "EventConfig",
    "FallbackConfig",
    "LedgerConfig",
    "Login",
    "MailboxConfig",
    "Matcher",
    "OrganizerConfig",
    "RetentionConfig",
    "Schedule",
    "Section",
    "SmtpConfig",
    "TemplatesConfig",
    "load",
    "load_each",
    "loads",
]
