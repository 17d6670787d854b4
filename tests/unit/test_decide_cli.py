"""``intake classify``: one line for a mail, whatever the mail or the file is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from intake.cli.classify import classify
from unit.judging import COMMUNITY, mail

FIELDS = {
    "file", "kind", "category", "rule", "evidence", "urgency", "urgency_reasons", "language", "acknowledge",
    "acknowledge_reason", "acknowledge_to", "recused", "defects",
}  # fmt: skip


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("INTAKE_CONFIG", raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(classify, arguments, standalone_mode=False)


def test_the_contracts_fields(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(COMMUNITY)
    (tmp_path / "a.eml").write_bytes(mail(body="Ann Example insulted me yesterday"))
    result = run("--json", "a.eml")
    answer = json.loads(result.stdout)
    assert set(answer) >= FIELDS
    assert (answer["kind"], answer["category"], answer["acknowledge_to"]) == ("person", "report", "rita@example.com")
    assert answer["recused"] == [{"organizer": "ann@example.org", "reason": "named-in-body"}]
    assert result.return_value == 0


def test_without_a_configuration_the_shipped_rules_apply(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(mail())
    result = run("--json", "a.eml")
    assert json.loads(result.stdout)["category"] == "report"
    assert "shipped rules" in result.stderr


def test_a_missing_file_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(mail())
    (tmp_path / "empty.eml").write_bytes(b"")
    result = run("--json", "a.eml", "gone.eml", str(tmp_path), "empty.eml")
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == ["a.eml", "empty.eml"]
    assert result.stderr.count("name a file that holds one mail") == 2
    assert result.return_value == 1


def test_the_time_is_the_mails_own_unless_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(COMMUNITY)
    (tmp_path / "a.eml").write_bytes(mail(body="Hello there", Date="Sat, 18 Apr 2026 12:00:00 +0200"))
    assert json.loads(run("--json", "a.eml").stdout)["urgency_reasons"] == ["event-now"]
    assert json.loads(run("--json", "--now", "2026-01-01", "a.eml").stdout)["urgency_reasons"] == []


def test_a_terminal_is_not_obeyed(tmp_path: Path) -> None:
    name = "a\x1b[2J\nb.eml"
    (tmp_path / name).write_bytes(mail("Code-of-conduct", "\x1b[31mhi \x07"))
    result = run(name)
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "answered   yes to rita@example.com" in result.stdout
    assert len(run("--json", name).stdout.splitlines()) == 1
