"""``intake check`` as an operator runs it: a line each, the right exit code, JSON that is only JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from servers import Pymap
from servers.base import free_ports

from intake.cli import advice
from intake.cli.answering import first_name
from intake.cli.findings import Level
from intake.config import Config, load
from intake.ledger.engine import Database

TEXT = """
[community]
name = "Test Group"
address = "help@test.example"
languages = ["en", "nl"]
[[mailbox]]
name = "help"
host = "localhost"
port = {imap}
security = "{security}"
user = "{user}"
password_file = "imap-password"
ca_file = "{ca}"
folders = ["INBOX"]
[smtp]
host = "127.0.0.1"
port = {smtp}
security = "none"
auth = "none"
[[organizer]]
name = "Ann"
email = "ann@test.example"
[[organizer]]
name = "Bob"
email = "bob@test.example"
[fallback]
name = "Board"
email = "board@federation.example"
"""


@pytest.fixture(scope="module")
def sink() -> Iterator[int]:
    (port,) = free_ports(1)
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


def write(folder: Path, server: Pymap, smtp: int, extra: str = "", **other: object) -> Path:
    facts = {"imap": server.imaps_port, "security": "tls", "user": server.user(), "ca": server.ca_file, "smtp": smtp}
    (folder / "config.toml").write_text(TEXT.format(**(facts | other)) + extra, "utf-8")
    (folder / "config.toml").chmod(0o600)
    (folder / "imap-password").write_text(server.password)
    (folder / "imap-password").chmod(0o600)
    return folder / "config.toml"


def check(path: Path, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "intake", "check", "--config", path, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.returncode, done.stdout, done.stderr


def found(path: Path, *words: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    code, out, _ = check(path, "--json", *words)
    grouped: dict[str, list[dict[str, Any]]] = {}
    for finding in json.loads(out):
        assert set(finding) == {"name", "ok", "level", "message", "action"}
        grouped.setdefault(finding["name"], []).append(finding)
    return code, grouped


def test_all_is_well(tmp_path: Path, pymap_server: Pymap, sink: int) -> None:
    path = write(tmp_path, pymap_server, sink)
    code, out, err = check(path)
    assert (code, err) == (0, ""), out
    lines = out.splitlines()
    assert {line.split()[0] for line in lines} == {"ok"}
    assert "\x1b" not in out
    for part in (
        "logged in to localhost",
        "folder Processed takes",
        "connected to 127.0.0.1",
        "certificate of",
        "templates",
    ):
        assert any(part in line for line in lines), part
    assert not (tmp_path / "intake.db").exists()
    assert not (tmp_path / "intake.key").exists()


def test_offline_dials_nobody(tmp_path: Path, pymap_server: Pymap) -> None:
    path = write(tmp_path, pymap_server, free_ports(1)[0], imap=free_ports(1)[0])
    code, findings = found(path, "--offline")
    assert code == 0
    assert not {"smtp", "mailbox help"} & set(findings)


def test_what_fails_is_named_with_what_to_do(tmp_path: Path, pymap_server: Pymap, sink: int) -> None:
    path = write(tmp_path, pymap_server, free_ports(1)[0])
    (tmp_path / "imap-password").write_text("wrong")
    code, findings = found(path)
    assert code == 1
    for name in ("mailbox help", "smtp"):
        (finding,) = findings[name]
        assert not finding["ok"]
        assert finding["action"]
        assert "wrong" not in finding["message"]
    assert findings["config"][0]["ok"]
    assert not [name for name in findings if name.startswith("certificate")], "what failed is not dialled again"
    assert sink


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path, pymap_server: Pymap, sink: int) -> None:
    code, findings = found(write(tmp_path, pymap_server, sink, ca=""))
    assert code == 1
    assert "certificate" in json.dumps(findings["mailbox help"])


def test_a_missing_folder_and_an_unread_junk_folder(tmp_path: Path, pymap_server: Pymap, sink: int) -> None:
    path = write(tmp_path, pymap_server, sink)
    text = path.read_text("utf-8")
    path.write_text(text.replace('folders = ["INBOX"]', 'folders = ["INBOX", "Gone"]\nprocessed = "Spam"'), "utf-8")
    code, findings = found(path)
    assert code == 1
    assert any("Gone" in f["message"] for f in findings["mailbox help"] if not f["ok"])
    path.write_text(text, "utf-8")  # the Spam folder was made by the check above, and is nobody's now
    code, findings = found(path)
    assert code == 0
    (unread,) = [f for f in findings["mailbox help"] if f["level"] == "warning"]
    assert unread["action"] == 'add "Spam" to folders: a report in it is a report'


def test_a_wrong_configuration(tmp_path: Path, pymap_server: Pymap, sink: int) -> None:
    path = write(tmp_path, pymap_server, sink, extra='colour = "red"\n[digest]\nschedule = "never"\n')
    code, out, err = check(path)
    assert (code, out) == (78, "")
    assert [line.partition("config.toml:")[2][:2] for line in err.splitlines()] == ["29", "31"]
    code, findings = found(path)
    assert code == 78
    assert [finding["ok"] for finding in findings["config"]] == [False, False]


def test_a_template_that_can_t_be_used(tmp_path: Path, pymap_server: Pymap) -> None:
    shipped = Path(__file__).parent.parent.parent / "templates" / "acknowledgement" / "report.nl.txt"
    own = tmp_path / "words" / "acknowledgement"
    own.mkdir(parents=True)
    (own / "report.nl.txt").write_text(shipped.read_text("utf-8") + "\n{{ reporter.subject }}\n", "utf-8")
    path = write(tmp_path, pymap_server, 25, extra='[templates]\ndirectory = "words"\n')
    code, findings = found(path, "--offline")
    assert code == 1
    (template,) = findings["templates"]
    assert template["message"].startswith(f"{own}/report.nl.txt:")


@pytest.mark.sqlite
def test_a_ledger_whose_key_is_gone(tmp_path: Path, pymap_server: Pymap) -> None:
    path = write(tmp_path, pymap_server, 25)
    (tmp_path / "intake.db").write_bytes(b"no database")
    (tmp_path / "intake.db").chmod(0o600)
    code, findings = found(path, "--offline")
    assert code == 1
    assert findings["key"][0]["action"] == "restore the key from a backup"
    assert not findings["ledger"][0]["ok"]
    assert not (tmp_path / "intake.key").exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("tables", [False, True])
def test_a_ledger_that_a_first_pass_is_making_has_lost_no_key(
    tmp_path: Path, pymap_server: Pymap, tables: bool
) -> None:
    path = write(tmp_path, pymap_server, 25)
    database = Database(load(path).ledger.url)
    try:
        assert database.version() is None
        if tables:
            database.upgrade(print)
        code, findings = found(path, "--offline")
    finally:
        database.close()
    assert (tmp_path / "intake.db").stat().st_size
    assert (code, findings["key"][0]["ok"], findings["ledger"][0]["ok"]) == (0, True, True)
    assert not (tmp_path / "intake.key").exists()


def loaded(folder: Path, server: Pymap, extra: str = "") -> Config:
    return load(write(folder, server, 25, extra=extra))


def test_the_clock(tmp_path: Path, pymap_server: Pymap) -> None:
    config = loaded(tmp_path, pymap_server)
    written = datetime.fromtimestamp(config.path.stat().st_mtime, UTC)
    assert [f.level for f in advice.clock(config, written + timedelta(days=1))] == [Level.OK]
    assert [f.level for f in advice.clock(config, written - timedelta(days=1))] == [Level.FAILURE]


def test_channels_that_are_not_mail_are_looked_at_and_never_named(tmp_path: Path, pymap_server: Pymap) -> None:
    extra = 'language = "nl"\n[alarm]\nping_url = "https://ping.example/canary"\nnotify = ["json://canary.example/x"]\n'
    config = loaded(tmp_path, pymap_server, extra)
    assert [(f.name, f.level) for f in advice.channels(config)] == [("alarm.notify", Level.OK)]
    unknown = loaded(tmp_path, pymap_server, extra.replace("json:", "nonsense:"))
    assert [f.level for f in advice.channels(unknown)] == [Level.WARNING]
    assert not list(advice.channels(loaded(tmp_path, pymap_server)))
    found = [*advice.channels(config), *advice.channels(unknown), *advice.leftovers(config)]
    assert "canary" not in str(found)
    assert not list(advice.leftovers(config))
    config.path.chmod(0o644)
    assert [f.level for f in advice.leftovers(config)] == [Level.FAILURE, Level.WARNING]


def test_who_would_be_left_alone(tmp_path: Path, pymap_server: Pymap) -> None:
    path = write(tmp_path, pymap_server, 25)
    text = path.read_text("utf-8")
    lonely = text[: text.index('[[organizer]]\nname = "Bob"')]
    user = text.partition('user = "')[2].partition('"')[0]
    path.write_text(lonely.replace("ann@test.example", "ann@own.example").replace(user, "ann@own.example"), "utf-8")
    messages = [str(f) for f in advice.people(load(path)) if f.level is Level.WARNING]
    assert len(messages) == 3


@pytest.mark.parametrize(("name", "told"), [("An", True), ("WILL", True), ("An Peeters", False), ("Annie", False)])
def test_a_name_that_is_an_everyday_word_is_told(tmp_path: Path, pymap_server: Pymap, name: str, told: bool) -> None:
    path = write(tmp_path, pymap_server, 25)
    text = path.read_text("utf-8")
    path.write_text(text.replace("[[organizer]]\n", f'[[organizer]]\nalso_known_as = ["{name}"]\n', 1), "utf-8")
    assert any("everyday word" in f.message for f in advice.people(load(path))) is told


@pytest.mark.parametrize(("name", "called"), [("Ann Example", "Ann"), ("An Peeters", "An Peeters"), ("Board", "Board")])
def test_what_somebody_is_called_besides_their_name(name: str, called: str) -> None:
    assert first_name(name) == called


def test_what_is_not_looked_at(tmp_path: Path, pymap_server: Pymap) -> None:
    config = loaded(tmp_path, pymap_server, '[phrases]\nmine = ["x"]\nurgent-here = ["y"]\nincident = ["z"]\n')
    assert [f.message for f in advice.leftovers(config)] == ["no rule uses the list mine"]
