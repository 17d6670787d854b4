"""Why a mailbox can't be read, in the reader's language: the kind of trouble, read from our own English sentence.

The sentence itself is for whoever runs the program: it names hosts and settings, and stays as it is.
"""

from __future__ import annotations

from intake.compose.render import Phrases

# The first group of which a word stands in the sentence; ``receive.trouble`` and ``receive.login`` write them.
_KINDS = (
    ("certificate", ("certificate", "tls", "ca_file", "security =")),
    ("slow", ("did not finish within", "does not answer", "did not answer")),
    ("unreachable", ("not found", "connection refused", "closed the connection at once", "check host", "the network")),
    ("login", ("log-in", "log in", "token", "password", "application", "authority", "secret", "account")),
    ("lost", ("closed the connection", "connection broke", "connection was lost", "not imap")),
    ("folder", ("folder", "does not exist", "uidvalidity", "can't be moved", "could not be moved")),
)


def kind(error: str) -> str:
    """``certificate``, ``slow``, ``unreachable``, ``login``, ``lost``, ``folder`` or ``other``."""
    _, found, rest = error.partition("): ")  # behind the names of mailbox and host, which may be any words
    what, _, why = (rest if found else error).lower().partition(": ")
    for said in (why, what):
        for name, words in _KINDS:
            if any(word in said for word in words):
                return name
    return "other"


def told(error: str, phrases: Phrases) -> str:
    """In a few words."""
    return phrases.get("trouble", kind(error))
