"""What may be said in which order on the command line."""

from __future__ import annotations

import click
import pytest

from intake.cli.common import Moment, behind_the_command
from intake.cli.transparency import Day


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


@pytest.mark.parametrize("far", ["0001-01-01", "1969-12-31T23:59:59Z", "3000-01-01", "9999-12-31T23:59:59-12:00"])
def test_a_time_from_which_none_can_be_counted_is_wrong_usage(far: str) -> None:
    with pytest.raises(click.BadParameter, match="is not between 1970 and 2999"):
        Moment().convert(far, None, None)
    with pytest.raises(click.BadParameter, match="is not between 1970 and 2999"):
        Day().convert(far[:10], None, None)
