"""What can be said about a configuration that is valid, without dialling anybody."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

from intake import credentials
from intake.cli.findings import Finding, failure, ok, warning
from intake.config import Config
from intake.config.files import open_to_others, secret_problem
from intake.config.logins import unused
from intake.config.rights import READ, secrets_inside
from intake.config.rules import SHIPPED_PHRASES

if TYPE_CHECKING:
    from intake.config import MailboxConfig, SmtpConfig

_OLDEST = datetime(2025, 1, 1, tzinfo=UTC)  # older than this program: no machine's clock shows it rightly


def secrets(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each secret is there and kept as it should be."""
    problems = credentials.problems(config, environ)
    for problem in problems:
        what, _, action = problem.rpartition("; ")
        yield failure("secrets", what, action)
    if not problems:
        yield ok("secrets", "all there, and nobody else can read them")


def expiries(config: Config, now: datetime) -> Iterator[Finding]:
    """What ends by itself and then stops the log-in, as far as it can be known."""
    from intake.oauth import expiry

    logins: list[MailboxConfig | SmtpConfig] = [*config.mailboxes, config.smtp]
    for one in expiry.expiries(logins):
        days = (one.ends - now).days
        if one.ends <= now:
            yield failure("expiry", f"the {one.what} ended on {one.ends:%Y-%m-%d}", f"make a new one; see {one.place}")
        elif one.ends - now < expiry.SOON:
            what = f"the {one.what} ends on {one.ends:%Y-%m-%d}, in {days} days"
            yield warning("expiry", what, f"make a new one; see {one.place}")
        else:
            yield ok("expiry", f"the {one.what} ends on {one.ends:%Y-%m-%d}")
    for login in logins:
        if login.auth == "microsoft" and not login.certificate_file and not login.client_secret_expires:
            what = f"nobody will be warned before the client secret of {login.label()} ends"
            yield warning("expiry", what, "write its last day in client_secret_expires")


def signatures(config: Config) -> Iterator[Finding]:
    """Whether signatures can be verified here, if they are to be."""
    from intake import resolver

    if config.acknowledgement.dkim and not resolver.is_installed():
        what, _, action = resolver.MISSING.partition("; ")
        yield failure("dkim", f"{what}: until then signatures prove nothing", action)


def people(config: Config) -> Iterator[Finding]:
    """Who would be left alone with a report, and who could read what they should not."""
    if config.fallback is None:
        unheard = "" if config.alarm.email or config.alarm.notify else ", and nobody would hear that it waits"
        what = f"there is none: a report that names every organizer reaches nobody at all{unheard}"
        yield warning("fallback", what, "add somebody outside the team as [fallback] before you go live")
    if len(config.organizers) == 1:
        yield warning("organizers", "there is only one: a report about them has no other reader", "add a second person")
    own = _own_addresses(config)
    if _mailbox_of(config.alarm.email) in own:
        what = "it goes to an organizer: alarms tell of deliveries, also in a case that is withheld from them"
        yield warning("alarm.email", what, "name somebody outside the team")
    yield from _everyday(config)
    yield from _shared(config, own)
    for mailbox in config.mailboxes:
        if _mailbox_of(mailbox.user) in own:
            action = "give the community's address a mailbox of its own"
            yield warning(
                "recusal", f"mailbox {mailbox.name} is an organizer's own: they read everything in it", action
            )
        else:
            held = f"holds only while no organizer knows the password of mailbox {mailbox.name}: who has it reads all"
            yield ok("recusal", held)


def _mailbox_of(address: str) -> str:
    """The same for every way to write one mailbox's address: what stands behind a plus is a label."""
    from intake.decide.automatic import without_tag

    return without_tag(address)


def _own_addresses(config: Config) -> dict[str, str]:
    """Whose mailbox each address is, those in also_known_as included."""
    named = ((one, given) for one in config.organizers for given in (*one.also_known_as, one.email))
    return {_mailbox_of(given.strip()): one.name for one, given in named if "@" in given.strip()[1:]}


def _shared(config: Config, own: Mapping[str, str]) -> Iterator[Finding]:
    """Where two read what only one of them should: recusal asks who somebody is, not who else reads there."""
    if config.fallback and _mailbox_of(config.fallback.email) in own:
        what = f"its address is {own[_mailbox_of(config.fallback.email)]}'s too: they would get a report about them"
        yield warning("fallback", what, "name somebody outside the team")
    if _mailbox_of(config.smtp.user) in own:
        what = "the account that sends is an organizer's own: servers keep what is sent, for them to read"
        yield warning("smtp", what, "send with the account of the community's address")
    for one, other in permutations(config.organizers, 2):
        if _mailbox_of(one.email) in {_mailbox_of(given.strip()) for given in (other.email, *other.also_known_as)}:
            what = f"{one.name}'s address is {other.name}'s too: what is withheld from one of them, both can read"
            yield warning("recusal", what, "name an address that nobody else reads")
    called = [("[alarm]", config.alarm.notify), *((one.name, one.notify) for one in config.organizers)]
    for url in dict.fromkeys(url for _, urls in called for url in urls):
        who = [name for name, urls in called if url in urls]
        if len(who) > 1:
            what = f"{' and '.join(who)} have a channel in common: each of them sees by a call what the other got"
            yield warning("notify", what, "give each a channel that nobody else reads")


