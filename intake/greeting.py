"""A server that says nothing at first: does it wait for TLS, where the configuration expects plain words first?

Without this look, ``security = "starttls"`` on a port for TLS would only end with the deadline, and say nothing of why.
"""

from __future__ import annotations

import select
import socket
import ssl

from intake.deadline import dial
from intake.tls import Endpoint, UnsafeError

PATIENCE_S = 8.0  # some servers greet after six seconds, and hold it against a client that speaks before
TLS_PORTS = {465: 0.5, 993: 0.5}  # those that are made for TLS are looked at sooner
LOOK_S = 5.0


def expect_words(connection: socket.socket, endpoint: Endpoint) -> None:
    """Raise UnsafeError if the server says nothing here and answers TLS on another connection; nothing is said in that.

    Content as soon as there is a greeting, and also where a server is merely slow.
    """
    ready, _, _ = select.select([connection], [], [], TLS_PORTS.get(endpoint.port, PATIENCE_S))
    if not ready and _speaks_tls(endpoint.host, endpoint.port):
        raise UnsafeError('the server speaks TLS from the first byte on this port: use security = "tls"')


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # whose certificate it is does not matter: no secret and no mail goes this way
    try:
        with dial(host, port, LOOK_S) as other, context.wrap_socket(other, server_hostname=host):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it speaks TLS, though not with us
    except (OSError, ValueError):
        return False
