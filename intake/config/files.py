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


def open_to_others(path: Path, rights: int) -> bool:
    """Whether anybody but its owner and ourselves has one of these ``rights`` (bits as for others, such as 0o2).

    Rights of a group don't count when its only member is one of the two: many systems give each user such a group,
    and let it write whatever they make.
    """
    if os.name != "posix":
        return False
    try:
        facts = path.stat()
    except OSError:
        return False
    if facts.st_mode & rights:
        return True
    return bool(facts.st_mode & rights << 3) and not _is_own_group(facts.st_gid, {facts.st_uid, os.geteuid()})


def _is_own_group(number: int, users: set[int]) -> bool:
    import grp  # noqa: PLC0415 - not everywhere, and seldom needed
    import pwd  # noqa: PLC0415 - the same

    try:
        group = grp.getgrgid(number)
        names = {pwd.getpwuid(user).pw_name for user in users}
    except KeyError:
        return False
    return group.gr_name in names and names >= set(group.gr_mem)


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
