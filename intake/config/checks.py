"""Checks across keys and tables: each yields Problems, and all of them run whatever the others found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from intake.config import files
from intake.config.logins import check_login, is_loopback
from intake.config.models import (
    LANGUAGES,
    AlarmConfig,
    CategoryConfig,
    CommunityConfig,
    DrillConfig,
    EventConfig,
    FallbackConfig,
    LedgerConfig,
    MailboxConfig,
    MetricsConfig,
    OrganizerConfig,
    Section,
    SmtpConfig,
    TemplatesConfig,
)
from intake.config.problems import Problem
from intake.config.rights import rights_problems
from intake.config.rules import check_categories, check_phrases
from intake.config.source import Keys
from intake.config.whole import complete

Model = TypeVar("Model", bound=Section)


@dataclass(slots=True)
class Draft:
    """What could be read of a file so far. ``dropped`` names keys that were wrong and left out of their section."""

    path: Path
    document: dict[str, Any]
    sections: dict[Keys, Section] = field(default_factory=dict)
    phrases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    dropped: set[Keys] = field(default_factory=set)

    def each(self, model: type[Model]) -> Iterator[tuple[Keys, Model]]:
        """The sound sections of one model with their places, in the order of the file."""
        for keys, section in self.sections.items():
            if type(section) is model:
                yield keys, section

    def of(self, model: type[Model]) -> list[Model]:
        """Just the sections."""
        return [section for _, section in self.each(model)]


def cross_check(draft: Draft) -> list[Problem]:
    """Everything that one key alone can't show; nothing about keys that are already known to be wrong."""
    checks = (
        rights_problems,
        _community,
        _ledger,
        _mailboxes,
        _smtp,
        _organizers,
        _fallback,
        _categories,
        _events,
        _drill,
        _metrics,
        _rest,
    )
    found = (problem for check in checks for problem in check(draft))
    return [problem for problem in found if problem.keys not in draft.dropped]


def _ours(draft: Draft) -> frozenset[str]:
    return frozenset[str]().union(*(community.addresses for community in draft.of(CommunityConfig)))


def _not_ours(draft: Draft, keys: Keys, address: str) -> Iterator[Problem]:
    if address and address.lower() in _ours(draft):
        yield Problem(keys, "is the community's own address, so each message would come back", "name a person's own")


def _language(draft: Draft, keys: Keys, language: str) -> Iterator[Problem]:
    own_words = any(templates.directory for templates in draft.of(TemplatesConfig))
    if language in LANGUAGES or (own_words and len(language) == 2 and language.isalpha() and language.islower()):
        return
    known = ", ".join(f'"{code}"' for code in LANGUAGES)
    yield Problem(keys, "is no language there are templates for", f"choose among {known}")


def _community(draft: Draft) -> Iterator[Problem]:
    from intake.config.zones import zone  # noqa: PLC0415 - checked only when the file changes

    for keys, community in draft.each(CommunityConfig):
        for index, language in enumerate(community.languages):
            yield from _language(draft, (*keys, "languages", index), language)
        if not community.languages:
            yield Problem((*keys, "languages"), "is empty", "name at least one language")
        yield from _doubles((*keys, "languages"), community.languages)
        yield from _doubles((*keys, "aliases"), [community.address, *community.aliases], first=-1)
        if zone(community.timezone) is None:
            yield Problem((*keys, "timezone"), "is no time zone", "write one such as Europe/Brussels")


def _doubles(keys: Keys, names: Iterable[str], first: int = 0) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(names, first):
        if name.lower() in seen:
            yield Problem((*keys, index), "stands there twice", "remove one")
        seen.add(name.lower())


def _ledger(draft: Draft) -> Iterator[Problem]:
    for keys, ledger in draft.each(LedgerConfig):
        given = [name for name in ("key_file", "key_env", "key_credential") if getattr(ledger, name)]
        if len(given) > 1:
            yield Problem((*keys, given[1]), f"stands beside {given[0]}", "keep one of them")
        if not given:
            yield Problem((*keys, "key_file"), "is empty", 'name a file such as "intake.key"')
        if ledger.key_file and (problem := files.secret_problem(ledger.key_file)):
            yield _of((*keys, "key_file"), problem)
        if ledger.file and not ledger.file.parent.is_dir():
            yield Problem((*keys, "url"), f"there is no directory {ledger.file.parent}", "make it, or correct the name")


def _of(keys: Keys, sentence: str) -> Problem:
    what, _, remedy = sentence.partition("; ")
    return Problem(keys, what, remedy)


