"""The answers of ``intake init``, and the configuration that they make."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach a server and log in. ``secret`` is the password or client secret, in nobody's ``repr``."""

    host: str
    port: int
    security: str
    user: str = ""
    auth: str = "password"
    ca_file: str = ""
    tenant: str = ""
    client_id: str = ""
    command: str = field(repr=False, default="")
    account_file: str = ""
    secret: str = field(repr=False, default="")

    @property
    def secret_key(self) -> str:
        """Which setting names the secret; empty where there is none to keep."""
        return {"password": "password", "microsoft": "client_secret"}.get(self.auth, "") if self.secret else ""


@dataclass(frozen=True, slots=True)
class Person:
    """An organizer."""

    name: str
    email: str
    language: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was asked."""

    name: str
    short_name: str
    address: str
    languages: tuple[str, ...]
    timezone: str
    imap: Server
    smtp: Server
    folders: tuple[str, ...] = ("INBOX",)
    processed: str = "Processed"
    start: str = "now"
    envelope_sender: str = "null"
    organizers: tuple[Person, ...] = ()
    fallback: Person | None = None
    alarm: str = ""

    def secrets(self) -> dict[str, str]:
        """File names, and the secrets that belong in them; one file where both servers take the same."""
        found = {}
        for name, server in (("imap", self.imap), ("smtp", self.smtp)):
            if server.secret_key:
                found[f"{name}-{server.secret_key.replace('_', '-')}"] = server.secret
        if self.same_secret:
            found.pop(f"smtp-{self.smtp.secret_key.replace('_', '-')}")
        return found

    @property
    def same_secret(self) -> bool:
        """Whether one file is enough."""
        return bool(self.smtp.secret_key) and (self.imap.secret_key, self.imap.secret) == (
            self.smtp.secret_key,
            self.smtp.secret,
        )

    def for_trial(self) -> Answers:
        """The same, with somebody to send to: enough to try the servers before everything has been asked."""
        return self if self.organizers else replace(self, organizers=(Person("Somebody", "somebody@trial.invalid"),))


def text(answers: Answers, *, head: str = "", variables: bool = False) -> str:
    """The configuration as TOML; with ``variables``, secrets are named as environment variables of a trial."""
    return "\n".join([*_head(head), *_community(answers), *_servers(answers, variables=variables), *_people(answers)])


def environment(answers: Answers) -> dict[str, str]:
    """The variables of a trial."""
    return {"INTAKE_TRIAL_IMAP": answers.imap.secret, "INTAKE_TRIAL_SMTP": answers.smtp.secret}


def _quoted(value: str | int | tuple[str, ...]) -> str:
    # A basic string of TOML is one of JSON, as long as the controls of JSON's escapes are all there is.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _lines(*pairs: tuple[str, str | int | tuple[str, ...], str]) -> Iterator[str]:
    for key, value, why in pairs:
        line = f"{key} = {_quoted(value)}"
        yield f"{line:37} # {why}" if why else line


def _head(head: str) -> Iterator[str]:
    yield from (f"# {line}" for line in head.splitlines())
    yield ""


def _community(answers: Answers) -> Iterator[str]:
    yield "[community]"
    yield from _lines(
        ("name", answers.name, ""),
        ("short_name", answers.short_name, "for subjects and lists"),
        ("address", answers.address, "reporters write here; all mail is sent From it"),
        ("languages", answers.languages, "the first is used when a mail's language is unclear"),
        ("timezone", answers.timezone, ""),
    )
    yield ""
    yield "[ledger]"
    yield from _lines(
        ("url", "sqlite:///intake.db", ""),
        ("key_file", "intake.key", "made at first use; keep a copy apart from the ledger"),
    )
    yield ""


def _servers(answers: Answers, *, variables: bool) -> Iterator[str]:
    yield "[[mailbox]]"
    yield from _lines(("name", answers.address.partition("@")[0], "a short name for reports and errors"))
    yield from _server(answers.imap, "imap", "INTAKE_TRIAL_IMAP" if variables else "")
    yield from _lines(
        ("folders", answers.folders, "a report in Junk is a report"),
        ("processed", answers.processed, "mail that is dealt with is moved here"),
        ("start", answers.start, "mail that is there at first contact: now (record it) | all (handle it)"),
    )
    yield ""
    yield "[smtp]"
    yield from _server(
        answers.smtp, "imap" if answers.same_secret else "smtp", "INTAKE_TRIAL_SMTP" if variables else ""
    )
    if answers.envelope_sender != "null":
        yield from _lines(("envelope_sender", answers.envelope_sender, "Exchange Online refuses null"))
    yield ""


def _server(server: Server, name: str, variable: str) -> Iterator[str]:
    yield from _lines(("host", server.host, ""), ("port", server.port, ""), ("security", server.security, ""))
    if server.auth != "none":
        yield from _lines(("user", server.user, ""))
    yield from _lines(("auth", server.auth, ""))
    key = server.secret_key
    if key and variable:
        yield from _lines((f"{key}_env", variable, ""))
    elif key:
        yield from _lines((f"{key}_file", f"{name}-{key.replace('_', '-')}", "rights 0600"))
    more = (
        ("tenant", server.tenant), ("client_id", server.client_id), ("token_command", server.command),
        ("service_account_file", server.account_file), ("ca_file", server.ca_file),
    )  # fmt: skip
    yield from _lines(*((key, value, "") for key, value in more if value))


def _people(answers: Answers) -> Iterator[str]:
    for person in answers.organizers:
        yield "[[organizer]]"
        yield from _lines(
            ("name", person.name, "a report that names them does not go to them"),
            ("email", person.email, ""),
            ("also_known_as", person.names, "other names and handles; a first name counts only here"),
            ("language", person.language, ""),
        )
        yield ""
    if answers.fallback:
        yield "[fallback]                            # who gets a case when too few organizers may see it"
        yield from _lines(("name", answers.fallback.name, ""), ("email", answers.fallback.email, ""))
        yield ""
    if answers.alarm:
        yield "[alarm]"
        yield from _lines(("email", answers.alarm, "told when the program is in trouble; sees no content"))
        yield ""
