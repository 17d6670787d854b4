"""The pass without news and the full pass agree: whatever happened, the first says nothing that the second would not."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Pymap
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, finished, world

from intake import app
from intake.cli import light
from intake.cli.main import intake
from intake.config import load

pytestmark = pytest.mark.sqlite  # the quick look is at a file

START = datetime(2026, 4, 20, 10, 0, tzinfo=UTC)  # a Monday, after the day's digest
NUMBERS = itertools.count(1)


def once(config: Path, now: datetime, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``intake once`` in this process."""
    done = CliRunner().invoke(
        intake, ["once", "-c", str(config), "--now", now.isoformat(), *words], standalone_mode=False
    )
    if done.exception:
        raise done.exception
    return int(done.return_value), done.stdout, done.stderr


def look(config: Path, now: datetime) -> bool:
    """Whether a quick look is enough."""
    return light.look(config, now, os.environ) is not None


def sql(config: Path, statement: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(config.with_name("intake.db"))) as connection, connection:
        return connection.execute(statement, values).fetchall()


def by_full_pass(config: Path, now: datetime, *words: str) -> tuple[int, str, str]:
    """The same by a full pass, on a copy of everything but the mailbox."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(config.parent, Path(folder) / "copy") / config.name
        copy.write_text(copy.read_text("utf-8").replace(str(config.parent), str(copy.parent)), "utf-8")
        sql(copy, "DELETE FROM meta WHERE name = 'glance'")
        answer = once(copy, now, *words)
        with closing(sqlite3.connect(copy.with_name("intake.db"))) as connection:
            tried, succeeded, error = connection.execute("SELECT tried, succeeded, error FROM mailbox_pass").fetchone()
        assert tried == succeeded
        assert error == ""
        return answer


@pytest.fixture
def place(pymap_server: Pymap, aiosmtpd_server: Aiosmtpd, tmp_path: Path) -> World:
    found = world(pymap_server, aiosmtpd_server, tmp_path, addresses(f"light{next(NUMBERS)}-"))
    found.configure()
    return found


def quiet(place: World, now: datetime = START) -> Path:
    """Make a place where nothing is new; its configuration."""
    config = place.folder / "config.toml"
    assert once(config, now)[0] in {0, 75}
    assert look(config, now + timedelta(seconds=5))
    return config


MAIL = b"From: Rita <rita@people.example>\r\nTo: help\r\nSubject: Code-of-conduct\r\nMessage-ID: <%d@p.example>\r\n\r\nHe shouted.\r\n"


def test_a_pass_without_news_answers_as_a_full_one(place: World) -> None:
    config = quiet(place)
    now = START + timedelta(minutes=1)
    for words in (["--json"], [], ["--no-send"], ["--json", "--no-send"]):
        assert look(config, now)
        assert once(config, now, *words) == by_full_pass(config, now, *words)
    ((tried, succeeded, error),) = sql(config, "SELECT tried, succeeded, error FROM mailbox_pass")
    assert 0 <= tried - now.timestamp() * 1000 < 60_000
    assert (succeeded, error) == (tried, "")


def test_mail_is_read_at_once(place: World) -> None:
    config = quiet(place)
    place.imap.append(place.community, "INBOX", MAIL % 1)
    assert not look(config, START + timedelta(minutes=1))
    assert json.loads(once(config, START + timedelta(minutes=1), "--json")[1])["accepted"] == 1
    place.imap.append(place.community, "Junk", MAIL % 2)
    assert not look(config, START + timedelta(minutes=2))


def test_a_number_that_stands_for_another_mail_is_news(place: World) -> None:
    place.configure(start="now")
    place.imap.append(place.community, "INBOX", MAIL % 1)
    config = quiet(place)
    sql(config, "UPDATE mail SET internal_date = internal_date - 1000")  # the mail that was read was another one
    assert not look(config, START + timedelta(minutes=1))
    assert "it gives UIDs a second time" in once(config, START + timedelta(minutes=1))[2]
    assert look(config, START + timedelta(minutes=2)), "it is read anew once"


def _other_bytes(config: Path) -> None:
    config.write_text(config.read_text("utf-8") + "\n# a remark\n", "utf-8")


def _other_rights(config: Path) -> None:
    config.with_name("smtp-password").chmod(0o644)


def _no_secret(config: Path) -> None:
    config.with_name("imap-password").unlink()


def _wrong_password(config: Path) -> None:
    config.with_name("imap-password").write_text("wrong\n")


def _other_key(config: Path) -> None:
    config.with_name("intake.key").unlink()


def _readable_ledger(config: Path) -> None:
    config.with_name("intake.db").chmod(0o644)


def _older_tables(config: Path) -> None:
    sql(config, "UPDATE alembic_version SET version_num = '0000'")


def _a_lease(config: Path) -> None:
    sql(config, "INSERT INTO lease VALUES ('mailbox help', 'somebody', ?)", (START.timestamp() + 9999) * 1000)


def _a_broken_note(config: Path) -> None:
    sql(config, "UPDATE meta SET value = '{\"of\": 1' WHERE name = 'glance'")


def _a_note_of_another(config: Path) -> None:
    ((note,),) = sql(config, "SELECT value FROM meta WHERE name = 'glance'")
    sql(config, "UPDATE meta SET value = ? WHERE name = 'glance'", json.dumps({**json.loads(note), "of": "another"}))


@pytest.mark.parametrize(
    "change",
    [
        _other_bytes, _other_rights, _no_secret, _wrong_password, _other_key, _readable_ledger, _older_tables, _a_lease,
        _a_broken_note, _a_note_of_another,
    ],
)  # fmt: skip
def test_whatever_is_not_as_it_was_makes_a_full_pass(place: World, change: Callable[[Path], None]) -> None:
    config = quiet(place)
    change(config)
    assert not look(config, START + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("command", "not_for_it"),
    [
        ("once", {"alembic", "sqlalchemy.dialects.postgresql", "psycopg", "apscheduler", "rich", "msal", "apprise"}),
        ("--help", {"sqlalchemy", "pydantic", "jinja2", "imapclient", "mailparser"}),
    ],
)
def test_nothing_is_loaded_that_is_not_needed(place: World, command: str, not_for_it: set[str]) -> None:
    assert place.run("once").code == 0  # makes the ledger, which takes Alembic
    place.deliver(b"From: rita@people.example\r\nSubject: Code-of-conduct\r\n\r\nSomebody shouted at me.\r\n")
    done = finished(place.start(command, environment={"PYTHONPROFILEIMPORTTIME": "1"}))
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines() if line.startswith("import time:")}
    assert "intake.cli.main" in loaded
    assert not loaded & not_for_it


def test_time_makes_a_full_pass(place: World) -> None:
    config = quiet(place)
    assert not look(config, START - timedelta(seconds=1)), "the clock went back"
    assert not look(config, START + timedelta(minutes=16)), "at the latest"
    early = datetime(2026, 4, 21, 5, 55, tzinfo=UTC)  # five minutes before the digest in Brussels
    assert once(config, early)[0] == 0
    assert look(config, early + timedelta(minutes=4))
    assert not look(config, early + timedelta(minutes=5))


def test_a_failing_mailbox_is_tried_once_a_pass(place: World) -> None:
    config = quiet(place)
    (place.folder / "imap-password").write_text("wrong\n")
    now = START + timedelta(minutes=1)
    first = once(config, now, "--json")
    assert first[0] == 75
    assert json.loads(first[1])["mailboxes"][0]["error"] in first[2]
    assert once(config, now, "--json") == first
    assert not sql(config, "SELECT * FROM meta WHERE name = 'glance'")


def test_every_mailbox_is_looked_at(place: World) -> None:
    other = place.imap.user()
    text = place.configure().read_text("utf-8")
    block = text[text.index("[[mailbox]]") : text.index("[smtp]")]
    second = block.replace('name = "help"', 'name = "other"').replace(place.community, other)
    config = place.folder / "config.toml"
    config.write_text(text.replace("[smtp]", second + "[smtp]"), "utf-8")
    for user in (place.community, other):
        place.imap.create(user, "Junk")
    quiet(place)
    answer = json.loads(once(config, START + timedelta(minutes=1), "--json")[1])
    assert [one["name"] for one in answer["mailboxes"]] == ["help", "other"]
    place.imap.append(other, "Junk", MAIL % 1)
    assert not look(config, START + timedelta(minutes=2))


def test_what_is_noted_of_a_mailbox_is_what_is_configured(place: World) -> None:
    """And no secret: where it is, not what it is."""
    config = quiet(place)
    ((note,),) = sql(config, "SELECT value FROM meta WHERE name = 'glance'")
    assert place.imap.password not in note
    (known,) = json.loads(note)["mailboxes"]
    assert known.pop("token_name") == ""
    configured = load(config).mailboxes[0]
    for name, value in known.items():
        there = getattr(configured, name)
        assert value == (str(there) if isinstance(there, Path) else list(there) if isinstance(there, tuple) else there)


def test_the_dead_man_s_switch_is_called_by_quiet_passes_and_only_after_a_good_one(
    place: World, aiosmtpd_server: Aiosmtpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []

    def noted(url: str) -> str:
        called.append(url)
        return ""

    monkeypatch.setattr(app, "ping", noted)
    config = place.configure(more='[alarm]\nping_url = "https://ping.example/here"\n')
    quiet(place)
    assert len(called) == 1
    assert once(config, START + timedelta(minutes=1), "--no-send")[0] == 0
    assert len(called) == 1, "who sends nothing knows nothing of the way out"
    assert look(config, START + timedelta(minutes=2))
    once(config, START + timedelta(minutes=2))
    assert called == ["https://ping.example/here"] * 2
    monkeypatch.setattr(aiosmtpd_server.faults, "refused", {place.people[0].address})
    place.imap.append(place.community, "INBOX", MAIL % next(NUMBERS))
    now = START + timedelta(minutes=3)
    assert once(config, now)[0] in {1, 75}, "a copy was given up"
    for minute in (1, 2):
        once(config, now + timedelta(minutes=minute))
        assert not look(config, now + timedelta(minutes=minute, seconds=1)), (
            "an alarm is open: nothing is taken for granted"
        )
    assert len(called) == 2


EVENTS = st.lists(
    st.sampled_from(["mail", "junk", "gone", "pass", "minute", "hour", "night", "claim", "retry", "no-send", "look"]),
    min_size=3,
    max_size=9,
)


@given(events=EVENTS)
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_a_quick_look_never_overlooks_anything(
    pymap_server: Pymap, aiosmtpd_server: Aiosmtpd, events: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = world(pymap_server, aiosmtpd_server, Path(folder), addresses(f"light{next(NUMBERS)}-"))
        config = place.configure()
        place.imap.create(place.community, "Junk")
        now = START
        once(config, now)
        for event in [*events, "look"]:
            now = _happens(event, place, config, now + timedelta(seconds=20))
            if look(config, now):
                answer = by_full_pass(config, now, "--json")
                told = json.loads(answer[1])
                assert not any(told[name] for name in ("seen", "accepted", "duplicates", "filed", "sent", "failed"))
                assert once(config, now, "--json") == answer


def _happens(event: str, place: World, config: Path, now: datetime) -> datetime:
    number = next(NUMBERS)
    if event in {"mail", "junk"}:
        place.imap.append(place.community, "INBOX" if event == "mail" else "Junk", MAIL % number)
    elif event == "gone":
        with place.imap.client(place.community) as client:
            client.select_folder("INBOX")
            client.delete_messages(client.search("ALL"), silent=True)
            client.expunge()
    elif event == "claim":
        sql(config, "UPDATE case_file SET look_at = ?", round((now + timedelta(minutes=3)).timestamp() * 1000))
        sql(config, "DELETE FROM meta WHERE name = 'glance'")
    elif event == "retry":
        at = round((now + timedelta(seconds=30)).timestamp() * 1000)
        sql(config, "UPDATE delivery SET state = 'pending', not_before = ? WHERE state = 'sent'", at)
    elif event in {"pass", "no-send"}:
        once(config, now, *(["--no-send"] if event == "no-send" else []))
    waits = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "night": timedelta(hours=14)}
    return now + waits.get(event, timedelta(0))


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the user who runs the tests plays a part."""
    monkeypatch.setenv("HOME", str(tmp_path))
