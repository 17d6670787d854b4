"""A signal in the first instants, while modules are loaded, and in the last ones: an exit code, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from servers.world import CHECKOUT, COMMAND, WHEEL

# Modules that are loaded before those of the same name, and send a signal as they are: no test has to hit the moment.
KILL = "import os, signal, time\nos.kill(os.getpid(), signal.{name})\ntime.sleep(20)\n"
AT_EXIT = "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.{name})\n"


def heard() -> None:
    """What a background job of a shell hands on is that SIGINT is ignored, also when these tests are that job."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def ended(folder: Path, module: str, text: str, *arguments: str) -> tuple[int, str]:
    (folder / f"{module}.py").write_text(text, "utf-8")
    path = [str(folder), *([] if WHEEL else [str(CHECKOUT)])]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=15,
        preexec_fn=heard,
    )  # fmt: skip
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize(
    ("command", "module"), [("check", "pydantic"), ("once", "dataclasses"), ("run", "click"), ("status", "click")]
)
def test_an_interrupt_while_modules_are_loaded_ends_with_130(tmp_path: Path, command: str, module: str) -> None:
    (tmp_path / "config.toml").write_text("", "utf-8")
    (tmp_path / "config.toml").chmod(0o600)
    assert ended(tmp_path, module, KILL.format(name="SIGINT"), command) == (130, "")


@pytest.mark.parametrize(("command", "code"), [("run", 0), ("once", 75), ("status", -signal.SIGTERM)])
def test_a_termination_while_modules_are_loaded_is_an_end_like_any_other(
    tmp_path: Path, command: str, code: int
) -> None:
    assert ended(tmp_path, "click", KILL.format(name="SIGTERM"), command) == (code, "")


def test_an_interrupt_on_the_way_out_shows_no_traceback(tmp_path: Path) -> None:
    assert ended(tmp_path, "sitecustomize", AT_EXIT.format(name="SIGINT"), "--help") == (130, "")


def test_an_interrupt_that_the_caller_has_ignored_stays_ignored(tmp_path: Path) -> None:
    ignore = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + AT_EXIT.format(name="SIGINT")
    assert ended(tmp_path, "sitecustomize", ignore, "--help") == (0, "")
