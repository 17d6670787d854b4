"""Small numbers in published tables: hidden, and not to be had from what is shown either. Pure.

A table is a set of counts, each in one or two sums (its row's and its column's) that are published as well. Hiding a
small count is not enough when the others of its sum are shown. So more are hidden, until for every small count there
is another table with the same shown numbers in which it would not be small (the usual notion of protection for
tables of counts; an alternating cycle in the network of rows and columns is what moves a count without moving a sum).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

LEAST = 5
OUTSIDE = "outside"  # the far end of a count that stands in one sum only


@dataclass(frozen=True, slots=True)
class Count:
    """One number: ``value``, and the two sums it stands in; ``sign`` is -1 for the total of a sum in that sum.

    A total is a count like others: with the sign turned, every sum comes to nought.
    """

    value: int
    sums: tuple[Hashable, Hashable]
    sign: int = 1


def protect(counts: Mapping[Hashable, Count], fixed: Iterable[Hashable] = ()) -> frozenset[Hashable]:
    """Which counts must not be shown. ``fixed`` are known whatever is done; none of them is below ``LEAST``."""
    known = frozenset(fixed)
    hidden = {name for name, count in counts.items() if 0 < count.value < LEAST and name not in known}
    while True:
        weak = next((name for name in sorted(hidden, key=str) if not _is_safe(name, counts, hidden)), None)
        if weak is None:
            return frozenset(hidden)
        more = _companion(weak, counts, hidden, known)
        if more is None:  # nothing beside it is left to hide: whatever can be hidden is
            return frozenset(name for name in counts if name not in known)
        hidden.add(more)


def _companion(
    weak: Hashable, counts: Mapping[Hashable, Count], hidden: set[Hashable], known: frozenset[Hashable]
) -> Hashable | None:
    """What to hide beside a count that could be told: the smallest that says something.

    It comes from a sum in which one count is hidden alone, where there is such a sum; else from those of the count.
    """
    free = [name for name in counts if name not in hidden and name not in known]
    times = Counter(one for name in hidden for one in counts[name].sums if one != OUTSIDE)
    lonely = {one for one, number in times.items() if number == 1}
    near = [name for name in free if lonely.intersection(counts[name].sums)]
    near = near or [name for name in free if set(counts[name].sums) & set(counts[weak].sums) - {OUTSIDE}]
    return min(near or free, key=lambda name: (counts[name].value == 0, counts[name].value, str(name)), default=None)


def _is_safe(name: Hashable, counts: Mapping[Hashable, Count], hidden: set[Hashable]) -> bool:
    """Whether a hidden count, if it is small, could as well not be. Others may be told."""
    value = counts[name].value
    return not 0 < value < LEAST or _movable(name, counts, hidden, LEAST - value)


def _movable(name: Hashable, counts: Mapping[Hashable, Count], hidden: set[Hashable], more: int) -> bool:
    """Whether a count can be that much more while all that is shown stays."""
    values = {one: counts[one].value for one in hidden}
    for _ in range(more):
        cycle = _cycle(name, counts, values)
        if cycle is None:
            return False
        for one, change in cycle:
            values[one] += change
    return True


def _cycle(
    name: Hashable, counts: Mapping[Hashable, Count], values: Mapping[Hashable, int]
) -> list[tuple[Hashable, int]] | None:
    """Changes by one, of this count upwards, that leave every sum as it is and no count below nought."""
    start = counts[name]
    # A sum that is out by ``excess`` is put right by another of its counts, which puts its other sum out.
    first, goal = start.sums
    came: dict[tuple[Hashable, int], tuple[tuple[Hashable, int] | None, tuple[Hashable, int]]] = {}
    begin = (first, start.sign)
    came[begin] = (None, (name, 1))
    waiting = deque([begin])
    while waiting:
        at = waiting.popleft()
        node, excess = at
        if node == goal and excess == -start.sign:
            return _path(at, came)
        for one, value in values.items():
            count = counts[one]
            change = -excess * count.sign
            if one == name or node not in count.sums or value + change < 0:
                continue
            other = count.sums[1] if count.sums[0] == node else count.sums[0]
            then = (other, change * count.sign)
            if other == OUTSIDE and goal == OUTSIDE:
                return [*_path(at, came), (one, change)]
            if then not in came:
                came[then] = (at, (one, change))
                waiting.append(then)
    return None


def _path(
    at: tuple[Hashable, int],
    came: Mapping[tuple[Hashable, int], tuple[tuple[Hashable, int] | None, tuple[Hashable, int]]],
) -> list[tuple[Hashable, int]]:
    steps: list[tuple[Hashable, int]] = []
    place: tuple[Hashable, int] | None = at
    while place is not None:
        place, step = came[place]
        steps.append(step)
    return steps[::-1]
