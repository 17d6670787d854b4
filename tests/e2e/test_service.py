"""The service as systemd would run it: ready, awake, reloaded or not, watched, and ended within seconds."""

from __future__ import annotations

import dataclasses
import queue
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers.base import wait_for
from servers.databases import ask
from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, world

from intake import app
from intake.config import load
from intake.errors import ConfigError
from intake.service import Outset, Service, Wish
from intake.steps.parts import Parts
from intake.watchdog import Progress

RARELY = "poll_seconds = 3600"
NEW_ADDRESS = addresses("sv")


@pytest.fixture
def place(tmp_path: Path, dovecot: Dovecot, aiosmtpd_server: Aiosmtpd) -> World:
    return world(dovecot, aiosmtpd_server, tmp_path, NEW_ADDRESS)


class Running:
    """A service, what it says, and what it tells systemd."""

    def __init__(self, place: World, folder: Path) -> None:
        self.lines: list[str] = []
        self.told: list[str] = []
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._channel.bind(str(folder / "notify"))
        environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "800000"}
        self.process: subprocess.Popen[str] = place.start("run", environment=environment)
        self._threads = [
            threading.Thread(target=listen, args=(self._channel, self.told), daemon=True),
            threading.Thread(target=self._read, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def says(self, words: str, seconds: float = 20.0) -> None:
        wait_for(lambda: any(words in line for line in self.lines), f"{words!r} among {self.lines}", seconds)

    def tells(self, state: str, count: int = 1) -> None:
        wait_for(lambda: self.told.count(state) >= count, f"{state} among {self.told}")

    def end(self) -> float:
        """SIGTERM; the seconds until it has ended well."""
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(30) == 0, self.lines
        return time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._threads[1].join(10)
        self._channel.close()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line.rstrip())


def listen(channel: socket.socket, told: list[str]) -> None:
    """Keep what systemd would hear."""
    while True:
        try:
            told.append(channel.recv(4096).decode())
        except OSError:
            return


@contextmanager
def running(place: World, folder: Path) -> Iterator[Running]:
    made = Running(place, folder)
    try:
        yield made
    finally:
        made.close()


def mail(number: int) -> bytes:
    return (
        f"From: Rita <rita{number}@people.example>\r\nTo: help@test.example\r\nSubject: Code-of-conduct\r\n"
        f"Message-ID: <{number}-{time.monotonic_ns()}@people.example>\r\n\r\nSomebody shouted at me.\r\n"
    ).encode()


@pytest.mark.dovecot
def test_mail_that_is_announced_is_answered_at_once_also_after_the_connection_was_cut(
    place: World, tmp_path: Path, dovecot: Dovecot
) -> None:
    place.configure(folders=f'["INBOX", "Junk"]\nidle = true\n{RARELY}')
    ann = place.people[0].address
    with running(place, tmp_path) as service:
        service.tells("READY=1")
        place.deliver(mail(1))
        place.arrived(ann, 1)
        for cut in range(2):
            dovecot.doveadm("kick", place.community)
            place.deliver(mail(2 + cut))
            place.arrived(ann, 2 + cut)
        service.tells("WATCHDOG=1", 3)
        assert service.end() < 5
    assert service.told[-1] == "STOPPING=1"
    assert len(place.arrived(ann)) == 3


@pytest.mark.dovecot
def test_it_ends_for_the_new_version_when_the_ledger_is_upgraded(place: World, tmp_path: Path) -> None:
    place.configure(folders='["INBOX"]\nidle = false\npoll_seconds = 1')
    with running(place, tmp_path) as service:
        service.tells("READY=1")
        ask(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
        service.says("upgraded by a newer intake meanwhile")
        assert service.process.wait(30) == 75  # systemd starts what is installed now
        place.deliver(mail(1))
    assert "made by a newer intake" in place.run("once").err


@pytest.mark.dovecot
def test_a_wrong_configuration_is_refused_as_a_whole(place: World, tmp_path: Path) -> None:
    often = "idle = false\npoll_seconds = 1"
    path = place.configure(folders=f'["INBOX"]\n{often}')
    right = path.read_text("utf-8")
    ann, bram = place.people[0].address, place.people[1].address
    with running(place, tmp_path) as service:
        service.tells("READY=1")
        path.write_text(
            right.replace(bram, "somebody@new.example").replace('start = "all"', 'start = "perhaps"'), "utf-8"
        )
        service.process.send_signal(signal.SIGHUP)
        service.says("the configuration was not reloaded, the old one goes on")
        assert any("config.toml:" in line and "start" in line for line in service.lines)
        place.deliver(mail(1))
        place.arrived(ann, 1)
        place.arrived(bram, 1)
        path.write_text(right.replace(bram, bram.replace("sv", "moved")), "utf-8")
        service.process.send_signal(signal.SIGHUP)
        service.says("the configuration was reloaded")
        place.deliver(mail(2))
        place.arrived(bram.replace("sv", "moved"), 1)
        assert len(place.arrived(bram)) == 1
        assert service.end() < 5


def test_it_ends_within_seconds_while_a_server_is_silent(place: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.configure(imap_host="127.0.0.1", imap_port=silent.getsockname()[1], imap_security="none")
        with running(place, tmp_path) as service:
            service.tells("READY=1")
            silent.accept()
            assert service.end() < 5
            assert service.told[-1] == "STOPPING=1"


def test_it_ends_within_seconds_when_a_reload_has_left_a_step_behind(place: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.deliver(mail(1))
        place.configure(smtp_host="127.0.0.1", smtp_port=silent.getsockname()[1], smtp_security="none")
        with running(place, tmp_path) as service:
            service.tells("READY=1")
            connection, _ = silent.accept()
            with connection:
                service.process.send_signal(signal.SIGHUP)
                service.says("the configuration was reloaded")
                assert service.end() < 5


def test_a_service_that_can_t_start_says_why(place: World, tmp_path: Path) -> None:
    place.configure()
    (tmp_path / "imap-password").unlink()
    with running(place, tmp_path) as service:
        assert service.process.wait(30) == 78
        service.says("imap-password")


def test_lines_can_be_json(place: World) -> None:
    place.configure()
    process = place.start("run", "--log-format", "json")
    assert process.stderr is not None
    line = process.stderr.readline()
    process.terminate()
    process.communicate(timeout=30)
    assert line.startswith('{"time": "')
    assert '"message": "running"' in line


@pytest.mark.dovecot
def test_a_step_that_hangs_stops_the_watchdog_s_pings(place: World, tmp_path: Path) -> None:
    place.configure()
    go_on = threading.Event()

    def build(_name: str, config: Any, stopping: Any) -> Parts:
        parts = app.build(config, app.Outside(stopping=stopping))

        def mailbox(settings: Any) -> Any:
            go_on.wait(60)  # what no deadline of a connection ends
            return app.mailbox(config, settings)

        return dataclasses.replace(parts, mailbox=mailbox)

    loads = iter([load(tmp_path / "config.toml")])

    def once() -> Any:
        for config in loads:
            return {"": config}
        raise ConfigError(["config.toml:1: is wrong"])

    lines: list[str] = []

    def say(line: str, name: str) -> None:
        lines.append(name + line)

    told: list[str] = []
    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(environ["NOTIFY_SOCKET"])
        threading.Thread(target=listen, args=(channel, told), daemon=True).start()
        service = Service(Outset(once, build, say), wishes, environ, hung_seconds=0.5)
        thread = threading.Thread(target=service.run, daemon=True)
        thread.start()
        wait_for(lambda: any("no progress" in line for line in lines), "the standstill")
        wait_for(lambda: "WATCHDOG=1" in told, "pings before it")
        until = len(told)
        for count in (
            2,
            3,
            4,
        ):  # it still listens to wishes, and tells systemd about them, but no longer that it is well
            wishes.put(Wish.RELOAD)
            wait_for(lambda count=count: told.count("READY=1") == count, "an answer")  # type: ignore[misc]
        assert set(told[until:]) == {"RELOADING=1", "READY=1"}
        go_on.set()
        wait_for(lambda: told[-1] == "WATCHDOG=1", "pings after it")
        wishes.put(Wish.STOP)
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.dovecot
def test_an_error_in_the_program_is_told_without_its_text(place: World, tmp_path: Path) -> None:
    place.configure()

    def build(_name: str, config: Any, stopping: Any) -> Parts:
        def mailbox(settings: Any) -> Any:
            raise ZeroDivisionError("canary-7f3a")

        return dataclasses.replace(app.build(config, app.Outside(stopping=stopping)), mailbox=mailbox)

    lines: list[str] = []

    def say(line: str, name: str) -> None:
        lines.append(name + line)

    wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
    outset = Outset(lambda: {"": load(tmp_path / "config.toml")}, build, say)
    thread = threading.Thread(target=Service(outset, wishes, {}).run, daemon=True)
    thread.start()
    wait_for(lambda: any("ZeroDivisionError at test_service.py:" in line for line in lines), "the error")
    wishes.put(Wish.STOP)
    thread.join(30)
    assert not thread.is_alive()
    assert "canary" not in "".join(lines)


def test_progress_is_what_a_step_shows() -> None:
    now = 0.0
    progress = Progress(lambda: now)
    with progress.step():
        now = 5.0
        assert progress.stands(4)
        progress.beat()
        assert not progress.stands(4)
        now = 10.0
        assert progress.stands(4)
    assert not progress.stands(4)
    now = 15.0
    assert progress.stands(4)  # nothing is run at all
    progress.beat()  # no step: no progress
    assert progress.stands(4)
