"""Where real mail for tests is: ``INTAKE_CORPUS``, else beside the checkout. It is never part of the repository."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLACE = Path(os.environ.get("INTAKE_CORPUS") or Path(__file__).parents[2] / ".." / "shared" / "corpus")
MISSING = f"no corpus at {PLACE}: set INTAKE_CORPUS to a folder with cases.jsonl, labelled/ and torture/"


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled mail."""

    file: str
    kind: str
    acknowledge: bool
    policy_dependent: bool
    source: str

    def read(self) -> bytes:
        return (PLACE / self.file).read_bytes()


@cache
def cases() -> tuple[Case, ...]:
    """Every labelled mail; none where the corpus is absent."""
    table = PLACE / "cases.jsonl"
    if not table.is_file():
        return ()
    rows = [json.loads(line) for line in table.read_text("utf-8").splitlines() if line.strip()]
    return tuple(
        Case(row["file"], row["kind"], row["acknowledge"], row["policy_dependent"], row["source"]) for row in rows
    )


@cache
def every_mail() -> tuple[Path, ...]:
    """Every mail there is, labelled or torture."""
    return tuple(sorted(PLACE.rglob("*.eml"))) if PLACE.is_dir() else ()
