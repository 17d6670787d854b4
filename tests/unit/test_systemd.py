"""The unit files: right for this installation, and as hard as they claim."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from intake.cli.systemd import HARDENING, quoted, systemd

CONFIG = """
[community]
name = "Test Group"
address = "help@test.example"
{ledger}
[[mailbox]]
name = "help"
host = "imap.test.example"
user = "help"
password_credential = "imap-password"
[smtp]
host = "127.0.0.1"
security = "none"
auth = "none"
[[organizer]]
name = "Ann"
email = "ann@test.example"
"""
NAMES = ["intake.service", "intake-once.service", "intake-once.timer"]


def printed(folder: Path, ledger: str = "", *words: str) -> dict[str, str]:
    """Each unit by the name in its comment line."""
    path = folder / "config.toml"
    path.write_text(CONFIG.format(ledger=ledger), "utf-8")
    done = CliRunner().invoke(systemd, ["--config", str(path), *words], standalone_mode=False)
    assert done.exception is None
    pieces = re.split(r"^# (\S+\.(?:service|timer))\n", done.output, flags=re.MULTILINE)
    assert pieces[0] == ""
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def test_each_unit_stands_under_its_name(tmp_path: Path) -> None:
    units = printed(tmp_path)
    assert list(units) == NAMES
    service = units["intake.service"]
    assert f"ExecStart={sys.executable} -P -m intake run --config {tmp_path}/config.toml\n" in service
    assert f"LoadCredential=imap-password:{tmp_path}/imap-password\n" in service
    assert f"ReadWritePaths={tmp_path}\n" in service
    for line in ("Type=notify", "WatchdogSec=120", "ExecReload=/bin/kill -HUP $MAINPID", "User=intake"):
        assert f"{line}\n" in service
    assert "intake once --config" in units["intake-once.service"]
    assert "SuccessExitStatus=75\n" in units["intake-once.service"]
    for name in NAMES[:2]:
        assert HARDENING in units[name]


def test_state_lies_in_the_state_directory(tmp_path: Path) -> None:
    state = next(path.name for path in Path("/var/lib").iterdir() if path.is_dir())
    ledger = f'[ledger]\nurl = "sqlite:////var/lib/{state}/intake.db"\nkey_file = "/var/lib/{state}/intake.key"'
    service = printed(tmp_path, ledger, "--user", "ann")["intake.service"]
    assert f"StateDirectory={state}\n" in service
    assert "ReadWritePaths" not in service
    assert "User=ann\n" in service


@pytest.mark.systemd
def test_figures_get_their_port_and_leave_their_folder_to_whoever_reads_them(tmp_path: Path) -> None:
    state = next(path.name for path in Path("/var/lib").iterdir() if path.is_dir())
    figures = f'[metrics]\ntextfile = "/var/lib/{state}/intake.prom"\nlisten = "127.0.0.1:9123"'
    units = printed(tmp_path, figures)
    for name in NAMES[:2]:
        assert f"ReadWritePaths=/var/lib/{state}\n" in units[name]
        assert "StateDirectory" not in units[name]
    assert "SocketBindAllow=tcp:9123\n" in units["intake.service"]
    assert "SocketBindAllow" not in units["intake-once.service"]
    (tmp_path / NAMES[0]).write_text(units[NAMES[0]])
    for words in (("verify",), ("security", "--offline=true", "--threshold=20")):
        done = analyze(*words, str(tmp_path / NAMES[0]))
        assert done.returncode == 0, done.stdout + done.stderr
        assert str(tmp_path) not in done.stderr


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("/a/b", "/a/b"),
        ("/a b", '"/a b"'),
        ("/50%", "/50%%"),
        ("/$HOME", "/$HOME"),
        ('/a"b', '"/a\\"b"'),
        ("\\x", '"\\\\x"'),
    ],
)
def test_words_that_systemd_would_change(word: str, said: str) -> None:
    assert quoted(word) == said


@pytest.mark.systemd
def test_systemd_takes_them(tmp_path: Path) -> None:
    folder = tmp_path / "a $folder of 50%"
    folder.mkdir()
    for name, text in printed(folder).items():
        (tmp_path / name).write_text(text)
    done = analyze("verify", *(str(tmp_path / name) for name in NAMES))
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "intake" in line]
    assert (done.returncode, said) == (0, []), done.stderr


@pytest.mark.systemd
def test_they_are_exposed_to_little(tmp_path: Path) -> None:
    for name, text in printed(tmp_path).items():
        (tmp_path / name).write_text(text)
    for name in NAMES[:2]:
        done = analyze("security", "--offline=true", "--threshold=20", str(tmp_path / name))
        assert done.returncode == 0, done.stdout


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    assert program
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)


def test_nothing_needs_memory_that_is_written_and_run(tmp_path: Path) -> None:
    printed(tmp_path)
    libc = ctypes.CDLL(None)

    def harden() -> None:
        libc.prctl(65, 1, 0, 0, 0)  # PR_SET_MDWE; an older kernel says no, and the test shows less

    code = (
        "import intake.app, intake.service, intake.compose.composer, intake.ledger.ledger, intake.receive.imap\n"
        "import intake.decide.classify, intake.deliver.smtp, cryptography.hazmat.primitives.ciphers.aead, re2\n"
        "assert re2.search('a+', 'caat')"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=harden,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
