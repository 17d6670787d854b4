"""Every hostile mail goes the whole line, to everyone who may have it, within its budget; the pass goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from servers.world import WHEEL

TESTS = Path(__file__).parents[1]
PATHS = str(TESTS) if WHEEL else f"{TESTS.parent}:{TESTS}"
CPU_S = 1.0  # for one mail, from its bytes to the wire for three organizers
CPU_S_AT_40_MB = 8.0  # sealed, opened, and written out three times: see docs/security.md
SPARE = 512 << 20  # address space beyond what the interpreter and its libraries take


@cache
def carried(*large: str) -> dict[str, dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, str(TESTS / "hostile" / "whole_line.py"), str(SPARE * (2 if large else 1)), *large],
        env={"PYTHONPATH": PATHS, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    return {row["name"]: row for row in map(json.loads, ended.stdout.splitlines())}


def problems(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mails that were not taken, not sent to everyone, or not in a form that can't be taken for another message."""
    return {
        name: row
        for name, row in rows.items()
        if row["accepted"] != 1 or row["failed"] or row["pending"] or row["bad"] or row["error"]
    }


def test_every_mail_arrives_within_its_budget() -> None:
    rows = carried()
    assert len(rows) > 70
    assert problems(rows) == {}
    # A bounce is counted in the digest; a mail that names everybody goes outside the team.
    assert {name for name, row in rows.items() if not row["to"]} == {"a report in a report"}
    slow = {name: row["cpu"] for name, row in rows.items() if row["cpu"] > CPU_S}
    # A shared machine counts time that others took: what is over is asked again by itself.
    assert {name: took for name, took in slow.items() if again(name) > CPU_S} == {}


TEAM = {"ann@example.org", "bram@example.net", "zoe.muller@gmail.com"}


def again(name: str) -> float:
    """CPU seconds of one mail, the best of three."""
    code = (
        "import sys, time\nfrom hostile.mails import hostile\nfrom unit.judging import NOW, judge\n"
        "from intake.receive.parse import parse\nbody = dict(hostile())[sys.argv[1]]\n"
        "judge().judge(parse(b'x'), NOW)\ntook = []\n"
        "for _ in range(3):\n    began = time.process_time()\n    judge().judge(parse(body), NOW)\n"
        "    took.append(time.process_time() - began)\nprint(min(took))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, name],
        env={"PYTHONPATH": PATHS, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(ended.stdout)


@pytest.mark.parametrize("name", ["one attachment", "one line"])
def test_the_largest_mail_arrives_too(name: str) -> None:
    rows = carried(name)
    assert problems(rows) == {}
    assert set(rows[name]["to"]) >= TEAM
    assert rows[name]["cpu"] < CPU_S_AT_40_MB
