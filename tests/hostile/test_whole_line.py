"""Every hostile mail goes the whole line, to everyone who may have it, within its budget; the pass goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from corpus.corpus import MISSING, PLACE
from hostile.mails import LARGE, forty_megabytes
from servers.world import WHEEL

TESTS = Path(__file__).parents[1]
PATHS = str(TESTS) if WHEEL else f"{TESTS.parent}:{TESTS}"
CPU_S = 1.0  # for one mail, from its bytes to the wire for three organizers
CPU_S_AT_40_MB = 3.0  # about one, and more on a machine that has much else to do: see docs/security.md
PEAK_KB = 200_000  # of memory in all, the interpreter and its libraries included
GROWN_KB = 100_000
SPARE = 256 << 20  # address space beyond what these take, the stacks of threads included


@cache
def carried(*files: Path | str) -> dict[str, dict[str, Any]]:
    ended = subprocess.run(
        [sys.executable, str(TESTS / "hostile" / "whole_line.py"), str(SPARE), *map(str, files)],
        env={"PYTHONPATH": PATHS, "PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    return {row["name"]: row for row in map(json.loads, ended.stdout.splitlines())}


def problems(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Mails that were not taken, not sent to everyone, or not in a form that can't be taken for another message."""
    return {
        name: row
        for name, row in rows.items()
        if row["accepted"] + row["duplicates"] != 1 or any(row[one] for one in ("failed", "pending", "bad", "error"))
    }


def test_every_mail_arrives_within_its_budget() -> None:
    rows = carried()
    assert len(rows) > 70
    assert problems(rows) == {}
    # They are made in that process too: only what it grew by while it worked on one is that one's.
    assert [name for name, row in rows.items() if row["duplicates"] or row["grown_kb"] > GROWN_KB] == []
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


@pytest.mark.parametrize("name", LARGE)
def test_the_largest_mail_arrives_too(tmp_path: Path, name: str) -> None:
    file = tmp_path / "large.eml"
    file.write_bytes(forty_megabytes(name))
    rows = carried(file)
    file.unlink()
    assert problems(rows) == {}
    (row,) = rows.values()
    assert row["accepted"] == 1
    assert set(row["to"]) >= TEAM
    assert row["peak_kb"] < PEAK_KB
    assert row["cpu"] < CPU_S_AT_40_MB


def test_two_of_the_largest_are_never_in_memory_together(tmp_path: Path) -> None:
    files = [tmp_path / "one.eml", tmp_path / "another.eml"]
    body = forty_megabytes("one line")
    files[0].write_bytes(body)
    files[1].write_bytes(body.replace(b"rita@", b"paul@", 1).replace(b"<1@", b"<2@", 1)[:-1])
    del body
    (row,) = carried("|".join(map(str, files))).values()
    assert (row["accepted"], row["failed"], row["pending"], row["error"]) == (2, 0, 0, None)
    assert row["sent"] >= 2 * len(TEAM)
    assert row["peak_kb"] < PEAK_KB


@pytest.mark.corpus
def test_every_mail_that_was_made_to_torture_arrives_within_its_budget() -> None:
    files = sorted((PLACE / "torture").rglob("*.eml"))
    if not files:
        pytest.fail(MISSING)
    rows = carried(*files)
    assert len(rows) == len(files)
    assert problems(rows) == {}
    assert {name: row["peak_kb"] for name, row in rows.items() if row["peak_kb"] > PEAK_KB} == {}
    assert {name: row["cpu"] for name, row in rows.items() if row["cpu"] > CPU_S_AT_40_MB} == {}
