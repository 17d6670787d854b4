"""Dates, durations, sizes and lists as people write them in each language.

Small tables instead of a library: four languages and a handful of forms. A language that is not in the tables
(of templates of somebody's own) gets ISO 8601.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
}
_MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "nl": [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    "fr": [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    "de": [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
}
_MOMENT = {
    "en": "{day} at {hour}:{minute:02}",
    "nl": "{day} om {hour}.{minute:02} uur",
    "fr": "{day} à {hour}\u00a0h\u00a0{minute:02}",
    "de": "{day} um {hour}:{minute:02} Uhr",
}
# unit -> (one, many); German in the nominative, which is also the accusative of "höchstens 2 Tage"
_UNITS = {
    "en": {
        "minute": ("minute", "minutes"),
        "hour": ("hour", "hours"),
        "day": ("day", "days"),
        "year": ("year", "years"),
    },
    "nl": {"minute": ("minuut", "minuten"), "hour": ("uur", "uur"), "day": ("dag", "dagen"), "year": ("jaar", "jaar")},
    "fr": {
        "minute": ("minute", "minutes"),
        "hour": ("heure", "heures"),
        "day": ("jour", "jours"),
        "year": ("an", "ans"),
    },
    "de": {
        "minute": ("Minute", "Minuten"),
        "hour": ("Stunde", "Stunden"),
        "day": ("Tag", "Tage"),
        "year": ("Jahr", "Jahre"),
    },
}
_SHORT = {
    "en": ("min", "h", "d"), "nl": ("min", "u", "d"), "fr": ("min", "h", "j"), "de": ("Min.", "Std.", "T."),
}  # fmt: skip
_AND = {"en": "and", "nl": "en", "fr": "et", "de": "und"}
_DECIMAL = {"en": "."}
_YEAR = timedelta(days=365)
HOURS_UP_TO = timedelta(hours=72)  # beyond, whole days are told in days


def day(moment: date | datetime, language: str) -> str:
    """``Saturday 18 April 2026``, in the time zone that ``moment`` already has."""
    if language not in _DAYS:
        return moment.strftime("%Y-%m-%d")
    name, month = _DAYS[language][moment.weekday()], _MONTHS[language][moment.month - 1]
    if language == "de":
        return f"{name}, {moment.day}. {month} {moment.year}"
    number = "1er" if language == "fr" and moment.day == 1 else str(moment.day)
    return f"{name} {number} {month} {moment.year}"


def when(moment: datetime, zone: tzinfo, language: str, *, show_zone: bool = True) -> str:
    """``Saturday 18 April 2026 at 14:32 (CEST)``, in ``zone``."""
    local = moment.astimezone(zone)
    form = _MOMENT.get(language, "{day} {hour:02}:{minute:02}")
    stated = form.format(day=day(local, language), hour=local.hour, minute=local.minute)
    return f"{stated} ({zone_name(local)})" if show_zone else stated


def zone_name(local: datetime) -> str:
    """``CEST``; a zone without a name of letters as ``UTC+3``."""
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[:1] in "+-" else name


def duration(span: timedelta, language: str) -> str:
    """``24 hours``, ``7 days``, ``1 year``: the largest unit that is exact enough to promise."""
    units = _UNITS.get(language, _UNITS["en"])
    if span >= _YEAR and not span % _YEAR:
        return _count(span // _YEAR, units["year"])
    if span > HOURS_UP_TO or (span >= timedelta(days=4)):
        return _count(max(1, round(span / timedelta(days=1))), units["day"])
    if span >= timedelta(hours=1):
        return _count(round(span / timedelta(hours=1)), units["hour"])
    return _count(max(1, round(span / timedelta(minutes=1))), units["minute"])


def _count(number: int, forms: tuple[str, str]) -> str:
    return f"{number} {forms[0] if number == 1 else forms[1]}"


def short_duration(span: timedelta, language: str) -> str:
    """``45 min``, ``5 h``, ``3 d``: rounded down, so that nothing looks older or later than it is."""
    minute, hour, day_ = _SHORT.get(language, _SHORT["en"])
    span = abs(span)
    if span < timedelta(hours=1):
        return f"{span // timedelta(minutes=1)} {minute}"
    if span < timedelta(hours=48):
        return f"{span // timedelta(hours=1)} {hour}"
    return f"{span // timedelta(days=1)} {day_}"


def size(count: int, language: str) -> str:
    """``1.2 MB``, with the decimal sign of the language."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            number = f"{count / factor:.1f}" if count < 10 * factor else f"{count / factor:.0f}"
            return f"{number.replace('.', _DECIMAL.get(language, ','))} {unit}"
    return f"{count} {'bytes' if language in {'en', 'nl'} else 'octets' if language == 'fr' else 'Bytes'}"


def listing(items: Sequence[str], language: str) -> str:
    """``Ann, Bea and Chris``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {_AND.get(language, '&')} {items[-1]}"


def colon(language: str) -> str:
    """The colon after a label: French keeps a space before it."""
    return "\u00a0:" if language == "fr" else ":"


def semicolon(language: str) -> str:
    """The semicolon between two items, as with ``colon``."""
    return "\u00a0;" if language == "fr" else ";"


def french_spaces(text: str) -> str:
    """Keep French punctuation with its word: the space before ``; : ! ?`` and inside guillemets does not break."""
    for sign in ";:!?»":
        text = text.replace(f" {sign}", f"\u00a0{sign}")
    return text.replace("« ", "«\u00a0")
