"""What the files and folders that a configuration names must be like."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def secret_problem(path: Path) -> str:
    """``what; what to do`` when others than its owner can get at a secret file; empty when well or not there."""
    if os.name != "posix":
        return ""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    if not stat.S_ISREG(mode):
        return f"{path} is no file; name the file that holds it"
    if mode & 0o077:
        return f"others can read {path}; run: chmod 600 {path}"
    return ""


def missing_file(path: Path | None) -> str:
    """``what; what to do`` when a named file is not there; empty when well or not named."""
    if path is None or path.is_file():
        return ""
    return f"there is no file {path}; correct the name, it is relative to this file"


def missing_directory(path: Path | None) -> str:
    """The same for a directory."""
    if path is None or path.is_dir():
        return ""
    return f"there is no directory {path}; correct the name, it is relative to this file"
