"""The configuration as values. Everything is frozen, checked and complete: who reads it checks nothing again.

The descriptions of the fields are the reference: ``docs/configuration.md`` is made from them. Paths are absolute
once loaded; an empty string in the file means "not set" and is None here wherever the type says so.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from intake.config import values
from intake.config.source import Source, named
from intake.config.values import Schedule

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

LANGUAGES = ("en", "nl", "fr", "de")

Security = Literal["tls", "starttls", "none"]
Auth = Literal["password", "microsoft", "google", "token"]
Matcher = str | tuple[str, ...] | None  # a list's name or "re:…"; phrases; nothing


def _file(value: object, info: ValidationInfo) -> object:
    directory: Path = (info.context or {}).get("directory", Path())
    if isinstance(value, Path) or value is None:
        return directory / value if value else None
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("is no file name; write it in quotes, relative to this file")
    return directory / Path(value).expanduser() if value.strip() else None


def _moment(value: object, info: ValidationInfo) -> object:
    return values.moment(value, (info.context or {}).get("zone"))


def _ledger_url(value: str, info: ValidationInfo) -> str:
    directory: Path = (info.context or {}).get("directory", Path())
    return values.ledger_url(value, directory)


def _headers(value: object) -> object:
    return values.headers(value)


def _not_empty(value: object) -> object:
    return None if value == "" else value


Line = Annotated[str, AfterValidator(values.one_line)]
Text = Annotated[str, AfterValidator(values.no_controls)]
Slug = Annotated[str, AfterValidator(values.slug)]
Email = Annotated[str, AfterValidator(values.email)]
OptionalEmail = Annotated[str, AfterValidator(values.optional_email)]
Duration = Annotated[timedelta, BeforeValidator(values.duration)]
OptionalDay = Annotated[date | None, BeforeValidator(_not_empty)]
OptionalDuration = Annotated[timedelta | None, BeforeValidator(values.optional_duration)]
Size = Annotated[int, BeforeValidator(values.size)]
File = Annotated[Path | None, BeforeValidator(_file)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Digests = Annotated[Schedule, BeforeValidator(values.schedule)]
OptionalDigests = Annotated[Schedule | None, BeforeValidator(values.optional_schedule)]
LedgerUrl = Annotated[str, AfterValidator(_ledger_url)]
Rule = Annotated[Matcher, BeforeValidator(_not_empty)]
HeaderRules = Annotated[tuple[tuple[str, Matcher], ...], BeforeValidator(_headers)]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1, le=10**9)]  # as seconds, 31 years; the ledger and the schedule can count so far


class Section(BaseModel):
    """One table of the file; ``place(key)`` says ``file:line`` for a message about it."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        defer_build=True,
        arbitrary_types_allowed=True,
    )
    _source: Source = PrivateAttr(default_factory=Source)
    _path: tuple[str | int, ...] = PrivateAttr(default=())

    def place(self, key: str = "") -> str:
        """``file:line`` of a key of this table, else of the table."""
        return self._source.place((*self._path, key) if key else self._path)

    def label(self, key: str = "") -> str:
        """``table.key`` as problems name it."""
        return named((*self._path, key) if key else self._path)

    def bind(self, source: Source, path: tuple[str | int, ...]) -> None:
        """Remember where this table stands; done once, by ``load``."""
        self._source, self._path = source, path


class CommunityConfig(Section):
    """The community and the address that reporters write to."""

    name: Line = Field(description="The community's name, as reporters know it.")
    short_name: Text = Field("", description="A short form for subjects; empty: the name.")
    address: Email = Field(description="Reporters write here; all mail is sent From it.")
    aliases: tuple[Email, ...] = Field((), description="Other addresses that are ours: never answered as people.")
    languages: tuple[str, ...] = Field(("en",), description="Languages of the community; the first is the default.")
    timezone: str = Field("UTC", description="Where the community's clocks hang, such as Europe/Brussels.")

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - a pass without news needs no time zone

        return ZoneInfo(self.timezone)

    @cached_property
    def addresses(self) -> frozenset[str]:
        """Every address that is ours, in lower case."""
        return frozenset(address.lower() for address in (self.address, *self.aliases))


