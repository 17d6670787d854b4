"""What ``intake check`` tries: the templates, the ledger, each mailbox, the way out, and their certificates."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from intake.cli.advice import has_key
from intake.cli.findings import Finding, failed, failure, ok, warning
from intake.edge import Chance
from intake.errors import IntakeError, MailboxError

if TYPE_CHECKING:
    from intake.config import Config, MailboxConfig, SmtpConfig
    from intake.ports import Mailbox

JUNK = ("Junk", "Spam", "Junk E-mail", "Junk Email", "[Gmail]/Spam", "Bulk Mail")
_SOON = timedelta(days=21)


def templates(config: Config, now: datetime) -> Iterator[Finding]:
    """Every template that this configuration can use renders, and none could hurt or mislead."""
    from intake import app

    categories = tuple(dict.fromkeys(category.name for category in config.categories))
    problems = app.template_problems(config, now, categories)
    for problem in problems:
        yield failure("templates", problem, "correct the file, or remove it to use the one that comes with intake")
    if not problems:
        yield ok("templates", f"render and are safe to send, in {', '.join(config.community.languages)}")


def ledger(config: Config, now: datetime) -> Iterator[Finding]:
    """The ledger opens with its key. One that is not there yet is not made by looking."""
    from intake import app

    file = config.ledger.file
    if file is not None and not has_key(file):
        yield ok("ledger", f"{file} is made at the first pass")
        return
    try:
        book = app.ledger(config, Chance())
    except IntakeError as error:
        yield failed("ledger", error, "see [ledger] url and key_file")
        return
    try:
        book.open(now)
        yield ok("ledger", f"opens, tables at {book.version()}")
        if book.strangers(_addresses(config)):
            yield warning(
                "recusals",
                "cases are withheld from an address that is nobody's any more",
                "whose address has changed, keeps the old one in also_known_as; else they get to see those cases",
            )
    except IntakeError as error:
        yield failed("ledger", error, "see [ledger] url and key_file")
    finally:
        book.close()


def _addresses(config: Config) -> list[str]:
    people = (*config.organizers, *((config.fallback,) if config.fallback else ()))
    aliases = (alias.strip() for one in config.organizers for alias in one.also_known_as)
    return [name.lower() for name in (*(person.email for person in people), *aliases)]


def mailbox(config: Config, settings: MailboxConfig) -> Iterator[Finding]:
    """Log in, open each folder, and make sure of the one that mail is moved to."""
    from intake import app

    name = f"mailbox {settings.name}"
    box: Mailbox = app.mailbox(config, settings)
    try:
        box.open()
    except IntakeError as error:
        yield failed(name, error, f"see {settings.place()}")
        return
    try:
        yield ok(name, f"logged in to {settings.host} as {settings.user}")
        for folder in settings.folders:
            yield _folder(box, name, folder)
        if settings.sent:
            yield _folder(box, name, settings.sent)
        if settings.processed:
            yield _processed(box, name, settings.processed)
        yield from _junk(box, name, settings)
    finally:
        box.close()


def _folder(box: Mailbox, name: str, folder: str) -> Finding:
    try:
        opened = box.select(folder)
    except MailboxError as error:
        return failed(name, error, "correct its name in folders or sent, or make it")
    return ok(name, f"folder {folder} holds {opened.exists} mail{'s' * (opened.exists != 1)}")


def _processed(box: Mailbox, name: str, folder: str) -> Finding:
    try:
        box.ensure_folder(folder)
    except MailboxError as error:
        return failed(name, error, "make it by hand, or name another in processed")
    return ok(name, f"folder {folder} takes what is dealt with")


def _junk(box: Mailbox, name: str, settings: MailboxConfig) -> Iterator[Finding]:
    """A junk folder that is there and is not read."""
    known = {folder.lower() for folder in settings.known}
    for folder in JUNK:
        if folder.lower() in known:
            continue
        with contextlib.suppress(MailboxError):
            opened = box.select(folder)
            action = f'add "{folder}" to folders: a report in it is a report'
            yield warning(name, f"folder {folder} ({opened.exists} mails) is not read", action)


def way_out(config: Config) -> Iterator[Finding]:
    """Connect and log in without sending."""
    from intake import app

    try:
        transport = app.transport(config)
    except IntakeError as error:
        yield failed("smtp", error, f"see {config.smtp.place()}")
        return
    try:
        transport.check()
        who = f" as {config.smtp.user}" if config.smtp.auth != "none" else ", without a log-in"
        yield ok("smtp", f"connected to {config.smtp.host}{who}")
    except IntakeError as error:
        yield failed("smtp", error, f"see {config.smtp.place()}")
    finally:
        transport.close()


def names(config: Config) -> Iterator[Finding]:
    """Whether the DNS answers at all, where keys of signatures are looked up; any answer will do."""
    from intake import app

    keys = app.keys(config, lambda _line: None)
    if keys is None:
        return
    if keys(f"_domainkey.{config.community.address.rpartition('@')[2]}") is None:
        what = "no name server answers: signatures prove nothing, and nobody is told the number on site"
        yield warning("dkim", what, "see that this machine can resolve names, or leave dkim out")
    else:
        yield ok("dkim", "name servers answer: signatures are verified here")


def certificates(
    config: Config, now: datetime, failing: Collection[MailboxConfig | SmtpConfig] = ()
) -> Iterator[Finding]:
    """How long each server's certificate is still good; what is wrong with a ``failing`` one has been told already."""
    from intake.cli.certificates import expiry

    servers: dict[tuple[str, int], tuple[str, MailboxConfig | SmtpConfig]] = {}
    for box in config.mailboxes:
        if box not in failing:
            servers.setdefault((box.host, box.port), ("imap", box))
    if config.smtp not in failing:
        servers.setdefault((config.smtp.host, config.smtp.port), ("smtp", config.smtp))
    for (host, port), (protocol, settings) in servers.items():
        until = expiry(settings, protocol)
        if until is None:
            continue
        name, days = f"certificate of {host}:{port}", (until - now).days
        if until <= now:
            yield failure(name, f"expired on {until:%Y-%m-%d}", "renew it, or correct this machine's clock")
        elif until - now < _SOON:
            yield warning(name, f"expires on {until:%Y-%m-%d}, in {days} days", "see that it is renewed")
        else:
            yield ok(name, f"good until {until:%Y-%m-%d}")
