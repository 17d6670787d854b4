"""Tokens that outlive a pass: only for who has the ledger's key, and only for as long as they hold."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path

import pytest

from intake.errors import IntakeError
from intake.ledger.keys import Key
from intake.oauth.source import Issued, Source
from intake.tokens import MARGIN_S, KeptOnly, TokenFile

KEY = Key.of(b"k" * 32)
HOUR = 3600.0


class At:
    """A clock on the wall."""

    def __init__(self) -> None:
        self.now = 1.8e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> At:
    return At()


@pytest.fixture
def kept(tmp_path: Path, wall: At) -> TokenFile:
    return TokenFile(tmp_path / "intake.db.tokens", lambda: KEY, wall)


def test_it_is_kept_for_who_has_the_key(kept: TokenFile, tmp_path: Path, wall: At) -> None:
    assert kept.get("a") is None
    kept.put("a", "canary-token", HOUR)
    assert kept.get("a") == ("canary-token", HOUR - MARGIN_S)
    assert kept.get("b") is None
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"canary" not in path.read_bytes()
    assert TokenFile(path, lambda: Key.of(b"x" * 32), wall).get("a") is None
    assert KeptOnly(kept, "a").credential(None).text == "canary-token"
    assert KeptOnly(kept, "a").credential(None).renew is None
    with pytest.raises(IntakeError):
        KeptOnly(kept, "b").credential(None)


@pytest.mark.parametrize(
    ("later", "holds"), [(0, True), (HOUR - MARGIN_S - 1, True), (HOUR - MARGIN_S, False), (-59, True), (-61, False)]
)
def test_a_clock_that_was_set_back_is_not_believed(kept: TokenFile, wall: At, later: float, holds: bool) -> None:
    kept.put("a", "t", HOUR)
    wall.now += later
    assert (kept.get("a") is not None) is holds


def test_what_has_little_time_left_is_not_kept_and_what_has_none_goes(
    kept: TokenFile, tmp_path: Path, wall: At
) -> None:
    kept.put("short", "s", MARGIN_S)
    assert not list(tmp_path.iterdir())
    kept.put("a", "t", HOUR)
    wall.now += HOUR
    kept.put("b", "u", HOUR)
    (path,) = tmp_path.iterdir()
    assert list(json.loads(KEY.open(path.read_bytes(), b"tokens 1"))) == ["b"]


@pytest.mark.parametrize("inside", ["nonsense", '{"a": 1}', '["a"]', '{"a": ["t", "x", 3]}', '{"a": [1, 2]}', "null"])
def test_whatever_is_wrong_with_the_file_there_is_no_token(kept: TokenFile, tmp_path: Path, inside: str) -> None:
    path = tmp_path / "intake.db.tokens"
    for content in (inside.encode(), b"", KEY.seal(inside.encode(), b"tokens 1"), KEY.seal(b"{}", b"original")):
        path.write_bytes(content)
        assert kept.get("a") is None
    kept.put("a", "t", HOUR)
    assert kept.get("a")


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path, wall: At) -> None:
    (tmp_path / "file").write_text("")
    kept = TokenFile(tmp_path / "file" / "tokens", lambda: KEY, wall)
    kept.put("a", "t", HOUR)
    assert kept.get("a") is None


def test_threads_lose_no_token_of_each_other(kept: TokenFile, tmp_path: Path) -> None:
    threads = [threading.Thread(target=kept.put, args=(f"n{number}", "t", HOUR)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(kept.get(f"n{number}") for number in range(16))
    assert len(list(tmp_path.iterdir())) == 1


def test_another_process_s_token_is_used_and_a_refused_one_replaced(kept: TokenFile) -> None:
    asked = itertools.count(1)

    def ask() -> Issued:
        return Issued(f"t{next(asked)}", HOUR)

    def source() -> Source:
        return Source(ask, kept=lambda: kept.get("a"), keep=lambda text, seconds: kept.put("a", text, seconds))

    first = source().token()
    assert (first.text, first.renew) == ("t1", None)
    second = source().token()
    assert second.text == "t1"
    assert second.renew is not None
    assert second.renew().text == "t2"
    assert source().token().text == "t2"
    assert next(asked) == 3
