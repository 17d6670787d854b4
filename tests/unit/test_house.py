"""The one-way street, read from the imports: receive -> decide -> ledger -> compose -> deliver, steps above them."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import intake

PACKAGE = Path(intake.__file__).parent
ROOMS = ("receive", "decide", "ledger", "compose", "deliver")
VALUES = (
    "intake",
    "intake.model",
    "intake.ports",
    "intake.letters",
    "intake.errors",
    "intake.edge",
    "intake.deadline",
    "intake.greeting",
    "intake.tls",
    "intake.config",
)

# Each library stands behind one module of ours (or one small package of ours where it shapes the whole of it).
LIBRARIES = {
    "alembic": ("intake.ledger.migrations",),
    "apscheduler": ("intake.service",),
    "click": ("intake.cli",),  # commands are made of it
    # the ledger's key; the end of a certificate; signatures
    "cryptography": ("intake.ledger.keys", "intake.oauth.microsoft", "intake.oauth.expiry", "intake.receive.dkim"),
    "imapclient": ("intake.receive.wire",),
    "jinja2": ("intake.compose.render", "intake.compose.sandbox"),
    "mailparser": ("intake.receive.head",),
    "markdown_it": ("intake.compose.markdown",),
    "pydantic": ("intake.config",),  # the models, and their errors
    "re2": ("intake.config.patterns",),
    "rich": ("intake.cli", "intake.demo"),  # what a terminal shows
    "sqlalchemy": ("intake.ledger",),  # statements are made of it
    # extras, loaded only where they are configured
    "aiosmtpd": ("intake.demo",),
    "apprise": ("intake.deliver.notify",),
    "dns": ("intake.resolver",),
    "google": ("intake.oauth.google",),
    "lingua": ("intake.decide.language",),
    "matplotlib": ("intake.compose.plots",),
    "msal": ("intake.oauth.microsoft",),
    "proxyprotocol": ("intake.demo",),
    "psycopg": ("intake.ledger",),
    "pymap": ("intake.demo",),
    "pysasl": ("intake.demo",),
    "pysequoia": ("intake.compose.encrypt",),
    "requests": ("intake.oauth.patience",),  # by which msal and google-auth ask
    "tnefparse": ("intake.receive",),
    "urllib3": ("intake.oauth.patience",),
}

# Who may name the classes that do the real thing; everybody else is handed them.
CONCRETE = ("intake.receive.imap", "intake.deliver.smtp", "intake.ledger.ledger")
NAMES_CONCRETE = ("intake.app",)


@dataclass(frozen=True)
class Import:
    """``line`` of ``importer`` imports ``imported``; ``typing_only`` when the program never executes it."""

    importer: str
    imported: str
    line: int
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def module_name(path: Path, root: Path = PACKAGE) -> str:
    parts = ("intake", *path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source: str, importer: str, modules: frozenset[str], *, package: bool = False) -> Iterator[Import]:
    """Every import of a module; ``from a import b`` is ``a.b`` where that is a module, else ``a``."""
    tree = ast.parse(source)
    guarded: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            guarded.update(inner for statement in node.body for inner in ast.walk(statement))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = importer.split(".")[: len(importer.split(".")) - node.level + package]
                base = ".".join([*anchor, *base.split(".")] if base else anchor)
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in modules else base for alias in node.names]
        else:
            continue
        yield from (Import(importer, name, node.lineno, node in guarded) for name in names)


def all_imports() -> list[Import]:
    files = {path: module_name(path) for path in sorted(PACKAGE.rglob("*.py"))}
    modules = frozenset(files.values())
    return [
        found
        for path, name in files.items()
        for found in imports_of(path.read_text("utf-8"), name, modules, package=path.name == "__init__.py")
    ]


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def broken_rule(found: Import) -> str:
    """Which rule of the house an import breaks; an empty string when none."""
    top = found.imported.partition(".")[0]
    if top == "intake":
        return broken_street(found)
    if top in sys.stdlib_module_names:
        return ""
    if top not in LIBRARIES:
        return "a library that is not in the table: say which module of ours stands for it"
    return "" if within(found.importer, *LIBRARIES[top]) else f"{top} is behind {' or '.join(LIBRARIES[top])}"


def broken_street(found: Import) -> str:
    """The same, for imports of our own."""
    room = next((room for room in ROOMS if within(found.importer, f"intake.{room}")), "")
    values = found.imported in VALUES or within(found.imported, "intake.config", "intake.model")
    broken = ""
    if room and not values and not within(found.imported, f"intake.{room}"):
        broken = "a room knows only itself and the values below it"
    elif (found.importer in VALUES or within(found.importer, "intake.model")) and not values:
        broken = "values know nothing above them"
    elif not room and not found.typing_only and found.imported in CONCRETE and found.importer not in NAMES_CONCRETE:
        broken = "only intake.app names concrete classes"
    elif within(found.importer, "intake.steps", "intake.service") and within(found.imported, "intake.cli"):
        broken = "steps don't know the command line"
    return broken


def test_every_import_keeps_the_rules_of_the_house() -> None:
    found = all_imports()
    assert len(found) > 100
    broken = [f"{one}: {rule}" for one in found if (rule := broken_rule(one))]
    assert not broken, "\n" + "\n".join(broken)


@pytest.mark.parametrize(
    ("importer", "line", "breaks"),
    [
        ("intake.decide.plan", "from intake.receive import parse", True),
        ("intake.decide.plan", "import intake.ledger.schema", True),
        ("intake.decide.plan", "from ..ledger import schema", True),
        ("intake.decide.plan", "from intake.model import Plan", False),
        ("intake.decide.plan", "def f():\n    from intake.compose import render", True),
        ("intake.decide.plan", "if TYPE_CHECKING:\n    from intake.ledger.ledger import Ledger", True),
        ("intake.decide.plan", "import sqlalchemy", True),
        ("intake.ledger.outbox", "import sqlalchemy as sa", False),
        ("intake.steps.send", "import jinja2", True),
        ("intake.steps.send", "from apscheduler.schedulers import blocking", True),
        ("intake.service", "from apscheduler.schedulers import blocking", False),
        ("intake.steps.send", "from intake.deliver.smtp import SmtpTransport", True),
        ("intake.steps.send", "if TYPE_CHECKING:\n    from intake.deliver.smtp import SmtpTransport", False),
        ("intake.app", "from intake.deliver.smtp import SmtpTransport", False),
        ("intake.steps.send", "from intake.cli.common import LEFT", True),
        ("intake.model", "from intake.decide import plan", True),
        ("intake.model.sent", "from intake.decide import plan", True),
        ("intake.model.sent", "from intake.model.states import Kind", False),
        ("intake.cli.once", "import requests", True),
        ("intake.cli.once", "import json", False),
    ],
)
def test_the_rules_catch_what_they_are_for(importer: str, line: str, breaks: bool) -> None:
    modules = frozenset({"intake.receive.parse", "intake.ledger.schema", "intake.compose.render", "intake.decide.plan"})
    assert any(broken_rule(found) for found in imports_of(line, importer, modules)) is breaks


def test_the_tests_run_on_the_code_they_mean() -> None:
    if os.environ.get("INTAKE_TEST_WHEEL") == "1":
        assert "site-packages" in PACKAGE.parts, f"the wheel is to be tested, not {PACKAGE}"
    else:
        checkout = Path(__file__).parents[2]
        assert PACKAGE.parent == checkout, f"{checkout} is to be tested, not {PACKAGE}; or set INTAKE_TEST_WHEEL=1"


def test_the_whole_program_ships_with_its_words_and_its_example() -> None:
    root = PACKAGE if (PACKAGE / "templates").is_dir() else PACKAGE.parent
    assert list((root / "templates").rglob("*.*"))
    assert (root / "config.example.toml").is_file()
    assert (PACKAGE / "py.typed").is_file()


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Python before 3.11.5 matches it wrongly (gh-106052); an atomic group around the repetition says the same."""
    groups = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+")
    found = {
        path.name: groups.findall(text)
        for path in PACKAGE.rglob("*.py")
        for text in [path.read_text("utf-8")]
        if "re.compile" in text and groups.search(text)
    }
    assert found == {}
