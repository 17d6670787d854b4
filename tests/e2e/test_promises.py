"""Nothing lost, nothing leaked, nobody left waiting: what has gone wrong once, on a real mailbox and a real way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from servers.room import Mail, Room, room
from servers.smtp import Aiosmtpd, closed_port

from intake import app
from intake.cli import trials
from intake.cli.findings import Level
from intake.config import Config, load
from intake.decide.casework import Decision
from intake.edge import Clock
from intake.model import OPERATOR, CaseAction, CaseChange, CaseState, DeliveryState, MailRef
from intake.steps.whole import one_pass

ANN, BOB, CARL, BOARD = (f"{name}@team.example" for name in ("ann", "bob", "carl", "board"))
NOBODY, NO_ONE = "refuse@team.example", "refuse@other.example"  # the server of the tests refuses them
MONDAY = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)
Community = Callable[..., Room]


def organizers(**people: str) -> str:
    return "".join(
        f'[[organizer]]\nname = "{name} Example{name}"\nemail = "{email}"\n' for name, email in people.items()
    )


TEAM = organizers(Ann=ANN, Bob=BOB, Carl=CARL)
FALLBACK = f'[fallback]\nname = "Board of the federation"\nemail = "{BOARD}"\n'
CLOCKS = '[[category]]\nname = "report"\nsubject = "code-of-conduct"\nclaim_within = "4h"\nreply_within = "24h"\n'


@pytest.fixture
def community(dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path) -> Iterator[Community]:
    """Makes a community; the argument is who is in it."""
    with ExitStack() as stack:
        yield lambda people: stack.enter_context(room(dovecot, aiosmtpd_server, tmp_path, people, MONDAY))


def without(config: Config, email: str) -> Config:
    return replace(config, organizers=tuple(one for one in config.organizers if one.email != email))


def to(sent: list[Mail], address: str) -> list[str]:
    return [mail.kind for mail in sent if mail.to == address]


def test_a_report_reaches_the_fallback_when_every_organizer_is_refused_at_once(community: Community) -> None:
    place = community(organizers(Ann=NOBODY, Bob=NO_ONE) + FALLBACK)
    assert to(place.reports(), BOARD) == ["report"]


def test_a_report_reaches_the_rest_of_the_team_when_the_one_it_went_to_is_refused(community: Community) -> None:
    only = f'[[organizer]]\nname = "Olga Other"\nemail = "{NOBODY}"\ncategories = ["report"]\n'
    rest = f'[[organizer]]\nname = "Ann Example"\nemail = "{ANN}"\ncategories = ["question"]\n'
    sent = community(only + rest).reports()
    assert "report" in to(sent, ANN)


def test_a_lone_refused_confirmation_brings_a_case_to_nobody_new(community: Community) -> None:
    place = community(TEAM + FALLBACK)
    copy = next(mail for mail in place.reports() if mail.to == ANN)
    place.smtp.faults.refused.add(ANN)
    sent = place.answers(copy, "claim")
    place.smtp.faults.refused.clear()
    assert to(sent, BOARD) == []


def test_what_was_never_tried_is_not_given_up_after_days_without_a_pass(community: Community) -> None:
    place = community(organizers(Ann="defer@team.example"))
    place.write("Somebody shouted at me.")
    one_pass(place.parts, send=False)
    place.later(24 * 6).run()
    assert place.parts.ledger.delivery_counts()["failed"] == 0


def test_nothing_is_given_up_for_a_way_out_that_is_closed(community: Community) -> None:
    place = community(TEAM)
    path = place.parts.config.directory / "config.toml"
    text = path.read_text()
    path.write_text(text.replace(f"port = {place.smtp.port}", f"port = {closed_port()}"))
    closed = replace(place.parts, transport=app.transports(load(path)))
    place.write("Somebody shouted at me.")
    for _ in range(20):
        one_pass(closed)
        place.later(24)
    assert place.parts.ledger.delivery_counts()["failed"] == 0
    assert {ANN, BOB, CARL} <= {mail.to for mail in place.run()}


def test_what_a_person_fetches_out_of_junk_reaches_people(community: Community) -> None:
    place = community(TEAM + '[digest]\nschedule = "mon 23:59"\n')
    path = place.parts.config.directory / "config.toml"
    path.write_text(path.read_text().replace('folders = ["INBOX"]', 'folders = ["Junk", "INBOX"]'))
    place.imap.create(place.user, "Junk")
    place.parts = replace(place.parts, config=load(path))
    raw = b"From: q@people.example\r\nTo: help@azug.example\r\nSubject: hello\r\nMessage-ID: <j1@x>\r\n\r\nWhen is it?\r\n"
    place.imap.append(place.user, "Junk", raw)
    assert place.run() == []
    place.imap.append(place.user, "INBOX", raw)  # somebody has moved it
    assert to(place.run(), ANN) == ["report"]
    place.imap.append(place.user, "INBOX", raw)
    assert place.run() == []


def test_a_case_whose_lead_is_recused_is_nobodys_again(community: Community) -> None:
    place = community(CLOCKS + TEAM + FALLBACK)
    copy = next(mail for mail in place.reports() if mail.to == BOB)
    place.answers(copy, "claim")
    place.later(1).answers(copy, "recuse me")
    [case] = place.parts.ledger.cases()
    assert (case.state, case.claimed_by) == (CaseState.NEW, None)
    assert "reminder" in to(place.later(5).run(), ANN)


def test_a_case_whose_lead_is_named_later_is_nobodys_again(community: Community) -> None:
    place = community(CLOCKS + TEAM + FALLBACK)
    sent = place.reports()
    copy = next(mail for mail in sent if mail.to == BOB)
    place.answers(copy, "claim")
    answer = next(mail for mail in sent if mail.kind == "acknowledgement")
    place.later(1).write("It was Bob ExampleBob himself.", refers=answer.token, subject="Re: Code-of-conduct")
    place.run()
    [case] = place.parts.ledger.cases()
    assert (case.state, case.claimed_by) == (CaseState.NEW, None)
    assert [one.organizer for one in case.recused] == [BOB]


def test_a_reporter_who_writes_again_after_an_answer_is_not_left_waiting(community: Community) -> None:
    place = community(CLOCKS + TEAM)
    sent = place.reports()
    answer = next(mail for mail in sent if mail.kind == "acknowledgement")
    copy = next(mail for mail in sent if mail.to == ANN)
    place.later(1).write(
        "I am sorry to hear that.",
        sender=ANN,
        to=f"rita@example.com, {place.parts.config.community.address}",
        refers=copy.token,
        subject="Re: Code-of-conduct",
    )
    place.run()
    [case] = place.parts.ledger.cases()
    assert case.last_human_reply is not None
    assert "reminder" not in to(place.later(48).run(), ANN)
    place.write("He is outside my door now, again.", refers=answer.token, subject="Re: Code-of-conduct")
    place.run()
    assert "reminder" in to(place.later(30).run(), ANN)


def test_a_digest_goes_to_nobody_who_has_left_the_team(community: Community) -> None:
    place = community(TEAM)
    place.write("Somebody shouted at me.")
    one_pass(place.parts)
    place.later(24)
    one_pass(place.parts, send=False)
    place.parts = replace(place.parts, config=without(place.parts.config, BOB))
    place.seen = len(place.smtp.faults.taken)
    sent = place.run()
    assert "digest" in to(sent, ANN)
    assert to(sent, BOB) == []
    assert place.report.failed == 0


def test_the_code_of_a_linked_case_is_not_told_to_whom_that_case_is_withheld_from(community: Community) -> None:
    place = community(TEAM + organizers(Dora="defer@team.example") + FALLBACK)
    sent = place.reports("It was Bob ExampleBob.")
    answer = next(mail for mail in sent if mail.kind == "acknowledgement")
    place.write("I saw it too.", sender="else@people.example", refers=answer.token, subject="Re: Code-of-conduct")
    linked = next(mail for mail in place.run() if mail.to == ANN and mail.kind == "report")
    assert answer.code in linked.text
    sent = place.answers(linked, "release Bob ExampleBob")
    later = [mail for mail in sent if mail.to == BOB and mail.kind == "report"]
    assert later
    assert [line for mail in later for line in mail.content.splitlines() if answer.code.encode() in line] == []


def test_an_answer_waits_for_the_copy_that_is_on_its_way(community: Community) -> None:
    place = community(organizers(Ann=ANN))
    place.write("Somebody shouted at me.")
    one_pass(place.parts, send=False)
    sent = place.later(1).run()  # everything is due at once
    assert [mail.kind for mail in sent] == ["report", "acknowledgement"]
    assert "may not have reached anybody" not in sent[1].text


def test_a_copy_that_only_somebody_has_who_must_not_does_not_count_as_arrived(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = community(organizers(Ann="defer@team.example", Bob=BOB))
    place.write("Somebody shouted at me.")
    one_pass(place.parts, send=False)
    code = place.parts.ledger.cases()[0].code
    monkeypatch.setattr(place.smtp.faults, "hook", lambda to, _raw: recuse(place, code, BOB) if to == BOB else None)
    [answer] = [mail for mail in place.run() if mail.kind == "acknowledgement"]
    assert "may not have reached anybody" in answer.text


def recuse(place: Room, code: str, email: str) -> None:
    change = CaseChange(CaseAction.RECUSE, OPERATOR, about=email)
    place.parts.ledger.change(code, lambda _known: Decision(change), place.now)


def test_a_pass_that_was_told_another_time_keeps_nothing_waiting(community: Community) -> None:
    place = community(CLOCKS + organizers(Ann=ANN, Dora="defer@team.example"))
    now = place.now
    place.clock[0] = now.replace(year=2031)
    place.write("Somebody shouted at me.", sender="one@people.example")
    one_pass(place.parts, send=False)
    place.clock[0] = now
    assert "report" in to(place.run(), ANN)
    place.write("Somebody shouted at me, too.")
    place.run()
    place.clock[0] = now.replace(year=2031)
    assert "reminder" in to(place.run(), ANN)
    place.clock[0] = now
    place.later(6).run()
    assert "reminder" in to(place.later(4.5).run(), ANN)
    tried = place.parts.ledger.deliveries((DeliveryState.PENDING,))
    assert all(one.not_before < place.now.replace(year=2027) for one in tried)


DSN = """\
From: MAILER-DAEMON@mx.team.example
To: {community}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.team.example

