"""Ways out as fixtures: one of each kind for the whole session; tests take fresh recipients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .dovecot import Dovecot
from .postfix import AUTH_SOCKET, Postfix
from .smtp import Aiosmtpd, SmtpServer

POSTFIX = {"postfix", "post_office"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs Postfix, so that a machine without it (or without root) can leave it out."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        chosen = {str(value) for value in callspec.params.values()} if callspec else set()
        if POSTFIX & ({*getattr(item, "fixturenames", ())} | chosen):
            item.add_marker(pytest.mark.postfix)
            item.add_marker(pytest.mark.dovecot)


@pytest.fixture(scope="session")
def aiosmtpd_server() -> Iterator[Aiosmtpd]:
    """aiosmtpd in the process."""
    with Aiosmtpd() as server:
        yield server


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """A Postfix, and the Dovecot behind it."""
    with Dovecot(extra=AUTH_SOCKET) as dovecot, Postfix(dovecot) as server:
        yield server


@pytest.fixture(params=["aiosmtpd_server", "postfix"])
def way_out(request: pytest.FixtureRequest) -> SmtpServer:
    """Each kind of server in turn."""
    found: SmtpServer = request.getfixturevalue(request.param)
    return found
