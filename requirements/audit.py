# ruff: noqa: INP001 - a script, not a package
"""Looks up known weaknesses of every pinned version, with pip-audit, and says so when it can't.

Usage: audit.py PIP-AUDIT [FILE …]. Ends with 0 when nothing is known of any of them, 1 when something is, and 2 when
some could not be looked up: that is no answer, and must not be taken for a good one.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPTIONS = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")


def looked_up(program: str, file: Path) -> Iterator[dict[str, Any]]:
    """What pip-audit says of each package of a list. Raises OSError with its last line when it says nothing."""
    command = [program, *OPTIONS, "--requirement", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - what the Makefile installed
    try:
        yield from json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise OSError(last[:200]) from None


def main(program: str, files: Sequence[Path]) -> int:
    """Print a line for each weakness, and one for each package of which nothing could be learned."""
    weak: set[str] = set()
    unknown: set[str] = set()
    for file in files:
        try:
            for package in looked_up(program, file):
                name = f"{package['name']} {package.get('version', '')}".strip()
                weak |= {f"{name}: {found['id']}" for found in package.get("vulns", ())}
                if reason := package.get("skip_reason"):
                    unknown.add(f"{name}: {str(reason).splitlines()[0]}")
        except OSError as error:
            unknown.add(f"{file.name}: {error}")
    lines = [f"WEAK     {line}" for line in sorted(weak)] + [f"UNKNOWN  {line}" for line in sorted(unknown)]
    if unknown:
        lines.append("Some could not be looked up: this is not an answer. It needs the network; run it again.")
    elif not weak:
        lines.append(f"Nothing is known of what {len(files)} lists name.")
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 1 if weak else 2 * bool(unknown)


if __name__ == "__main__":
    listed = [Path(name) for name in sys.argv[2:]] or sorted(HERE.glob("*.txt"))
    sys.exit(main(sys.argv[1], listed))
