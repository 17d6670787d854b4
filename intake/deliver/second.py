"""The second way out, for alarms alone: what is known of it is a host, so there is no log-in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

TLS_PORT, USUAL_PORT = 465, 25


@dataclass(frozen=True, slots=True)
class SecondWay:
    """An ``Endpoint`` of its own."""

    host: str
    port: int
    security: str
    ca_file: Path | None
    user: str = ""
    auth: str = "none"

    @classmethod
    def of(cls, place: str, ca_file: Path | None) -> SecondWay:
        """From ``host`` or ``host:port`` (``[address]:port`` for IPv6). Encrypted, unless it is on this machine."""
        host, colon, port = place.rpartition(":")
        if not colon or not port.isdigit() or host.endswith(":"):
            host, port = place, str(USUAL_PORT)
        host = host.strip("[]")
        number = int(port)
        security = "tls" if number == TLS_PORT else "none" if _is_here(host) else "starttls"
        return cls(host, number, security, ca_file)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
