"""What ``status`` shows on a terminal."""

from __future__ import annotations

import pytest

from intake.cli.status import _show

from .ledgers import NOW


@pytest.mark.parametrize(
    ("counts", "shown"), [({"sent": 0}, "empty"), ({"sent": 2, "failed": 1, "waiting": 0}, "sent 2, failed 1")]
)
def test_an_outbox_is_told_in_words_also_when_there_is_nothing_in_it(
    counts: dict[str, int], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _show({"healthy": True, "problems": [], "mailboxes": [], "outbox": counts}, NOW)
    assert capsys.readouterr().out == f"healthy\n  outbox: {shown}\n"
