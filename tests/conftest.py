"""Fixtures for every test, and figures of the runs that break things, at the end."""

from __future__ import annotations

import pytest

pytest_plugins = ["servers.fixtures", "servers.ways_out", "servers.databases"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lines that tests have kept under ``figure``, from whichever worker."""
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]
    figures = [value for one in reports for name, value in one.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("ended, broken, killed")
        for line in sorted(map(str, figures)):
            terminalreporter.write_line(line)
