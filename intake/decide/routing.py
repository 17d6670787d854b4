"""Who of the team a case goes to, before anybody is withheld: by event, by category, by who is away. Pure."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from intake.config import Config, OrganizerConfig


def routed(config: Config, category: str, event: str, day: date, *, urgent: bool) -> list[OrganizerConfig]:
    """The organizers for a case; never nobody.

    An event's own team comes before the categories. Those who are away on ``day`` (in the community's zone) are left
    out while somebody is there; of an urgent case nobody is left out by a calendar.
    """
    chosen = _team(config, event) or _by_category(config, category) or list(config.organizers)
    if urgent:
        return chosen
    return [person for person in chosen if not is_away(person, day)] or chosen


def _team(config: Config, event: str) -> list[OrganizerConfig]:
    found = next((one for one in config.events if one.name == event), None) if event else None
    team = {email.lower() for email in found.team} if found else set()
    return [person for person in config.organizers if person.email.lower() in team]


def _by_category(config: Config, category: str) -> list[OrganizerConfig]:
    return [person for person in config.organizers if "*" in person.categories or category in person.categories]


def is_away(person: OrganizerConfig, day: date) -> bool:
    """Whether a day is among those on which somebody is away; the last one counts."""
    return any(away.starts <= day <= away.ends for away in person.away)
