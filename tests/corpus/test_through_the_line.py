"""Every real mail there is, through the real command on a real Dovecot: from the mailbox to the people, and filed."""

from __future__ import annotations

from collections import Counter
from email.message import Message
from pathlib import Path

import pytest
from corpus.corpus import every_mail
from servers.databases import ask
from servers.dovecot import Dovecot
from servers.smtp import LARGEST, Aiosmtpd
from servers.world import Mail, World, addresses, world

pytestmark = pytest.mark.corpus


def come_in(place: World) -> Counter[bytes]:
    """Put every mail into the mailbox; what has arrived is what the server then gives."""
    place.imap.append(place.community, "INBOX", *filter(None, (path.read_bytes() for path in every_mail())))
    return Counter(place.imap.read(place.community, "INBOX"))


def test_every_mail_has_one_outcome_and_nothing_is_left(
    dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path
) -> None:
    place = world(dovecot, aiosmtpd_server, tmp_path, addresses("corpus"))
    before = len(aiosmtpd_server.faults.taken)  # the server is everybody's: what was before is not ours
    arrived = come_in(place)
    assert arrived.total() >= len(every_mail()) - 1, "a server takes every mail but an empty one"
    done = place.run("once", "--json")
    assert (done.code, done.err) == (0, "")
    counts = done.json
    assert counts["seen"] == counts["filed"] == arrived.total()
    assert counts["accepted"] == len(arrived), "as many outcomes as there are different mails"
    assert counts["duplicates"] == arrived.total() - len(arrived)
    assert (counts["failed"], counts["pending"], counts["mailboxes"][0]["error"]) == (0, 0, None)
    assert Counter(place.filed()) == arrived
    assert place.filed("INBOX") == []

    audit = place.run("audit", "--json")
    found = audit.json
    assert (audit.code, found["ok"], found["unaccounted"], found["cases_without_reader"]) == (0, True, [], [])
    assert found["mails"] == found["accounted"] == arrived.total()
    assert {state for state, number in found["deliveries"].items() if number} <= {"sent", "withheld"}
    check_people(place, arrived, aiosmtpd_server.faults.taken[before:])

    sent = len(aiosmtpd_server.faults.taken)
    again = place.run("once", "--json").json
    assert (again["seen"], again["sent"]) == (0, 0)
    assert len(aiosmtpd_server.faults.taken) == sent


def check_people(place: World, arrived: Counter[bytes], taken: list[tuple[str, str, bytes]]) -> None:
    """Every case is with every organizer, byte for byte; nothing was sent twice; nobody else got anything."""
    cases = {code for (code,) in ask(place.folder, "SELECT code FROM case_file")}
    answers = {one for (one,) in ask(place.folder, "SELECT message_id FROM delivery WHERE kind = 'acknowledgement'")}
    assert ask(place.folder, "SELECT count(*) FROM original") == [(0,)], "every original was wiped"
    assert len(cases) > 100
    too_large = {raw for raw in arrived if len(raw) > LARGEST}
    team = {person.address for person in place.people}
    for address in team:
        copies = [mail for mail in place.arrived(address) if mail.kind in {"report", "follow-up"}]
        assert {mail.case for mail in copies} == cases
        originals = Counter(filter(None, map(attached, copies)))
        assert len(copies) - originals.total() == len(too_large), "each mail that the server takes is there whole"
        assert set(originals) <= set(arrived) - too_large
        assert max(originals.values()) == 1
    ids = Counter(Mail(raw).head["Message-ID"] for _, _, raw in taken)
    assert max(ids.values()) == 1
    assert {Mail(raw).head["Message-ID"] for _, to, raw in taken if to not in team} == answers


def attached(copy: Mail) -> bytes:
    """The original, byte for byte; empty where the way out would not take it."""
    parts = [part.get_content_type() for part in copy.head.get_payload() if isinstance(part, Message)]
    return copy.original() if "message/rfc822" in parts else b""