def _everyday(config: Config) -> Iterator[Finding]:
    """Other names that are ordinary words: nearly every report would name their bearer, and be withheld from them."""
    from intake.decide.phrases import is_everyday

    for organizer in config.organizers:
        for name in filter(is_everyday, (organizer.name, *organizer.also_known_as)):
            what = f"“{name}” is also an everyday word: most reports would be withheld from {organizer.name}"
            yield warning("recusal", what, "write it with the family name, or leave it out of also_known_as")


def channels(config: Config) -> Iterator[Finding]:
    """Whether the channels that are not mail could be told something; nobody is called."""
    from intake import app

    named = [("alarm.notify", config.alarm.notify), *((f"notify of {o.name}", o.notify) for o in config.organizers)]
    for name, urls in named:
        if urls and (problem := app.usable(urls)):
            what, _, action = problem.removeprefix("notify: ").rpartition("; ")
            yield warning(name, what, action)
        elif urls:
            yield ok(name, f"{len(urls)} channel{'s' * (len(urls) != 1)}, not called now")


def leftovers(config: Config) -> Iterator[Finding]:
    """Settings that do nothing, and a configuration that others can read."""
    logins: list[tuple[str, MailboxConfig | SmtpConfig]] = [(f"mailbox {m.name}", m) for m in config.mailboxes]
    for name, login in [*logins, ("smtp", config.smtp)]:
        names = unused(login)
        if names:
            yield warning(name, f'auth = "{login.auth}" does not look at {", ".join(names)}', "remove what is not used")
    used = {rule for category in config.categories for rule in _rules(category) if isinstance(rule, str)}
    for name in config.phrases:
        if name not in used and name not in SHIPPED_PHRASES and not name.startswith("urgent"):
            yield warning("phrases", f"no rule uses the list {name}", "name it in a [[category]], or remove it")
    if not open_to_others(config.path, READ):
        return
    if held := ", ".join(secrets_inside(config)):
        yield failure("config", f"it holds secrets, and others can read it: {held}", f"chmod 600 {config.path}")
    if config.alarm.ping_url:
        what = "others can read the ping_url, and could say with it that all is well"
        yield warning("config", what, f"chmod 600 {config.path}")


def _rules(category: object) -> list[object]:
    header = [rule for _, rule in getattr(category, "header", ())]
    return [getattr(category, "subject", None), getattr(category, "body", None), *header]


def key(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The key of the ledger: only looked at, never made here."""
    path = config.ledger.key_file
    keyed = config.ledger.file is not None and has_key(config.ledger.file)  # looked at before the key, made after it
    if path is None:
        if not credentials.problems(config, environ):
            yield ok("key", "comes from outside")
    elif problem := secret_problem(path):
        what, _, action = problem.partition("; ")
        yield failure("key", what, action)
    elif path.exists():
        yield ok("key", f"{path}")
    elif keyed:
        yield failure("key", f"the ledger is there, but its key {path} is not", "restore the key from a backup")
    elif not path.parent.is_dir():
        yield failure("key", f"there is no folder {path.parent} to make it in", "make the folder, with rights 0700")
    else:
        yield ok("key", f"{path} is made at the first pass; keep a copy of it apart from the ledger")


def has_key(ledger: Path) -> bool:
    """Whether a ledger in a file has been made with a key; not while a first pass is still making its tables."""
    from intake import app

    try:
        if not ledger.exists():
            return False
        with app.glance(ledger) as look:
            return look.meta("key") is not None
    except sqlite3.OperationalError:  # no such table
        return False
    except (sqlite3.Error, OSError):
        return True


def clock(config: Config, now: datetime) -> Iterator[Finding]:
    """Whether the time can be right: it is not before this program, nor before what has been written already."""
    written = [config.path, *([config.ledger.file] if config.ledger.file else [])]
    latest = max(
        (datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in written if path.exists()), default=_OLDEST
    )
    if now < _OLDEST or now + timedelta(hours=1) < latest:
        yield failure("clock", f"it shows {now:%Y-%m-%d %H:%M} UTC, which is past", "set the clock; use NTP")
    else:
        local = now.astimezone(config.zone)
        yield ok("clock", f"it is {local:%Y-%m-%d %H:%M} in {config.community.timezone}")
