"""Patterns that users write: RE2, which no pattern and no mail can make slow."""

from __future__ import annotations

from typing import Any

MARK = "re:"
_LARGEST = 8 << 20  # bytes of memory for one compiled pattern; `(a{1000}){1000}` asks for more


def compile_pattern(text: str) -> Any:
    """A compiled pattern, from its text without ``re:``; case does not count unless it says ``(?-i)``.

    Raises ValueError with what is wrong with it, in one line.
    """
    import re2  # noqa: PLC0415 - most configurations hold no pattern

    options = re2.Options()
    options.max_mem = _LARGEST
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not understood"
        raise ValueError(reason.decode() if isinstance(reason, bytes) else str(reason)) from None
