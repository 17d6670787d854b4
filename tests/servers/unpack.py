"""Debian packages that can't be installed beside Dovecot, unpacked into folders of their own.

    python tests/servers/unpack.py FOLDER     # once, as root, with apt's lists up to date

Cyrus runs from there as it is. Courier has its paths compiled in and gets a root of its own: its files, and what
they need of this machine's libraries. Nothing is installed, no service of this machine is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {
    "cyrus": ("cyrus-imapd", "cyrus-common", "sasl2-bin", "libsasl2-modules-db"),
    "courier": ("courier-imap", "courier-base", "courier-authlib", "courier-authdaemon", "courier-authlib-userdb"),
}
BORROWED = ("/bin/sh",)  # what Courier's own scripts call, taken from this machine
DONE = "unpacked"


def cache() -> Path:
    """Where unpacked servers are kept from run to run: ``$INTAKE_SERVERS``, or ``.cache/servers`` in the checkout."""
    return Path(os.environ.get("INTAKE_SERVERS") or Path(__file__).parents[2] / ".cache" / "servers").resolve()


def unpacked(name: str, into: Path | None = None) -> Path:
    """The folder with the unpacked packages of ``cyrus`` or ``courier``; fetched and unpacked if it is not there."""
    root = (into or cache()) / name
    if (root / DONE).exists():
        return root
    shutil.rmtree(root, ignore_errors=True)
    archives = root.with_name(f"{name}-archives")
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    keep_here = ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
    run = ["apt-get", "-q", "-y", "--no-install-recommends", *keep_here]
    subprocess.run([*run, "install", "--download-only", *PACKAGES[name]], check=True, capture_output=True)
    fetched = {file.name.partition("_")[0] for file in archives.glob("*.deb")}
    missing = [package for package in PACKAGES[name] if package not in fetched]  # installed on this machine already
    if missing:
        subprocess.run([*run, "download", *missing], check=True, capture_output=True, cwd=archives)
    root.mkdir(parents=True)
    for archive in sorted(archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(archive), str(root)], check=True)
    if name == "courier":
        _complete(root)
    (root / DONE).touch()
    return root


def library_path(root: Path) -> str:
    """Where the unpacked libraries lie, as the loader wants it."""
    return ":".join(sorted({str(file.parent) for file in root.rglob("*.so*")}))


def _complete(root: Path) -> None:
    """Copy what the programs in ``root`` need and do not have, so that they run with ``root`` as their root."""
    for borrowed in BORROWED:
        _copy(Path(borrowed), root)
    programs = [file for file in root.rglob("*") if file.is_file() and not file.is_symlink() and _is_elf(file)]
    for program in programs:
        told = subprocess.run(
            ["ldd", str(program)], capture_output=True, text=True, check=False,
            env={**os.environ, "LD_LIBRARY_PATH": library_path(root)},
        ).stdout  # fmt: skip
        for found in re.findall(r"(?:=> )?(/\S+) \(0x", told):
            if not found.startswith(str(root)):
                _copy(Path(found), root)


def _copy(file: Path, root: Path) -> None:
    target = root / str(file).lstrip("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.resolve(), target)


def _is_elf(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == b"\x7fELF"


if __name__ == "__main__":
    for server in PACKAGES:
        sys.stdout.write(f"{unpacked(server, Path(sys.argv[1]).resolve() if sys.argv[1:] else None)}\n")