def _mailboxes(draft: Draft) -> Iterator[Problem]:
    names: dict[str, Keys] = {}
    read: dict[tuple[str, int, str, str], str] = {}
    for keys, mailbox in draft.each(MailboxConfig):
        yield from check_login(keys, mailbox, draft.dropped)
        if mailbox.name.lower() in names:
            yield Problem((*keys, "name"), "is another mailbox's name too", "choose another")
        names[mailbox.name.lower()] = keys
        if not mailbox.folders:
            yield Problem((*keys, "folders"), "is empty", 'name the folders to read, such as ["INBOX", "Junk"]')
        yield from _doubles((*keys, "folders"), mailbox.folders)
        if mailbox.processed.lower() in {folder.lower() for folder in mailbox.folders}:
            yield Problem((*keys, "processed"), "is among the folders that are read", "choose another folder")
        if mailbox.sent and mailbox.sent.lower() in {
            folder.lower() for folder in (*mailbox.folders, mailbox.processed)
        }:
            yield Problem((*keys, "sent"), "is another folder of this mailbox too", "name the folder of sent mail only")
        for index, folder in enumerate(mailbox.folders):
            place = (mailbox.host.lower(), mailbox.port, mailbox.user, folder.lower())
            if read.setdefault(place, mailbox.name) != mailbox.name:
                yield Problem((*keys, "folders", index), "is read by another [[mailbox]] already", "remove one of them")


def _smtp(draft: Draft) -> Iterator[Problem]:
    for keys, smtp in draft.each(SmtpConfig):
        yield from check_login(keys, smtp, draft.dropped)
        if smtp.transport == "graph" and smtp.auth not in {"microsoft", "token"}:
            yield Problem((*keys, "auth"), "does not fit Microsoft Graph", 'write auth = "microsoft"')
        if smtp.transport == "graph" and smtp.security == "starttls":
            yield Problem((*keys, "security"), "does not fit Microsoft Graph", 'write "tls", or leave it out')


def _organizers(draft: Draft) -> Iterator[Problem]:
    addresses: set[str] = set()
    names: set[str] = set()
    written = tuple(category for keys, category in draft.each(CategoryConfig) if (*keys, "name") not in draft.dropped)
    categories = {category.name for category in complete(written)}
    for keys, organizer in draft.each(OrganizerConfig):
        if organizer.email.lower() in addresses:
            yield Problem((*keys, "email"), "is another organizer's address too", "remove one of the two")
        if organizer.name.casefold() in names:
            yield Problem((*keys, "name"), "is another organizer's name too", "tell them apart")
        addresses.add(organizer.email.lower())
        names.add(organizer.name.casefold())
        yield from _not_ours(draft, (*keys, "email"), organizer.email)
        if organizer.language:
            yield from _language(draft, (*keys, "language"), organizer.language)
        yield from _wishes(keys, organizer, categories)


def _wishes(keys: Keys, organizer: OrganizerConfig, categories: set[str]) -> Iterator[Problem]:
    if problem := files.missing_file(organizer.pgp_key):
        yield _of((*keys, "pgp_key"), problem)
    if organizer.content == "encrypted" and organizer.pgp_key is None:
        yield Problem((*keys, "content"), "encrypted needs a key", "name their public key: pgp_key")
    if not organizer.categories:
        yield Problem((*keys, "categories"), "is empty", 'name categories, or write ["*"]')
    for index, name in enumerate(organizer.categories):
        if name != "*" and name not in categories:
            known = ", ".join(sorted(categories))
            yield Problem((*keys, "categories", index), "is no category", f"choose among {known}, or *")
    for index, away in enumerate(organizer.away):
        if away.ends < away.starts:
            yield Problem((*keys, "away", index), "ends before it starts", "correct one of the days")


def _fallback(draft: Draft) -> Iterator[Problem]:
    organizers = draft.of(OrganizerConfig)
    for keys, fallback in draft.each(FallbackConfig):
        yield from _not_ours(draft, (*keys, "email"), fallback.email)
        if fallback.language:
            yield from _language(draft, (*keys, "language"), fallback.language)
        if fallback.email.lower() in {organizer.email.lower() for organizer in organizers}:
            yield Problem((*keys, "email"), "is an organizer's address", "name somebody outside the team")
        if organizers and fallback.minimum > _written(draft, "organizer"):
            yield Problem((*keys, "minimum"), "is more than there are organizers", "lower it, or add organizers")


