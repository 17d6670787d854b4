"""The service under steady mail while its connections are cut; ``make soak`` is the long form."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from servers.smtp import Aiosmtpd
from servers.soak import soak
from servers.world import addresses, world


@pytest.mark.dovecot
def test_nothing_is_lost_or_doubled_while_connections_are_cut(
    dovecot: Dovecot, aiosmtpd_server: Aiosmtpd, tmp_path: Path
) -> None:
    place = world(dovecot, aiosmtpd_server, tmp_path, addresses("soak"))
    place.configure(folders='["INBOX"]\nidle = true\npoll_seconds = 60')
    found = soak(place, dovecot, aiosmtpd_server, seconds=12, rate=2, cut_every=3)
    assert (found.mails, found.lost, found.doubled) == (24, 0, 0)
    assert found.cuts
