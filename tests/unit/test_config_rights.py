"""Who else may write the configuration and its folders, and read it where it holds secrets."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

import pytest

from intake.cli import advice
from intake.cli.findings import Level
from intake.config import load
from intake.config.files import open_to_others
from intake.errors import ConfigError
from unit.judging import COMMUNITY

URL = 'url = "postgresql:'
NOTIFY = COMMUNITY.replace("[[event]]", 'notify = ["json://localhost/key"]\n[[event]]')
ALARM = COMMUNITY + '[alarm]\nnotify = ["json://localhost/key"]\n'
PASSWORD = COMMUNITY + f'[ledger]\n{URL}//intake:secret@db.example/intake"\n'
IN_QUERY = COMMUNITY + f'[ledger]\n{URL}//db.example/intake?user=intake&password=secret"\n'
SOCKET = COMMUNITY + f'[ledger]\n{URL}//intake@db.example/intake"\n'
PING = COMMUNITY + '[alarm]\nping_url = "https://ping.example/key"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "community"
    made.mkdir(mode=0o700)
    return made


def problems(folder: Path, text: str, mode: int) -> list[str]:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    try:
        load(path)
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("text", "key"),
    [(NOTIFY, "notify of "), (ALARM, "alarm.notify"), (PASSWORD, "ledger.url"), (IN_QUERY, "ledger.url")],
)
def test_a_file_with_a_secret_fails_the_check_when_others_can_read_it(folder: Path, text: str, key: str) -> None:
    assert problems(folder, text, 0o600) == []
    path = folder / "config.toml"
    assert not list(advice.leftovers(load(path)))
    path.chmod(0o604)
    [told] = advice.leftovers(load(path))
    assert told.level is Level.FAILURE
    assert key in told.message
    assert told.action == f"chmod 600 {path}"
    assert "secret@" not in str(told)
    assert "localhost" not in str(told)


@pytest.mark.parametrize("text", [COMMUNITY, SOCKET, PING])
def test_one_without_a_secret_may_be_read_and_not_written(folder: Path, text: str) -> None:
    assert problems(folder, text, 0o644) == []
    [told] = problems(folder, text, 0o602)
    assert "others can write this file" in told


@pytest.mark.parametrize("mode", [0o707, 0o703, 0o1777])
@pytest.mark.parametrize("which", ["config", "ledger", "key"])
def test_nobody_else_may_write_where_it_lies(folder: Path, which: str, mode: int) -> None:
    other = folder / "other"
    other.mkdir(mode=0o755)
    place = "other/" if which != "config" else ""
    named = {"ledger": f'[ledger]\nurl = "sqlite:///{place}a.db"\n', "key": f'[ledger]\nkey_file = "{place}a.key"\n'}
    text = COMMUNITY + named.get(which, "")
    assert problems(folder, text, 0o600) == []
    (folder if which == "config" else other).chmod(mode)
    told = problems(folder, text, 0o600)
    folder.chmod(0o700)
    assert len(told) == 1
    assert told[0].endswith(f"run: chmod 700 {folder if which == 'config' else other}")


def test_a_group_counts_unless_it_is_one_s_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    folder.chmod(0o770)
    for name, members, is_open in (
        (me, [], False), (me, [me], False), (me, [me, "eve"], True), ("staff", [], True), ("staff", [me], True),
    ):  # fmt: skip
        group = grp.struct_group((name, "x", folder.stat().st_gid, members))
        monkeypatch.setattr(grp, "getgrgid", lambda _number, group=group: group)
        assert open_to_others(folder, 0o2) is is_open, (name, members)


def test_a_group_that_nobody_knows_is_somebody_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_number: int) -> None:
        raise KeyError

    folder.chmod(0o770)
    monkeypatch.setattr(grp, "getgrgid", unknown)
    assert open_to_others(folder, 0o2)
