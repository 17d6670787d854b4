"""Self-checks on real servers: the service sends one, it comes in by mail, and only the address for drills gets copies."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from servers.base import wait_for
from servers.world import World, addresses, servers_of, world

DRILLS = addresses("drills")


@pytest.fixture
def real(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    imap, smtp = servers_of("postfix", request.getfixturevalue)
    return world(imap, smtp, tmp_path, addresses("sc"))


def drilled(place: World, every: str = "1d") -> str:
    to = DRILLS()
    place.configure(more=f'[drill]\nevery = "{every}"\nto = "{to}"\n')
    return to


def test_the_service_checks_itself_by_mail(real: World) -> None:
    to = drilled(real)
    config = real.folder / "config.toml"
    config.write_text(config.read_text("utf-8").replace("start =", "poll_seconds = 1\nstart ="), "utf-8")
    service = real.start("run")
    try:
        arrived = real.arrived(to, 4)
        wait_for(
            lambda: real.run("drill", "--every", "1d", "--json").json["checks"][0]["stage"] == "through", "through"
        )
    finally:
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=30)
    assert sorted(mail.kind for mail in arrived) == ["acknowledgement", "report", "report", "report"]
    assert not any(real.arrived(person.address) for person in real.people)
    shown = real.run("drill", "--every", "1d")
    assert shown.code == 0, shown.err
    assert "came through after" in shown.out
    assert "The next one is due in" in shown.out


def test_by_hand_it_starts_one_and_tells_how_it_ended(embedded: World) -> None:
    to = "drills@people.example"
    now = ("--now", "2027-03-01T10:00:00+00:00")
    first = embedded.run("drill", "--every", "7d", "--to", to, "--json", *now)
    assert (first.code, first.json["started"]) == (75, True)
    again = embedded.run("drill", "--every", "7d", "--to", to, "--json", *now)
    assert (again.code, again.json["started"]) == (75, False)
    assert embedded.run("once", "--now", "2027-03-01T10:02:00+00:00").code == 0
    late = embedded.run("drill", "--every", "7d", "--to", to, "--now", "2027-03-01T10:45:00+00:00")
    assert late.code == 1  # the embedded way out brings nothing back to our own mailbox
    assert "did not come into the mailbox" in late.out
    assert embedded.run("drill", "--every", "7d").code == 2
