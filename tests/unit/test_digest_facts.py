"""What a digest is made of, on the real steps: ends that come, answers held back, where counted mail lies."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pysequoia import Cert

from intake.config import loads
from intake.letters import Digest, Expiry, Thread
from intake.steps import selfcheck
from intake.steps.digest import digest_for

from .worlds import ALARM, ANN, BOB, CARL, World, mail

CAPPED = ALARM + "[acknowledgement]\nper_sender_per_day = 1\n"


def digest(world: World, who: str) -> Digest:
    return digest_for(world.parts, who, Thread("<x@eug.example>"), period="2026-04-20", now=world.now, since=None)


def test_whose_answer_a_cap_held_back_is_told_to_those_who_may_know(tmp_path: Path) -> None:
    world = World(tmp_path, more=CAPPED)
    world.deliver(mail(1, "Somebody shouted at me.", sender="rita@example.com"))
    world.until_quiet()
    assert digest(world, ANN).silenced_codes == ()
    world.deliver(mail(2, "Bob Builder shouted at me.", sender="rita@example.com"))
    world.until_quiet()
    told = digest(world, ANN)
    second = world.parts.ledger.cases()[-1].code
    assert (told.silenced, told.silenced_codes) == (1, (second,))
    assert digest(world, CARL).silenced_codes == (second,)
    assert (digest(world, BOB).silenced, digest(world, BOB).silenced_codes) == (0, ())


def test_counted_mail_has_a_place_and_none_that_concerns_somebody_withheld(tmp_path: Path) -> None:
    world = World(tmp_path)
    automatic = "Auto-Submitted: auto-generated\r\n"
    world.deliver(mail(1, "Your parcel has arrived.", subject="Parcel", extra=automatic))
    world.deliver(mail(2, "Bob Builder is out of office.", subject="Away", extra=automatic))
    world.deliver(mail(3, "Buy now.", subject="Buy"), folder="Junk")
    world.until_quiet()
    told = digest(world, ANN)
    assert dict(told.not_fanned_out) == {"automatic": 2, "junk": 1}
    assert dict(told.places) == {"automatic": ("help/Processed",), "junk": ("help/Junk",)}
    assert dict(digest(world, BOB).not_fanned_out) == {"automatic": 1, "junk": 1}


def test_a_strangers_answer_is_counted_unless_none_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.deliver(mail(1, "I am away.", subject="Away", extra="Auto-Submitted: auto-replied\r\n"))
    world.until_quiet()
    assert dict(digest(world, ANN).not_fanned_out) == {"automatic": 1}
    assert digest(world, ANN).answers_counted
    quiet = world.config.digest.model_copy(update={"count_answers": False})
    world.parts = replace(world.parts, config=replace(world.config, digest=quiet))
    assert dict(digest(world, ANN).not_fanned_out) == {}
    assert not digest(world, ANN).answers_counted


def keyed(tmp_path: Path, key: bytes) -> World:
    (tmp_path / "bob.asc").write_bytes(key)
    world = World(tmp_path)
    text = (
        '[[mailbox]]\nname = "help"\nhost = "localhost"\nuser = "u"\npassword_env = "P"\n[smtp]\nhost = "localhost"\n'
        'auth = "none"\n[community]\nname = "G"\naddress = "help@eug.example"\n[[organizer]]\nname = "Ann Example"\n'
        f'email = "{ANN}"\n[[organizer]]\nname = "Bob Builder"\nemail = "{BOB}"\ncontent = "encrypted"\n'
        'pgp_key = "bob.asc"\n'
    )
    world.parts = replace(world.parts, config=loads(text, tmp_path / "config.toml"))
    return world


@pytest.mark.filterwarnings("ignore:Use Tsk")  # which makes keys without an end
def test_a_key_is_announced_six_weeks_before_it_ends(tmp_path: Path) -> None:
    cert = Cert.generate("Bob <bob@example.org>")
    world = keyed(tmp_path, bytes(cert))
    assert cert.expiration is not None
    world.now = cert.expiration - timedelta(days=43)
    assert digest(world, ANN).expiries == ()
    world.now += timedelta(days=2)
    (one,) = digest(world, ANN).expiries
    assert (one.what, one.name) == ("key", "Bob Builder")
    assert one.ends is not None
    assert abs(one.ends - cert.expiration) < timedelta(days=1)
    world.now = cert.expiration + timedelta(days=1)
    assert digest(world, ANN).expiries == (Expiry("key", None, "Bob Builder"),)


@pytest.mark.parametrize("key", [b"", b"no key at all"])
def test_a_key_that_is_no_good_is_told(tmp_path: Path, key: bytes) -> None:
    assert digest(keyed(tmp_path, key), ANN).expiries == (Expiry("key", None, "Bob Builder"),)


def test_a_drill_that_failed_and_one_that_came_through_are_told(tmp_path: Path) -> None:
    to = "drills@eug-drills.example"
    world = World(tmp_path, more=f'{ALARM}[drill]\nevery = "1d"\nto = "{to}"\n', digest="mon 08:00")
    world.run()
    world.now += timedelta(minutes=31)
    world.run()
    told = digest(world, ANN)
    assert (told.problems, told.self_check) == (("drill",), None)
    assert told.undelivered == 0
    world.deliver(world.transport.to("help@eug.example")[0].content)
    world.run()
    world.run()
    told = digest(world, ANN)
    assert told.problems == ()
    assert told.self_check is not None
    assert told.self_check.at == selfcheck.checks(world.parts, to)[0].at
    assert told.cases == told.closed == ()
