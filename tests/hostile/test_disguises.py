"""Whoever is named in what any program would show of a mail is withheld, and nobody else is."""

from __future__ import annotations

import pytest
from hostile.disguises import mails
from unit.judging import NOW, judge

from intake.receive.parse import parse

NAMED = dict(mails(b"Ann", b"Example"))
UNNAMED = dict(mails(b"Eva", b"Anotherample"))


def withheld(body: bytes) -> list[str]:
    mail = parse(body)
    assert "unparsed" not in mail.defects
    return [one.organizer for one in judge().judge(mail, NOW).recused]


@pytest.mark.parametrize("name", NAMED)
def test_no_shape_hides_a_name(name: str) -> None:
    assert withheld(NAMED[name]) == ["ann@example.org"]
    assert withheld(UNNAMED[name]) == []
