"""Codes of cases, wherever and however they stand in a mail."""

from __future__ import annotations

import pytest

from intake.ledger.mentioned import MOST, mentioned
from intake.model import Attachment, ParsedMail

CODE = "AZUG-F8MDTW"


@pytest.mark.parametrize(
    "mail",
    [
        ParsedMail(subject=f"Re: [{CODE}] Message to us"),
        ParsedMail(text=f"My case is {CODE}."),
        ParsedMail(text="my case is azug-f8mdtw"),
        ParsedMail(text="AZUG F8MDTW"),
        ParsedMail(text="AZUG\u2011F8MDTW, AZUG\u2013F8MDTW"),
        ParsedMail(text=f"> Your code is *{CODE}*"),
        ParsedMail(all_text=("", f"<p>{CODE}</p>")),
        ParsedMail(attachments=(Attachment(f"{CODE}.eml", "message/rfc822", 1, ""),)),
        ParsedMail(headers=(("thread-topic", f"[{CODE}] Message to us"),)),
    ],
)
def test_a_code_is_found(mail: ParsedMail) -> None:
    assert mentioned(mail) == (CODE,)


@pytest.mark.parametrize("text", ["", "F8MDTW", f"{CODE}X", "well-BRIGHT things", "AZUG-F8MDT", "-F8MDTW"])
def test_what_is_none_is_not(text: str) -> None:
    assert mentioned(ParsedMail(text=text)) == ()


def test_no_mail_makes_many_questions() -> None:
    assert len(mentioned(ParsedMail(text=" ".join(f"A{number}-F8MDTW" for number in range(1000))))) == MOST