def _written(draft: Draft, name: str) -> int:
    """How many there are, the faulty ones included."""
    tables = draft.document.get(name)
    return len(tables) if isinstance(tables, list) else 0


def _categories(draft: Draft) -> Iterator[Problem]:
    yield from check_phrases(draft.phrases)
    written = list(draft.each(CategoryConfig))
    lists = draft.document.get("phrases")
    yield from check_categories(written, lists if isinstance(lists, dict) else {}, draft.dropped)
    if any(keys[0] in {"organizer", "category"} for keys in draft.dropped) or draft.of(FallbackConfig):
        return
    served = {name for organizer in draft.of(OrganizerConfig) for name in organizer.categories}
    for keys, category in written:
        if served and not served & {"*", category.name}:
            yield Problem((*keys, "name"), "goes to no organizer", "add it to somebody's categories, or a [fallback]")


def _events(draft: Draft) -> Iterator[Problem]:
    names: set[str] = set()
    team = {organizer.email.lower() for organizer in draft.of(OrganizerConfig)}
    for keys, event in draft.each(EventConfig):
        if event.name.casefold() in names:
            yield Problem((*keys, "name"), "is another event's name too", "add the year, for example")
        names.add(event.name.casefold())
        if (event.starts.tzinfo is None) == (event.ends.tzinfo is None) and event.ends <= event.starts:
            yield Problem((*keys, "ends"), "is not after its start", "correct one of the times")
        for index, address in enumerate(event.team):
            if team and address.lower() not in team and not any(keys[0] == "organizer" for keys in draft.dropped):
                yield Problem((*keys, "team", index), "is no organizer's address", "write it as in [[organizer]]")


def _drill(draft: Draft) -> Iterator[Problem]:
    people = {one.email.lower() for one in draft.of(OrganizerConfig)}
    people |= {one.email.lower() for one in draft.of(FallbackConfig)}
    for keys, drill in draft.each(DrillConfig):
        yield from _not_ours(draft, (*keys, "to"), drill.to)
        if drill.every and not drill.to:
            yield Problem((*keys, "every"), "needs an address for the copies", "name one that no organizer reads: to")
        if drill.to.lower() in people:
            yield Problem((*keys, "to"), "is somebody's who gets reports", "name an address that is read by nobody")
        if drill.every and drill.every < drill.within:
            yield Problem((*keys, "every"), "is shorter than within", "check less often, or wait less long")
        pauses = [mailbox.poll_seconds for mailbox in draft.of(MailboxConfig)]
        if drill.every and pauses and drill.within.total_seconds() <= min(pauses):
            what = "is over before a mailbox is looked at again (poll_seconds)"
            yield Problem((*keys, "within"), what, "wait longer, or poll more often")


def _metrics(draft: Draft) -> Iterator[Problem]:
    for keys, metrics in draft.each(MetricsConfig):
        if metrics.textfile and not metrics.textfile.parent.is_dir():
            what = f"there is no directory {metrics.textfile.parent}"
            yield Problem((*keys, "textfile"), what, "make it, or correct the name")
        host, _, port = metrics.listen.rpartition(":")
        if metrics.listen and not (is_loopback(host) and _is_port(port)):
            yield Problem((*keys, "listen"), "is no loopback address with a port", 'write it as "127.0.0.1:9123"')


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536


def _rest(draft: Draft) -> Iterator[Problem]:
    for keys, templates in draft.each(TemplatesConfig):
        if problem := files.missing_directory(templates.directory):
            yield _of((*keys, "directory"), problem)
    for keys, alarm in draft.each(AlarmConfig):
        yield from _not_ours(draft, (*keys, "email"), alarm.email)
        host, colon, port = alarm.smtp_host.rpartition(":")
        if colon and not (host and (_is_port(port) or port.endswith("]") or host.endswith(":"))):
            remedy = 'write it as "relay.example.org:587", an IPv6 address in brackets'
            yield Problem((*keys, "smtp_host"), "has no port behind its colon", remedy)
        if alarm.ping_url and not alarm.ping_url.lower().startswith(("https://", "http://")):
            yield Problem((*keys, "ping_url"), "is no web address", "write it as https://…")
    notified: list[tuple[Keys, AlarmConfig | OrganizerConfig]] = [
        *draft.each(AlarmConfig),
        *draft.each(OrganizerConfig),
    ]
    for keys, person in notified:
        for index, url in enumerate(person.notify):
            if "://" not in url:
                yield Problem((*keys, "notify", index), "is no apprise URL", "write it as scheme://…")
