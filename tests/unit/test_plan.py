"""What follows from a mail: who gets it, who must not, and who is answered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.config import Config, loads
from intake.decide.plan import Planner, is_junk
from intake.model import (
    REPORTER,
    Address,
    Arrival,
    Beside,
    CaseState,
    DeliveryState,
    History,
    Kind,
    KnownCase,
    MessageKind,
    Outcome,
    ParsedMail,
    Plan,
    Unseen,
    Urgency,
    Withheld,
)

from .ledgers import NOW, arrival, verdict

BASE = """
[community]
name = "Azure User Group Belgium"
short_name = "AZUG"
address = "help@azug.example"
[[mailbox]]
name = "help"
host = "imap.example.org"
user = "help"
password_env = "P"
[smtp]
host = "smtp.example.org"
user = "help"
password_env = "P"
[[organizer]]
name = "Ann Example"
email = "Ann@example.org"
[[organizer]]
name = "Bob Builder"
email = "bob@example.org"
[[organizer]]
name = "Carl Cox"
email = "carl@example.org"
categories = ["question"]
[fallback]
minimum = 1
name = "Board"
email = "board@example.net"
"""


def config(more: str = "") -> Config:
    return loads(BASE + more, Path("config.toml"))


PLANNER = Planner(config())
CASE = KnownCase(7, "AZUG-ABCDEF", CaseState.NEW, Urgency.NORMAL, frozenset({b"x"}), frozenset())


def planned(mail: Arrival, history: History | None = None, planner: Planner = PLANNER) -> Plan:
    return planner(mail, history or History(), NOW)


def copies(plan: Plan, state: DeliveryState = DeliveryState.PENDING) -> list[str]:
    return sorted(d.recipient for d in plan.deliveries if d.recipient != REPORTER and d.state is state)


def test_a_report_opens_a_case_goes_to_whom_it_concerns_and_is_answered() -> None:
    plan = planned(arrival(1))
    assert plan.outcome is Outcome.CASE
    assert plan.opens
    assert copies(plan) == ["ann@example.org", "bob@example.org"]  # Carl takes questions only
    (answer,) = [d for d in plan.deliveries if d.recipient == REPORTER]
    assert answer.state is DeliveryState.WAITING
    assert answer.variant == "full"
    assert len({d.key for d in plan.deliveries}) == len(plan.deliveries)


def test_a_category_of_which_nobody_thought_goes_to_all() -> None:
    everyone = Planner(config().__class__(**{**config().__dict__, "organizers": config().organizers[2:]}))
    assert copies(planned(arrival(1), planner=everyone)) == ["carl@example.org"]


def test_the_same_bytes_change_nothing() -> None:
    plan = planned(arrival(1), History(duplicate_of=3))
    assert (plan.outcome, plan.deliveries, plan.opens) == (Outcome.DUPLICATE, (), False)


@pytest.mark.parametrize("kind", [Kind.AUTOMATIC, Kind.BOUNCE, Kind.LIST])
def test_machine_mail_is_fanned_out_only_when_a_rule_matches(kind: Kind) -> None:
    judged = verdict(kind=kind, acknowledge=False, acknowledge_reason="auto", acknowledge_to=None, matched=False)
    assert planned(arrival(1, judged=judged)).outcome is Outcome.RECORDED
    plan = planned(arrival(1, judged=replace(judged, matched=True)))
    assert plan.outcome is Outcome.CASE
    assert copies(plan) == ["ann@example.org", "bob@example.org"]
    assert REPORTER not in {d.recipient for d in plan.deliveries}


def test_machine_mail_about_a_mail_of_ours_never_travels() -> None:
    judged = verdict(kind=Kind.BOUNCE, acknowledge=False, acknowledge_to=None)
    plan = planned(arrival(1, judged=judged), History(thread=CASE, thread_by="ours", token_of=REPORTER))
    assert (plan.outcome, plan.case_id, plan.deliveries) == (Outcome.RECORDED, 7, ())


@pytest.mark.parametrize("kind", [Kind.AUTOMATIC, Kind.BOUNCE, Kind.LIST])
def test_what_a_list_answers_to_an_alarm_may_be_somebodys_words(kind: Kind) -> None:
    judged = verdict(kind=kind, acknowledge=False, acknowledge_to=None, matched=False)
    reason = planned(arrival(1, judged=judged), History(alarm_answered=True)).reason
    assert reason == ("no-rule-matches" if kind is Kind.LIST else "answers-alarm")


@pytest.mark.parametrize(
    ("kind", "why", "sender", "text", "matched", "known", "reason"),
    [
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "ann@example.org", "", False, False, "may-answer-ours"),
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "ann@example.org", "", True, False, "may-answer-ours"),
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "board@example.net", "", False, False, "may-answer-ours"),
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "rita@example.com", "", False, True, "may-answer-ours"),
        (Kind.PERSON, "wording:out-of-office", "ann@example.org", "", True, False, "may-answer-ours"),
        (
            Kind.BOUNCE,
            "bounce:daemon",
            "x@mx.example",
            "No such user: <Ann@example.org>",
            False,
            False,
            "may-answer-ours",
        ),
        (Kind.BOUNCE, "bounce:daemon", "x@mx.example", "No such user", False, True, "may-answer-ours"),
        # who answers may do so from another address; were strangers counted, a forged answer would show who has written
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "x@shop.example", "", False, False, "answers-unknown"),
        (Kind.AUTOMATIC, "receipt:mdn", "x@shop.example", "", False, False, "answers-unknown"),
        (Kind.BOUNCE, "bounce:complaint", "x@isp.example", "", False, False, "answers-unknown"),
        (Kind.BOUNCE, "bounce:daemon", "x@mx.example", "No such user: <a@b.example>", False, False, "answers-unknown"),
        (Kind.AUTOMATIC, "auto-submitted:auto-generated", "rita@example.com", "", False, True, "may-answer-ours"),
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "rita@example.com", "", True, True, "may-answer-ours"),
        # nothing of ours can have caused these
        (Kind.AUTOMATIC, "auto-submitted:auto-generated", "x@shop.example", "", False, False, "no-rule-matches"),
        (Kind.LIST, "list:list-id", "ann@example.org", "", False, True, "no-rule-matches"),
        # these are for people
        (Kind.AUTOMATIC, "header:x-mailer", "ann@example.org", "", True, False, "r"),
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", "form@shop.example", "", True, False, "r"),
        (Kind.PERSON, "wording:out-of-office", "rita@example.com", "", True, True, "r"),
    ],
)
def test_what_any_message_of_ours_may_have_caused_is_kept_out_of_counts(
    kind: Kind, why: str, sender: str, text: str, matched: bool, known: bool, reason: str
) -> None:
    judged = verdict(kind=kind, acknowledge=False, acknowledge_reason=why, acknowledge_to=None, matched=matched)
    mail = arrival(1, sender=sender, judged=judged)
    mail = replace(mail, mail=replace(mail.mail, text=text))
    plan = planned(mail, History(wrote_to_us=known))
    assert plan.reason == reason
    assert planned(mail, History(wrote_to_us=known, ours_named=True)).reason != "may-answer-ours"
    assert plan.outcome is (Outcome.CASE if reason == "r" else Outcome.RECORDED)
    woken = planned(mail, History(wrote_to_us=known, recent_case=7))
    assert woken.case_id == (7 if reason == "may-answer-ours" else None)


@pytest.mark.parametrize(
    ("kind", "why", "matched"),
    [
        (Kind.AUTOMATIC, "auto-submitted:auto-generated", False),
        (Kind.AUTOMATIC, "auto-submitted:auto-generated", True),
        (Kind.AUTOMATIC, "auto-submitted:auto-replied", True),
        (Kind.PERSON, "wording:out-of-office", True),
    ],
)
def test_where_no_answer_counts_nothing_shows_whether_somebody_has_written(kind: Kind, why: str, matched: bool) -> None:
    judged = verdict(kind=kind, acknowledge=False, acknowledge_reason=why, acknowledge_to=None, matched=matched)
    strict = Planner(config("[digest]\ncount_answers = false\n"))
    known, unknown = (planned(arrival(1, judged=judged), History(wrote_to_us=one), strict) for one in (True, False))
    assert (known.outcome, known.reason, copies(known)) == (unknown.outcome, unknown.reason, copies(unknown))


def test_our_own_mail_coming_back_is_only_counted() -> None:
    assert planned(arrival(1, judged=verdict(kind=Kind.OURS))).reason == "ours"
    assert planned(arrival(1), History(ours_returned=True)).outcome is Outcome.RECORDED


def test_junk_is_left_where_it_is_unless_a_rule_matches() -> None:
    plan = planned(arrival(1, folder="Junk", judged=verdict(matched=False)))
    assert (plan.outcome, plan.reason, plan.file) == (Outcome.RECORDED, "junk", False)
    plan = planned(arrival(1, folder="Junk"))
    assert (plan.outcome, plan.file) == (Outcome.CASE, True)


@pytest.mark.parametrize(
    ("name", "junk"),
    [
        ("Junk", True),
        ("INBOX/Spam", True),
        ("Ongewenste e-mail", True),
        ("Courrier indésirable", True),
        ("INBOX", False),
        ("Reports", False),
    ],
)
def test_junk_folders_by_name(name: str, junk: bool) -> None:
    assert is_junk(name) is junk


# --- who must not see it ---


def test_who_is_named_gets_nothing_and_is_written_down() -> None:
    judged = verdict(recused=(Withheld("bob@example.org", "named-in-body"),))
    plan = planned(arrival(1, judged=judged))
    assert copies(plan) == ["ann@example.org"]
    assert copies(plan, DeliveryState.WITHHELD) == ["bob@example.org"]
    assert plan.withheld == (Withheld("bob@example.org", "named-in-body"),)


def test_when_everyone_it_goes_to_is_named_the_rest_of_the_team_comes_before_the_fallback() -> None:
    named = tuple(Withheld(who, "named-in-body") for who in ("ann@example.org", "bob@example.org"))
    assert copies(planned(arrival(1, judged=verdict(recused=named)))) == ["carl@example.org"]


def test_when_everyone_is_named_the_fallback_gets_it() -> None:
    named = tuple(Withheld(o.email.lower(), "named-in-body") for o in PLANNER.config.organizers)
    assert copies(planned(arrival(1, judged=verdict(recused=named)))) == ["board@example.net"]


def test_fewer_than_the_minimum_the_fallback_gets_it_too() -> None:
    two = Planner(loads(BASE.replace("minimum = 1", "minimum = 3"), Path("config.toml")))
    judged = verdict(recused=(Withheld("bob@example.org", "named-in-body"),))
    assert copies(planned(arrival(1, judged=judged), planner=two)) == ["ann@example.org", "board@example.net"]


@given(
    named=st.sets(st.sampled_from(["ann@example.org", "bob@example.org", "carl@example.org"])),
    before=st.sets(st.sampled_from(["ann@example.org", "bob@example.org", "carl@example.org"])),
    category=st.sampled_from(["report", "question", "concern", "unheard-of"]),
    how=st.sampled_from(["", "ours", "theirs", "code"]),
    known=st.booleans(),
    truncated=st.booleans(),
    urgency=st.sampled_from(list(Urgency)),
)
def test_nobody_who_is_withheld_gets_anything_and_somebody_always_does(
    named: set[str],
    before: set[str],
    category: str,
    how: str,
    known: bool,
    truncated: bool,
    urgency: Urgency,
) -> None:
    judged = verdict(recused=tuple(Withheld(n, "named-in-body") for n in named), category=category, urgency=urgency)
    mail = arrival(1, judged=judged)
    mail = replace(mail, raw=replace(mail.raw, truncated=truncated))
    thread = replace(CASE, withheld=frozenset(before)) if how else None
    plan = planned(mail, History(thread=thread, thread_by=how, known_sender=known))
    hidden = named | (before if thread else set())
    assert hidden.isdisjoint(copies(plan))
    assert copies(plan)  # a report always reaches a person
    assert {w.organizer for w in plan.withheld} >= named - (before if plan.case_id else set())
    if plan.opens and thread:
        assert {w.organizer for w in plan.withheld} == hidden


# --- threads ---


@pytest.mark.parametrize("how", ["ours", "theirs", "code"])
def test_a_known_sender_joins_the_case_without_a_second_answer(how: str) -> None:
    plan = planned(arrival(2), History(thread=CASE, thread_by=how, token_of=REPORTER, known_sender=True))
    assert (plan.outcome, plan.case_id, plan.opens) == (Outcome.FOLLOW_UP, 7, False)
    assert {d.kind for d in plan.deliveries} == {MessageKind.FOLLOW_UP}


@pytest.mark.parametrize("how", ["ours", "theirs", "code"])
def test_a_stranger_who_claims_a_case_gets_one_of_their_own_beside_it(how: str) -> None:
    hidden = replace(CASE, withheld=frozenset({"bob@example.org"}))
    plan = planned(arrival(2), History(thread=hidden, thread_by=how, token_of=REPORTER))
    assert (plan.outcome, plan.opens, plan.linked_to, plan.case_id) == (Outcome.CASE, True, 7, None)
    assert "bob@example.org" not in copies(plan)
    assert REPORTER in {d.recipient for d in plan.deliveries}


@pytest.mark.parametrize("joins", [True, False])
@pytest.mark.parametrize("answered", [frozenset[str](), frozenset({"ann@example.org"})])
def test_a_mail_about_two_cases_reaches_nobody_from_whom_either_is_withheld(
    joins: bool, answered: frozenset[str]
) -> None:
    other = Beside(frozenset({"ann@example.org"}), takes_part=False)
    thread = replace(CASE, withheld=frozenset({"bob@example.org"}), answered_by=answered)
    plan = planned(arrival(2), History(thread=thread, thread_by="theirs", known_sender=joins, beside=(other,)))
    assert copies(plan) == ["carl@example.org"]
    assert plan.opens is not joins
    assert Withheld("ann@example.org", "withheld-from-case") in plan.withheld


@pytest.mark.parametrize("takes_part", [True, False])
def test_for_an_organizer_who_writes_another_case_exists_only_if_they_take_part_in_it(takes_part: bool) -> None:
    judged = verdict(recused=(Withheld("bob@example.org", "is-sender"),))
    other = Beside(frozenset({"ann@example.org", "bob@example.org"}), takes_part)
    plan = planned(arrival(2, judged=judged), History(beside=(other,)))
    assert ("ann@example.org" in copies(plan)) is not takes_part


def test_machine_mail_that_names_a_case_is_counted_for_nobody_from_whom_that_is_withheld() -> None:
    judged = verdict(kind=Kind.AUTOMATIC, acknowledge=False, acknowledge_to=None, matched=False)
    other = Beside(frozenset({"bob@example.org"}), takes_part=False)
    plan = planned(arrival(2, judged=judged), History(beside=(other,)))
    assert (plan.outcome, plan.withheld) == (Outcome.RECORDED, (Withheld("bob@example.org", "withheld-from-case"),))


def test_a_follow_up_reopens_what_was_closed() -> None:
    closed = replace(CASE, state=CaseState.CLOSED)
    assert planned(arrival(2), History(thread=closed, thread_by="ours", known_sender=True)).reopens


def test_a_later_mail_that_names_somebody_withholds_them_from_then_on() -> None:
    judged = verdict(recused=(Withheld("ann@example.org", "named-in-body"),))
    plan = planned(arrival(2, judged=judged), History(thread=CASE, thread_by="ours", known_sender=True))
    assert plan.withheld == (Withheld("ann@example.org", "named-in-body"),)
    assert "ann@example.org" not in copies(plan)


def test_many_mails_of_one_person_in_a_day_are_urgent() -> None:
    assert not planned(arrival(1), History(recent_from_sender=1)).raises_urgency
    assert planned(arrival(1), History(recent_from_sender=2)).raises_urgency


# --- the answer ---


@pytest.mark.parametrize(
    ("history", "sender", "reason"),
    [
        (History(acknowledged_sender=4), "rita@example.com", "cap-sender"),
        (History(acknowledged_domain=50), "rita@example.com", "cap-domain"),
        (History(acknowledged_all=200), "rita@example.com", "cap-day"),
        (History(acknowledged_domain=50), "rita@gmail.com", "person"),
        (History(acknowledged_sender=3), "rita@example.com", "person"),
    ],
)
def test_a_cap_silences_the_answer_and_never_the_report(history: History, sender: str, reason: str) -> None:
    plan = planned(arrival(1, judged=verdict(acknowledge_to=Address("", sender))), history)
    assert plan.acknowledge_reason == reason
    assert copies(plan) == ["ann@example.org", "bob@example.org"]
    assert (REPORTER in {d.recipient for d in plan.deliveries}) is (reason == "person")


def capped(count: str, unseen: tuple[frozenset[str], ...]) -> History:
    """One answer too many, some of them in cases that are withheld."""
    others = tuple(Unseen(one, sender=count == "sender", domain=count == "domain") for one in unseen)
    return {
        "sender": History(acknowledged_sender=4, acknowledged_unseen=others),
        "domain": History(acknowledged_domain=50, acknowledged_unseen=others),
        "all": History(acknowledged_all=200, acknowledged_unseen=others),
    }[count]


ANN_ONLY, BOB_ONLY = frozenset({"ann@example.org"}), frozenset({"bob@example.org"})


@pytest.mark.parametrize("count", ["sender", "domain", "all"])
@pytest.mark.parametrize(
    ("named", "unseen", "answered"),
    [
        ("", (), False),
        ("", (BOB_ONLY,), True),  # Bob sees this one, and must not see by it that there are others
        ("bob", (BOB_ONLY,), False),  # all who see this one may know of the others
        ("bob", (ANN_ONLY,), True),
        ("bob", (ANN_ONLY | BOB_ONLY,), True),
        ("ann bob", (BOB_ONLY,), False),
    ],
)
def test_a_cap_counts_only_what_all_may_know_who_get_the_mail(
    count: str, named: str, unseen: tuple[frozenset[str], ...], answered: bool
) -> None:
    judged = verdict(recused=tuple(Withheld(f"{name}@example.org", "named-in-body") for name in named.split()))
    plan = planned(arrival(1, judged=judged), capped(count, unseen))
    assert (plan.acknowledge_reason == "person") is answered


@pytest.mark.parametrize(("count", "answered"), [("sender", False), ("domain", True), ("all", True)])
def test_an_organizer_who_writes_sees_by_no_answer_what_is_withheld_from_them(count: str, answered: bool) -> None:
    judged = verdict(recused=(Withheld("bob@example.org", "is-sender"),), acknowledge_to=Address("", "bob@example.org"))
    plan = planned(arrival(1, sender="bob@example.org", judged=judged), capped(count, (BOB_ONLY,)))
    assert (plan.acknowledge_reason == "person") is answered


@pytest.mark.parametrize(
    ("setting", "authentication", "variant"),
    [
        ("full", "none", "full"),
        ("generic", "none", "generic"),
        ("generic", "fail", "generic"),
        ("none", "fail", ""),
        ("none", "pass", "full"),
        ("generic", "pass", "full"),
    ],
)
def test_what_a_sender_gets_who_is_not_authenticated(setting: str, authentication: str, variant: str) -> None:
    more = f'[acknowledgement]\nauthserv_id = "mx.example.org"\nauthentication = "{setting}"\n'
    plan = planned(arrival(1, judged=verdict(authentication=authentication)), planner=Planner(config(more)))
    assert [d.variant for d in plan.deliveries if d.recipient == REPORTER] == ([variant] if variant else [])


def test_without_a_trusted_server_nobody_is_judged() -> None:
    more = '[acknowledgement]\nauthentication = "none"\n'
    plan = planned(arrival(1, judged=verdict(authentication="fail")), planner=Planner(config(more)))
    assert REPORTER in {d.recipient for d in plan.deliveries}


def test_answers_can_be_switched_off() -> None:
    plan = planned(arrival(1), planner=Planner(config("[acknowledgement]\nenabled = false\n")))
    assert plan.acknowledge_reason == "switched-off"
    assert REPORTER not in {d.recipient for d in plan.deliveries}


# --- what can't be read ---


def test_a_mail_that_cant_be_read_or_processed_reaches_people() -> None:
    mail = arrival(1)
    unreadable = planned(replace(mail, raw=replace(mail.raw, unreadable=True)))
    assert (unreadable.outcome, unreadable.file) == (Outcome.QUARANTINED, False)
    assert copies(unreadable) == ["ann@example.org", "bob@example.org"]
    poison = planned(replace(mail, mail=ParsedMail(defects=("unprocessable",))))
    assert (poison.outcome, {d.kind for d in poison.deliveries}) == (Outcome.QUARANTINED, {MessageKind.REPORT})


def test_a_mail_above_the_size_is_a_notice_and_still_answered() -> None:
    mail = arrival(1)
    plan = planned(replace(mail, raw=replace(mail.raw, truncated=True)))
    assert {d.kind for d in plan.deliveries} == {MessageKind.NOTICE, MessageKind.ACKNOWLEDGEMENT}


def test_mail_from_before_is_only_recorded() -> None:
    plan = planned(replace(arrival(1), before=True))
    assert (plan.outcome, plan.deliveries, plan.file) == (Outcome.BEFORE, (), False)
