"""The embedded servers hold on to their connections, whenever the collector comes by."""

from __future__ import annotations

import gc
import imaplib

from intake.demo.servers import HOST, ImapServer


def test_a_connection_that_says_nothing_is_not_collected() -> None:
    with ImapServer("help", "secret") as server, imaplib.IMAP4(HOST, server.port, timeout=10) as client:
        client.login("help", "secret")
        for _ in range(20):  # in one of these rounds at the latest the server waits for a command; Python 3.13 ended it
            gc.collect()
            assert client.noop()[0] == "OK"
