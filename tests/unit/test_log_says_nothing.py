"""The log is read by people who must not know of a case: no line of a pass names a person or a case's code."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from intake.cli.systemd import Installation, units

from .test_steps_bounces import bounce
from .worlds import BOB, World, mail, passed

DOCS = Path(__file__).parents[2]


def test_no_line_names_a_person_or_a_case(tmp_path: Path) -> None:
    (tmp_path / "carl.asc").write_text("no key")
    world = World(tmp_path)
    ann, bob, carl = world.config.organizers
    encrypted = carl.model_copy(update={"content": "encrypted", "pgp_key": tmp_path / "carl.asc"})
    called = ann.model_copy(update={"notify": ("json://ann",)})
    config = replace(world.config, organizers=(called, bob, encrypted))
    world.parts = replace(world.parts, config=config, notify=lambda *_: "notify: 1 of 1 channels did not take it")
    world.deliver(mail(1))
    passed(world)
    world.deliver(bounce(world.transport.to(BOB)[0]))
    passed(world)
    said = "\n".join(world.said)
    for trouble in ("could not be encrypted", "channels did not take it", "came back"):
        assert trouble in said
    [case] = world.parts.ledger.cases()
    for word in (case.code, *(word for one in config.organizers for word in (one.name, one.email))):
        assert word not in said


def test_what_a_pass_counts_reaches_neither_cron_s_mail_nor_the_journal(tmp_path: Path) -> None:
    texts = [(DOCS / name).read_text("utf-8") for name in ("README.md", "docs/operations.md")]
    lines = [line for text in texts for line in re.findall(r"^ *\* \* \* \* \* .*intake once.*$", text, re.MULTILINE)]
    assert len(lines) == 2
    assert [line for line in lines if not line.endswith(" >/dev/null")] == []
    made = units(Installation(Path("/opt/intake/bin/python"), World(tmp_path).config, "intake"))
    assert "\nStandardOutput=null\n" in made["intake-once.service"]
    assert "StandardOutput" not in made["intake.service"]  # it counts nothing
