"""Real mail: who is answered, kind by kind, and what each mail costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from corpus.corpus import Case, cases, every_mail
from unit.judging import NOW, judge

from intake.receive.parse import parse

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.corpus


def _answered(case: Case) -> bool:
    return judge().judge(parse(case.read()), NOW).acknowledge


def test_no_false_acknowledgement_and_no_false_silence(capsys: pytest.CaptureFixture[str]) -> None:
    table: Counter[tuple[str, str]] = Counter()
    wrong: list[str] = []
    for case in cases():
        right = _answered(case) == case.acknowledge
        table[case.kind, "policy" if case.policy_dependent else "right" if right else "wrong"] += 1
        if not right and not case.policy_dependent:
            wrong.append(f"{case.file}: expected {'an answer' if case.acknowledge else 'silence'}")
    lines = ["", "  kind             right  wrong  by policy"]
    lines += [
        f"  {kind:16} {table[kind, 'right']:5}  {table[kind, 'wrong']:5}  {table[kind, 'policy']:9}"
        for kind in sorted({kind for kind, _ in table})
    ]
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
    assert len(cases()) > 400
    assert not wrong, "\n".join(wrong)


def test_every_mail_is_judged_within_its_budget() -> None:
    files = every_mail()
    run = subprocess.run(
        [sys.executable, "-m", "corpus.measured"],
        input="\n".join(map(str, files)) + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT / "tests",
        env={"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}", "PATH": "/usr/bin:/bin"},
        check=False,
    )
    measured = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 0, (run.stderr[-2000:], measured[-1:])
    assert len(measured) == len(files)
    assert [one["file"] for one in measured if one["cpu"] > 1.0] == []
    assert [one["file"] for one in measured if one["grown_kb"] > 100 << 10] == []
    assert [one["file"] for one in measured if {"unparsed", "head-unreadable"} & set(one["defects"])] == []


def test_what_can_not_be_answered_still_reaches_people_or_the_digest() -> None:
    for path in every_mail():
        verdict = judge().judge(parse(path.read_bytes()), NOW)
        assert verdict.category
        assert verdict.rule
        assert verdict.acknowledge == (verdict.acknowledge_to is not None)
