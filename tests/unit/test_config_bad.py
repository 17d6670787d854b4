"""Every mistake gets its own message, at its own line; and no message repeats what may be secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.config import load, loads
from intake.errors import ConfigError

BAD = Path(__file__).parent.parent / "bad_configs"
CASES = sorted(path.stem for path in BAD.glob("*.toml"))


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}:") for line in caught.value.problems]


@pytest.mark.parametrize("name", CASES)
def test_each_mistake_is_named_at_its_line(name: str) -> None:
    expected = (BAD / f"{name}.expected").read_text("utf-8").replace("DIR", str(BAD)).splitlines()
    assert problems(BAD / f"{name}.toml") == expected


@pytest.mark.parametrize("name", CASES)
def test_a_message_is_one_line_with_a_remedy(name: str) -> None:
    for problem in problems(BAD / f"{name}.toml"):
        assert "; " in problem
        assert problem.isprintable()


def test_every_expectation_has_a_file() -> None:
    assert {path.stem for path in BAD.glob("*.expected")} == set(CASES)


def test_secrets_are_not_repeated(tmp_path: Path) -> None:
    text = (BAD / "plain-password.toml").read_text("utf-8") + (
        '[alarm]\nping_url = "canary-1"\nnotify = ["canary-2"]\n[ledger]\nurl = "mysql://u:canary-3@h/d"\n'
    )
    text = text.replace('user = "help"', 'user = "help"\ntoken_command = "\'canary-4"')
    with pytest.raises(ConfigError) as caught:
        loads(text, tmp_path / "config.toml")
    assert len(caught.value.problems) == 6
    assert "canary" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "place", "what"),
    [
        (b'[community]\nname = "\xff"\n', ":2", "is not UTF-8 text"),
        (b"\x00", ":1", ""),
        (b'a = "' + b"x" * 100_000, ":1", ""),
        (b"a = 1\na = 2\n", ":2", "cannot overwrite"),
        (b"a = [\n1,\n2\n", ":3", ""),
        (b"a = " + b"[" * 5000 + b"]" * 5000, ":1", "too large"),
        (b"a = " + b"9" * 5000, ":1", "too large"),
    ],
)
def test_what_is_no_toml_has_a_line_too(tmp_path: Path, content: bytes, place: str, what: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}{place}: ")
    assert what in problem
    assert problem.isprintable()
    assert len(problem) < 300


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: No such file.*; give another with --config FILE"):
        load(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="directory"):
        load(tmp_path)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o601])
def test_secrets_that_others_can_reach_are_refused(tmp_path: Path, mode: int) -> None:
    text = (BAD / "timezone.toml").read_text("utf-8").replace("Brussel", "Brussels").replace("Brusselss", "Brussels")
    text = text.replace('password_env = "IMAP"', 'password_file = "secret"') + '[ledger]\nkey_file = "key"\n'
    for name in ("secret", "key"):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    with pytest.raises(ConfigError) as caught:
        loads(text, tmp_path / "config.toml")
    assert [line.partition(" ")[2] for line in caught.value.problems] == [
        f"mailbox[1].password_file: others can read {tmp_path}/secret; run: chmod 600 {tmp_path}/secret",
        f"ledger.key_file: others can read {tmp_path}/key; run: chmod 600 {tmp_path}/key",
    ]
    for name in ("secret", "key"):
        (tmp_path / name).chmod(0o600)
    loads(text, tmp_path / "config.toml")


_WRONG = st.sampled_from(
    (
        "1",
        "-1",
        "99999999999999999999",
        "nan",
        "true",
        '"x"',
        '""',
        '"*"',
        '"\\u0000"',
        '"\\u2028"',
        '"re:("',
        "1979-05-27",
        "1979-05-27T07:32:00",
        "08:00:00",
        "[]",
        "{}",
        '[1, "a", { b = 1 }]',
        '[["x"]]',
    )
)
_LINES = (Path(__file__).parent.parent.parent / "config.example.toml").read_text("utf-8").split("\n")


@given(
    st.lists(st.tuples(st.integers(0, len(_LINES) - 1), st.one_of(_WRONG, st.just("delete"), st.text())), max_size=5)
)
def test_any_change_of_the_example_is_accepted_or_explained(changes: list[tuple[int, str]]) -> None:
    lines = list(_LINES)
    for index, change in changes:
        if change == "delete":
            lines[index] = ""
        elif "=" in lines[index]:
            lines[index] = lines[index].partition("=")[0].lstrip("# ") + "= " + change
        else:
            lines[index] += change
    try:
        loads("\n".join(lines), BAD / "config.toml")
    except ConfigError as error:
        for problem in error.problems:
            assert re.match(re.escape(str(BAD)) + r"/config\.toml:[1-9][0-9]*: \S.*; \S", problem)
            assert problem.isprintable()
