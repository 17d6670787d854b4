"""What a command can't write is told, and is all that is lost by it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from servers.world import CHECKOUT, COMMAND, WHEEL

from intake.cli.common import FINDING, LEFT

CONFIG = """\
[community]
name = "Cloud Group Belgium"
short_name = "CGB"
address = "help@cgb.example"
[ledger]
url = "sqlite:///intake.db"
[[mailbox]]
name = "help"
host = "127.0.0.1"
port = 1
security = "none"
user = "help@cgb.example"
password_file = "password"
[smtp]
host = "127.0.0.1"
port = 1
security = "none"
user = "help@cgb.example"
password_file = "password"
[[organizer]]
name = "Ann Example"
email = "ann@example.org"
[fallback]
name = "Board"
email = "board@example.net"
"""


def run(folder: Path, line: str) -> tuple[int, str, str]:
    """What a shell makes of ``line``, in which ``intake`` is the command: its code, and both its outputs."""
    for name, text in (("a.toml", CONFIG), ("b.toml", CONFIG), ("password", "x")):
        if not (folder / name).exists():
            (folder / name).write_text(text.replace("intake.db", f"{name}.db"), "utf-8")
            (folder / name).chmod(0o600)
    environ = {**os.environ, **({} if WHEEL else {"PYTHONPATH": str(CHECKOUT)}), "INTAKE_CONFIG": "a.toml"}
    script = f'set -o pipefail; intake() {{ {" ".join(COMMAND)} "$@"; }}; {line}'
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", ["--help", "cases --json", "check --offline"])
@pytest.mark.parametrize(("where", "why"), [(">&-", "standard output is closed"), (">/dev/full", "the disk is full")])
def test_an_answer_that_is_lost_is_told_in_one_line(tmp_path: Path, command: str, where: str, why: str) -> None:
    code, _, err = run(tmp_path, f"intake {command} {where}")
    assert (code, err.count("\n")) == (FINDING, 1), err
    assert why in err


@pytest.mark.parametrize("command", ["--help", "cases --json", "systemd"])
def test_a_reader_who_has_seen_enough_is_no_error(tmp_path: Path, command: str) -> None:
    assert run(tmp_path, f"intake {command} | true")[::2] == (0, "")


def test_without_an_answer_nothing_is_lost(tmp_path: Path) -> None:
    code, _, err = run(tmp_path, "intake once >&-")
    assert code == LEFT
    assert "standard output" not in err


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2> >(true)"])
def test_what_standard_error_does_not_take_changes_nothing(tmp_path: Path, where: str) -> None:
    code, out, err = run(tmp_path, f"intake once --json {where}")
    assert (code, err) == (LEFT, "")
    assert "can't log in" in out


@pytest.mark.parametrize("where", [">&-", ">/dev/full", "| true"])
def test_one_communitys_lost_answer_does_not_end_the_pass_of_the_next(tmp_path: Path, where: str) -> None:
    (tmp_path / "of").mkdir()
    run(tmp_path / "of", "true")
    run(tmp_path, f"intake once --json -c of {where}")
    assert sorted(path.name for path in (tmp_path / "of").glob("*.db")) == ["a.toml.db", "b.toml.db"]
