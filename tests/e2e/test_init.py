"""``intake init``: asked on a terminal or answered from a pipe, against servers that say no first."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from servers import Pymap
from servers.smtp import PASSWORD, USER, Aiosmtpd, closed_port
from servers.terminal import Terminal, environ
from servers.world import COMMAND

from intake.cli import providers
from intake.cli.drafting import Answers, Person, Server, text
from intake.config import loads


def run(folder: Path, lines: list[str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "init", *words], cwd=folder, env=environ(), input="".join(f"{line}\n" for line in lines),
        capture_output=True, text=True, timeout=60, check=False, encoding="utf-8",
    )  # fmt: skip


@pytest.fixture
def places(pymap_server: Pymap, aiosmtpd_server: Aiosmtpd) -> dict[str, Any]:
    user = pymap_server.user()
    pymap_server.create(user, "Junk")
    return {"user": user, "imap": pymap_server, "smtp": aiosmtpd_server}


def shown(secret: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(secret)}\b", text) is not None


COMMUNITY = ["Cloud Group Belgium", "", "help@group.example", "en, nl", "Europe/Brussels", "other"]
PEOPLE = ["Ann Willems", "ann@people.example", "nl", "Ann, @ann", "Bram Peeters", "bram@people.example", "", "", "",
          "Board", "board@elsewhere.example", "ops@elsewhere.example"]  # fmt: skip


def imap_answers(places: dict[str, Any], password: str) -> list[str]:
    server: Pymap = places["imap"]
    return ["localhost", "tls", str(server.imaps_port), "password", places["user"], password, str(server.ca_file)]


def smtp_answers(places: dict[str, Any]) -> list[str]:
    server: Aiosmtpd = places["smtp"]
    return ["localhost", "tls", str(server.tls_port), "password", USER, PASSWORD, str(server.ca_file)]


def test_answers_from_a_pipe_make_a_configuration_that_works(tmp_path: Path, places: dict[str, Any]) -> None:
    lines = [*COMMUNITY, *imap_answers(places, places["imap"].password), "", "", "", *smtp_answers(places), *PEOPLE]
    answer = run(tmp_path, lines, "--json")
    assert answer.returncode == 0, answer.stderr
    check = json.loads(answer.stdout)["check"]
    assert all(finding["ok"] for finding in check)
    made = tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))
    assert made["community"]["short_name"] == "CGB"
    assert made["mailbox"][0]["folders"] == ["INBOX", "Junk"]
    assert [one["language"] for one in made["organizer"]] == ["nl", "en"]
    assert made["organizer"][1]["also_known_as"] == ["Bram"]
    assert made["smtp"]["password_file"] == "imap-password"  # the test's servers take the same one
    for name in ("config.toml", "imap-password"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert not shown(places["imap"].password, (tmp_path / "config.toml").read_text("utf-8"))
    assert not shown(places["imap"].password, answer.stdout + answer.stderr)
    once = subprocess.run(
        [*COMMAND, "once", "--json"], cwd=tmp_path, env=environ(), capture_output=True, timeout=60, check=False
    )
    assert once.returncode == 0, once.stderr


def test_what_does_not_work_is_told_and_can_be_corrected(tmp_path: Path, places: dict[str, Any]) -> None:
    wrong_port = imap_answers(places, "wrong")
    wrong_port[2] = str(closed_port())
    again = ["", "", str(places["imap"].imaps_port), "", "", "", ""]  # everything as before, but the port
    right = ["", "", "", "", "", places["imap"].password, ""]
    lines = [*COMMUNITY, *wrong_port, "correct", *again, "", *right,
             "INBOX, Elsewhere", "-", "all", "c", "INBOX", "-", "all", *smtp_answers(places), *PEOPLE]  # fmt: skip
    answer = run(tmp_path, lines)
    assert answer.returncode == 0, answer.stderr
    assert "can't log in" in answer.stderr
    assert "folder Elsewhere can't be opened" in answer.stderr
    assert "Password (Enter: the same as before): " in answer.stderr
    assert "before) (Enter" not in answer.stderr
    mailbox = tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))["mailbox"][0]
    assert (mailbox["folders"], mailbox["processed"], mailbox["start"]) == (["INBOX"], "", "all")


def test_nothing_is_written_when_the_answers_end_or_somebody_stops(tmp_path: Path, places: dict[str, Any]) -> None:
    ended = run(tmp_path, COMMUNITY)
    stopped = run(tmp_path, [*COMMUNITY, *imap_answers(places, "wrong"), "stop"])
    assert (ended.returncode, stopped.returncode) == (1, 130)
    assert "the answers ended at the question 'IMAP server'" in ended.stderr
    assert "Traceback" not in ended.stderr + stopped.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["config.toml", "imap-password"])
def test_what_is_there_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine", "utf-8")
    lines = [*COMMUNITY, *["h.example", "tls", "993", "password", "u", "p", ""], "", "", "",
             *["s.example", "tls", "465", "password", "u", "", ""], *PEOPLE]  # fmt: skip
    answer = run(tmp_path, lines, "--offline")
    assert answer.returncode == 78
    assert f"{name} is there already" in answer.stderr
    assert (tmp_path / name).read_text("utf-8") == "mine"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_impossible_answers_are_asked_again(tmp_path: Path) -> None:
    lines = ["", "Group", "", "not an address", "help@group.example", "en, xx", "nl", "Mars", "", "hotmale", "fastmail",
             "", "plain", "tls", "0", "", "", "", "app-secret", "", "", "",
             "", "", "", "", "", "", "Ann", "help@group.example", "ann@people.example", "", "", "", "", ""]  # fmt: skip
    answer = run(tmp_path, lines, "--offline")
    assert answer.returncode == 0, answer.stderr
    made = tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))
    assert made["mailbox"][0]["host"] == "imap.fastmail.com"
    assert (made["smtp"]["host"], made["smtp"]["port"], made["smtp"]["security"]) == ("smtp.fastmail.com", 465, "tls")
    assert made["smtp"]["password_file"] == made["mailbox"][0]["password_file"] == "imap-password"
    assert made["community"]["languages"] == ["nl"]
    assert "app password" in answer.stderr


def test_on_a_terminal_passwords_are_not_shown(tmp_path: Path, places: dict[str, Any]) -> None:
    terminal = Terminal(tmp_path, "init")
    terminal.type(
        *COMMUNITY, *imap_answers(places, places["imap"].password), "", "", "", *smtp_answers(places), *PEOPLE
    )
    assert terminal.end() == 0, terminal.seen
    assert not shown(places["imap"].password, terminal.seen)
    assert "Logged in to localhost" in terminal.seen
    assert (tmp_path / "imap-password").read_text("utf-8").strip() == places["imap"].password


def test_ctrl_c_writes_nothing(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "init")
    terminal.type("Group")
    terminal.until(r": $")
    os.write(terminal.master, b"\x03")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.seen
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("provider", providers.PROVIDERS, ids=lambda one: one.key)
def test_every_known_provider_makes_a_valid_configuration(provider: providers.Provider, tmp_path: Path) -> None:
    imap = Server(provider.imap, provider.imap_port, provider.imap_security, "u", provider.auth, secret='p"\\\x07',
                  tenant="t" * (provider.auth == "microsoft"), client_id="c" * (provider.auth == "microsoft"))  # fmt: skip
    smtp = Server(provider.smtp, provider.port_out, provider.smtp_security, "u", secret="other")
    answers = Answers('A "quoted" Group\\', "Gr", "help@g.example", ("en",), "UTC", imap, smtp,
                      organizers=(Person("Ann", "a@g2.example", "en", ("@a",)),))  # fmt: skip
    config = loads(text(answers), tmp_path / "config.toml")
    assert (config.mailboxes[0].host, config.smtp.port) == (provider.imap, provider.port_out)
    assert config.community.name == 'A "quoted" Group\\'
    assert set(answers.secrets().values()) == {imap.secret, "other"}
    assert not {*answers.secrets().values()} & {*str(config).split()}


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (b"\x00\x00\x05azug-be\x04mail\x0aprotection\x07outlook\x03com\x00", "microsoft"),
        (b"\x00\x00\x05aspmx\x01l\x06GOOGLE\xc0\x10", "google"),
        (b"\x00\x02mx\x0bmailprotect\x02be\x00", "combell"),
        (b"\x00\x02mx\x07nowhere\x02be\x00", None),
        (b"", None),
    ],
)
def test_a_provider_is_known_by_who_takes_its_mail(answer: bytes, key: str | None) -> None:
    found = providers.by_exchanger(answer)
    assert (found.key if found else None) == key