class LedgerConfig(Section):
    """Where it is written down what became of each mail."""

    url: LedgerUrl = Field(
        "sqlite:///intake.db",
        validate_default=True,
        repr=False,
        description="`sqlite:///file`, relative to this file, or `postgresql://…`.",
    )
    key_file: File = Field(
        Path("intake.key"),
        validate_default=True,
        description="Keys the hashes and encrypts waiting originals; made at first use with rights 0600.",
    )
    key_env: Text = Field("", description="Or: the environment variable that holds the key.")
    key_credential: Text = Field("", description="Or: the systemd credential that holds the key.")

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, table: Any) -> Any:
        """The default file is for those who name no other source."""
        elsewhere = isinstance(table, dict) and (table.get("key_env") or table.get("key_credential"))
        return {"key_file": None, **table} if elsewhere else table

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for another database."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:///") else None


class Login(Section):
    """What a mailbox and the way out have in common: a server and how to log in there."""

    usual_ports: ClassVar[dict[str, int]] = {}

    host: Line = Field(description="The server's name; its certificate must carry it.")
    security: Security = Field("tls", description="`tls`, `starttls`, or `none` (a loopback host only).")
    user: Text = Field("", description="The name to log in with.")
    password_file: File = Field(None, description="A file that holds the password, rights 0600.")
    password_env: Text = Field("", description="Or: the environment variable that holds it.")
    password_credential: Text = Field("", description="Or: the systemd credential that holds it.")
    token_command: str = Field("", repr=False, description='With auth "token": a command that prints an OAuth2 token.')
    ca_file: File = Field(None, description="Trust these certificates only (PEM); empty: the system's.")
    tenant: Text = Field("", description='With auth "microsoft": the directory (tenant) id.')
    client_id: Text = Field("", description='With auth "microsoft": the application (client) id.')
    client_secret_file: File = Field(None, description="A file that holds the client secret, rights 0600.")
    client_secret_env: Text = Field("", description="Or: the environment variable that holds it.")
    client_secret_credential: Text = Field("", description="Or: the systemd credential that holds it.")
    certificate_file: File = Field(None, description="Or: certificate and private key in one PEM file, rights 0600.")
    client_secret_expires: OptionalDay = Field(
        None, description="The day the client secret ends, as the portal showed it; you are told weeks ahead."
    )
    cloud: Literal["global", "usgov", "china"] = Field("global", description="Which Microsoft cloud.")
    authority: Text = Field("", description="Another place to ask for tokens, `https://…`; empty: by `cloud`.")
    service_account_file: File = Field(None, description='With auth "google": its JSON file, rights 0600.')

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, table: Any) -> Any:
        if isinstance(table, dict) and "port" not in table and table.get("security") in cls.usual_ports:
            return {**table, "port": cls.usual_ports[table["security"]]}
        return table


class MailboxConfig(Login):
    """A mailbox to read by IMAP."""

    usual_ports: ClassVar[dict[str, int]] = {"tls": 993, "starttls": 143, "none": 143}

    name: Line = Field(description="A short name for reports and errors.")
    port: Port = Field(993, description="993 with tls; if left out, 143 with starttls or none.")
    auth: Auth = Field("password", description="How to log in: password, microsoft, google or token.")
    folders: tuple[Line, ...] = Field(("INBOX",), description="Folders to read; name the junk folder too.")
    processed: Text = Field("Processed", description="Mail that is dealt with is moved here; empty: it stays.")
    sent: Text = Field("", description="The folder of sent mail, to see answers to reporters in it; it is only read.")
    start: Literal["now", "all"] = Field(
        "now", description="Mail that is there at first contact: `now` records it unanswered, `all` handles it."
    )
    poll_seconds: Count = Field(60, description="How often the service looks, in seconds.")
    idle: bool = Field(default=False, description="Let the server announce new mail (IMAP IDLE); polling goes on.")
    max_size: Size = Field(40 << 20, description="Of a larger mail organizers are told where it lies.")

    @property
    def watched(self) -> tuple[str, ...]:
        """Every folder that is read, in this order: an answer before what may have come back of it."""
        return (*((self.sent,) if self.sent else ()), *self.folders)

    @property
    def known(self) -> tuple[str, ...]:
        """Every folder in which a mail may stand that the ledger knows."""
        return (*self.watched, *((self.processed,) if self.processed else ()))


