"""The real command holds its tongue about secrets, refuses files that others can read, and listens nowhere."""

from __future__ import annotations

import base64
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from servers.base import wait_for
from servers.smtp import closed_port
from servers.world import Answer, World, finished

PASSWORD = "Xq7-grapefruit-lantern-93"
FORMS = (
    PASSWORD,
    base64.b64encode(PASSWORD.encode()).decode(),
    PASSWORD[::-1],
    PASSWORD.encode("utf-16-le").decode("latin-1"),
)


def silent(*answers: Answer) -> None:
    for answer in answers:
        assert [form for form in FORMS if form in answer.out + answer.err] == []


@pytest.mark.parametrize(
    "trouble",
    [
        {"imap-password": PASSWORD, "smtp-password": PASSWORD},  # both are wrong
        {"imap-password": PASSWORD, "imap_ca": ""},
        {"smtp-password": PASSWORD, "smtp_ca": ""},
    ],
    ids=["refused", "IMAP nobody vouches for", "SMTP nobody vouches for"],
)
def test_no_error_and_no_traceback_tells_a_secret(embedded: World, trouble: dict[str, str]) -> None:
    embedded.configure(**trouble)
    said = [
        embedded.run("--debug", *words) for words in (("check", "--json"), ("once",), ("status", "--json"), ("audit",))
    ]
    silent(*said)
    assert any(answer.code for answer in said)


def below(pid: int) -> Iterator[Path]:
    """A process and all that it has started, as /proc shows them."""
    yield Path(f"/proc/{pid}")
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text("ascii").split():
            yield from below(int(child))


def listening(process: Path) -> list[str]:
    """The sockets on which a process waits for others to call, by TCP, UDP or a file."""
    held = set()
    for link in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed since
            held |= set(re.findall(r"socket:\[(\d+)\]", str(link.readlink())))
    found = []
    for name in ("tcp", "tcp6", "udp", "udp6", "unix"):
        for line in (process / "net" / name).read_text("ascii", "replace").splitlines()[1:]:
            words = line.split()
            waits = int(words[3], 16) & 0x10000 if name == "unix" else words[3] in {"0A", "07"}
            number = words[6] if name == "unix" else words[9]
            if waits and number in held:
                found.append(f"{name} {words[1]}")
    return found


def test_the_service_shows_no_secret_to_who_lists_processes_and_listens_nowhere(embedded: World) -> None:
    token = embedded.folder / "token"
    token.write_text(f"#!/bin/sh\necho {PASSWORD}\nexec 1>&-\nsleep 20\n", "utf-8")
    token.chmod(0o700)
    path = embedded.configure()
    login = f'auth = "token"\ntoken_command = "{token}"'
    path.write_text(path.read_text("utf-8").replace('password_file = "imap-password"', login), "utf-8")
    process = embedded.start("run")
    try:
        wait_for(lambda: len(list(below(process.pid))) > 2, "the command that prints a token", 40)
        seen = list(below(process.pid))
        for one in seen:
            shown = (one / "cmdline").read_bytes() + (one / "environ").read_bytes()
            for secret in (PASSWORD, embedded.smtp.password, embedded.imap.password):
                assert not re.search(rb"(?<![\w-])" + re.escape(secret.encode()) + rb"(?![\w-])", shown)
        assert listening(seen[0]) == []
    finally:
        process.terminate()
        silent(finished(process))


def test_the_search_for_listeners_finds_one() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        wanted = f"tcp 0100007F:{server.getsockname()[1]:04X}"
        assert wanted in listening(Path("/proc/self"))


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["imap-password", "smtp-password", "intake.key", "intake.db", "intake.db-wal"])
def test_what_others_can_get_at_is_refused(embedded: World, name: str) -> None:
    assert embedded.run("once").code == 0
    with closing(sqlite3.connect(embedded.folder / "intake.db")) as held:  # keeps the companions of the ledger there
        held.execute("SELECT count(*) FROM meta").fetchall()
        path = embedded.folder / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for mode in (0o640, 0o604, 0o620):
            path.chmod(mode)
            refused = embedded.run("once")
            assert refused.code in {1, 75, 78}, oct(mode)
            assert f"chmod 600 {path}" in refused.err


def test_a_configuration_that_others_can_get_at_is_refused_or_warned_of(embedded: World) -> None:
    path = embedded.configure(more=f'[alarm]\nping_url = "http://127.0.0.1:{closed_port()}/{PASSWORD}"\n')
    path.chmod(0o644)
    said = embedded.run("check", "--offline")
    assert f"chmod 600 {path}" in said.out
    silent(said)
    path.chmod(0o646)
    refused = embedded.run("once")
    assert (refused.code, "others can write this file" in refused.err) == (78, True)
    path = embedded.configure(more=f'[alarm]\nnotify = ["json://{PASSWORD}@127.0.0.1:{closed_port()}"]\n')
    path.chmod(0o644)
    said = embedded.run("check", "--offline")
    assert (said.code, f"chmod 600 {path}" in said.out) == (1, True)
    silent(said)
    path.chmod(0o600)
    embedded.folder.chmod(0o757)
    refused = embedded.run("once")
    assert (refused.code, f"chmod 700 {embedded.folder}" in refused.err) == (78, True)
    embedded.folder.chmod(0o755)
    assert embedded.run("once").code == 0


@pytest.mark.sqlite
def test_everything_that_it_makes_is_for_its_owner_alone(embedded: World) -> None:
    before = set(embedded.folder.rglob("*"))
    assert embedded.run("once").code == 0
    for words in (("backup", "copy.db"), ("preview", "--out", "shown"), ("systemd",)):
        embedded.run(*words)
    made = set(embedded.folder.rglob("*")) - before
    assert {"copy.db", "intake.db", "intake.key", "shown"} <= {path.name for path in made}
    assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
