"""Two programs that answer each other: every exchange ends, whoever is on the other side and whatever gets lost."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from pathlib import Path

import pytest
from servers import Dovecot
from servers.smtp import Aiosmtpd
from servers.world import Mail, World, addresses, servers_of, world

NUMBERS = itertools.count(1)
ROUNDS = 12  # far more than any exchange may take
MARKS = (
    *(b"auto-submitted", b"x-auto-response-suppress", b"x-intake-kind", b"x-intake-case", b"precedence"),
    *(b"in-reply-to", b"references"),
)

SIEVE = """
protocol lmtp {{
  mail_plugins = $mail_plugins sieve
}}
plugin {{
  sieve = file:~/.dovecot.sieve
  sieve_extensions = +vacation-seconds
  sieve_vacation_min_period = 0
}}
submission_host = 127.0.0.1:{port}
"""
VACATION = 'require ["vacation", "vacation-seconds"];\nvacation :seconds 0 "I am away until Monday.";\n'


def letter(sender: str, to: str, name: str, subject: str = "Code of conduct") -> bytes:
    lines = (
        f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{name}@people.example>",
        "Date: Mon, 01 Mar 2027 01:00:00 +0100", "", "Hello, somebody insulted me at the meetup yesterday.", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


def without(raw: bytes, names: tuple[bytes, ...]) -> bytes:
    """The mail as a careless relay passes it on, without some of its fields."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = re.split(rb"\r\n(?![ \t])", head)
    kept = [one for one in fields if one.partition(b":")[0].strip().lower() not in names]
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


@dataclass
class Wire:
    """Carries what the program sends into the mailboxes of those that are ``ends`` of it; counts what it carried."""

    smtp: Aiosmtpd
    ends: dict[str, World]
    lost: tuple[bytes, ...] = ()
    null_senders: bool = True
    carried: list[Mail] = field(default_factory=list)
    _read: int = 0

    def __post_init__(self) -> None:
        self._read = len(self.smtp.faults.taken)  # the server is everybody's: what was before is not ours

    def carry(self) -> int:
        """Deliver what is new; how many."""
        before = len(self.carried)
        taken = self.smtp.faults.taken[self._read :]
        self._read += len(taken)
        for sender, recipient, raw in taken:
            if recipient in self.ends:
                envelope = sender.strip("<>") if self.null_senders else parseaddr(str(Mail(raw).head["From"]))[1]
                self.ends[recipient].deliver(without(raw, self.lost), envelope)
                self.carried.append(Mail(raw))
        return len(self.carried) - before

    def until_silent(self) -> int:
        """Let both sides work in turn; the number of rounds in which anything was carried."""
        for round_ in range(ROUNDS):
            for one in self.ends.values():
                answer = one.run("once", "--json")
                assert answer.code == 0, answer.err
            if not self.carry():
                return round_
        raise AssertionError(f"not silent after {ROUNDS} rounds: {[mail.kind for mail in self.carried]}")


