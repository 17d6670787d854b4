"""Real mail servers for the tests, each self-contained: temporary folder, random ports, a certificate of its own."""

from __future__ import annotations

from .base import ImapServer, ServerTroubleError, free_ports
from .courier import Courier
from .cyrus import Cyrus
from .dovecot import Dovecot
from .embedded import Pymap
from .scripted_imap import ScriptedImap

__all__ = ["Courier", "Cyrus", "Dovecot", "ImapServer", "Pymap", "ScriptedImap", "ServerTroubleError", "free_ports"]
