"""A directory with a file for each community: one program, and nothing of one that another gets."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from servers.base import free_ports, is_open, wait_for
from servers.databases import ledger_of
from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, finished, world

from intake.cli import passes
from intake.cli.common import Invocation
from intake.config import Config, load, load_each
from intake.errors import ConfigError
from intake.steps.reports import PassReport

NEW_ADDRESS = addresses("mc")
MAIL = (
    b"From: Rita <rita@people.example>\r\nTo: help@x.example\r\nSubject: Code-of-conduct\r\n"
    b"Message-ID: <%s@people.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nSomebody shouted at me.\r\n"
)


class Federation:
    """Some communities on one pair of servers, and the directory that names them."""

    def __init__(self, imap: Dovecot, smtp: Aiosmtpd, folder: Path, names: str) -> None:
        self.directory = folder / "communities"
        self.directory.mkdir()
        self.worlds: dict[str, World] = {}
        for name in names:
            place = folder / name
            place.mkdir()
            self.worlds[name] = world(imap, smtp, place, NEW_ADDRESS)
            self.write(name)

    def write(self, name: str, **changes: str) -> None:
        """Bring a community's file into the directory; what it names stays where it is."""
        place = self.worlds[name]
        text = place.configure(more="[digest]\nschedule = 'sun 03:00'").read_text()
        for file in ("intake.key", "imap-password", "smtp-password"):
            text = text.replace(f'"{file}"', f'"{place.folder / file}"')
        for old, new in changes.items():
            text = text.replace(old, new)
        (self.directory / f"{name}.toml").write_text(text)

    def run(self, command: str, *words: str) -> tuple[int, str, str]:
        """A command for all of them."""
        done = next(iter(self.worlds.values())).run(command, "--config", str(self.directory), *words)
        return done.code, done.out, done.err


@pytest.fixture
def federation(tmp_path: Path, dovecot: Dovecot, aiosmtpd_server: Aiosmtpd) -> Federation:
    return Federation(dovecot, aiosmtpd_server, tmp_path, "abc")


@pytest.mark.dovecot
def test_one_that_is_wrong_does_not_stop_the_others(federation: Federation) -> None:
    (federation.directory / "b.toml").write_text("[community]\nname = 3\n")
    for name, place in federation.worlds.items():
        place.deliver(MAIL % name.encode())
    code, out, err = federation.run("once", "--json")
    assert code == 78
    assert [json.loads(line)["accepted"] for line in out.splitlines()] == [1, 1]
    assert "b.toml:2" in err
    for name in "ac":
        place = federation.worlds[name]
        (copy,) = place.arrived(place.people[0].address, 1)
        assert f"<{name}@people.example>".encode() in copy.original()
    assert not federation.worlds["b"].arrived(federation.worlds["b"].people[0].address)
    federation.write("b")
    code, out, err = federation.run("once")
    assert code == 0
    assert err.splitlines() == ["--- a", "--- b", "--- c"]
    assert federation.run("check", "--offline")[0] == 0
    assert federation.run("status")[0] == 0
    code, out, _ = federation.run("audit", "--json")
    assert (code, [json.loads(line)["mails"] for line in out.splitlines()]) == (0, [1, 1, 1])


@pytest.mark.dovecot
def test_the_service_serves_all_and_takes_up_what_was_mended(federation: Federation) -> None:
    good = (federation.directory / "b.toml").read_text()
    (federation.directory / "b.toml").write_text(good.replace("[smtp]", "[smpt]"))
    (port,) = free_ports(1)
    federation.write("c", **{"[digest]": f'[metrics]\nlisten = "127.0.0.1:{port}"\n[digest]'})
    for name, place in federation.worlds.items():
        place.deliver(MAIL % name.encode())
    service = federation.worlds["a"].start("run", "--config", str(federation.directory))
    try:
        for name in "ac":
            federation.worlds[name].arrived(federation.worlds[name].people[0].address, 1)
        wait_for(lambda: is_open(port), "figures")
        (federation.directory / "b.toml").write_text(good)
        (federation.directory / "c.toml").unlink()
        service.send_signal(signal.SIGHUP)
        federation.worlds["b"].arrived(federation.worlds["b"].people[0].address, 1)
        federation.worlds["c"].deliver(MAIL % b"later")
        federation.worlds["a"].deliver(MAIL % b"again")
        federation.write("a", **{"[[mailbox]]": "[[mailbox]]\npoll_seconds = 5"})
        service.send_signal(signal.SIGHUP)
        federation.worlds["a"].arrived(federation.worlds["a"].people[0].address, 2)
        assert not is_open(port), "figures of a community that is gone"
    finally:
        service.send_signal(signal.SIGTERM)
        done = finished(service)
    assert done.code == 0
    told = [line for line in done.err.splitlines() if "b.toml" in line]
    assert any("did you mean 'smtp'" in line for line in told)
    assert all(line.startswith("intake: b: ") for line in told)
    assert done.err.count("the configuration was reloaded") == 2
    assert len(federation.worlds["c"].arrived(federation.worlds["c"].people[0].address)) == 1
    wait_for(
        lambda: len(federation.worlds["c"].imap.read(federation.worlds["c"].community, "INBOX")) == 1, "left alone"
    )


@pytest.mark.dovecot
@pytest.mark.parametrize("shared", ["ledger", "intake.key", "help", "figures"])
def test_two_never_share_a_ledger_a_key_a_folder_or_figures(federation: Federation, shared: str) -> None:
    a, b = federation.worlds["a"], federation.worlds["b"]
    changes = {
        "ledger": {ledger_of(b.folder): ledger_of(a.folder)},
        "intake.key": {str(b.folder / "intake.key"): str(a.folder / "intake.key")},
        "figures": {"[digest]": '[metrics]\nlisten = "127.0.0.1:9123"\n[digest]'},
        "help": {
            f'user = "{b.community}"\npassword_file = "{b.folder}/imap': f'user = "{a.community}"\npassword_file = "{b.folder}/imap'
        },
    }
    federation.write("b", **changes[shared])
    if shared == "figures":
        federation.write("a", **changes[shared])
    found = load_each(federation.directory, load)
    assert isinstance(found["a"], Config)
    assert isinstance(found["c"], Config)
    assert isinstance(found["b"], ConfigError)
    assert all("b.toml: " in line and line.endswith("of a.toml too") for line in found["b"].problems)


def test_a_signal_to_end_is_meant_for_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def one_pass(invocation: Invocation, *_: object, **__: object) -> PassReport:
        begun.append(invocation.path().name)
        os.kill(os.getpid(), signal.SIGTERM)
        return PassReport()

    monkeypatch.setattr(passes, "_whole", one_pass)
    for name in "ab":
        (tmp_path / f"{name}.toml").touch()
    done = CliRunner().invoke(passes.once, ["--config", str(tmp_path)])
    assert (done.exit_code, begun) == (75, ["a.toml"]), "mail that was not looked at is left"
    assert "the next pass does what is left" in done.stderr


def test_an_empty_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no configuration; write one NAME\.toml"):
        load_each(tmp_path, load)
