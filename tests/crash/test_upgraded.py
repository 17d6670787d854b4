"""A ledger of an older form, in the middle of everything: after the upgrade all that was on its way goes out, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from crash.lives import QuickWorld, check, rest
from sqlalchemy import text
from unit.worlds import ANN, BOB, CARL, mail, message_id

from intake.model import DeliveryState, Failed, Outgoing, Result, Unknown

# What the newest form has and the older ones had not.
BACK_TO = {
    "0002": tuple(f"DROP INDEX ix_case_file_{name}" for name in ("opened", "clock_since", "claimed_at", "closed_at")),
}
BACK_TO["0001"] = (*BACK_TO["0002"], "DROP TABLE original_part", "ALTER TABLE original DROP COLUMN parts")
# Each copy that was given up had words of its own, which belonged to its mail.
WORD_OF_ITS_OWN = """
UPDATE delivery SET (mail_id, case_id, "key") =
  (SELECT lost.mail_id, lost.case_id, 'undelivered ' || lost.id || ': notice for ' || delivery.recipient
   FROM delivery AS lost WHERE lost.state = 'failed' AND lost.kind = 'report')
WHERE variant = 'undelivered'
"""


@pytest.fixture
def world() -> Iterator[QuickWorld]:
    made = QuickWorld()
    yield made
    made.remove()


def in_the_middle(world: QuickWorld) -> Counter[bytes]:
    """Three mails, and deliveries in every state there is; the mails."""
    answers: dict[str, Result | None] = {
        ANN: Failed(permanent=True, reason="550 no such user"),
        BOB: Unknown("taken, and then the connection broke"),
        CARL: Failed(permanent=False, reason="451 later"),
    }
    world.transport.answers = lambda outgoing, _number: answers.get(outgoing.recipient)
    mails = [mail(1), mail(2, body="Bob Builder was rude to me."), mail(3)]
    world.deliver(mails[0])
    world.run()
    answers[ANN] = Failed(permanent=False, reason="451 later")
    world.deliver(mails[1])
    world.run()
    answers[ANN] = None
    world.deliver(mails[2])

    def dies(outgoing: Outgoing, _number: int) -> Result | None:
        if outgoing.recipient == BOB:
            world.kill()
        return answers.get(outgoing.recipient)

    world.transport.answers = dies
    assert world.run() is None
    world.transport.answers = lambda outgoing, _number: None
    return Counter(mails)


@pytest.mark.parametrize("form", sorted(BACK_TO))
def test_everything_goes_out_once(world: QuickWorld, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    delivered = in_the_middle(world)
    database = world.parts.ledger._database
    with database._engine.begin() as connection:
        for statement in (WORD_OF_ITS_OWN, *BACK_TO[form], f"UPDATE alembic_version SET version_num = '{form}'"):
            connection.exec_driver_sql(statement)
        words = "SELECT count(*) FROM delivery WHERE variant = 'undelivered' AND mail_id IS NOT NULL"
        assert connection.execute(text(words)).scalar()
        assert set(connection.execute(text("SELECT DISTINCT state FROM delivery")).scalars()) == set(DeliveryState)
        on_its_way = "SELECT message_id FROM delivery WHERE state NOT IN ('sent', 'failed', 'withheld')"
        expected = set(connection.execute(text(on_its_way)).scalars())
    world.parts.ledger.close()
    world.parts = world._build()
    assert f"from form {form}" in capsys.readouterr().err
    world.now += timedelta(hours=1)
    rest(world)
    check(world, delivered)
    assert expected <= {message_id(outgoing) for outgoing in world.transport.taken}
