"""What the documentation says about the program is so: its errors, its figures, its alarms, its commands."""

from __future__ import annotations

import ast
import re
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import intake
from intake.config import load
from intake.model import DRILL
from intake.oauth.microsoft import ENTRA

PACKAGE = Path(intake.__file__).parent
CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
PAGES = ("faq.md", "microsoft-365.md", "google.md", "operations.md")
HOLE = "\0"
TOLD_BY_NO_ALARM = ("The ledger can't be used", "The alarm itself is silent")


def said() -> str:
    """Every text in the program, with a hole where a value goes."""
    found: list[str] = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(
                        p.value if isinstance(p, ast.Constant) and isinstance(p.value, str) else HOLE
                        for p in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


def errors(page: str) -> list[str]:
    """The first column of each table of errors, without the ends of their values."""
    text = (DOCS / page).read_text("utf-8")
    tables = re.findall(r"^\| Intake says \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [line.split("`")[1] for table in tables for line in table.splitlines()]


@pytest.mark.parametrize("page", PAGES[:3])
def test_errors_are_the_program_s_own(page: str) -> None:
    texts = said()
    listed = errors(page)
    assert len(listed) > 4
    for error in listed:
        code = re.search(r" \(AADSTS(\d+)\)$", error)
        if code:
            assert ENTRA[int(code[1])][0] == error[: code.start()]
            continue
        core = (
            re.sub(r' \([a-zA-Z_]+\)$|^"[a-z]+" |^Microsoft Graph answers .*', "", error) or "Microsoft Graph answers "
        )
        pieces = [piece.strip() for piece in core.split("; ")]
        assert all(piece in texts for piece in pieces), error


SKELETON = """
[community]
name = "Example Community"
address = "help@example.org"
[[organizer]]
name = "Ann Example"
email = "ann@example.com"
"""


@pytest.mark.parametrize("page", ["microsoft-365.md", "google.md", "imap.md"])
def test_configurations_to_copy_have_no_problem(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    assert blocks
    mailbox = next(block for block in blocks if "[[mailbox]]" in block).partition("[smtp]")[0]
    for number, block in enumerate(blocks):
        whole = block if "[[mailbox]]" in block else mailbox + block
        text = SKELETON + whole.replace('"…"', '"11111111-aaaa-bbbb-cccc-222222222222"').replace(
            "help@azug.be", "help@example.org"
        )
        path = tmp_path / f"{number}.toml"
        path.write_text(text, "utf-8")
        load(path)


def test_every_figure_is_explained() -> None:
    text = (DOCS / "operations.md").read_text("utf-8")
    names = set(re.findall(r'"(intake_[a-z_]+)"', (PACKAGE / "metrics.py").read_text("utf-8"))) - {"intake_info"}
    assert len(names) > 5
    assert names == set(re.findall(r"`(intake_[a-z_]+)(?:\{[^`]*\})?`", text))
    (table,) = re.findall(r"^\| figure \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert all("`intake_" in row.split("|")[2] for row in table.splitlines()), (
        "whatever is to be looked at has a figure"
    )


def test_every_alarm_has_its_entry() -> None:
    root = PACKAGE if (PACKAGE / "templates").is_dir() else CHECKOUT
    words = tomllib.loads((root / "templates" / "words" / "en.toml").read_text("utf-8"))
    (section,) = re.findall(
        r"^## When an alarm comes\n(.+?)^## ", (DOCS / "operations.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    headings = re.findall(r"^### (.+)$", section, re.MULTILINE)
    assert len(set(headings)) == len(headings)
    assert set(headings) == {*words["alarm"].values(), *TOLD_BY_NO_ALARM}


def test_every_alarm_that_has_words_is_raised_somewhere() -> None:
    root = PACKAGE if (PACKAGE / "templates").is_dir() else CHECKOUT
    raised: set[str] = set()
    for room in ("decide", "ledger", "steps"):
        for path in (PACKAGE / room).rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
            raised |= {text.partition(":")[0] for text in texts} | {DRILL}
    for path in sorted((root / "templates" / "words").glob("*.toml")):
        words = tomllib.loads(path.read_text("utf-8"))
        assert set(words["alarm"]) <= raised, path.name
        assert set(words["alarm-advice"]) - {"other"} <= set(words["alarm"]), path.name


@pytest.mark.parametrize("page", [path.name for path in sorted(DOCS.glob("*.md"))])
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        path = (DOCS / file).resolve() if file else DOCS / page
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}, target


def test_the_backup_line_makes_a_whole_copy(tmp_path: Path) -> None:
    (code,) = re.findall(r'python3 -c "(.+)" /var', (DOCS / "operations.md").read_text("utf-8"))
    live = sqlite3.connect(tmp_path / "intake.db")
    live.execute("PRAGMA journal_mode = WAL")
    live.execute("CREATE TABLE t (x)")
    live.execute("INSERT INTO t VALUES (7)")
    live.commit()  # still in the write-ahead log
    subprocess.run([sys.executable, "-c", code, tmp_path / "intake.db", tmp_path / "copy.db"], check=True, timeout=30)
    live.close()
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT x FROM t").fetchall() == [(7,)]
    copy.close()


def test_the_units_line_takes_them_apart(tmp_path: Path) -> None:
    (program,) = re.findall(r"sudo awk '(.+)'", (DOCS / "operations.md").read_text("utf-8"))
    program = program.replace("/etc/systemd/system/", f"{tmp_path}/")
    printed = "# intake.service\n[Unit]\n# a comment\nA=1\n# intake-once.timer\n[Timer]\n"
    subprocess.run(["awk", program], input=printed, text=True, check=True, timeout=30)
    assert (tmp_path / "intake.service").read_text() == "[Unit]\n# a comment\nA=1\n"
    assert (tmp_path / "intake-once.timer").read_text() == "[Timer]\n"
