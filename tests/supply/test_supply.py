"""What the program is made of is pinned, listed and licensed; two builds of it are the same bytes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BILL = ROOT / "requirements" / "bill.py"
FREE = re.compile(r"MIT|LGPL|Mozilla|BSD|Apache|PSF|ISC|MPL|Unlicense|Python Software")


def told(what: str) -> str:
    return subprocess.run([sys.executable, BILL, what], capture_output=True, text=True, check=True).stdout


def test_everything_is_pinned_with_hashes() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text("ascii")
        entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
        assert entries
        for entry in entries:
            assert re.match(r"[A-Za-z0-9._-]+==\S+", entry), f"{path.name}: {entry.splitlines()[0]}"
            assert "--hash=sha256:" in entry, f"{path.name}: {entry.splitlines()[0]}"
        assert "://" not in text


def test_the_bill_of_materials_names_each_pinned_package_once() -> None:
    bill = json.loads(told("sbom"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    names = [one["name"] for one in bill["components"]]
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements" / "core.txt").read_text("ascii"), re.MULTILINE)
    assert names == [name.lower() for name in pinned]
    for one in bill["components"]:
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert all(re.fullmatch("[0-9a-f]{64}", found["content"]) for found in one["hashes"])
    assert told("sbom") == told("sbom")


def test_every_licence_is_listed_and_lets_everybody_use_it() -> None:
    listed = (ROOT / "docs" / "licences.md").read_text("utf-8")
    assert listed == told("licences"), "run: python requirements/bill.py licences > docs/licences.md"
    rows = re.findall(r"^\| (\S+) \| (.+) \|$", listed, re.MULTILINE)[1:]
    rows = [row for row in rows if row != ("package", "licence")]
    assert [name for name, licence in rows if not FREE.search(licence)] == []
    # Only as a library of its own, installed beside us by who wants PostgreSQL.
    assert {name for name, licence in rows if "GPL" in licence} == {"psycopg", "psycopg-binary"}
    for lock in (ROOT / "requirements").glob("*.txt"):
        pinned = set(re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text("ascii"), re.MULTILINE))
        assert lock.stem in {"demo", "dev"} or {name.lower() for name in pinned} <= {name for name, _ in rows}, (
            lock.name
        )


def test_the_wheel_can_be_made_again_byte_for_byte(tmp_path: Path) -> None:
    made = []
    for number, when in enumerate((1_600_000_000, 1_700_000_000)):
        checkout = tmp_path / f"checkout{number}"
        checkout.mkdir(mode=0o700 if number else 0o755)
        for name in ("intake", "templates"):
            shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE", "config.example.toml"):
            shutil.copy(ROOT / name, checkout / name)
        for path in checkout.rglob("*"):
            path.chmod((0o755 if path.is_dir() else 0o644) & (~0o077 if number else ~0))  # under another umask
            os.utime(path, (when, when))
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / str(number))],
            cwd=checkout, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, check=True, capture_output=True,
        )  # fmt: skip
        [wheel] = (tmp_path / str(number)).glob("*.whl")
        made.append((wheel.name, wheel.read_bytes()))
    assert made[0] == made[1]


GOOD = {"name": "click", "version": "8.1", "vulns": []}
WEAK = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.0"]}]}
SKIPPED = {"name": "mako", "skip_reason": "Dependency not found on PyPI and could not be audited: mako (1.4)"}


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ([GOOD], 0, "Nothing is known"),
        ([GOOD, WEAK], 1, "jinja2 2.0: PYSEC-1"),
        ([GOOD, SKIPPED], 2, "mako: Dependency not found"),
        ([WEAK, SKIPPED], 1, "mako: Dependency not found"),
        (None, 2, "Failed to resolve"),
    ],
)
def test_what_could_not_be_looked_up_is_never_taken_for_good(
    tmp_path: Path, said: list[object] | None, code: int, words: str
) -> None:
    program = tmp_path / "pip-audit"
    fails = "sys.exit('Traceback\\nConnectionError: Failed to resolve the service')"
    answers = f"print({json.dumps(json.dumps({'dependencies': said, 'fixes': []}))})"
    program.write_text(f"#!{sys.executable}\nimport sys\n{fails if said is None else answers}\n")
    program.chmod(0o700)
    done = subprocess.run(
        [sys.executable, ROOT / "requirements" / "audit.py", program, "a.txt"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, words in done.stdout) == (code, True), done.stdout + done.stderr
