"""Real mail servers for the tests, each self-contained: temporary folder, random ports, a certificate of its own."""

from __future__ import annotations

from .base import ImapServer, ServerTroubleError, free_ports
from .dovecot import Dovecot
from .embedded import Pymap

__all__ = ["Dovecot", "ImapServer", "Pymap", "ServerTroubleError", "free_ports"]
