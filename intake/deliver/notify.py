"""Word over channels that are not mail: apprise for whoever is to be told, and the dead-man's switch.

Neither carries anything of a report. Addresses of channels act as keys, so no error repeats them.
"""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from intake import tls

PING_SECONDS = 10.0


NEEDED = "notify needs apprise; install it: pip install 'conduct-intake[notify]'"


def notify(urls: Sequence[str], title: str, body: str) -> str:
    """Tell every channel; an empty string, or in a line what went wrong."""
    apprise = _library()
    if apprise is None:
        return NEEDED
    refused = unknown = 0
    for url in urls:
        channel = apprise.Apprise()
        if not channel.add(url):
            unknown += 1
        elif not channel.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
            refused += 1
    if unknown:
        return _unknown(unknown, urls)
    if refused:
        return f"notify: {refused} of {len(urls)} channels did not take the message; it is tried again"
    return ""


def usable(urls: Sequence[str]) -> str:
    """Whether channels could be told, without telling them; an empty string, or in a line what is wrong."""
    apprise = _library()
    if apprise is None:
        return NEEDED
    unknown = sum(not apprise.Apprise().add(url) for url in urls)
    return _unknown(unknown, urls) if unknown else ""


def _unknown(number: int, urls: Sequence[str]) -> str:
    return f"notify: {number} of {len(urls)} addresses are none that apprise knows; see its documentation"


def _library() -> Any:
    try:
        import apprise  # noqa: PLC0415 - an extra, and 100 ms of import
    except ImportError:
        return None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses
    return apprise


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Follows no redirect away from TLS."""

    def redirect_request(self, *given: Any) -> urllib.request.Request | None:
        """The library's shape: request, answer, code, message, headers, new address."""
        if given[0].type == "https" and urlsplit(given[-1]).scheme != "https":
            return None
        return super().redirect_request(*given)


def ping(url: str) -> str:
    """Call a dead-man's switch; an empty string, or in a line what went wrong. The address is never told."""
    if urlsplit(url).scheme not in {"https", "http"}:
        return "[alarm] ping_url is no address of the web (https://…)"
    try:
        opener = urllib.request.build_opener(_SameScheme(), urllib.request.HTTPSHandler(context=tls.trusting()))
        with opener.open(urllib.request.Request(url, headers={"User-Agent": "intake"}), timeout=PING_SECONDS) as answer:  # noqa: S310 - its scheme was looked at
            answer.read(1024)
    except urllib.error.HTTPError as error:
        return f"[alarm] ping_url answers {error.code}; whoever waits for the call will raise the alarm"
    except (OSError, HTTPException, ValueError) as error:
        kind = type(error).__name__
        return f"[alarm] ping_url can't be called ({kind}); whoever waits for the call will raise the alarm"
    return ""
