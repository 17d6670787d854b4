"""The one place that names concrete classes and puts them together."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Protocol

from intake import edge
from intake.edge import Chance, Clock

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from intake.compose.composer import Composer
    from intake.config import Config, MailboxConfig
    from intake.credentials import Keyed, Login, Password, Token
    from intake.deliver.pace import Pace
    from intake.ledger.glance import Glance
    from intake.ledger.keys import Key
    from intake.ledger.ledger import Ledger
    from intake.metrics import EachMetrics
    from intake.oauth.logins import Logins
    from intake.ports import TextRecords, Transport, Watched
    from intake.receive.wire import Settings
    from intake.steps.parts import Judge, Parse, Parts, Planner
    from intake.tokens import TokenFile

    class HasKey(Keyed, Protocol):
        """``[ledger]``, or what a pass without news knows of it."""

        @property
        def key_file(self) -> Path | None:
            """The file that holds the key; None where it is elsewhere."""

    class Knowing(Protocol):
        """Something that can be asked what to log in with."""

        def credential(self, settings: Login, /) -> Password | Token | None:
            """A credential; None where there is no log-in."""

    class Reachable(Settings, Login, Protocol):
        """A mailbox to log in to: a ``[[mailbox]]``, or what a pass without news knows of it."""

# Each function below imports what it makes: a pass without news never pays for parsing, templates or SMTP.


def key(config: Config, environ: Mapping[str, str], create: bool) -> Key:  # noqa: FBT001 - shaped by Ledger's callback
    """The ledger's key from wherever the configuration says; made if it is a file, missing, and ``create``."""
    return key_at(config.ledger, environ, create=create)


def key_at(settings: HasKey, environ: Mapping[str, str], *, create: bool) -> Key:
    """The same by what ``[ledger]`` says of the key."""
    from intake.credentials import key_text
    from intake.ledger.keys import key_from_file, read_key

    given = key_text(settings, environ)
    if given is not None:
        return read_key(given, "[ledger] key")
    assert settings.key_file is not None  # noqa: S101 - the configuration was checked for it
    return key_from_file(settings.key_file, create=create)


def glance(path: Path) -> Glance:
    """A quick look at a ledger in an SQLite file. Raises ``sqlite3.Error``, ``OSError``."""
    from intake.ledger.glance import Glance

    return Glance(path)


def announce(line: str) -> None:
    """Tell the operator, whatever command it is."""
    sys.stderr.write(f"intake: {line}\n")


def ledger(
    config: Config,
    chance: Chance,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = announce,
) -> Ledger:
    """The ledger, not yet open; ``say`` hears when it is upgraded."""
    from intake.ledger.accept import Makes
    from intake.ledger.ledger import Ledger

    domain = config.community.address.rpartition("@")[2]
    prefix = code_prefix(config)
    makes = Makes(
        message_id=lambda: f"<{chance.token()}@{domain}>",
        code=lambda: f"{prefix}-{chance.letters(6)}",
    )
    return Ledger(config.ledger.url, partial(key, config, environ), makes, say)


def code_prefix(config: Config) -> str:
    """What case codes begin with: the short name's letters and digits, or a neutral word."""
    name = "".join(c for c in config.community.short_name.upper() if c.isascii() and c.isalnum())
    return name[:16] or "CASE"


def logins(directory: Path, environ: Mapping[str, str] = os.environ, file: TokenFile | None = None) -> Logins:
    """What to log in with; it keeps tokens for its own life, and in ``file``. ``directory`` is the configuration's."""
    from intake.oauth.logins import Logins

    return Logins(directory, environ, file)


def tokens_at(ledger_file: Path, key_of: Callable[[], Key]) -> TokenFile:
    """The tokens that are kept beside a file of the state: the ledger, or its key where the ledger is elsewhere."""
    from intake.tokens import TokenFile

    return TokenFile(ledger_file.with_name(f"{ledger_file.name}.tokens"), key_of)


def tokens(config: Config, book: Ledger) -> TokenFile | None:
    """The same for a configuration with its open ledger; None where it has no folder to write in."""
    beside = config.ledger.file or config.ledger.key_file
    return tokens_at(beside, lambda: book.key) if beside else None


def mailbox(
    config: Config,
    settings: MailboxConfig,
    environ: Mapping[str, str] = os.environ,
    known: Logins | None = None,
) -> Watched:
    """A mailbox, not yet open."""
    return mailbox_at(config.directory, settings, environ, known)


def mailbox_at(
    directory: Path, settings: Reachable, environ: Mapping[str, str], known: Knowing | None = None
) -> Watched:
    """The same by what is needed to log in; ``directory`` is the configuration's."""
    from intake.credentials import credential
    from intake.receive.imap import ImapMailbox

    def secret() -> Password | Token:
        if settings.auth == "password":  # a pass without news then need not load the rest
            found = credential(settings, directory, environ)
        else:
            found = (known or logins(directory, environ)).credential(settings)
        assert found is not None  # noqa: S101 - a mailbox always logs in: the configuration knows no `none` for it
        return found

    return ImapMailbox(settings, secret)


def transports(
    config: Config, environ: Mapping[str, str] = os.environ, known: Logins | None = None
) -> Callable[[], Transport]:
    """What makes ways out, not yet connected; together they keep to the one rate that is configured."""
    shared = known or logins(config.directory, environ)

    @cache
    def pace() -> Pace:
        from intake.deliver.pace import Pace

        return Pace(config.smtp.max_per_minute, time.monotonic)

    @cache
    def graph() -> Transport:
        return transport(config, environ, shared)

    # Graph asks for a pause by itself, and remembers it: one of them is enough.
    return graph if config.smtp.transport == "graph" else lambda: transport(config, environ, shared, pace())


