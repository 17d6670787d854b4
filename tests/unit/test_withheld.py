"""For whoever is withheld from a case it does not exist: all they are sent is the same with and without it.

The same days are lived twice: with whatever happens around the case and without it. Hypothesis makes up the days; both
times everything that reaches the accused by any channel is compared, byte for byte but for what is random anyway.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from .days import EVENTS, Days, Event
from .society import ANN, BOB_AT_HOME, BOB_TAGGED, CARL, DORA, KEEPER, RITA


def same(events: Sequence[Event], digest: str = "") -> None:
    """What reaches Bob is the same with the case and without."""
    told: list[list[bytes]] = []
    for with_case in (True, False):
        folder = Path(tempfile.mkdtemp(prefix="wh"))
        try:
            told.append(Days(folder, with_case=with_case, digest=digest).live(events))
        finally:
            shutil.rmtree(folder)
    mine, without = told
    assert len(without) > 0
    for one, other in zip(mine, without, strict=False):
        assert one == other
    assert len(mine) == len(without)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS)
def test_all_that_reaches_who_is_withheld_is_the_same_without_the_case(events: list[Event]) -> None:
    same(events)


ELSEWHERE = "ann.private@mail.example"
ACCUSED = Event("accuse", "Bob Builder|shouted at me at the meetup|text|", hidden=True)
UNDELIVERED = Event("accuse", f"Bob Builder|shouted at me at the meetup|text|{CARL}", hidden=True)


@pytest.mark.parametrize(
    "events",
    [
        # the reporter's other mails would show by the urgency of one that Bob may see
        [ACCUSED, ACCUSED, Event("rita-writes", "is on stage")],
        # the caps on answers: to the reporter, and in all to somebody else
        [ACCUSED, ACCUSED, Event("rita-writes", "shouted at me at the meetup")],
        # and Bob himself writes something, and is answered or not
        [ACCUSED, ACCUSED, Event("bob-writes", "is on stage"), Event("writes", "is on stage")],
        # the head of a copy comes back and names nobody: it is still about the case
        [ACCUSED, Event("comes-back", ANN, hidden=True), Event("writes", "is on stage")],
        # alarms about the case can't be delivered
        [Event("accuse", f"Bob Builder|is on stage|text|{KEEPER} {CARL}", hidden=True), Event("writes", "is on stage")],
        # Carl is withheld as well: Bob's own mail under the code would not be said to reach him
        [ACCUSED, Event("works", "recuse Carl Cox", hidden=True), Event("guesses", "hello you all|code")],
        [ACCUSED, Event("works", "recuse Carl Cox", hidden=True), Event("guesses", "hello you all|report")],
        # and by no other address of his
        *(
            [ACCUSED, Event("works", "recuse Carl Cox", hidden=True), Event("guesses", f"hello you all|{how}|{sender}")]
            for how in ("code", "report")
            for sender in (BOB_AT_HOME, BOB_TAGGED)
        ),
        # the reporter names the case in a new mail, Ann in her words about another one
        [ACCUSED, Event("mentions", "He did it again, as I wrote in", hidden=True)],
        [ACCUSED, Event("writes", "is on stage"), Event("team-mentions", "This is like", hidden=True)],
        [ACCUSED, Event("is-away", "", hidden=True), Event("machine", "", hidden=True), Event("writes", "is on stage")],
        # the alarm about an undelivered copy comes back, or is answered by a machine: neither names a case
        [UNDELIVERED, Event("alarm-comes-back", "", hidden=True)],
        [UNDELIVERED, Event("keeper-is-away", "", hidden=True)],
        # what comes back, or is answered by a machine, without a word of which message
        [
            ACCUSED,
            *(Event("responds", f"{who}|marked", hidden=True) for who in (ANN, RITA, KEEPER)),
            *(Event("returned", who, hidden=True) for who in (ANN, RITA, KEEPER)),
            *(Event("responds", f"{who}|words", hidden=True) for who in (ANN, RITA)),
        ],
        # word of what was given up, to several and about whatever it was, can't be delivered either, or comes back
        [Event("accuse", f"Bob Builder|is on stage|text|{CARL} {DORA}", hidden=True), Event("writes", "is on stage")],
        [UNDELIVERED, Event("comes-back", ANN, hidden=True)],
        # Carl's copy was refused: nothing of it is there to come back
        [
            UNDELIVERED,
            Event("is-away", "", hidden=True),
            Event("comes-back", CARL, hidden=True),
            Event("comes-back", CARL, hidden=True),
            Event("machine", "", hidden=True),
        ],
    ],
)
def test_what_would_show_that_there_is_a_case(events: list[Event]) -> None:
    same(events)


@pytest.mark.parametrize(
    "events",
    [
        # copies are forwarded, services answer for people: from an address that nobody knows
        [ACCUSED, Event("responds", f"{ELSEWHERE}|marked", hidden=True), Event("returned", ELSEWHERE, hidden=True)],
        # forged by Bob in the reporter's name, to see whether they have written
        [ACCUSED, Event("responds", f"{RITA}|marked"), Event("returned", RITA)],
    ],
)
def test_nor_does_an_answer_that_names_no_message_where_none_is_counted(events: list[Event]) -> None:
    same(events, "count_answers = false\n")
