"""Anything may happen in any order: mail comes in, people move it, servers fail, clocks jump, and the process ends.

After each life everything comes to rest, and what ``lives`` promises must hold. ``INTAKE_LIVES`` says how many lives
there are, not counting those that branch off; a life that fails is printed with the steps that lead to it, and the seed
with which it comes again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

from crash.lives import QuickWorld, check, ends, rest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from unit.worlds import ANN, BOARD, BOB, CARL, Server, mail

from intake.model import Failed, Outgoing, Result, Unknown

LIVES = int(os.environ.get("INTAKE_LIVES", "150"))
APART = 5  # boundaries between two branches of a pass
SEED = int(os.environ.get("INTAKE_SEED", "1"))
FOLDERS = st.sampled_from(["INBOX", "Junk"])
NUMBERS = st.integers(0, 5)
BODIES = {
    0: "Somebody shouted at me at the meetup yesterday.",
    1: "Bob Builder was rude to me.",
    2: "Ann Example, Bob Builder and Carl Cox all laughed at me.",
    3: "When is the next meetup?",
    4: "Will he be there on Saturday? I am afraid of him.",
    5: "I am out of the office.",
}


def some_mail(number: int) -> bytes:
    extra = "Auto-Submitted: auto-replied\r\n" if number == 5 else ""
    return mail(number, body=BODIES[number], extra=extra)


class Lives(RuleBasedStateMachine):
    """One community's days. The world is made once; each life begins in a fresh one.

    Passes of it branch: what each would leave if it ended at some boundaries comes to rest, too, as a life of its own.
    """

    world: ClassVar[QuickWorld]
    double: ClassVar[QuickWorld]
    ended: ClassVar[Counter[str]] = Counter()

    @initialize(number=NUMBERS, folder=FOLDERS)
    def begin(self, number: int, folder: str) -> None:
        world = self.world
        world.begin_again()
        self.delivered: Counter[bytes] = Counter()
        self.refused: set[str] = set()
        self.failures: list[str] = []
        world.transport.answers = self.answer
        self.ended["lives"] += 1
        self.mail_comes_in(number, folder)  # a life without mail shows nothing

    def answer(self, outgoing: Outgoing, _number: int) -> Result | None:
        if outgoing.recipient in self.refused:
            return Failed(permanent=True, reason="550 no such user")
        kind = self.failures.pop() if self.failures else ""
        answers: dict[str, Result] = {
            "4yz": Failed(permanent=False, reason="451 later"),
            "way out": Failed(permanent=False, reason="421 closing", way_out=True),
            "size": Failed(permanent=True, reason="552 too large", size=True),
            "taken": Unknown("taken, and then the connection broke"),
            "not taken": Unknown("the connection broke"),
        }
        return answers.get(kind)

    # --- the world ---

    @rule(number=NUMBERS, folder=FOLDERS)
    def mail_comes_in(self, number: int, folder: str) -> None:
        raw = some_mail(number)
        self.world.deliver(raw, folder)
        self.delivered[raw] += 1
        self.ended["mails"] += 1

    @rule(data=st.data())
    def somebody_moves_a_mail(self, data: st.DataObject) -> None:
        server = self.world.server
        places = [(name, uid) for name in ("INBOX", "Junk") for uid in server.shelves[name].mails]
        if places:
            name, uid = data.draw(st.sampled_from(places))
            server.move(name, uid, data.draw(FOLDERS))

    @rule(number=NUMBERS)
    def somebody_moves_mail_while_it_is_read(self, number: int) -> None:
        def people(server: Server) -> None:
            self.world.people = lambda _server: None
            for uid in list(server.shelves["INBOX"].mails)[: number % 3]:
                server.move("INBOX", uid, "Junk")

        self.world.people = people

    @rule(folder=FOLDERS)
    def the_server_renumbers(self, folder: str) -> None:
        self.world.server.renumber(folder)

    @rule(kinds=st.lists(st.sampled_from(["4yz", "way out", "size", "taken", "not taken"]), max_size=4))
    def the_next_messages_fail(self, kinds: list[str]) -> None:
        self.failures += kinds

    @rule(who=st.sets(st.sampled_from([ANN, BOB, CARL, BOARD]), max_size=4))
    def some_are_refused_from_now_on(self, who: set[str]) -> None:
        self.refused = who

    @rule(ill=st.booleans())
    def the_mailbox_is_ill(self, ill: bool) -> None:
        self.world.server.broken = "the connection was lost" if ill else ""

    @rule(days=st.sampled_from([-30, -1, 0, 1, 5, 400]), minutes=st.integers(-90, 90))
    def the_clock_jumps(self, days: int, minutes: int) -> None:
        self.world.now += timedelta(days=days, minutes=minutes)

    @rule(minutes=st.sampled_from([1, 3, 15, 240]))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    # --- the process ---

    @rule(first=st.integers(0, APART - 1))
    def a_pass(self, first: int) -> None:
        ended = ends(self.world, self.double, lambda n: n % APART == first, self.the_branch_rests)
        self.ended["branches"] += ended.different
        self.ended["passes"] += 1

    def the_branch_rests(self) -> None:
        to_come, self.failures = self.failures, []
        self.double.server.broken = ""
        rest(self.double)
        check(self.double, self.delivered)
        self.failures = to_come

    @rule(boundary=st.one_of(st.integers(0, 15), st.integers(0, 140)))  # a pass with little to do has few
    def a_pass_that_ends_half_way(self, boundary: int) -> None:
        self.ended["ends"] += self.world.run(die_at=boundary) is None
        self.ended["passes"] += 1

    @rule()
    def a_pass_that_does_not_send(self) -> None:
        self.world.run(send=False)

    @invariant()
    def nothing_has_vanished(self) -> None:
        delivered: Counter[bytes] = vars(self).get("delivered", Counter())
        assert not delivered - self.world.server.all()

    def teardown(self) -> None:
        if not hasattr(self, "delivered"):
            return
        self.world.server.broken, self.failures = "", []
        self.world.people = lambda _server: None
        rest(self.world)
        check(self.world, self.delivered)


def test_any_life_ends_with_every_promise_kept(tell: Callable[[str], None]) -> None:
    Lives.world = QuickWorld()
    Lives.double = QuickWorld(Lives.world)
    try:
        chosen = settings(
            max_examples=LIVES,
            stateful_step_count=14,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        run_state_machine_as_test(seed(SEED)(Lives), settings=chosen)
    finally:
        Lives.world.remove()
        Lives.double.remove()
        ended = Lives.ended
        tell(
            f"any life: {ended['lives'] + ended['branches']} lives, of which {ended['branches']} branch off from another "
            f"where its process might have ended; {ended['passes']} passes, {ended['ends']} of them ended in the lives "
            f"themselves, {ended['mails']} mails, seed {SEED}"
        )
    assert Lives.ended["ends"] > LIVES // 10