@pytest.fixture
def two(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[World, World]:
    """Two communities, each with a mailbox and a team of its own."""
    imap, smtp = servers_of("embedded", request.getfixturevalue)
    made = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        made.append(world(imap, smtp, tmp_path / name, addresses(f"loop{next(NUMBERS)}-")))
    one, other = made
    # The answer of one names its readers: were they the other's too, it would be withheld from all of them there.
    names = ("Dirk Claes", "Els Maes", "Farid Benali")
    other.people = tuple(replace(person, name=name) for person, name in zip(other.people, names, strict=True))
    other.configure()
    return one, other


def between(one: World, other: World, **how: object) -> Wire:
    assert isinstance(one.smtp, Aiosmtpd)
    return Wire(one.smtp, {one.community: one, other.community: other}, **how)  # type: ignore[arg-type]  # by name


def of_kind(wire: Wire, kind: str) -> int:
    return sum(mail.kind == kind for mail in wire.carried)


@pytest.mark.parametrize("null_senders", [True, False])
def test_two_communities_that_write_to_each_other_end_after_one_exchange(
    two: tuple[World, World], *, null_senders: bool
) -> None:
    one, other = two
    wire = between(one, other, null_senders=null_senders)  # not all servers let the null sender pass
    one.deliver(letter(other.community, one.community, "first"), other.community)
    other.deliver(letter(one.community, other.community, "second"), one.community)
    assert wire.until_silent() == 1
    assert [mail.kind for mail in wire.carried] == ["acknowledgement", "acknowledgement"]
    assert {str(mail.head["To"]) for mail in wire.carried} == {one.community, other.community}
    for place in two:  # the answer of the other was taken in, filed, and went to nobody
        assert len(place.filed()) == 2
        assert len(place.run("cases", "list", "--json").json) == 1


def test_two_communities_that_are_in_each_other_s_team_end_too(two: tuple[World, World]) -> None:
    one, other = two
    for place, its in ((one, other), (other, one)):
        place.configure(more=f'[[organizer]]\nname = "The neighbours"\nemail = "{its.community}"\nlanguage = "en"\n')
    wire = between(one, other)
    one.deliver(letter("rita@people.example", one.community, "team"), "rita@people.example")
    assert wire.until_silent() == 1
    assert [mail.kind for mail in wire.carried] == ["report"]  # to the neighbours, who neither answer nor pass it on


@pytest.mark.parametrize("null_senders", [True, False])
def test_marks_that_get_lost_on_the_way_leave_the_caps(two: tuple[World, World], *, null_senders: bool) -> None:
    one, other = two
    for place in two:
        place.configure(more="[acknowledgement]\nper_sender_per_day = 2\n")
    wire = between(one, other, lost=MARKS, null_senders=null_senders)
    one.deliver(letter(other.community, one.community, "bare"), other.community)
    rounds = wire.until_silent()
    # With a null sender the first answer is known as what it is; with nothing left of it, the cap of each side ends it.
    assert rounds == 1 if null_senders else rounds == 4
    assert of_kind(wire, "acknowledgement") == rounds


@pytest.fixture(scope="module")
def away() -> Iterator[tuple[Dovecot, Aiosmtpd]]:
    """A Dovecot with Sieve, and the way out that its users' responders send through."""
    with Aiosmtpd() as smtp, Dovecot(extra=SIEVE.format(port=smtp.port)) as server:
        yield server, smtp


def on_vacation(server: Dovecot) -> str:
    """A user whose mailbox answers everybody, as often as Sieve allows it."""
    user = server.user()
    home = server.directory / "mail" / user
    home.mkdir()
    (home / ".dovecot.sieve").write_text(VACATION)
    if os.geteuid() == 0:
        shutil.chown(home, "nobody", "nogroup")
        shutil.chown(home / ".dovecot.sieve", "nobody", "nogroup")
    return user


def deliver_to(server: Dovecot, user: str, raw: bytes, sender: str) -> None:
    with smtplib.LMTP("127.0.0.1", server.lmtp_port, "mx.test.example", timeout=30) as lmtp:
        lmtp.sendmail(sender, [user], raw)


@pytest.mark.dovecot
@pytest.mark.parametrize(
    ("lost", "answers"),
    [
        ((), False),  # what we send says that it is automatic: RFC 5230 has Sieve be silent
        (MARKS, True),  # a relay took every mark away: Sieve answers, and we don't answer that
    ],
)
def test_a_reporter_who_is_away(
    away: tuple[Dovecot, Aiosmtpd], tmp_path: Path, *, lost: tuple[bytes, ...], answers: bool
) -> None:
    server, smtp = away
    place = world(server, smtp, tmp_path, addresses(f"away{next(NUMBERS)}-"))
    reporter = on_vacation(server)
    place.deliver(letter(reporter, place.community, "away"), reporter)
    assert place.run("once", "--json").code == 0
    (receipt,) = place.arrived(reporter, 1)
    assert receipt.kind == "acknowledgement"
    deliver_to(server, reporter, without(receipt.raw, lost), place.community if lost else "")
    # A person of the team writes to the reporter: this the responder does answer, so it is on.
    human = letter(place.community, reporter, "human", "Your mail")
    deliver_to(server, reporter, human, place.community)
    auto = place.arrived(place.community, 2 if answers else 1)
    assert len(auto) == (2 if answers else 1)
    assert all(str(mail.head["Auto-Submitted"]).startswith("auto-replied") for mail in auto)
    for mail in auto:
        place.deliver(mail.raw, "")  # Sieve sends it from the null sender
    for _ in range(2):
        assert place.run("once", "--json").code == 0
    assert len(place.arrived(reporter)) == 1
    assert len(place.filed()) == 1 + len(auto)
    assert len(place.run("cases", "list", "--json").json) == 1
