"""A ledger that tells nothing: words from every place of a mail, looked for in everything the program wrote."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import pytest
from privacy.canaries import FIELDS, encodings, files, found_in, leaks, mail, unseen, word
from servers.smtp import Aiosmtpd, Faults
from servers.world import CHECKOUT, COMMAND, WHEEL, World

from intake.cli.main import COMMANDS
from intake.ledger.keys import key_from_file

pytestmark = pytest.mark.sqlite  # files are searched for what must not be in any

EVENING, MORNING = "2027-03-01T02:00:00+01:00", "2027-03-02T08:00:30+01:00"
REPORTER_SEES = {"FromLocal", "FromDomain", "ReplyTo"}  # `classify` names whom an acknowledgement would go to


@dataclass
class Watched:
    """A community whose program can write nowhere but where we look."""

    world: World
    home: Path
    mutation: str = ""
    outputs: list[str] = field(default_factory=list)

    def environ(self) -> dict[str, str]:
        environ = {name: os.environ[name] for name in ("PATH", "LANG", "COVERAGE_PROCESS_START") if name in os.environ}
        temp = self.home / "tmp"
        temp.mkdir(parents=True, exist_ok=True)
        paths = [] if WHEEL else [str(CHECKOUT)]
        if self.mutation:
            folder = self.home.parent / "mutation"
            folder.mkdir(exist_ok=True)
            (folder / "sitecustomize.py").write_text(self.mutation)
            paths.append(str(folder))
        return environ | {"HOME": str(self.home), "TMPDIR": str(temp), "PYTHONPATH": os.pathsep.join(paths)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *words], cwd=self.world.folder, env=self.environ(), text=True, errors="surrogateescape",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str) -> int:
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        self.outputs += [out, err]
        return process.returncode

    def leaks(self) -> dict[str, set[tuple[str, str]]]:
        return leaks((self.world.folder, self.home), *self.outputs)

    def row(self, question: str) -> tuple[int, ...]:
        with closing(sqlite3.connect(self.world.folder / "intake.db")) as raw:
            found: tuple[int, ...] = raw.execute(question).fetchone()
            return found


@pytest.fixture
def watched(embedded: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    yield Watched(embedded, tmp_path_factory.mktemp("home"))
    assert isinstance(embedded.smtp, Aiosmtpd)
    embedded.smtp.faults.__dict__.pop("handle_RCPT", None)


def refuse(place: World, answer: str) -> None:
    """From now on every recipient is refused; the answer may name them."""

    async def no(server: object, session: object, envelope: object, address: str, options: object) -> str:
        return answer.replace("{}", address)

    assert isinstance(place.smtp, Aiosmtpd)
    faults: Faults = place.smtp.faults
    faults.__dict__["handle_RCPT"] = no


@pytest.mark.parametrize("field", FIELDS)
def test_the_search_sees_every_form(field: str) -> None:
    for name, content in encodings(word(field)).items():
        assert field in {one for one, _ in found_in(b"before" + content + b"after")}, name
    assert not found_in(unseen(word(field)))


def test_every_run_and_every_command(watched: Watched) -> None:
    place = watched.world
    # Figures for others to read and alarms, too.
    place.configure(more=f'[alarm]\nemail = "operator@test.example"\n{FIGURES}')
    ann, bram = place.people[:2]
    place.deliver(mail(place.community, 1))
    place.deliver(mail(place.community, 2, named=bram.name))
    place.deliver(mail(place.community, 3, machine=True))
    place.deliver(mail(place.community, 4).replace(b"charset=utf-8", b"charset=nul\0").replace(b"--\r\n", b"\r\n"))
    # While it waits, it is sealed and nowhere else.
    assert watched.run("--debug", "once", "--no-send", "--json", "--now", EVENING) == 75
    assert watched.row("SELECT count(*) FROM original") != (0,)
    assert watched.leaks() == {}
    # Servers that repeat whom they refuse, or stay away.
    refuse(place, "451 4.2.0 <{}> is busy, come back later")
    assert watched.run("--debug", "once", "--now", EVENING) == 75
    refuse(place, "550 5.1.1 <{}>: no such person here, dear {}")
    assert watched.run("--debug", "once", "--now", "2027-03-01T03:00:00+01:00") in {1, 75}
    assert watched.leaks() == {}
    place.smtp.faults.__dict__.pop("handle_RCPT")  # type: ignore[attr-defined]  # the fixture's is Aiosmtpd
    watched.run("outbox", "retry")
    place.deliver(mail(place.community, 6))
    watched.run("once", "--now", "2027-03-01T04:00:00+01:00")
    assert [one for one in place.arrived(ann.address) if found_in(one.raw)], watched.outputs[-2:]
    # A template that fails, a log-in that fails, a database that fails: with tracebacks.
    broken = place.folder / "words" / "report"
    broken.mkdir(parents=True)
    (broken / "report.en.txt").write_text("Subject: x\n\n{{ nothing.of.that }}\n")
    place.configure(more=f'[templates]\ndirectory = "words"\n{FIGURES}')
    place.deliver(mail(place.community, 5))
    watched.run("--debug", "once", "--now", "2027-03-01T05:00:00+01:00")
    place.configure(**{"imap-password": "wrong"})
    watched.run("--debug", "once", "--now", "2027-03-01T05:10:00+01:00")
    place.configure()
    assert watched.run("once", "--now", "2027-03-01T09:00:00+01:00") in {0, 1, 75}
    code = place.arrived(ann.address)[0].case
    for words in commands(code, ann.address):
        assert watched.run(*words) != 2 or words == ("erase", code), watched.outputs[
            -1
        ]  # 2: it does not know its options
    assert watched.row("SELECT count(*) FROM original") == (0,)
    assert watched.leaks() == {}
    assert {path.name for path in files(place.folder)} >= {"figures.prom", "copy.db"}, "there was nothing to look into"


FIGURES = '[metrics]\ntextfile = "figures.prom"\n'


def commands(code: str, organizer: str) -> list[tuple[str, ...]]:
    """Every command that shows something or changes something, on one case; those that follow have their own tests."""
    return [
        ("check", "--json"), ("check", "--offline"), ("status",), ("status", "--json"), ("cases", "--json"),
        ("cases", "list", "--all"), ("cases", "show", code), ("cases", "show", code, "--json"),
        ("cases", "claim", code, organizer, "--by", organizer), ("cases", "recuse", code, organizer, "--by", organizer),
        ("cases", "release", code, organizer, "--by", organizer), ("cases", "note", code, "she called", "--by", organizer),
        ("cases", "machine", "--all"), ("cases", "machine", "--json", "--since", "2027-01-01"),
        ("cases", "close", code, "exclusion", "--outcome", "exclusion", "--by", organizer), ("outbox", "list", "--all"),
        ("outbox", "--json"), ("outbox", "retry", "1", "--to", organizer), ("audit",), ("audit", "--json"), ("audit", "--quiet"),
        ("digest",), ("digest", "--json"), ("digest", "--send"), ("once", "--now", MORNING), ("preview", "--out", "shown"),
        ("retention",), ("hold", code), ("hold", code, "--end"), ("--debug", "cases", "show", word("Subject")[:3]),
        ("systemd", "--user", "intake"), ("backup", "copy.db"), ("backup", ".", "--json"), ("transparency", "--from", "2027-01-01", "--to", "2027-12-31", "--markdown"), ("transparency", "--from", "2027-01-01", "--to", "2027-12-31", "--html"),
        ("transparency", "--from", "2027-01-01", "--to", "2027-12-31", "--html"),
        ("drill", "--pass", "--by", "imap", "--wait", "5s", "--to", "drill@test.example", "--named", organizer),
        ("drill", "--every", "1d", "--to", "drill@test.example"), ("erase", code), ("erase", code, "--yes"), ("erase", code, "--yes", "--json"),
        ("retention", "--apply", "--now", "2029-03-01T09:00:00+01:00"),
    ]  # fmt: skip


ELSEWHERE = {
    "run",
    "run --log-format",
    "once --no-send",
    "classify",
    "export",
    "export --to",
}  # in the tests around this one
NO_MAIL = {
    "init",
    "init --offline",
    "demo",
    "demo --out",
}  # one writes a configuration, the other has a mailbox of its own
OF_ALL = {"--config", "--json", "--now", "--help"}


def every_way() -> set[str]:
    """Each command, with the names of its own above it, by itself and with each of its options."""
    found: set[str] = set()
    for name, (module, attribute, _) in COMMANDS.items():
        command = getattr(import_module(module), attribute)
        leaves = {f"{name} {sub}": one for sub, one in getattr(command, "commands", {}).items()} or {name: command}
        for path, leaf in leaves.items():
            options = {param.opts[-1] for param in leaf.params if param.param_type_name == "option"} - OF_ALL
            found |= {path, *(f"{path} {option}" for option in options)}
    return found


def test_no_command_and_no_option_is_forgotten() -> None:
    runs = [" ".join(words) for words in commands("X", "Y")]
    lacking = set()
    for way in every_way() - ELSEWHERE - NO_MAIL:
        path, dashes, option = way.partition(" --")
        if not [run for run in runs if run.startswith(path) and dashes + option in run]:
            lacking.add(way)
    assert lacking == set()
    assert every_way() >= ELSEWHERE | NO_MAIL


def test_the_service_tells_nothing(watched: Watched) -> None:
    place = watched.world
    place.deliver(mail(place.community, 1))
    service = watched.start("--debug", "run", "--log-format", "json")
    try:
        place.arrived(place.people[0].address, 1)
        place.arrived(place.people[2].address, 1)
        assert {path.name for path in files(place.folder)} >= {"intake.db", "intake.db-wal"}
        assert watched.leaks() == {}  # while it runs
    finally:
        service.send_signal(signal.SIGTERM)
        out, err = service.communicate(timeout=60)
    watched.outputs += [out, err]
    watched.run("once", "--now", MORNING)
    assert watched.row("SELECT count(*) FROM original") == (0,)
    assert watched.leaks() == {}


def test_classify_shows_a_verdict_and_not_the_mail(watched: Watched) -> None:
    (watched.home / "one.eml").write_bytes(mail(watched.world.community, 1, named=watched.world.people[0].name))
    for words in (("classify",), ("classify", "--json"), ("--debug", "classify", "--json")):
        assert watched.run(*words, str(watched.home / "one.eml")) == 0
    seen = {name for found in leaks((), *watched.outputs).values() for name, _ in found}
    assert seen <= REPORTER_SEES


def test_what_is_handed_out_is_the_only_thing_that_tells(watched: Watched) -> None:
    place = watched.world
    place.deliver(mail(place.community, 1))
    assert watched.run("once", "--now", EVENING) in {0, 1, 75}
    [code] = {one.case for one in place.arrived(place.people[0].address)}
    assert watched.run("export", code, "--to", "out") == 0
    assert sorted(path.name for path in files(place.folder / "out")) == [f"case-{code}.zip"]
    (place.folder / "out" / f"case-{code}.zip").unlink()
    assert watched.leaks() == {}


def test_a_note_is_kept_sealed_and_goes_with_its_case(watched: Watched) -> None:
    place = watched.world
    place.deliver(mail(place.community, 1))
    assert watched.run("once", "--now", EVENING) in {0, 1, 75}
    ann = place.people[0].address
    [code] = {one.case for one in place.arrived(ann)}
    assert watched.run("cases", "note", code, word("Body"), "--by", ann) == 0
    assert watched.row("SELECT count(*) FROM note") == (1,)
    assert watched.leaks() == {}
    assert watched.run("erase", code, "--yes") == 0
    assert watched.row("SELECT count(*) FROM note") == (0,)
    assert watched.leaks() == {}


@pytest.mark.parametrize("words", [("once", "--no-send"), ("once",), ("erase",), ("export",)])
def test_killed_at_any_point_it_leaves_nothing(watched: Watched, words: tuple[str, ...]) -> None:
    place = watched.world
    code = ""
    if words[0] != "once":
        place.deliver(mail(place.community, 0))
        watched.run("once", "--now", EVENING)
        [code] = {one.case for one in place.arrived(place.people[0].address)}
    more = {"erase": (code, "--yes"), "export": (code, "--to", "out")}.get(words[0], ("--now", EVENING))
    for number, moment in enumerate((0.3, 0.5, 0.75, 1.0), start=1):
        if words[0] == "once":
            place.deliver(mail(place.community, number))
        child = watched.start(*words, *more)
        try:  # any moment is as good as any other: nothing is expected of it
            out, err = child.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            out, err = child.communicate()
        watched.outputs += [out, err]
        for half_done in (place.folder / "out").glob("*.zip"):
            half_done.unlink()  # it tells by design
        assert watched.leaks() == {}, moment
    watched.run("once", "--now", "2027-03-01T04:00:00+01:00")
    assert watched.leaks() == {}
    assert watched.row("SELECT count(*) FROM original") == (0,)


def test_the_sealed_original_opens_with_the_key_and_not_without(watched: Watched) -> None:
    place = watched.world
    place.deliver(mail(place.community, 1))
    watched.run("once", "--no-send", "--now", EVENING)
    with closing(sqlite3.connect(place.folder / "intake.db")) as raw:
        [(sealed,)] = raw.execute("SELECT sealed FROM original")
    content = key_from_file(place.folder / "intake.key", create=False).open(sealed, b"original")
    assert {name for name, _ in found_in(content)} == set(FIELDS)
    assert not found_in(sealed)


MUTATIONS = {
    "originals in the clear": (
        "from intake.ledger.keys import Key\nKey.seal = Key.open = lambda self, content, context: content\n"
    ),
    "originals in base64": (
        "import base64\nfrom intake.ledger.keys import Key\n"
        "Key.seal = lambda self, content, context: base64.b64encode(content)\n"
    ),
    "a hash that is none": "from intake.ledger.keys import Key\nKey.hash = lambda self, purpose, value: (value if isinstance(value, bytes) else value.encode())\n",
    "a word on the terminal": (
        "import sys\nfrom intake.receive import parse\nreal = parse.parse\n"
        "def told(*given, **more):\n    mail = real(*given, **more)\n    print(mail.subject, file=sys.stderr)\n    return mail\n"
        "parse.parse = told\n"
    ),
    "a temporary file": (
        "import tempfile, os\nfrom intake.receive import parse\nreal = parse.parse\n"
        "def kept(raw, **more):\n    os.write(tempfile.mkstemp()[0], raw)\n    return real(raw, **more)\nparse.parse = kept\n"
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_program_that_tells_is_caught(watched: Watched, name: str) -> None:
    watched.mutation = MUTATIONS[name]
    place = watched.world
    place.deliver(mail(place.community, 1))
    watched.run("once", "--no-send", "--now", EVENING)
    assert watched.leaks() != {}


def test_deleting_without_wiping_is_caught(watched: Watched) -> None:
    watched.mutation = MUTATIONS["originals in the clear"] + (
        "import sqlite3\nreal = sqlite3.connect\n"
        "class Cursor(sqlite3.Cursor):\n"
        "    def execute(self, text, *rest):\n"
        "        return super().execute(text.replace('secure_delete=ON', 'secure_delete=OFF'), *rest)\n"
        "class Connection(sqlite3.Connection):\n"
        "    def cursor(self, factory=Cursor):\n        return super().cursor(factory)\n"
        "sqlite3.connect = lambda *a, **k: real(*a, **{**k, 'factory': Connection})\n"
        "sqlite3.dbapi2.connect = sqlite3.connect\n"
    )
    place = watched.world
    place.deliver(mail(place.community, 1, extra_body="x" * 30_000))
    watched.run("once", "--now", EVENING)
    assert watched.row("SELECT count(*) FROM original") == (0,)
    assert "Body" in {one for found in watched.leaks().values() for one, _ in found}
