"""Leaves the corpus tests out where there is no corpus, and says so; where one is named and absent, that is an error."""

from __future__ import annotations

import os

import pytest
from corpus.corpus import MISSING, PLACE

collect_ignore_glob = [] if PLACE.is_dir() else ["test_*.py"]


def pytest_report_header() -> str:
    return f"corpus: {PLACE.resolve()}" if PLACE.is_dir() else f"left out: {MISSING}"


def pytest_configure() -> None:
    if os.environ.get("INTAKE_CORPUS") and not PLACE.is_dir():
        raise pytest.UsageError(MISSING)
