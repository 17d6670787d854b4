"""Checks of how a server is reached and logged in to; the same for a mailbox and for the way out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from intake.config import files
from intake.config.models import Login, MailboxConfig, SmtpConfig
from intake.config.problems import Problem
from intake.config.source import Keys

# The settings that each way of logging in needs: one of each group.
_PASSWORD = ("password_file", "password_env", "password_credential")
_MICROSOFT = ("client_secret_file", "client_secret_env", "client_secret_credential", "certificate_file")
NEEDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "password": (("user",), _PASSWORD),
    "token": (("user",), ("token_command",)),
    "microsoft": (("user",), ("tenant",), ("client_id",), _MICROSOFT),
    "google": (("user",), ("service_account_file",)),
    "none": (),
}
SECRET_FILES = ("password_file", "client_secret_file", "certificate_file", "service_account_file")


def check_login(keys: Keys, login: MailboxConfig | SmtpConfig, dropped: set[Keys]) -> Iterator[Problem]:
    """Everything about one ``[[mailbox]]`` or ``[smtp]`` that has to do with getting in."""
    if login.security == "none" and not is_loopback(login.host):
        yield Problem((*keys, "security"), 'is "none", but the host is not this machine', 'choose "tls" or "starttls"')
    if problem := files.missing_file(login.ca_file):
        what, _, remedy = problem.partition("; ")
        yield Problem((*keys, "ca_file"), what, remedy)
    if login.authority and not login.authority.lower().startswith("https://"):
        yield Problem((*keys, "authority"), "is no https address", "write it as https://…, without the tenant")
    yield from _exactly_one(keys, login, dropped)
    yield from _secrets(keys, login)
    if login.token_command:
        yield from _command(keys, login.token_command)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, judged by its name alone: nothing is looked up."""
    name = host.strip("[]").lower().rstrip(".")
    if name in {"localhost", "::1"} or name.endswith(".localhost"):
        return True
    parts = name.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() for part in parts)


def unused(login: MailboxConfig | SmtpConfig) -> list[str]:
    """Settings that are given but that this way of logging in does not look at."""
    used = {name for group in NEEDS[login.auth] for name in group}
    every = {name for groups in NEEDS.values() for group in groups for name in group}
    return [name for name in type(login).model_fields if name in every - used and getattr(login, name)]


def _exactly_one(keys: Keys, login: MailboxConfig | SmtpConfig, dropped: set[Keys]) -> Iterator[Problem]:
    if (*keys, "auth") in dropped:
        return
    for group in NEEDS[login.auth]:
        if any((*keys, name) in dropped for name in group):
            continue
        given = [name for name in group if getattr(login, name)]
        if not given:
            what = f'auth = "{login.auth}" needs ' + (group[0] if len(group) == 1 else "one of " + ", ".join(group))
            yield Problem(keys, what, "add it")
        elif len(given) > 1:
            yield Problem((*keys, given[1]), f"stands beside {given[0]}", "keep one of them")


def _secrets(keys: Keys, login: Login) -> Iterator[Problem]:
    for name in SECRET_FILES:
        path = getattr(login, name)
        if path is not None and (problem := files.secret_problem(path)):
            what, _, remedy = problem.partition("; ")
            yield Problem((*keys, name), what, remedy)


def _command(keys: Keys, command: str) -> Iterator[Problem]:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        yield Problem((*keys, "token_command"), "is no command", "close its quotes; it runs without a shell")
