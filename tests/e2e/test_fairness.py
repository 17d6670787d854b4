"""A mailbox that is flooded: the others don't wait until the flood is over."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from servers.base import wait_for
from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.world import addresses, finished, world

NEW_ADDRESS = addresses("fair")
FLOOD, OTHERS = 500, 10
MAIL = (
    "From: Rita <rita{number}@people{number}.example>\r\nTo: help@x.example\r\nSubject: Code-of-conduct\r\n"
    "Message-ID: <{name}-{number}@people.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    "Somebody shouted at me in room {number}.\r\n"
)


@pytest.mark.dovecot
def test_mail_of_other_mailboxes_arrives_before_the_flood_is_over(
    tmp_path: Path, dovecot: Dovecot, aiosmtpd_server: Aiosmtpd
) -> None:
    place = world(dovecot, aiosmtpd_server, tmp_path, NEW_ADDRESS)
    boxes = [place.community, *(dovecot.user() for _ in range(OTHERS))]
    text = place.configure(folders='["INBOX"]\npoll_seconds = 2').read_text()
    head, _, rest = text.partition("[[mailbox]]")
    block, _, rest = rest.partition("[smtp]")
    many = [
        block.replace('"help"', f'"{box}"').replace(f'user = "{place.community}"', f'user = "{box}"') for box in boxes
    ]
    (tmp_path / "config.toml").write_text("[[mailbox]]".join([head, *many]) + "[smtp]" + rest)
    flood = [MAIL.format(name="flood", number=number).encode() for number in range(FLOOD)]
    dovecot.append(boxes[0], "INBOX", *flood)

    def copies(name: str) -> int:
        """How many mails the first organizer has got a copy of."""
        return sum(f"<{name}-".encode() in raw for raw in place.smtp.arrived(place.people[0].address))

    service = place.start("run")
    try:
        wait_for(lambda: copies("flood") > 0, "the beginning of the flood", 60)
        for number, box in enumerate(boxes[1:]):
            dovecot.append(box, "INBOX", MAIL.format(name="other", number=number).encode())
        wait_for(lambda: copies("other") == OTHERS, "a copy of each of the others", 120)
        of_the_flood = copies("flood")
    finally:
        service.send_signal(signal.SIGTERM)
        finished(service)
    assert of_the_flood < FLOOD
