"""The standard streams as the commands have them: what can't be written is told once, and stops nothing else."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import TextIO

from intake.errors import IntakeError

_WHY = {
    errno.EBADF: "standard output is closed, so the answer is lost: leave it open, or send it to a file",
    errno.ENOSPC: "can't write the answer, the disk is full: make room and try again",
    errno.EDQUOT: "can't write the answer, the disk quota is used up: make room and try again",
}


class _Steady(io.TextIOWrapper):
    """Standard error. A pass must not end over a line that a full disk or a closed pipe did not take."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self.lost(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self.lost(error)

    def lost(self, error: OSError) -> None:
        """Something could not be written."""


class _Answer(_Steady):
    """Standard output. A reader that has seen enough (``head``) is no error; anything else is, once."""

    told = False

    def lost(self, error: OSError) -> None:
        if error.errno == errno.EPIPE or self.told:
            return
        self.told = True
        raise IntakeError(_WHY.get(error.errno or 0, f"can't write the answer to standard output: {error.strerror}"))


def steady() -> None:
    """Put these in place of the standard streams; those that the caller closed lead nowhere.

    Else a file or a connection would get their number. In the place of standard output stands one that can only be
    read, so that whoever writes there is told.
    """
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open("r", encoding="utf-8")  # noqa: SIM115 - to the end
    sys.stdout = _over(_Answer, sys.stdout, os.O_RDONLY)
    sys.stderr = _over(_Steady, sys.stderr, os.O_WRONLY)


def _over(kind: type[_Steady], stream: TextIO | None, access: int) -> _Steady:
    if stream is None:
        return kind(os.fdopen(os.open(os.devnull, access), "wb"), "utf-8", line_buffering=True)
    return kind(stream.buffer, stream.encoding, stream.errors, line_buffering=bool(stream.line_buffering))
