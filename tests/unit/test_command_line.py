"""What may be said in which order on the command line."""

from __future__ import annotations

import pytest

from intake.cli.common import behind_the_command


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("once --json", "once --json"),
        ("--config a.toml once --no-send", "once --config a.toml --no-send"),
        ("-c a.toml --json --now 2026-04-18 cases show X", "cases -c a.toml --json --now 2026-04-18 show X"),
        ("--config=a.toml status", "status --config=a.toml"),
        ("--json", "--json"),
        ("--config", "--config"),
        ("--config a.toml", "--config a.toml"),
        ("--help", "--help"),
        ("--version --json", "--version --json"),
        ("", ""),
    ],
)
def test_what_every_command_takes_may_stand_before_its_name(given: str, meant: str) -> None:
    assert behind_the_command(given.split()) == meant.split()
