"""The questions of ``intake init``, in their order: what can be tried is tried at once, and asked again if it fails."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from intake.cli import answering, providers
from intake.cli.asking import Asker
from intake.cli.drafting import Answers, Person, Server, environment, text
from intake.errors import ConfigError, IntakeError, MailboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from intake.config import Config
    from intake.ports import Mailbox


class Interview:
    """The questions in their order; what can be tried is tried at once, and asked again if it fails."""

    def __init__(self, asker: Asker, path: Path, *, offline: bool) -> None:
        self.asker, self.path, self.offline = asker, path, offline
        self.provider: providers.Provider | None = None

    def answers(self) -> Answers:
        """Everything. Raises UnansweredError when the answers end, click.Abort when somebody stops."""
        found = self._community()
        self._meet(found.address)
        found = self._until_it_works(found, self._imap, self._try_imap)
        found = self._until_it_works(found, self._folders, self._try_folders)
        found = self._until_it_works(found, self._smtp, self._try_smtp)
        return self._people(found)

    def _community(self) -> Answers:
        from intake.config.values import email, no_controls, one_line

        ask = self.asker.ask
        self.asker.say("\nThe community", style="cyan")
        name = ask("Its name, as reporters know it", check=one_line)
        short = ask("A short form, for subjects", answering.initials(name), check=no_controls)
        address = ask("The address that reporters write to", check=email)
        languages, zone = answering.COUNTRIES.get(address.rpartition(".")[2], ("en", answering.local_zone()))
        spoken = ask(
            "Languages of its mail: en, nl, fr, de; the first is the default", languages, check=answering.languages
        )
        zone = ask("Time zone", zone, check=answering.zone)
        nowhere = Server("", 0, "tls", address)
        return Answers(name, short, address, tuple(spoken.split(", ")), zone, nowhere, nowhere)

    def _meet(self, address: str) -> None:
        """Find out who hosts the mailbox, and say what is known about them."""
        domain = address.rpartition("@")[2]
        known = providers.by_domain(domain) or (None if self.offline else providers.by_lookup(domain))
        names = ", ".join(one.key for one in providers.PROVIDERS)
        self.asker.say("\nThe mailbox", style="cyan")
        self.asker.say(f"Providers whose settings are known: {names}.")
        said = self.asker.ask(
            "Who hosts it (one of these, or other)", known.key if known else "other", check=answering.provider
        )
        self.provider = providers.by_name(said)
        if self.provider and self.provider.note:
            self.asker.say(f"  Note: {self.provider.note}", style="yellow")

    def _imap(self, found: Answers) -> Answers:
        known, before = self.provider, found.imap
        first = not before.host
        host = self.asker.ask(
            "IMAP server", before.host or (known.imap if known else "imap." + found.address.rpartition("@")[2])
        )
        security = self._security(before.security if not first else known.imap_security if known else "tls", host)
        usual = {"tls": 993, "starttls": 143, "none": 143}[security]
        port = self._port(
            before.port if not first and before.security == security else known.imap_port if known and first else usual
        )
        server = replace(before, host=host, security=security, port=port)
        server = self._login(server, before.auth if not first else known.auth if known else "password", same="")
        return replace(found, imap=server)

    def _smtp(self, found: Answers) -> Answers:
        known, before = self.provider, found.smtp
        first = not before.host
        if first:
            self.asker.say("\nThe way out", style="cyan")
            before = replace(found.imap, host="", secret="")
        usual = (
            "smtp." + found.imap.host.removeprefix("imap.") if found.imap.host.startswith("imap.") else found.imap.host
        )
        host = self.asker.ask("SMTP server", before.host or (known.smtp if known else usual))
        security = self._security(before.security if not first else known.smtp_security if known else "starttls", host)
        usual_port = {"tls": 465, "starttls": 587, "none": 25}[security]
        if first and known and known.smtp_security == security:
            usual_port = known.port_out
        port = self._port(usual_port if first else before.port)
        server = replace(before, host=host, security=security, port=port)
        server = self._login(server, before.auth, same=found.imap.secret, choices=("none",))
        sender = "community" if known and known.key == "microsoft" else "null"
        return replace(found, smtp=server, envelope_sender=sender)

    def _security(self, default: str, host: str) -> str:
        from intake.config.logins import is_loopback

        choices = ("tls", "starttls", "none") if is_loopback(host) else ("tls", "starttls")
        return self.asker.choose("Its security", choices, default)

    def _port(self, default: int) -> int:
        return int(self.asker.ask("Its port", str(default), check=answering.port))

    def _login(self, server: Server, auth: str, *, same: str, choices: tuple[str, ...] = ()) -> Server:
        ask = self.asker.ask
        auth = self.asker.choose("How to log in", ("password", "microsoft", "google", "token", *choices), auth)
        server = replace(server, auth=auth)
        if auth != "none":
            server = replace(server, user=ask("User name", server.user))
        kept = server.secret or same
        if auth == "password":
            server = replace(server, secret=self._secret("Password", kept))
        elif auth == "microsoft":
            tenant = ask("Directory (tenant) id", server.tenant)
            client = ask("Application (client) id", server.client_id)
            server = replace(server, tenant=tenant, client_id=client, secret=self._secret("Client secret", kept))
        elif auth == "token":
            server = replace(server, command=ask("A command that prints an access token", server.command))
        elif auth == "google":
            server = replace(server, account_file=ask("The service account's JSON file", server.account_file))
        if self.provider is None and server.security != "none":
            own = ask("Certificates to trust instead of the system's, a PEM file", server.ca_file, optional=True)
            server = replace(server, ca_file=own)
        return server

    def _secret(self, what: str, kept: str) -> str:
        if not kept:
            return self.asker.ask(what, secret=True)
        return self.asker.ask(f"{what} (Enter: the same as before)", optional=True, secret=True) or kept

    def _folders(self, found: Answers) -> Answers:
        shown = self._look_around(found)
        folders = self.asker.ask("Folders to read, the junk folder too", ", ".join(shown), check=answering.names)
        processed = self.asker.ask('Where mail that is dealt with goes ("-": it stays)', found.processed or "-")
        start = self.asker.choose(
            "Mail that is there already: record it, or handle all of it", ("now", "all"), found.start
        )
        return replace(
            found, folders=tuple(folders.split(", ")), processed="" if processed == "-" else processed, start=start
        )

    def _people(self, found: Answers) -> Answers:
        from intake.config.values import email, one_line, optional_email

        ask, people = self.asker.ask, list[Person]()
        self.asker.say("\nThe organizers, who get the reports", style="cyan")
        while name := ask("Name" if not people else "Another one's name", check=one_line, optional=bool(people)):
            taken = {found.address.lower(), *(person.email.lower() for person in people)}
            address = ask("  Address", check=answering.another(email, taken))
            language = ask("  Language of the messages to them", found.languages[0], check=answering.language)
            names = ask("  Other names and handles, first names too", answering.first_name(name), check=answering.names)
            people.append(Person(name, address, language, tuple(names.split(", "))))
        self.asker.say("\nA person or board outside the team gets a case that no organizer may see.")
        fallback = None
        if name := ask("Its name", optional=True, check=one_line):
            taken = {found.address.lower(), *(person.email.lower() for person in people)}
            fallback = Person(name, ask("  Address", check=answering.another(email, taken)))
        alarm = ask("Who looks after this program: an address that is told of trouble, never of content",
                    optional=True, check=optional_email)  # fmt: skip
        return replace(found, organizers=tuple(people), fallback=fallback, alarm=alarm)

    # --- trying ---

    def _until_it_works(
        self, found: Answers, ask: Callable[[Answers], Answers], attempt: Callable[[Answers], str]
    ) -> Answers:
        while True:
            found = ask(found)
            if self.offline:
                return found
            try:
                said = attempt(found)
            except IntakeError as error:
                for one in error.problems if isinstance(error, ConfigError) else [str(error)]:
                    self.asker.say(f"  {_without_place(one, self.path)}", style="red")
            else:
                self.asker.say(f"  {said}", style="green")
                return found
            choice = self.asker.choose(
                "Correct it, keep it all the same, or stop", ("correct", "keep", "stop"), "correct"
            )
            if choice == "stop":
                raise click.Abort
            if choice == "keep":
                return found

    def _trial(self, found: Answers) -> Config:
        from intake.config import loads

        # Nothing is known of the way out yet: any will do to read the file.
        smtp = found.smtp if found.smtp.host else Server("localhost", 25, "none", auth="none")
        return loads(text(replace(found, smtp=smtp).for_trial(), variables=True), self.path)

    def _try_imap(self, found: Answers) -> str:
        with _mailbox(self._trial(found), found):
            return f"Logged in to {found.imap.host} as {found.imap.user}."

    def _look_around(self, found: Answers) -> list[str]:
        """The folders that are there and should be read: the inbox, and what is known as junk."""
        from intake.cli.trials import JUNK

        if self.offline or len(found.folders) > 1:
            junk = self.provider.junk if self.provider else "Junk"
            return list(found.folders) if len(found.folders) > 1 else ["INBOX", junk]
        there = ["INBOX"]
        with contextlib.suppress(IntakeError), _mailbox(self._trial(found), found) as box:
            self.asker.say(f"  The inbox holds {box.select('INBOX').exists} mails.")
            for folder in dict.fromkeys([*([self.provider.junk] if self.provider else []), *JUNK]):
                with contextlib.suppress(MailboxError):
                    box.select(folder)
                    there.append(folder)
        return there

    def _try_folders(self, found: Answers) -> str:
        with _mailbox(self._trial(found), found) as box:
            for folder in found.folders:
                box.select(folder)
            if found.processed:
                box.ensure_folder(found.processed)
        return f"The folders are there: {', '.join((*found.folders, *([found.processed] if found.processed else [])))}."

    def _try_smtp(self, found: Answers) -> str:
        from intake import app

        way = app.transport(self._trial(found), environment(found))
        try:
            way.check()
        finally:
            way.close()
        who = f" as {found.smtp.user}" if found.smtp.auth != "none" else ", without a log-in"
        return f"Connected to {found.smtp.host}{who}. Nothing was sent."


@contextlib.contextmanager
def _mailbox(config: Config, found: Answers) -> Iterator[Mailbox]:
    from intake import app

    box = app.mailbox(config, config.mailboxes[0], environment(found))
    box.open()
    try:
        yield box
    finally:
        box.close()


def _without_place(problem: str, path: Path) -> str:
    """A problem of a file that is not written yet, without its line."""
    _, found, rest = problem.partition(f"{path}:")
    return rest.partition(": ")[2] if found else problem
