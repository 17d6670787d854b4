"""The team at work, on Dovecot and an SMTP server: who is told what, and what their mails do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from servers.databases import ask
from servers.dovecot import Dovecot
from servers.room import COMMUNITY, REPORTER, Mail, Room, room
from servers.smtp import Aiosmtpd

from intake.cli.main import intake
from intake.model import Case, CaseState, DeliveryState
from intake.steps.audit import audit

ANN, BOB, CARL, DORA, BOARD = (f"{name}@team.example" for name in ("ann", "bob", "carl", "dora", "board"))
EVE = "refuse@team.example"  # the server of the tests refuses this one
ALARM = "ops@team.example"
MONDAY = datetime(2026, 4, 20, 9, 0, tzinfo=UTC)

PEOPLE = f"""
[[organizer]]
name = "Ann Example"
email = "{ANN}"
[[organizer]]
name = "Bob Builder"
email = "{BOB}"
language = "nl"
[[organizer]]
name = "Carl Cox"
email = "{CARL}"
also_known_as = ["Charlie"]
language = "fr"
away = [{{ starts = 2026-04-18, ends = 2026-04-25 }}]
[[organizer]]
name = "Dora Vries"
email = "{DORA}"
content = "notice"
[fallback]
minimum = 1
name = "Board of the federation"
email = "{BOARD}"
[alarm]
email = "{ALARM}"
[[category]]
name = "report"
subject = "code-of-conduct"
claim_within = "4h"
reply_within = "24h"
"""
REFUSES = f"""
[[organizer]]
name = "Eve Else"
email = "{EVE}"
"""


@pytest.fixture
def team(dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path) -> Iterator[Room]:
    with room(dovecot, aiosmtpd_server, tmp_path, PEOPLE, MONDAY) as found:
        yield found


@pytest.fixture
def five(dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path) -> Iterator[Room]:
    with room(dovecot, aiosmtpd_server, tmp_path, PEOPLE + REFUSES, MONDAY) as found:
        yield found


def to(sent: list[Mail], address: str) -> list[Mail]:
    return [mail for mail in sent if mail.to == address]


def one(sent: list[Mail], address: str, kind: str = "report") -> Mail:
    found = [mail for mail in to(sent, address) if mail.kind == kind]
    assert len(found) == 1, [(mail.to, mail.kind) for mail in sent]
    return found[0]


def case(team: Room) -> Case:
    return team.parts.ledger.cases()[0]


def test_five_organizers_and_what_each_of_them_is_sent(five: Room) -> None:
    team = five
    sent = team.reports("Bob Builder shouted at me at the meetup.")
    assert {mail.to for mail in sent if mail.kind != "notice"} == {ANN, ALARM, REPORTER}
    assert {mail.to for mail in sent} == {ANN, DORA, CARL, ALARM, REPORTER}
    assert [mail.kind for mail in to(sent, CARL)] == ["notice"]  # away, and it is not urgent: only that Eve has no copy
    assert one(sent, ANN).code == case(team).code
    waits = to(sent, DORA)[0]
    assert "Eve Else" in to(sent, DORA)[1].text  # who did not get it
    assert case(team).code in waits.text
    assert "Processed" in waits.text
    assert b"shouted" not in waits.content
    assert [w.organizer for w in case(team).recused] == [BOB]
    assert audit(team.parts).ok


def test_nobody_is_left_out_of_an_urgent_case_by_a_calendar(team: Room) -> None:
    sent = team.reports("He has a knife and he is here right now, I am afraid.")
    assert case(team).urgency == "urgent"
    assert to(sent, CARL)


def test_who_was_away_gets_a_case_that_becomes_urgent(team: Room) -> None:
    sent = team.reports()
    answer = one(sent, REPORTER, "acknowledgement")
    assert not to(sent, CARL)
    team.write("He has a knife and he is here.", refers=answer.token, subject="Re: x")
    assert "follow-up" in {mail.kind for mail in to(team.run(), CARL)}


def test_a_claim_is_confirmed_in_one_line_and_the_others_know(team: Room) -> None:
    sent = team.reports()
    after = team.answers(one(sent, ANN), "Claim!")
    assert (case(team).state, case(team).claimed_by) == (CaseState.CLAIMED, ANN)
    assert one(after, ANN, "notice").text.strip().startswith("Done: claim for AZUG-")
    assert "Ann Example heeft" in one(after, BOB, "notice").text
    assert {mail.to for mail in after} == {ANN, BOB, DORA}
    assert audit(team.parts).log.problems == ()


def test_further_mail_says_by_name_who_has_the_case(team: Room) -> None:
    sent = team.reports()
    team.answers(one(sent, ANN), "claim")
    team.write("It happened again today.", refers=one(sent, REPORTER, "acknowledgement").token, subject="Re: x")
    text = one(team.run(), BOB, "follow-up").text
    assert text.count("Ann Example") >= 2, "beside those it was sent to"
    assert ANN not in text


@pytest.mark.parametrize("words", ["claim", "CLAIM.", "ik neem het op", "Je m'en occupe !", "Übernehmen", "**claim**"])
def test_the_words_of_each_language(team: Room, words: str) -> None:
    team.answers(one(team.reports(), ANN), words)
    assert case(team).claimed_by == ANN


def test_what_is_quoted_is_not_read(team: Room) -> None:
    sent = team.reports("claim\nclose\nrecuse me")
    copy = one(sent, BOB)
    after = team.answers(copy, "Thank you, I will look at it tonight.")
    assert case(team).state is CaseState.NEW
    assert {mail.kind for mail in after} == {"follow-up", "notice"}


def test_any_other_reply_goes_to_the_others_and_never_to_the_reporter(team: Room) -> None:
    sent = team.reports("Bob Builder shouted at me.")
    after = team.answers(one(sent, ANN), "I know a little more about this.")
    assert {mail.to for mail in after} == {DORA}
    assert "follow-up" not in {mail.kind for mail in to(after, DORA)}
    assert case(team).first_human_reply is None
    assert b"a little more" not in one(after, DORA, "notice").content


def test_words_that_name_a_colleague_do_not_go_to_them(team: Room) -> None:
    sent = team.reports()
    after = team.answers(one(sent, ANN), "I believe that this is about Bob Builder, who was there.")
    assert not to(after, BOB)
    assert "Bob Builder" in one(after, ANN, "notice").text
    assert case(team).recused == ()


def test_recuse_me_ends_everything(team: Room) -> None:
    sent = team.reports()
    after = team.answers(one(sent, BOB), "recuse me")
    assert "recuse me" in one(after, BOB, "notice").text
    assert [w.organizer for w in case(team).recused] == [BOB]
    assert {mail.to for mail in after} == {BOB, ANN, DORA}
    team.write("One more thing.", refers=one(sent, REPORTER, "acknowledgement").token, subject="Re: x")
    assert not to(team.run(), BOB)
    assert not to(team.later(30).run(), BOB) or {m.kind for m in to(team.run(), BOB)} <= {"digest"}


def test_release_brings_what_there_is(team: Room) -> None:
    sent = team.reports("Bob Builder helped me when somebody shouted at me.")
    after = team.answers(one(sent, ANN), "release Bob")
    assert case(team).recused == ()
    waiting = one(after, BOB, "notice")  # the original is wiped by now: the mailbox is the archive
    assert "Processed" in waiting.text
    team.write("One more thing.", refers=one(sent, REPORTER, "acknowledgement").token, subject="Re: x")
    assert one(team.run(), BOB, "follow-up").content
    assert audit(team.parts).log.problems == ()


def test_recusing_the_last_ones_brings_the_fallback_in(team: Room) -> None:
    sent = team.reports("Bob Builder, Carl Cox and Dora Vries shouted at me.")
    assert {mail.to for mail in sent} == {ANN, REPORTER}
    after = team.answers(one(sent, ANN), "recuse me")
    assert one(after, BOARD, "notice").code == case(team).code
    claimed = team.answers(one(after, BOARD, "notice"), "claim")
    assert case(team).claimed_by == BOARD
    assert {mail.to for mail in claimed} == {BOARD}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("recuse Nobody Known", "no organizer of that name"),
        ("recuse", "Say whom"),
        ("release Carl Cox", "not withheld"),
    ],
)
def test_a_refusal_says_why(team: Room, words: str, told: str) -> None:
    after = team.answers(one(team.reports(), ANN), words)
    assert {mail.to for mail in after} == {ANN}
    assert told in one(after, ANN, "notice").text


def test_close_with_a_reason(team: Room) -> None:
    sent = team.reports()
    team.answers(one(sent, ANN), "close a conversation was enough")
    assert (case(team).state, case(team).outcome) == (CaseState.CLOSED, "conversation")
    assert team.parts.ledger.notes(case(team).id)[0][1:] == (ANN, "a conversation was enough")
    team.write("It happened again.", refers=one(sent, REPORTER, "acknowledgement").token, subject="Re: x")
    team.run()
    assert case(team).state is CaseState.NEW
    assert audit(team.parts).log.problems == ()


def test_a_note_is_kept_and_shown_to_the_others(team: Room) -> None:
    sent = team.reports()
    after = team.answers(one(sent, ANN), "note I called her, she is safe.")
    assert team.parts.ledger.notes(case(team).id)[0][2] == "I called her, she is safe."
    assert "she is safe" in one(after, BOB, "follow-up").text


def test_an_answer_to_the_reporter_is_the_first_human_reply(team: Room) -> None:
    original = team.write("Somebody shouted at me.")
    sent = team.run()
    team.write("Dear Rita, we will help.", sender=ANN, to=f"{REPORTER}, {COMMUNITY}", refers=original, subject="Re: x")
    after = team.run()
    assert case(team).first_human_reply == team.now
    assert one(after, BOB, "follow-up").content
    assert "If you did not write it" in one(after, ANN, "notice").text
    assert REPORTER not in {mail.to for mail in after}
    assert sent


def test_an_answer_by_the_link_of_a_web_mail_program_is_recognised_by_its_code(team: Room) -> None:
    team.reports()
    subject = f"Re: Your message [{case(team).code}]"
    team.write("Dear Rita, we will help.", sender=ANN, to=REPORTER, subject=subject, Cc=COMMUNITY)
    team.run()
    assert case(team).first_human_reply == team.now


@pytest.mark.parametrize(("own", "withheld"), [("Thank you!", False), ("I mean Ann Example herself.", True)])
def test_quoting_the_answer_of_an_organizer_does_not_withhold_them(team: Room, own: str, withheld: bool) -> None:
    original = team.write("Somebody shouted at me.")
    team.run()
    reply = team.write("Dear Rita", sender=ANN, to=f"{REPORTER}, {COMMUNITY}", refers=original, subject="Re: x")
    team.run()
    quoted = "On Mon, 20 Apr 2026, Ann Example <ann@team.example> wrote:\n> Dear Rita\n>\n> Ann Example"
    team.write(f"{own}\n\n{quoted}", refers=reply, subject="Re: x", to=f"{ANN}, {COMMUNITY}")
    sent = team.run()
    assert bool(case(team).recused) is withheld
    assert bool(to(sent, ANN)) is not withheld
    assert one(sent, BOB, "follow-up").content


def test_an_answer_to_the_address_that_a_web_form_names_counts(team: Room) -> None:
    form = team.write(
        "Somebody shouted at me.", sender="form@azug.example.org", Reply_To=REPORTER, Auto_Submitted="auto-generated"
    )
    team.run()
    team.write("Dear Rita", sender=ANN, to=f"{REPORTER}, {COMMUNITY}", refers=form, subject="Re: x")
    team.run()
    assert case(team).first_human_reply == team.now
    assert len(team.parts.ledger.cases()) == 1


def test_a_mail_to_somebody_else_is_no_answer(team: Room) -> None:
    sent = team.reports()
    team.answers(one(sent, ANN), "Can you help us?", to=f"police@state.example, {COMMUNITY}")
    assert case(team).first_human_reply is None


def test_an_answer_that_comes_back_lets_the_clock_run_again(team: Room) -> None:
    original = team.write("Somebody shouted at me.")
    team.run()
    reply = team.write("Dear Rita", sender=ANN, to=f"{REPORTER}, {COMMUNITY}", refers=original, subject="Re: x")
    team.run()
    bounce = (
        "From: MAILER-DAEMON@people.example\r\nTo: "
        + COMMUNITY
        + "\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nNo such user.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        f"Final-Recipient: rfc822; {REPORTER}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: {ANN}\r\nMessage-ID: {reply}\r\n\r\nDear Rita\r\n--b--\r\n"
    )
    team.imap.deliver(team.user, bounce.encode())
    after = team.run()
    assert case(team).first_human_reply is None
    assert "came back" in one(after, ANN, "notice").text
    assert case(team).recused == ()
    assert "reminder" in {mail.kind for mail in team.later(5).run()}


# --- the clock ---


def reminded(sent: list[Mail]) -> set[str]:
    return {mail.to for mail in sent if mail.kind == "reminder"}


def test_reminders_reach_more_people_and_stop_at_a_claim(team: Room) -> None:
    sent = team.reports("Bob Builder shouted at me.")
    assert reminded(team.later(3.9).run()) == set()
    first = team.later(0.2).run()  # 13:06 in UTC, four hours after
    assert reminded(first) == {ANN, DORA}
    assert case(team).code in one(first, ANN, "reminder").text
    assert reminded(team.run()) == set()
    assert reminded(team.later(4).run()) == {ANN, DORA}  # 19:06 in Brussels
    assert reminded(team.later(4).run()) == set()  # 23:06: quiet
    assert reminded(team.later(7).run()) == set()  # 06:06
    assert reminded(team.later(2).run()) == {ANN, DORA, CARL}  # 08:06: to all who may see it
    assert reminded(team.later(4.1).run()) == {ANN, DORA, CARL, BOARD}
    team.answers(one(sent, ANN), "claim")
    for _ in range(3):
        assert "claim" not in {m.text for m in team.later(1).run() if m.kind == "reminder" and "taken" in m.text}
    team.write("Dear Rita", sender=ANN, to=f"{REPORTER}, {COMMUNITY}", refers=one(sent, ANN).token, subject="Re: x")
    team.run()
    assert reminded(team.later(72).run()) == set()
    assert audit(team.parts).log.problems == ()


def test_an_urgent_case_knows_no_night(team: Room) -> None:
    team.later(9).reports("He has a knife and he is here right now.")  # 20:00 in Brussels
    assert reminded(team.later(4.1).run()) == {ANN, BOB, CARL, DORA}


def test_closing_stops_the_clock(team: Room) -> None:
    team.answers(one(team.reports(), ANN), "close")
    assert reminded(team.later(48).run()) == set()


# --- proof ---


def refusal(sent: list[Mail], address: str) -> Mail:
    found = one(sent, address, "notice")
    assert found.text.startswith("Not done")
    assert "X-Intake-Case" not in found.message
    return found


def test_a_stranger_commands_nothing(team: Room) -> None:
    sent = team.reports()
    code = case(team).code
    team.write("claim", sender="mallory@evil.example", subject=f"Re: [{code}]")
    team.run()
    assert team.parts.ledger.cases(code=code)[0].state is CaseState.NEW
    team.write("close", sender="mallory@evil.example", subject="Re: x", refers=one(sent, ANN).token)
    after = team.run()
    assert team.parts.ledger.cases(code=code)[0].state is CaseState.NEW
    assert refusal(after, ANN).content  # who owns the proof is told, at their own address
    assert {mail.to for mail in after} == {ANN, ALARM}


@pytest.mark.parametrize("proof", ["none", "the reporter's", "a colleague's", "guessed"])
def test_a_command_without_the_proof_of_its_author_is_refused_visibly(team: Room, proof: str) -> None:
    sent = team.reports()
    tokens = {
        "none": "",
        "the reporter's": one(sent, REPORTER, "acknowledgement").token,
        "a colleague's": one(sent, ANN).token,
        "guessed": "<0123456789abcdef0123456789abcdef@azug.example>",
    }
    team.write("close", sender=BOB, subject=f"Re: [{case(team).code}]", refers=tokens[proof])
    after = team.run()
    assert case(team).state is CaseState.NEW
    refusal_text = one(after, BOB, "notice").text
    assert refusal_text.startswith("Niet uitgevoerd")
    assert {mail.to for mail in after} == {BOB, ALARM}


def test_a_flood_of_refused_commands_ends(team: Room) -> None:
    for _ in range(9):
        team.write("close", sender=BOB, subject="Re: x")
    assert len(to(team.run(), BOB)) == 5


def test_a_new_mail_of_an_organizer_is_their_report(team: Room) -> None:
    sent = team.reports("Note that I was shouted at by a speaker.", sender=BOB)
    assert {mail.kind for mail in to(sent, BOB)} == {"acknowledgement"}
    assert one(sent, ANN).content


def strip(mail: Mail) -> bytes:
    """A message without what is random in every message."""
    random = rb"(?im)^(?:message-id|date|in-reply-to|references):.*\r\n(?:[ \t].*\r\n)*"
    return b"\r\n".join(line for line in re.sub(random, b"", mail.content).split(b"\r\n") if b"=_" not in line)


@pytest.mark.parametrize("words", ["claim", "close", "recuse Ann Example", "release me", "release Bob", "note hello"])
@pytest.mark.parametrize("proof", ["own", "reporter", "none"])
def test_for_who_is_withheld_a_case_does_not_exist(
    dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path, words: str, proof: str
) -> None:
    answers: list[list[bytes]] = []
    for number, withheld in enumerate((True, False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with room(dovecot, aiosmtpd_server, folder, PEOPLE, MONDAY) as team:
            token = "<0123456789abcdef0123456789abcdef@azug.example>"
            if withheld:
                sent = team.reports("Somebody shouted at me.")
                tokens = {"own": one(sent, BOB).token, "reporter": one(sent, REPORTER, "acknowledgement").token}
                token = tokens.get(proof, token)
                team.answers(one(sent, ANN), "recuse Bob Builder")
            team.write(words, sender=BOB, subject="Re: hello", refers=token)
            after = team.run()
            answers.append([strip(mail) for mail in to(after, BOB)])
            if withheld:
                assert case(team).state is CaseState.NEW
                assert [w.organizer for w in case(team).recused] == [BOB]
    assert answers[0] == answers[1]
    assert answers[0]


# --- the same at the command line ---


def cli(team: Room, *words: str, stdin: str = "") -> Result:
    config = ["--config", str(team.parts.config.path)]
    now = ["--now", team.now.isoformat()]
    return CliRunner().invoke(intake, [*words[:2], *config, *now, *words[2:]], input=stdin, standalone_mode=False)


def answer(team: Room, *words: str, stdin: str = "") -> dict[str, object]:
    found = cli(team, *words, "--json", stdin=stdin)
    assert found.return_value == 0, found.output
    values: dict[str, object] = json.loads(found.stdout)
    return values


def test_working_at_the_command_line(team: Room) -> None:
    sent = team.reports("Bob Builder shouted at me.")
    code = case(team).code
    assert answer(team, "cases", "claim", code.lower(), "--by", "ann")["claimed_by"] == ANN
    assert {(mail.to, mail.kind) for mail in team.later(0.01).run()} == {(DORA, "notice")}
    assert answer(team, "cases", "claim", code, DORA)["claimed_by"] == DORA
    assert answer(team, "cases", "recuse", code, "Dora Vries")["state"] == "new"  # its lead must not see it any more
    assert {w.organizer for w in case(team).recused} == {BOB, DORA}
    assert DORA not in {mail.to for mail in team.later(0.01).run()}
    assert answer(team, "cases", "release", code, "bob")["recused"] == [
        {"organizer": DORA, "reason": "recused-by-hand"}
    ]
    assert one(team.later(0.01).run(), BOB, "notice").code == code
    answer(team, "cases", "note", code, "she is safe")
    answer(team, "cases", "note", code, "-", stdin="and at home,\nÉva says\n")
    assert isinstance(cli(team, "cases", "note", code, "-").exception, click.UsageError)
    shown = answer(team, "cases", "show", code)
    assert [n["text"] for n in shown["notes"]] == ["she is safe", "and at home,\nÉva says"]  # type: ignore[attr-defined]
    closed = answer(team, "cases", "close", code, "--outcome", "support", "--by", "Ann Example")
    assert (closed["state"], closed["outcome"]) == ("closed", "support")
    assert reminded(team.later(48).run()) == set()
    log = [(line["what"], line["by"]) for line in answer(team, "cases", "show", code)["log"]]  # type: ignore[attr-defined]
    assert ("claim", ANN) in log
    assert ("recuse", "operator") in log
    assert audit(team.parts).ok
    assert sent


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("claim", "CODE", "--by", "bob"), "withheld"),
        (("claim", "CODE", "--by", "nobody"), "no organizer"),
        (("claim", "AZUG-AAAAAA", "--by", "ann"), "no case has the code"),
        (("recuse", "CODE", "Bob Builder"), "withheld from it already"),
        (("release", "CODE", "Ann Example"), "not withheld"),
        (("recuse", "CODE", "Nobody Known"), "no organizer"),
    ],
)
def test_a_refusal_at_the_command_line_ends_with_1(team: Room, words: tuple[str, ...], told: str) -> None:
    team.reports("Bob Builder shouted at me.")
    found = cli(team, "cases", *(case(team).code if word == "CODE" else word for word in words))
    assert found.return_value == 1
    assert told in found.stderr
    assert found.stderr.count("\n") == 1
    assert case(team).claimed_by is None


def test_the_audit_says_that_the_log_was_touched(team: Room) -> None:
    team.reports()
    ask(team.parts.config.path.parent, "DELETE FROM change")
    found = cli(team, "audit", "--json")
    assert found.return_value == 1
    assert json.loads(found.stdout)["log"]["problems"]


def rewritten(copy: Mail, number: int) -> Mail:
    """What arrives where a server on the way, such as Exchange Online, puts a Message-ID of its own in the place of ours."""
    own = f"<PAXPR{number:04}.eurprd01.prod.outlook.example>"
    changed = copy.content.replace(f"Message-ID: {copy.token}".encode(), f"Message-ID: {own}".encode(), 1)
    assert changed != copy.content
    return Mail(copy.to, changed)


def test_threads_survive_a_server_that_gives_our_messages_other_ids(team: Room) -> None:
    copies = {one.to: rewritten(one, number) for number, one in enumerate(team.reports())}
    ann = copies[ANN]

    def reply(copy: Mail, text: str) -> list[Mail]:
        both = " ".join(str(copy.message["References"]).split())
        return team.answers(copy, text, References=f"{both} {copy.token}", refers="", In_Reply_To=copy.token)

    (confirmed, *_) = [one for one in reply(ann, "claim") if one.to == ANN]
    assert team.parts.ledger.cases()[0].claimed_by == ANN
    assert "claim" in confirmed.text
    told = reply(copies[BOB], "I was there, too, and saw it.")
    assert {one.to for one in told if one.kind == "follow-up"} == {ANN}
    (one,) = [rewritten(one, 99) for one in told if one.to == ANN]
    first, later = (str(mail.message["References"]).split() for mail in (ann, one))
    assert first[0] == later[0], "one thread in a mail program that has seen none of our ids"
    assert not [mail for mail in reply(one, "note seen, thank you") if mail.kind == "alarm"]
    assert len(team.parts.ledger.cases()) == 1


@pytest.mark.parametrize("kind", ["report", "acknowledgement"])
def test_a_bounce_of_a_message_with_another_id_is_known(team: Room, kind: str) -> None:
    one = next(mail for mail in team.reports() if mail.kind == kind)
    head = rewritten(one, 1).content.partition(b"\r\n\r\n")[0].decode()
    team.imap.deliver(
        team.user,
        (
            "From: postmaster@outlook.example\r\nTo: " + COMMUNITY + "\r\nSubject: Undeliverable\r\nReturn-Path: <>\r\n"
            "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\nMIME-Version: 1.0\r\n\r\n"
            "--b\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
            "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
            f"Final-Recipient: rfc822; {one.to}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
            f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{head}\r\n\r\n--b--\r\n"
        ).encode(),
    )
    team.run()
    (failed,) = team.parts.ledger.deliveries((DeliveryState.FAILED,))
    assert (failed.kind, failed.message_id) == (kind, one.token)