def transport(
    config: Config,
    environ: Mapping[str, str] = os.environ,
    known: Logins | None = None,
    pace: Pace | None = None,
) -> Transport:
    """A way out, not yet connected."""
    credential = partial((known or logins(config.directory, environ)).credential, config.smtp)
    if config.smtp.transport == "graph":
        from intake.deliver.graph import GraphTransport

        return GraphTransport(
            config.smtp, credential, max_per_minute=config.smtp.max_per_minute, monotonic=time.monotonic
        )
    from intake.deliver.smtp import SmtpTransport

    domain = config.community.address.rpartition("@")[2]
    return SmtpTransport(
        config.smtp,
        credential,
        helo=domain,
        max_per_minute=config.smtp.max_per_minute,
        monotonic=time.monotonic,
        pace=pace,
    )


def second_way(config: Config) -> Transport | None:
    """The way out for alarms when the usual one fails: no log-in, TLS unless it is on this machine; if there is one."""
    if not config.alarm.smtp_host:
        return None
    from intake.deliver.second import SecondWay
    from intake.deliver.smtp import SmtpTransport

    return SmtpTransport(
        SecondWay.of(config.alarm.smtp_host, config.smtp.ca_file),
        lambda: None,
        helo=config.community.address.rpartition("@")[2],
        max_per_minute=config.smtp.max_per_minute,
        monotonic=time.monotonic,
    )


def notify(urls: Sequence[str], title: str, body: str) -> str:
    """Tell over channels that are not mail; what went wrong, if anything."""
    from intake.deliver.notify import notify as tell

    return tell(urls, title, body)


def usable(urls: Sequence[str]) -> str:
    """What is wrong with channels that are not mail, as far as it can be known without telling them anything."""
    from intake.deliver.notify import usable as look

    return look(urls)


def ping(url: str) -> str:
    """Call the dead-man's switch; what went wrong, if anything."""
    from intake.deliver.notify import ping as call

    return call(url)


def keys(config: Config, say: Callable[[str], None]) -> TextRecords | None:
    """Where the keys of DKIM signatures are looked up; None where none are verified."""
    if not config.acknowledgement.dkim:
        return None
    from intake import resolver

    if not resolver.is_installed():
        say(f"{resolver.MISSING}; until then signatures prove nothing")
        return None
    return resolver.Resolver(time.monotonic)


def parse() -> Parse:
    """The parser."""
    from intake.receive.parse import parse as parse_mail

    return parse_mail


def judge(config: Config) -> Judge:
    """The judge of what a mail is."""
    from intake.decide.classify import Judge as ByRules

    return ByRules(config).judge


def planner(config: Config) -> Planner:
    """The planner of what follows."""
    from intake.decide.plan import Planner as ByRules

    return ByRules(config)


def composer(config: Config) -> Composer:
    """The composer of messages."""
    from intake.compose.composer import Composer

    return Composer(config)


def template_problems(config: Config, now: datetime, categories: Sequence[str]) -> list[str]:
    """What the safety linter has to say about the templates in use, ``file:line: what``, one line each."""
    from intake.compose import lint

    words = composer(config)
    today = now.astimezone(config.zone).date()
    return [str(problem) for problem in lint.problems(words.templates, words.house, today, categories)]


@dataclass(frozen=True, slots=True)
class Outside:
    """What a run may be told about the world: by default it is the real one."""

    clock: Clock = field(default_factory=Clock)
    chance: Chance = field(default_factory=Chance)
    pause: Callable[[float], None] = time.sleep
    stopping: Callable[[], bool] = lambda: False
    say: Callable[[str], None] = lambda _line: None
    announce: Callable[[str], None] = announce


def metrics(outside: Outside, *, serves: bool) -> EachMetrics:
    """Writes each community's figures where its configuration asks for them; one that ``serves`` answers there, too."""
    from intake.metrics import EachMetrics

    return EachMetrics(outside.say, serves=serves)


def old_addresses(config: Config) -> list[tuple[str, str]]:
    """Addresses that organizers are also known by, each with the one that they have now; lower case."""
    now = {one.email.lower() for one in config.organizers}
    return [
        (alias.strip().lower(), one.email.lower())
        for one in config.organizers
        for alias in one.also_known_as
        if "@" in alias.strip()[1:] and alias.strip().lower() not in now
    ]


def build(config: Config, outside: Outside | None = None, environ: Mapping[str, str] = os.environ) -> Parts:
    """Everything put together, the ledger opened. Raises LedgerError and ConfigError."""
    from intake.steps.parts import Parts

    outside = outside or Outside()
    book = ledger(config, outside.chance, environ, outside.announce)
    book.open(outside.clock.now())
    if moved := old_addresses(config):
        book.carry_over(moved, outside.clock.now())
    known = logins(config.directory, environ, tokens(config, book))
    return Parts(
        config=config,
        ledger=book,
        clock=outside.clock,
        chance=outside.chance,
        holder=edge.holder(),
        mailbox=lambda settings: mailbox(config, settings, environ, known),
        transport=transports(config, environ, known),
        connections=1 if config.smtp.transport == "graph" else config.smtp.connections,
        parse=cache(parse),
        judge=cache(lambda: judge(config)),
        planner=cache(lambda: planner(config)),
        composer=cache(lambda: composer(config)),
        is_dead=edge.is_dead,
        is_alive=edge.is_alive,
        second_way=cache(lambda: second_way(config)),
        notify=notify,
        ping=ping,
        keys=cache(lambda: keys(config, outside.say)),
        pause=outside.pause,
        stopping=outside.stopping,
        say=outside.say,
    )