class SmtpConfig(Login):
    """The way out."""

    usual_ports: ClassVar[dict[str, int]] = {"tls": 465, "starttls": 587, "none": 25}
    graph_hosts: ClassVar[dict[str, str]] = {
        "global": "graph.microsoft.com",
        "usgov": "graph.microsoft.us",
        "china": "microsoftgraph.chinacloudapi.cn",
    }

    transport: Literal["smtp", "graph"] = Field(
        "smtp", description="`graph` sends through Microsoft Graph, for tenants without SMTP AUTH; needs no host."
    )

    security: Security = Field("starttls", description="`tls`, `starttls`, or `none` (a loopback host only).")
    port: Port = Field(587, description="587 with starttls; if left out, 465 with tls, 25 with none.")
    auth: Literal["password", "microsoft", "google", "token", "none"] = Field(
        "password", description="As for a mailbox; `none` for no log-in."
    )
    envelope_sender: Literal["null", "community"] = Field(
        "null", description="Of acknowledgements: `null`, or `community` (Exchange Online refuses null)."
    )
    max_per_minute: Count = Field(30, description="Messages a minute at most.")
    connections: Annotated[int, Field(ge=1, le=20)] = Field(
        3, description="Messages on their way at once; Exchange Online takes three."
    )

    @model_validator(mode="before")
    @classmethod
    def _usual_graph(cls, table: Any) -> Any:
        if isinstance(table, dict) and table.get("transport") == "graph":
            host = cls.graph_hosts.get(str(table.get("cloud", "global")), "")
            return {"host": host, "security": "tls", "port": 443, **table}
        return table


class AcknowledgementConfig(Section):
    """The automatic answer to a reporter."""

    enabled: bool = Field(default=True, description="Whether reporters get one at all.")
    after_fan_out_within: Duration = Field(
        timedelta(minutes=10),
        description="It waits so long for one organizer's server to take a copy; then it says that nobody has it yet.",
    )
    reply_within: OptionalDuration = Field(None, description='Printed as a promise only when set, such as "24h".')
    readers: Literal["names", "roles", "none"] = Field("names", description="How it tells who will read.")
    per_sender_per_day: Count = Field(4, description="At most so many to one sender; only the answer is left out.")
    per_domain_per_day: Count = Field(50, description="At most so many to one domain, public mail providers apart.")
    per_day: Count = Field(200, description="At most so many in all.")
    authserv_id: Text = Field("", description="Whose Authentication-Results to believe; empty: senders are not judged.")
    dkim: bool = Field(
        default=False, description="Whether signatures are verified here as well, with keys from the DNS: an extra."
    )
    authentication: Literal["full", "generic", "none"] = Field(
        "generic", description="With authserv_id or dkim: what a sender without a pass gets."
    )

    @property
    def judges_senders(self) -> bool:
        """Whether anything is known of who a sender really is."""
        return bool(self.authserv_id) or self.dkim


class Away(Section):
    """Days on which an organizer is away, the last one included."""

    starts: date = Field(description="The first day.")
    ends: date = Field(description="The last day.")


class OrganizerConfig(Section):
    """Someone who gets the reports."""

    name: Line = Field(description="As reporters know them: a report that names them does not go to them.")
    email: Email = Field(description="Where the copies go.")
    also_known_as: tuple[Line, ...] = Field((), description="Other names and handles; a first name counts only here.")
    role: Text = Field("", description='What an acknowledgement says with `readers = "roles"`.')
    language: str = Field("", description="Of the messages to them; empty: the community's first.")
    content: Literal["full", "encrypted", "notice"] = Field(
        "full", description="The whole report, the same encrypted, or only that something waits."
    )
    pgp_key: File = Field(None, description="Their public key, an armoured file.")
    categories: tuple[Line, ...] = Field(("*",), description="The categories they get; `*` is all.")
    notify: tuple[str, ...] = Field((), repr=False, description="apprise URLs for pings without content.")
    digest: OptionalDigests = Field(None, description="When their digest comes; empty: as `[digest]` says.")
    away: tuple[Away, ...] = Field((), description="Days off; an urgent case reaches them all the same.")


