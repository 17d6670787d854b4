# ruff: noqa: INP001 - a script, not a package
"""What the program is made of: a CycloneDX 1.5 bill of materials, and the licences, from the hash-locked list.

Usage: bill.py sbom | licences. The same list gives the same bytes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).with_name("core.txt")
OF_ALL = {"core", "demo", "dev"}  # the lists that no installation with an extra adds to the core
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\?$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# What a package's own metadata does not say, or says at the length of the whole text: looked up by hand.
KNOWN = {
    "alembic": "MIT",
    "contourpy": "BSD-3-Clause",  # a newer one is pinned for newer Pythons, and says so itself
    "jinja2": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
    "google-re2": "BSD-3-Clause",
    "imapclient": "BSD-3-Clause",
}


@dataclass(frozen=True)
class Package:
    """One pinned package; ``licence`` is an SPDX expression, or the words of its metadata."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    licence: str


def packages(lock: Path = LOCK) -> Iterator[Package]:
    """Every package of the list, in its order."""
    text = lock.read_text("ascii")
    found = list(_PINNED.finditer(text))
    ends = [*(match.start() for match in found[1:]), len(text)]
    for match, end in zip(found, ends, strict=True):
        name, version, marker = match.group(1).lower(), match.group(2), (match.group(3) or "").strip()
        hashes = tuple(sorted(_HASH.findall(text[match.start() : end])))
        yield Package(name, version, marker, hashes, licence(name))


def licence(name: str) -> str:
    """What the installed package says of its licence; empty when it is not installed here, or says nothing."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return KNOWN.get(name, "")
    said = about.get("License-Expression") or KNOWN.get(name)
    if said:
        return said
    for line in about.get_all("Classifier") or []:
        if line.startswith("License :: OSI Approved :: "):
            return line.rpartition(" :: ")[2]
    first = (about.get("License") or "").strip().splitlines()
    return first[0][:60] if first else ""


def bill() -> dict[str, object]:
    """CycloneDX 1.5. No serial number and no time: both would make each copy another one."""
    about = {"type": "application", "name": "conduct-intake", "licenses": [{"license": {"id": "MIT"}}]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": about},
        "components": [_component(package) for package in packages()],
    }


def _component(package: Package) -> dict[str, object]:
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": f"pkg:pypi/{package.name}@{package.version}",
        "purl": f"pkg:pypi/{package.name}@{package.version}",
        "name": package.name,
        "version": package.version,
        "hashes": [{"alg": "SHA-256", "content": one} for one in package.hashes],
    }
    if package.licence:
        component["licenses"] = [{"license": {"name": package.licence}}]
    if package.marker:
        component["properties"] = [{"name": "intake:marker", "value": package.marker}]
    return component


def licences() -> str:
    """A table for people. Without versions, so that it changes only when a package comes, goes, or is licensed anew."""
    head = (
        "# Licences\n\nIntake itself is under the MIT licence. What it is made of, made by "
        "`python requirements/bill.py licences`; a test keeps it current.\n"
    )
    extras = "".join(f"\n## With the extra `{lock.stem}`\n{_table(lock)}" for lock in sorted(LOCK.parent.glob("*.txt"))
                     if lock.stem not in OF_ALL)  # fmt: skip
    return f"{head}{_table(LOCK)}{extras}"


def _table(lock: Path) -> str:
    rows = dict.fromkeys(f"| {package.name} | {package.licence or 'not stated'} |" for package in packages(lock))
    return "\n| package | licence |\n|---|---|\n" + "".join(f"{row}\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(licences() if sys.argv[1:] == ["licences"] else json.dumps(bill(), indent=2) + "\n")
