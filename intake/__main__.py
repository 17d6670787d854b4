"""The command, also as ``python -m intake``: what ends it while it is still being loaded, and on its way out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

_INTERRUPTED = 130
# Nothing has begun when SIGTERM comes this early: the service is down, and the pass is left to the next one.
_ENDED = {"run": 0, "once": 75}


def main() -> None:
    """Load the command and run it. A signal before and after it ends the program at once, without a traceback."""
    before = _unless_ignored(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    for command, code in _ENDED.items():
        if command in sys.argv[1:]:
            _unless_ignored(signal.SIGTERM, lambda *_, code=code: os._exit(code))
    from intake.cli.main import main as command_line  # noqa: PLC0415 - what takes long comes after the signals

    try:
        try:
            signal.signal(signal.SIGINT, before)
            command_line()
        finally:
            _unless_ignored(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _unless_ignored(number: int, handler: Callable[..., None]) -> Any:
    """Handle a signal, but not one that whoever started the program has it ignore; gives what handled it before."""
    before = signal.getsignal(number)
    if before is not signal.SIG_IGN:
        signal.signal(number, handler)
    return before


if __name__ == "__main__":
    main()