class FallbackConfig(Section):
    """Who gets a case when too few organizers may see it."""

    minimum: Count = Field(1, description="When fewer organizers than this may see a case.")
    name: Line = Field(description="A person or board outside the team.")
    email: Email = Field(description="Their address.")
    language: str = Field("", description="Of the messages to them; empty: the community's first.")


class CategoryConfig(Section):
    """A kind of mail: first match wins, and every rule that is given must match."""

    name: Slug = Field(description="Lower-case letters, digits and hyphens; the name of its template.")
    subject: Rule = Field(None, description="A list's name from `[phrases]`, a list of phrases, or `re:…` (RE2).")
    body: Rule = Field(None, description="As subject, on the mail's text.")
    recipient: Rule = Field(None, description="An address the mail was sent to, several, or `re:…`.")
    header: HeaderRules = Field((), description='`"Name: rule"` or `{ Name = rule }`, a rule as for subject.')
    claim_within: OptionalDuration = Field(timedelta(hours=4), description="Reminders start when nobody took the case.")
    reply_within: OptionalDuration = Field(timedelta(hours=24), description="… or when no person has answered.")

    @property
    def has_rule(self) -> bool:
        """Whether anything narrows it."""
        return bool(self.subject or self.body or self.recipient or self.header)


class EventConfig(Section):
    """An event: raises urgency around it, and may have its own phone and team."""

    name: Line = Field(description="Its name, as people write it.")
    starts: Moment = Field(description="In the community's time zone unless it has an offset.")
    ends: Moment = Field(description="Likewise.")
    on_site_phone: Text = Field(
        "", description="Told only to a sender with an authentication pass, from the day before until the end."
    )
    team: tuple[Email, ...] = Field((), description="Organizers who get its cases; empty: all.")


class DigestConfig(Section):
    """The regular overview for organizers."""

    schedule: Digests = Field(
        Schedule(frozenset(range(5)), time(8), "mon-fri 08:00"),
        description="Days (`mon-fri`, `mon,thu`, `daily`) and a time in the community's zone.",
    )
    count_answers: bool = Field(
        default=True,
        description="Count answers of programs and bounces that name no message; `false`: none.",
    )


class AlarmConfig(Section):
    """Who is told when the program itself is in trouble."""

    email: OptionalEmail = Field("", description="Someone who looks after the tool; sees no content.")
    smtp_host: Text = Field("", description="A second way out, `host` or `host:port`.")
    notify: tuple[str, ...] = Field((), repr=False, description="apprise URLs.")
    ping_url: str = Field("", repr=False, description="Called after each good pass: a dead-man's switch.")


class DrillConfig(Section):
    """Self-checks: a drill now and then, to an address that is nobody's, and an alarm if it does not come through."""

    every: OptionalDuration = Field(None, description="How often, such as `1d`; empty: never.")
    to: OptionalEmail = Field("", description="Where every copy of it goes: an address that no organizer reads.")
    within: Duration = Field(timedelta(minutes=30), description="What has not come through by then has failed.")


class MetricsConfig(Section):
    """Figures about the program's health for Prometheus; nothing in them is about a case."""

    textfile: File = Field(None, description="Written after each pass, for the node exporter; its folder must exist.")
    listen: Text = Field("", description="`run` serves them here, a loopback address such as `127.0.0.1:9123`.")


class RetentionConfig(Section):
    """How long things are kept."""

    closed_cases: Duration = Field(
        timedelta(days=365), description="A closed case is erased after this; digests name it two weeks before."
    )


class TemplatesConfig(Section):
    """Words of your own."""

    directory: File = Field(None, description="Your files, used before the shipped ones, one by one.")