Final-Recipient: rfc822; ann@team.example
Action: {action}
Status: 5.1.1

--b
Content-Type: message/rfc822

{returned}
--b--
"""


@pytest.mark.parametrize("action", ["failed", "delayed"])
def test_a_copy_that_comes_back_for_good_sends_the_case_to_somebody_else(community: Community, action: str) -> None:
    place = community(organizers(Ann=ANN) + FALLBACK)
    [copy] = [mail for mail in place.reports() if mail.kind == "report"]
    returned = copy.content.decode("latin-1").replace("\r\n", "\n").partition("\n\n")[0] + "\n\n…\n"
    notice = DSN.format(community=place.parts.config.community.address, action=action, returned=returned)
    place.imap.deliver(place.user, notice.replace("\n", "\r\n").encode())
    lost = action == "failed"
    assert bool(to(place.run(), BOARD)) is lost
    assert bool(place.parts.ledger.delivery_counts()["failed"]) is lost
    assert place.parts.ledger.unheard() == []
    assert place.parts.ledger.outcomes() == {"case": 1, "recorded": 1}


def test_the_others_hear_of_a_copy_that_came_back_and_nobody_is_withheld_by_it(community: Community) -> None:
    place = community(TEAM + FALLBACK)
    copy = next(mail for mail in place.reports() if mail.to == ANN)
    returned = copy.content.decode("latin-1").replace("\r\n", "\n")
    notice = DSN.format(community=place.parts.config.community.address, action="failed", returned=returned)
    place.imap.deliver(place.user, notice.replace("\n", "\r\n").encode())
    sent = place.run()
    assert sorted((mail.to, mail.kind) for mail in sent) == [(BOB, "notice"), (CARL, "notice")]
    assert copy.code in sent[0].text
    assert place.parts.ledger.cases()[0].recused == ()


def test_a_quoted_acknowledgement_withholds_nobody_after_somebody_on_it_was_recused(community: Community) -> None:
    place = community(TEAM + FALLBACK)
    answer = next(mail for mail in place.reports() if mail.kind == "acknowledgement")
    recuse(place, answer.code, BOB)
    place.answers(answer, "There is more to tell.", sender="rita@example.com")
    assert [one.organizer for one in place.parts.ledger.cases()[0].recused] == [BOB]


def test_a_reporter_behind_a_list_of_their_own_is_followed_up(community: Community) -> None:
    place = community(TEAM)
    answer = next(mail for mail in place.reports() if mail.kind == "acknowledgement")
    place.write("He is here.", refers=answer.token, subject="Re: Code-of-conduct", List_Id="<us.example.com>")
    assert "follow-up" in to(place.run(), ANN)


def test_a_form_that_writes_in_our_own_name_reaches_people(community: Community) -> None:
    place = community(TEAM)
    us = place.parts.config.community.address
    sent = place.reports("Name: Rita. Somebody touched me at the meetup.", sender=us, subject="Code of conduct report")
    assert "report" in to(sent, ANN)
    assert "acknowledgement" not in [mail.kind for mail in sent]


def test_a_renumbered_folder_leaves_no_unreadable_mail_behind(community: Community) -> None:
    place = community(TEAM)
    place.run()
    ledger, now = place.parts.ledger, place.now
    cursor = ledger.cursor("help", "INBOX")
    assert cursor is not None
    ledger.note_trouble(MailRef("help", "INBOX", cursor.uidvalidity, 7), now, now - now)
    ledger.restart("help", "INBOX", cursor.uidvalidity, cursor.uidvalidity + 1, 1)
    assert ledger.trouble_count() == 0


def test_what_a_form_sends_in_our_name_makes_no_reporter_of_our_own_address(community: Community) -> None:
    place = community(CLOCKS + TEAM)
    us = place.parts.config.community.address
    sent = place.reports(sender=us, Reply_To="rita@example.com")
    place.answers(next(mail for mail in sent if mail.to == ANN), "claim")
    [case] = place.parts.ledger.cases()
    assert (case.state, case.last_human_reply) == (CaseState.CLAIMED, None)


def test_who_has_a_new_address_stays_withheld_and_an_unknown_one_is_told_of(community: Community) -> None:
    place = community(TEAM + FALLBACK)
    place.reports("It was Bob ExampleBob.")
    path, new = place.parts.config.directory / "config.toml", "bobby@team.example"
    config = path.read_text()
    path.write_text(config.replace(BOB, new))
    assert [one.level for one in trials.ledger(load(path), place.now)] == [Level.OK, Level.WARNING]
    path.write_text(config.replace(f'"{BOB}"', f'"{new}"\nalso_known_as = ["{BOB}"]'))
    assert [one.level for one in trials.ledger(load(path), place.now)] == [Level.OK]
    for _ in range(2):
        place.parts = app.build(load(path), app.Outside(clock=Clock(lambda: place.now)))
        assert all(mail.kind == "digest" for mail in place.later(30).run() if mail.to == new)
    [case] = place.parts.ledger.cases()
    assert sorted(one.organizer for one in case.recused) == [BOB, new]
    assert place.parts.ledger.cases(organizer=new) == []
    assert place.parts.ledger.verify_log().problems == ()
