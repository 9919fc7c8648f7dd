"""Which line of a bill belongs to which leg: the best pairing one to one, by number and time. Pure.

A pair costs its distance in time, and a quarter of the tolerance more where the durations do not fit. A leg or line
that stays alone costs a little more than half of the worst pair, so that two that may be a pair are one, unless a
nearer one is to be had. What is closer together than the tolerance is looked at together, as a *group*. Content alone
decides, never the order of the bill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import chain, takewhile
from operator import itemgetter

from ari_app.domain.billing_match import Ours, Terms, Theirs, same_duration

EXACT_MAX = 8
"""Up to so many on one side the pairing is the best there is; above, the best that does not cross in time."""
GROUP_MAX = 200
"""Of one number with hardly a pause; more are cut here, so that no bill fills the memory."""
NEVER = 1 << 60
TWICE_MS = 1000


@dataclass
class Group:
    """Legs and lines of one number, by time. `goes_on`: it was cut, and the next one is near."""

    ours: list[Ours] = field(default_factory=list)
    theirs: list[Theirs] = field(default_factory=list)
    goes_on: bool = False


def groups(ours: Iterable[Ours], theirs: Iterable[Theirs], tolerance_ms: int) -> Iterator[Group]:
    """Both by number and time (the bill's moved by the difference of the clocks already)."""
    group, number, last_ms, size = Group(), "", 0, 0
    both: Iterator[Ours | Theirs] = merge(ours, theirs, key=itemgetter(0, 1))
    for one in both:
        is_near = one.number == number and one.at_ms - last_ms <= tolerance_ms
        if size and (not is_near or size >= GROUP_MAX):
            group.goes_on = is_near
            yield group
            group, size = Group(), 0
        number, last_ms, size = one.number, one.at_ms, size + 1
        if isinstance(one, Theirs):
            group.theirs.append(one)
        else:
            group.ours.append(one)
    if size:
        yield group


def pairs(ours: Sequence[Ours], theirs: Sequence[Theirs], terms: Terms) -> list[tuple[int, int]]:
    """Places in both, of each pair; by place. Both are in the order of time."""
    if not ours or not theirs:
        return []
    costs = [[_cost(one, line, terms) for line in theirs] for one in ours]
    alone = 2 * (terms.time_tolerance_ms + terms.time_tolerance_ms // 4 + 1)  # of both sides together
    gains = [[NEVER if cost is None else cost - alone for cost in row] for row in costs]
    if len(ours) == len(theirs) == 1:
        return [(0, 0)] if gains[0][0] < 0 else []
    if len(ours) <= EXACT_MAX:
        return _best(gains)
    if len(theirs) <= EXACT_MAX:
        turned = _best([list(column) for column in zip(*gains, strict=True)])
        return sorted((leg, line) for line, leg in turned)
    return _not_crossing(gains)


def _cost(ours: Ours, theirs: Theirs, terms: Terms) -> int | None:
    """Twice the distance; what is left over breaks ties in favour of the same money. None: they are no pair."""
    away_ms = abs(ours.at_ms - theirs.at_ms)
    if away_ms > terms.time_tolerance_ms:
        return None
    unlike_ms = 0 if same_duration(ours, theirs, terms) else terms.time_tolerance_ms // 4
    return 2 * (away_ms + unlike_ms) + (ours.cost_micro != theirs.cost_micro)


def _best(gains: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The assignment of rows to columns with the least sum (the Hungarian method, by shortest augmenting paths); a row
    may stay alone for 0: it has a column of its own for that."""
    rows, real = len(gains), len(gains[0])
    columns = real + rows
    costs = [[*row, *(0 if n == at else NEVER for n in range(rows))] for at, row in enumerate(gains)]
    row_worth, column_worth = [0] * (rows + 1), [0] * (columns + 1)
    taken_by = [0] * (columns + 1)  # column → row, both from 1 on; 0 is nobody
    for row in range(1, rows + 1):
        _augment(row, costs, row_worth, column_worth, taken_by)
    found = [(taken_by[n] - 1, n - 1) for n in range(1, real + 1) if taken_by[n]]
    return sorted((row, column) for row, column in found if gains[row][column] < 0)


def _augment(
    row: int, costs: Sequence[Sequence[int]], row_worth: list[int], column_worth: list[int], taken_by: list[int]
) -> None:
    """One more row finds its column; others may have to change theirs for it."""
    columns = len(column_worth) - 1
    least, came_from, done = [NEVER * 4] * (columns + 1), [0] * (columns + 1), [False] * (columns + 1)
    taken_by[0], at = row, 0
    while taken_by[at]:
        done[at] = True
        of, delta, following = taken_by[at], NEVER * 4, 0
        for n in range(1, columns + 1):
            if done[n]:
                continue
            slack = costs[of - 1][n - 1] - row_worth[of] - column_worth[n]
            if slack < least[n]:
                least[n], came_from[n] = slack, at
            if least[n] < delta:
                delta, following = least[n], n
        for n in range(columns + 1):
            if done[n]:
                row_worth[taken_by[n]] += delta
                column_worth[n] -= delta
            else:
                least[n] -= delta
        at = following
    while at:
        taken_by[at], at = taken_by[came_from[at]], came_from[at]


def _not_crossing(gains: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """The least sum of all pairings in which a later leg has a later line."""
    rows, columns = len(gains), len(gains[0])
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row in range(1, rows + 1):
        above, here, gain = best[row - 1], best[row], gains[row - 1]
        for n in range(1, columns + 1):
            here[n] = min(above[n], here[n - 1], above[n - 1] + gain[n - 1])
    found, row, n = [], rows, columns
    while row and n:
        if best[row][n] == best[row - 1][n - 1] + gains[row - 1][n - 1]:
            row, n = row - 1, n - 1
            found.append((row, n))
        elif best[row][n] == best[row - 1][n]:
            row -= 1
        else:
            n -= 1
    return found[::-1]


def without_repeats(
    found: Sequence[tuple[int, int]],
    ours: Sequence[Ours],
    theirs: Sequence[Theirs],
    before: Theirs | None,
    terms: Terms,
) -> list[tuple[int, int]]:
    """A talk that is billed twice is not the talk of a try nearby that nobody answered."""
    sure = [(leg, line) for leg, line in found if ours[leg].is_answered or not theirs[line].charged_ms]
    if len(sure) == len(found):
        return list(found)
    taken = frozenset(line for _, line in sure)
    return [one for one in found if one in sure or not billed_twice(theirs, one[1], taken, before, terms)]


def billed_twice(theirs: Sequence[Theirs], at: int, taken: frozenset[int], before: Theirs | None, terms: Terms) -> int:
    """The line of the bill that this one, which has no leg, repeats; 0 if none: to the second the same time, and the
    same duration. `before`: the last line of the group that was cut before this one."""
    line = theirs[at]

    def is_same(one: Theirs) -> bool:
        alike = abs(one.charged_ms - line.charged_ms) <= terms.duration_tolerance_ms
        return alike and one.number == line.number and abs(one.at_ms - line.at_ms) <= TWICE_MS

    earlier = takewhile(lambda one: line.at_ms - one.at_ms <= TWICE_MS, (theirs[n] for n in range(at - 1, -1, -1)))
    others = chain((theirs[n] for n in sorted(taken)), earlier, (before,) if before else ())
    return next((one.line for one in others if is_same(one)), 0)
