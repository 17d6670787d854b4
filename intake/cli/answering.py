"""What the answers of ``intake init`` must be like: each check gives the answer back, or raises ValueError."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from intake.cli import providers

# What a country's communities usually speak, and where their clocks hang: a default to correct, no more.
COUNTRIES = {
    "be": ("en, nl, fr", "Europe/Brussels"), "nl": ("nl, en", "Europe/Amsterdam"), "fr": ("fr, en", "Europe/Paris"),
    "de": ("de, en", "Europe/Berlin"), "lu": ("fr, de, en", "Europe/Luxembourg"), "at": ("de, en", "Europe/Vienna"),
    "ch": ("de, fr, en", "Europe/Zurich"), "uk": ("en", "Europe/London"), "ie": ("en", "Europe/Dublin"),
}  # fmt: skip
_LINK = Path("/etc/localtime")


def initials(name: str) -> str:
    """The first letters of several words; one word as it is."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in words).upper() if len(words) > 1 else name


def local_zone() -> str:
    """This machine's zone by name, as far as it says so."""
    with contextlib.suppress(OSError):
        place = str(_LINK.resolve())
        if "/zoneinfo/" in place:
            return place.partition("/zoneinfo/")[2].removeprefix("posix/")
    return "UTC"


def languages(said: str) -> str:
    """Several languages, as `en, nl`."""
    found = dict.fromkeys(language(word) for word in said.replace(",", " ").split())
    return ", ".join(found)


def language(said: str) -> str:
    """One of the languages there are words for."""
    from intake.config import LANGUAGES

    if said.strip().lower() not in LANGUAGES:
        raise ValueError(f"is none of {', '.join(LANGUAGES)}")
    return said.strip().lower()


def zone(said: str) -> str:
    """The name of a time zone."""
    from intake.config.zones import zone

    if zone(said) is None:
        raise ValueError("is no time zone; write one such as Europe/Brussels")
    return said


def provider(said: str) -> str:
    """The key of a known provider, or `other`."""
    if said.lower() in {"other", "none"}:
        return "other"
    found = providers.by_name(said) or providers.by_domain(said.rpartition("@")[2])
    if found is None:
        raise ValueError('is not known here; write "other", and its servers at the next questions')
    return found.key


def port(said: str) -> str:
    """A TCP port."""
    if not said.isascii() or not said.isdecimal() or not 1 <= int(said) <= 65535:
        raise ValueError("is no port; write a number from 1 to 65535")
    return str(int(said))


def names(said: str) -> str:
    """Several names, as `Annie, @ann`."""
    from intake.config.values import one_line

    return ", ".join(dict.fromkeys(one_line(word) for word in said.split(",") if word.strip())) or one_line("")


def first_name(name: str) -> str:
    """What somebody is called, or all of it where that is an everyday word, such as An."""
    from intake.decide.phrases import is_everyday

    first = name.split(maxsplit=1)[0]
    return name if is_everyday(first) else first


def another(check: Callable[[str], str], taken: set[str]) -> Callable[[str], str]:
    """As ``check``, and none that is taken already."""

    def checked(said: str) -> str:
        address = check(said)
        if address.lower() in taken:
            raise ValueError("stands there already; write another address")
        return address

    return checked
