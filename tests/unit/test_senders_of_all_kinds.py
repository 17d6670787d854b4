"""Persons and machines as they write: a person is answered, a machine never, and no report is taken for an echo."""

from __future__ import annotations

import pytest

from intake.model import Kind
from intake.receive.parse import parse

from .judging import NOW, judge
from .senders import MACHINES, PEOPLE, Sample


@pytest.mark.parametrize("sample", [*MACHINES, *PEOPLE], ids=lambda sample: sample.name)
def test_each_is_known_for_what_it_is(sample: Sample) -> None:
    verdict = judge().judge(parse(sample.raw), NOW)
    assert verdict.acknowledge is sample.answered, verdict.acknowledge_reason
    if sample.answered:
        assert verdict.kind is Kind.PERSON
        assert verdict.acknowledge_to is not None
        assert verdict.acknowledge_to.email.startswith("rita") or sample.name in OTHERS


OTHERS = {
    "a person called Bounce",
    "a person called Robot in words",
    "a shared company mailbox",
    "a support desk's person",
}


def test_there_are_many() -> None:
    names = [sample.name for sample in (*MACHINES, *PEOPLE)]
    assert len(names) == len(set(names))
    assert len(MACHINES) > 70
    assert len(PEOPLE) > 35
