"""``make fuzz``: atheris follows the coverage of one target after the other; what it finds goes into a file.

Usage: long.py SECONDS [TARGET …]. Each target runs in a process of its own, because libFuzzer ends it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).parents[1]


def one(name: str, seconds: int, folder: Path) -> int:
    """Search from the pieces, for so many seconds; the exit code of the search."""
    import atheris  # only here, and only where it can be installed

    with atheris.instrument_imports(include=["intake"]):
        from fuzz.targets import PIECES, TARGETS
    corpus = folder / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, piece in enumerate(PIECES):
        (corpus / f"piece-{number}").write_bytes(piece)
    atheris.Setup([name, str(corpus), f"-max_total_time={seconds}", f"-artifact_prefix={folder}/{name}-", "-max_len=4096"],
                  TARGETS[name])  # fmt: skip
    atheris.Fuzz()
    return 0


def main(seconds: int, *names: str) -> int:
    """Every target, or those that are named; 1 when any search has found something."""
    from fuzz.targets import TARGETS

    folder = Path(os.environ.get("INTAKE_FUZZ_FOLDER") or tempfile.mkdtemp(prefix="fuzz"))
    worst = 0
    for name in names or TARGETS:
        environ = {**os.environ, "INTAKE_FUZZ_FOLDER": str(folder), "PYTHONPATH": f"{TESTS.parent}:{TESTS}"}
        ended = subprocess.run([sys.executable, __file__, "--one", name, str(seconds)], env=environ, check=False)
        sys.stdout.write(f"{name}: {'nothing found' if ended.returncode == 0 else f'look into {folder}'}\n")
        worst = max(worst, int(ended.returncode != 0))
    return worst


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        sys.exit(one(sys.argv[2], int(sys.argv[3]), Path(os.environ["INTAKE_FUZZ_FOLDER"])))
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
