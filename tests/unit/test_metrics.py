"""Figures: the format, the file, the address on loopback, and what is not in them."""

from __future__ import annotations

import re
import socket
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from servers import Pymap
from servers.base import free_ports, is_open
from servers.smtp import Aiosmtpd
from servers.world import World, addresses, world

from intake import app
from intake.config import load
from intake.config.models import MetricsConfig
from intake.errors import ConfigError
from intake.ledger.alarms import Trouble
from intake.metrics import Figure, Metrics, exposition
from intake.steps.parts import Parts

from . import worlds

LINE = re.compile(r'(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? -?[0-9.e+]+)')
NEW_ADDRESS = addresses("mt")


@pytest.fixture
def place(tmp_path: Path, pymap_server: Pymap, aiosmtpd_server: Aiosmtpd) -> World:
    return world(pymap_server, aiosmtpd_server, tmp_path, NEW_ADDRESS)


def test_the_format() -> None:
    found = [
        Figure("a", "First.", 1),
        Figure("b", "Second.", 1.8e9, ("x", 'q"\\\n')),
        Figure("b", "Second.", 0.25, ("x", "y")),
    ]
    assert exposition(iter(found)).splitlines() == [
        "# HELP a First.", "# TYPE a gauge", "a 1",
        "# HELP b Second.", "# TYPE b gauge", 'b{x="q\\"\\\\\\n"} 1800000000', 'b{x="y"} 0.25',
    ]  # fmt: skip


def test_once_writes_the_file(place: World, tmp_path: Path) -> None:
    place.configure(more='[metrics]\ntextfile = "intake.prom"')
    place.deliver(b"From: Rita <rita@people.example>\r\nSubject: Code-of-conduct\r\n\r\nSomebody shouted at me.\r\n")
    assert place.run("once").code == 0
    text = (tmp_path / "intake.prom").read_text()
    assert all(LINE.fullmatch(line) for line in text.splitlines()), text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values['intake_mailbox_last_pass_seconds{mailbox="help"}']) > 1.7e9
    assert values['intake_mailbox_failing{mailbox="help"}'] == "0"
    assert (values["intake_outbox_open"], values["intake_outbox_failed"]) == ("0", "0")
    assert "rita" not in text.lower()
    assert "case" not in text
    assert (tmp_path / "intake.prom").stat().st_mode & 0o777 == 0o644
    assert not list(tmp_path.glob(".intake.prom*"))
    (tmp_path / "intake.prom").unlink()
    assert place.run("once").code == 0  # a pass without news writes it too
    assert (tmp_path / "intake.prom").is_file()


def test_alarms_are_figures_unless_a_case_may_make_them_begin(place: World, tmp_path: Path) -> None:
    place.configure(more='[metrics]\ntextfile = "f.prom"')
    parts = app.build(load(tmp_path / "config.toml"), app.Outside())
    for topic in ("audit", "unheard"):
        parts.ledger.alarms.begin(Trouble(f"{topic} help", topic), parts.now, "")
    Metrics(lambda _line: None).note(parts)
    parts.ledger.close()
    found = dict(
        re.findall(r'^intake_alarm_open\{about="([a-z]+)"\} (\d)$', (tmp_path / "f.prom").read_text(), re.MULTILINE)
    )
    assert found == {"audit": "1", "credential": "0", "delivery": "0", "drill": "0", "mailbox": "0", "template": "0"}


def test_one_pass_beside_the_service_leaves_its_address_alone(place: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        listen = f"127.0.0.1:{service.getsockname()[1]}"
        place.configure(more=f'[metrics]\ntextfile = "f.prom"\nlisten = "{listen}"')
        done = place.run("once")
    assert (done.code, done.err) == (0, "")
    assert (tmp_path / "f.prom").is_file()


def test_it_is_served_on_loopback(place: World, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    place.configure(more=f'[metrics]\nlisten = "127.0.0.1:{port}"')
    said: list[str] = []
    parts = app.build(load(tmp_path / "config.toml"), app.Outside(say=said.append))
    metrics = Metrics(said.append)
    for _ in range(2):
        metrics.note(parts)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert b"intake_outbox_open 0\n" in answer.read()
    other = Metrics(said.append)
    for _ in range(2):
        other.note(parts)
    assert [line for line in said if "can't be written or served" in line] == said[-1:]  # told once, and nothing stops
    metrics._serve("")
    parts.ledger.close()


def test_each_community_has_figures_of_its_own(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    figures = app.metrics(app.Outside(), serves=True)
    built: list[Parts] = []
    for name, metrics in (("served", f'listen = "127.0.0.1:{port}"'), ("written", 'textfile = "b.prom"')):
        (tmp_path / name).mkdir()
        built.append(worlds.World(tmp_path / name, mailboxes=(name,), more=f"[metrics]\n{metrics}").parts)
    for _ in range(2):
        for parts in built:
            figures.note(parts)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        served = answer.read().decode()
    written = (tmp_path / "written" / "b.prom").read_text()
    for text, mine, other in ((served, "served", "written"), (written, "written", "served")):
        assert f'mailbox="{mine}"' in text
        assert f'mailbox="{other}"' not in text
    figures.gone(built[0])
    assert not is_open(port)


def test_an_address_that_is_taken_out_of_the_configuration_serves_no_old_figures(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    figures = app.metrics(app.Outside(), serves=True)
    parts = worlds.World(tmp_path, more=f'[metrics]\nlisten = "127.0.0.1:{port}"').parts
    figures.note(parts)
    assert is_open(port)
    figures.note(replace(parts, config=replace(parts.config, metrics=MetricsConfig())))
    assert not is_open(port)


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:9123", "9123", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "example.org:80"]
)
def test_nobody_else_can_ask(place: World, listen: str, tmp_path: Path) -> None:
    place.configure(more=f'[metrics]\nlisten = "{listen}"')
    with pytest.raises(ConfigError, match="is no loopback address with a port"):
        load(tmp_path / "config.toml")


def test_a_certificate_s_end_is_a_figure(place: World, tmp_path: Path) -> None:
    more = 'auth = "microsoft"\ntenant = "t"\nclient_id = "c"\nclient_secret_env = "S"\nclient_secret_expires = 2027-03-31\n'
    place.configure(folders=f'["INBOX"]\n{more}', more='[metrics]\ntextfile = "f.prom"')
    text = (tmp_path / "config.toml").read_text().replace('password_file = "imap-password"\n', "")
    (tmp_path / "config.toml").write_text(text)
    parts = app.build(load(tmp_path / "config.toml"), app.Outside())
    Metrics(lambda _line: None).note(parts)
    ends = int(datetime(2027, 3, 31, tzinfo=UTC).timestamp())
    assert f'what="client secret of the application c"}} {ends}\n' in (tmp_path / "f.prom").read_text()
    parts.ledger.close()
