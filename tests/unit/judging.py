"""A small community for the tests of judging, and mails made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from intake.config import Config, loads
from intake.decide.classify import Judge
from intake.model import ParsedMail, Verdict
from intake.receive.parse import parse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

COMMUNITY = """
[community]
name = "Example User Group"
address = "help@example.org"
aliases = ["team@example.org"]
languages = ["en", "nl", "fr", "de"]
timezone = "Europe/Brussels"
[[mailbox]]
name = "help"
host = "localhost"
security = "none"
user = "u"
password_env = "P"
[smtp]
host = "localhost"
security = "none"
auth = "none"
[[organizer]]
name = "Ann Example"
email = "ann@example.org"
also_known_as = ["Annie", "@ann_ex", "ann.old@example.com"]
[[organizer]]
name = "Bram van den Berg"
email = "bram@example.net"
[[organizer]]
name = "Zoë Müller"
email = "zoe.muller@gmail.com"
[[event]]
name = "Cloud Day"
starts = 2026-04-18T08:30:00
ends = 2026-04-18T18:00:00
"""


@cache
def config(more: str = "", languages: str = "") -> Config:
    text = COMMUNITY.replace('["en", "nl", "fr", "de"]', languages) if languages else COMMUNITY
    return loads(text + more, Path("/nowhere/config.toml"))


@cache
def judge(more: str = "", languages: str = "") -> Judge:
    return Judge(config(more, languages))


def mail(
    subject: str = "Code-of-conduct", body: str = "", sender: str = "Rita Reporter <rita@example.com>", **more: str
) -> bytes:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = "help@example.org"
    if subject:
        message["Subject"] = subject
    for name, value in more.items():
        message[name.replace("_", "-")] = value
    message.set_content(body)
    return bytes(message)


def parsed(
    subject: str = "Code-of-conduct", body: str = "", sender: str = "Rita Reporter <rita@example.com>", **more: str
) -> ParsedMail:
    return parse(mail(subject, body, sender, **more))


def judged(subject: str = "Code-of-conduct", body: str = "", *, now: datetime = NOW, **more: str) -> Verdict:
    return judge().judge(parsed(subject, body, **more), now)
