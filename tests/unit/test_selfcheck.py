"""Self-checks: one at a time however many machines and restarts, an alarm if one fails, and nobody gets a mail."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from intake.config import loads
from intake.errors import ConfigError
from intake.model import DRILL, CaseState, Failed, MessageKind, Outgoing, Result
from intake.steps import drill, selfcheck
from intake.steps.digest import decide_digests
from intake.steps.whole import quiet_until

from .worlds import ALARM, ANN, BOB, CARL, KEEPER, World, header, mail

DRILLS = "drills@eug-drills.example"
US = "help@eug.example"
EVERY = f'{ALARM}[drill]\nevery = "1d"\nto = "{DRILLS}"\n'
SLOW: Result = Failed(permanent=False, reason="451 later")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, more=EVERY, digest="mon 08:00")


def passes(world: World, minutes: int, step: int = 1, *, comes_in: bool = True) -> None:
    """Pass after pass; what we send to ourselves comes in, or does not."""
    seen = len(world.transport.to(US))
    for _ in range(0, minutes, step):
        assert world.run() is not None
        for outgoing in world.transport.to(US)[seen:]:
            if comes_in:
                world.deliver(outgoing.content)
        seen = len(world.transport.to(US))
        world.now += timedelta(minutes=step)


def alarms(world: World) -> list[str]:
    return [header(o, "Subject") for o in world.sent("alarm")]


def stages(world: World) -> list[str]:
    return [check.stage for check in selfcheck.checks(world.parts, DRILLS)]


def test_it_goes_the_whole_way_once_a_day_and_nobody_gets_a_mail(world: World) -> None:
    passes(world, 5)
    assert stages(world) == ["through"]
    passes(world, 3 * 24 * 60, 180)  # a machine that is asleep most of the time
    passes(world, 4)
    assert len(world.transport.to(US)) == 4
    assert {o.recipient for o in world.transport.taken} - {US, DRILLS} == set()
    assert len(world.transport.to(DRILLS, MessageKind.REPORT)) == 3 * 4
    assert len(world.transport.to(DRILLS, MessageKind.ACKNOWLEDGEMENT)) == 4
    cases = world.parts.ledger.cases()
    assert {case.state for case in cases} == {CaseState.CLOSED}
    assert len(cases) == 4
    assert alarms(world) == []
    assert len(world.transport.taken) == 4 * 5


@pytest.mark.parametrize("gap", [0, 1, 7, 10_000])
def test_whoever_else_looks_at_the_same_time_starts_no_second_one(world: World, gap: int) -> None:
    for _ in range(3):
        found = selfcheck.checks(world.parts, DRILLS)
        last = found[0].at if found else None
        starts = [selfcheck.start(world.parts, DRILLS, timedelta(days=1), list(found)) for _ in range(4)]
        assert sum(starts) == 1
        assert last is None or world.now - last >= timedelta(days=1)
        world.now += timedelta(days=1, seconds=gap)


def test_it_is_the_same_mail_however_often_it_is_sent(world: World) -> None:
    answers: list[Result | None] = [SLOW, SLOW, None]
    world.transport.answers = lambda o, n: answers[min(n - 1, 2)] if o.recipient == US else None
    sent: list[bytes] = []
    send = world.transport.send

    def noted(outgoing: Outgoing) -> Result:
        if outgoing.recipient == US:
            sent.append(outgoing.content)
        return send(outgoing)

    world.transport.send = noted  # type: ignore[method-assign]  # a window into the world
    passes(world, 20, 2)
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert stages(world) == ["through"]


def test_a_server_that_gives_our_mail_another_id_does_not_hide_it(world: World) -> None:
    for _ in range(2):
        assert world.run() is not None
        for outgoing in world.transport.to(US)[:1]:
            ours = header(outgoing, "Message-ID").encode()
            raw = b"Received: from here\r\n" + outgoing.content.replace(
                b"Message-ID: " + ours, b"Message-ID: <x@exch.example>"
            )
            assert raw.count(ours) == 1
            if not world.parts.ledger.cases():
                world.deliver(raw)
        world.now += timedelta(minutes=1)
    assert stages(world) == ["through"]
    assert {o.recipient for o in world.transport.taken} == {US, DRILLS}


def test_one_that_does_not_come_in_is_told_once_and_once_when_it_is_over(world: World) -> None:
    passes(world, 29, 4, comes_in=False)
    assert alarms(world) == []
    passes(world, 60, 6, comes_in=False)
    assert len(alarms(world)) == 1
    assert "drill" in alarms(world)[0]
    assert b"did not come into the mailbox" in b" ".join(world.sent("alarm")[0].content.split())
    passes(world, 300, 15, comes_in=False)
    assert len(alarms(world)) == 1
    assert 4 <= len(world.transport.to(US)) <= 8, "after a failure it is tried each hour"
    passes(world, 120, 10)
    assert stages(world) == ["through"]
    assert len(alarms(world)) == 2
    assert "solved" in alarms(world)[1]
    passes(world, 600, 60)
    assert len(alarms(world)) == 2


def test_what_comes_late_ends_the_alarm(world: World) -> None:
    passes(world, 40, 4, comes_in=False)
    assert len(alarms(world)) == 1
    world.deliver(world.transport.to(US)[0].content)
    passes(world, 2, comes_in=False)
    assert len(alarms(world)) == 2
    assert {case.state for case in world.parts.ledger.cases()} == {CaseState.CLOSED}


def test_a_closed_way_out_and_an_address_that_refuses_are_failures(world: World) -> None:
    world.transport.answers = lambda o, _n: SLOW if o.recipient == US else None
    passes(world, 40, 4)
    assert stages(world)[0] == "not-sent"
    assert len(alarms(world)) == 1
    refused: Result = Failed(permanent=True, reason="550 no such user")
    world.transport.answers = lambda o, _n: refused if o.recipient == DRILLS else None
    passes(world, 120, 8)
    assert "not-delivered" in stages(world)
    assert len(alarms(world)) == 1, "that copies of a drill fail is no alarm of its own"
    world.transport.answers = lambda _o, _n: None
    passes(world, 120, 8)
    assert len(alarms(world)) == 2
    assert world.parts.ledger.delivery_counts()["pending"] == 0


def test_it_survives_an_end_at_every_boundary(tmp_path: Path) -> None:
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        world = World(folder, more=EVERY, digest="mon 08:00")
        ended = world.run(die_at=number) is None
        # What the servers took before the end has come in by now; a second sending is the same mail again.
        for outgoing in world.transport.to(US):
            world.deliver(outgoing.content)
        seen = len(world.transport.to(US))
        for _ in range(2):
            world.now += timedelta(minutes=11)  # a lease has ended by then
            world.run()
            for outgoing in world.transport.to(US)[seen:]:
                world.deliver(outgoing.content)
            seen = len(world.transport.to(US))
        assert stages(world) == ["through"], number
        assert len({header(o, "Message-ID") for o in world.transport.to(US)}) == 1, number
        assert len(world.parts.ledger.cases()) == 1, number
        assert world.parts.ledger.open_count() == 0
        world.parts.ledger.close()
        if not ended:
            return


def test_what_an_interrupted_drill_leaves_open_is_closed_without_self_checks_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(drill.compose(world.parts).content)
    world.until_quiet()
    [case] = world.parts.ledger.cases()
    assert (case.rule, case.state) == (DRILL, CaseState.NEW)
    for days in (15, 1):
        world.now += timedelta(days=days)
        world.run()
    [case] = world.parts.ledger.cases()
    assert case.state is CaseState.CLOSED


def test_a_real_report_beside_it_goes_to_the_people(world: World) -> None:
    passes(world, 3)
    world.deliver(mail(1))
    passes(world, 2)
    assert world.reached("report").count(ANN) == 1
    assert {ANN, BOB, CARL} <= set(world.reached("report"))
    assert KEEPER not in world.reached("report")


def test_no_digest_tells_of_it(world: World) -> None:
    passes(world, 5)
    world.now += timedelta(days=7)
    assert decide_digests(world.parts) == 3
    passes(world, 2)
    code = world.parts.ledger.cases()[0].code
    for outgoing in world.sent("digest"):
        assert code.encode() not in outgoing.content
        assert b"drills@" not in outgoing.content


def test_a_quiet_time_ends_when_it_is_due_or_fails(world: World) -> None:
    passes(world, 5)
    due = selfcheck.checks(world.parts, DRILLS)[0].at + timedelta(days=1)
    world.now = due - timedelta(minutes=3)
    assert quiet_until(world.parts, world.now) == due
    world.now = due
    passes(world, 20, 5, comes_in=False)
    assert quiet_until(world.parts, world.now) == due + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ('every = "1d"', "every: needs an address"),
        (f'every = "10m"\nto = "{DRILLS}"', "every: is shorter than within"),
        (f'every = "1d"\nto = "{DRILLS}"\nwithin = "1m"', "within: is over before a mailbox is looked at again"),
        (f'every = "1d"\nto = "{US}"', "to: is the community's own address"),
        (f'every = "1d"\nto = "{ANN}"', "to: is somebody's who gets reports"),
        (f'every = "0d"\nto = "{DRILLS}"', "every: "),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, table: str, what: str) -> None:
    from .worlds import CONFIG, MAILBOX

    text = CONFIG.format(
        mailboxes=MAILBOX.format(name="help", start="all", processed="Processed"),
        more=f"[drill]\n{table}\n",
        digest="daily 08:00",
        ledger="sqlite:///intake.db",
    )
    with pytest.raises(ConfigError) as caught:
        loads(text, tmp_path / "config.toml")
    assert [problem for problem in caught.value.problems if what in problem]
