"""The process itself: no core dump, nothing for others to read, no words of others in a traceback; and what check says."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from privacy.canaries import found_in, word
from servers.world import CHECKOUT, WHEEL
from unit.judging import config

from intake.cli.advice import people
from intake.cli.findings import Level
from intake.edge import CODE_ALPHABET, Chance

# The word does not stand there as such: Python 3.13 shows the lines of a program that is given by -c.
FAILS = f"""
import sys, intake.cli.main as program
from intake.errors import LedgerError
def fails(**how):
    try:
        raise ValueError(bytes({list(word("Body").encode())}).decode())
    except ValueError as error:
        {{raised}}
program.intake.main = fails
sys.argv = ["intake", *sys.argv[1:]]
program.main()
"""


def child(code: str, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"]} | ({} if WHEEL else {"PYTHONPATH": str(CHECKOUT)})
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words], env=environ, cwd=cwd, capture_output=True, text=True, check=False
    )


def test_no_core_dump_and_a_narrow_umask() -> None:
    code = (
        "import os, resource, sys, intake.cli.main as program\nsys.argv = ['intake', '--version']\n"
        "try:\n    program.main()\nexcept SystemExit:\n    pass\n"
        "kinds = int(open('/proc/self/coredump_filter').read(), 16)\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), kinds, oct(os.umask(0)))"
    )
    assert child(code).stdout.splitlines()[-1] == "(0, 0) 0 0o77"


def test_what_the_program_writes_is_for_nobody_else(tmp_path: Path) -> None:
    code = "import sys, intake.cli.main as program\nsys.argv = ['intake', 'preview', '--out', 'shown']\nprogram.main()"
    child(code, cwd=tmp_path)
    made = [path for path in (tmp_path / "shown").rglob("*") if path.is_file()]
    assert made
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made} == {0}


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    "raised", ["raise", "raise LedgerError('the disk is full') from error", "raise TypeError('x') from error"]
)
def test_a_traceback_shows_places_and_none_of_anybody_s_words(debug: bool, raised: str) -> None:
    ended = child(FAILS.format(raised=raised), *(["--debug"] if debug else []))
    assert ended.returncode == 1
    assert not found_in(ended.stderr.encode())
    assert ("Traceback" in ended.stderr or 'File "<string>", line' in ended.stderr) is debug
    assert ended.stderr.splitlines()[-1].startswith("intake: ")


def test_an_alarm_that_goes_to_an_organizer_is_warned_of() -> None:
    said = {
        finding.message
        for finding in people(config('[alarm]\nemail = "Ann@example.org"\n'))
        if finding.name == "alarm.email"
    }
    assert len(said) == 1
    assert not [one for one in people(config('[alarm]\nemail = "it@example.org"\n')) if one.name == "alarm.email"]


def test_a_shared_password_is_told_to_make_recusal_void() -> None:
    [told] = [finding.message for finding in people(config()) if finding.name == "recusal"]
    assert "knows the password" in told


def test_codes_tell_nothing_of_how_many_there_are() -> None:
    codes = [Chance().letters(6) for _ in range(2000)]
    assert len(set(codes)) == len(codes)
    assert codes != sorted(codes)
    for place in range(6):
        assert {code[place] for code in codes} == set(CODE_ALPHABET)


BOB = '[[organizer]]\nname = "Bob Builder"\nemail = "bob@example.org"\n'


@pytest.mark.parametrize(
    ("more", "about"),
    [
        ('[alarm]\nemail = "Ann+alarm@example.org"\n', "alarm.email"),
        ('also_known_as = ["it@example.org"]\n[alarm]\nemail = "it@example.org"\n', "alarm.email"),
        (
            'also_known_as = ["board@example.net"]\n[fallback]\nname = "Board"\nemail = "Board@example.net"\n',
            "fallback",
        ),
        ('[fallback]\nname = "Board"\nemail = "board@example.net"\n', ""),
        ('also_known_as = ["ann@example.org"]\n', "recusal"),
        ('notify = ["json://team"]\n[alarm]\nnotify = ["json://team"]\n', "notify"),
        ('notify = ["json://bob"]\n[alarm]\nnotify = ["json://it"]\n', ""),
    ],
)
def test_what_two_people_read_is_warned_of(more: str, about: str) -> None:
    told = [one for one in people(config(BOB + more)) if one.level is Level.WARNING]
    assert [one.name for one in told if "there is none" not in one.message] == ([about] if about else [])


def test_an_account_that_keeps_what_it_sends_for_an_organizer_is_warned_of() -> None:
    settings = config()
    for user, warned in (("help@example.org", []), ("Ann+mail@example.org", ["smtp"])):
        sends = replace(settings, smtp=settings.smtp.model_copy(update={"user": user}))
        assert [one.name for one in people(sends) if one.name == "smtp"] == warned
