"""The README is true: its configuration loads, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

from intake.cli.main import COMMANDS
from intake.config import load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text("utf-8")


def test_the_configuration_to_start_from_has_no_problem(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "config.toml").write_text(block, "utf-8")
    config = load(tmp_path / "config.toml")
    assert (config.mailboxes[0].port, config.mailboxes[0].security) == (993, "tls")
    assert (config.smtp.port, config.smtp.security) == (587, "starttls")
    assert config.mailboxes[0].start == "now"
    assert str(config.digest.schedule) == "mon-fri 08:00"
    assert config.fallback


def test_every_listed_command_is_there() -> None:
    listed = set(re.findall(r"^\| `intake (\w+)", TEXT, re.MULTILINE))
    assert {"check", "once", "run", "status", "cases"} <= listed <= set(COMMANDS)


def test_every_make_target_is_there() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^|sudo )make (\w+)", TEXT, re.MULTILINE)) <= targets


def test_every_link_leads_somewhere() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert (ROOT / link).exists(), link
