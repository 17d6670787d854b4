"""The command at a terminal: with somebody who types, or with somebody who looks."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
from pathlib import Path

from .world import CHECKOUT, COMMAND, WHEEL


def environ() -> dict[str, str]:
    known = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ}
    return {**known, "LANG": "C.UTF-8"} if WHEEL else {**known, "LANG": "C.UTF-8", "PYTHONPATH": str(CHECKOUT)}


class Terminal:
    """A terminal with somebody at it, who waits for each question."""

    def __init__(self, folder: Path, *words: str, width: int = 120) -> None:
        self.process, self.master = pty.fork()
        if not self.process:  # pragma: no cover - the other process
            os.chdir(folder)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the tests may run where a shell has it ignored
            os.execve(COMMAND[0], [*COMMAND, *words], {**environ(), "TERM": "xterm"})
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        self.seen = ""
        self._told = 0

    def until(self, pattern: str) -> None:
        while not re.search(pattern, self.seen[self._told :]):
            assert select.select([self.master], [], [], 30)[0], f"no {pattern!r} in {self.seen[-500:]!r}"
            self.seen += os.read(self.master, 4096).decode("utf-8", "replace")
        self._told = len(self.seen)

    def type(self, *answers: str) -> None:
        for answer in answers:
            self.until(r": $")
            os.write(self.master, f"{answer}\n".encode())

    def end(self) -> int:
        while select.select([self.master], [], [], 30)[0]:
            try:
                read = os.read(self.master, 4096)
            except OSError:  # the other end is closed
                read = b""
            if not read:
                os.close(self.master)
                return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
            self.seen += read.decode("utf-8", "replace")
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        raise AssertionError(f"it does not end: {self.seen[-500:]!r}")
