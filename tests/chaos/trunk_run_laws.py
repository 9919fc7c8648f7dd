"""The laws of trunks over the whole run: what is owed adds up, no line is kept for ever, no carrier ever had more than
it has sold, and what is in force is what everybody goes by. And figures of how much there was to judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.views import at_ms
from tests.chaos.cases import Case, cases
from tests.chaos.evidence import LEG, Evidence, Ring
from tests.chaos.reasons import OURS
from tests.chaos.trunk_facts import Owed
from tests.chaos.trunk_laws import ASKED_FOR_MS, LOOKS_LATE_MS
from tests.ringbridge import now_ms

SECOND_MS = 1_000
FREED_MS = 5_000
"""A line that is told of so long after its channel has gone is kept by somebody."""
LOST_MS = 6_000
"""After a Redis that has lost a second its lines are all known again."""


def the_report_is_the_sum_of_the_calls(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    twice = [leg for leg, times in Counter(cost.leg for cost in e.trunks.costs).items() if times > 1]
    for leg in twice:
        yield f"costs: {leg} is noted twice"
    known = {case.id for case in all_cases}
    for cost in e.trunks.costs:
        if cost.leg.partition(".")[0] not in known:
            yield f"costs: {cost.leg} is owed, and no call is on record"
    for trunk in sorted({cost.trunk for cost in e.trunks.costs} | e.trunks.report.keys() - {""}):
        mine = [cost for cost in e.trunks.costs if cost.trunk == trunk]
        answered = sum(cost.answered_at_ms is not None for cost in mine)
        added = Owed(len(mine), answered, sum(cost.cost_micro for cost in mine))
        if (told := e.trunks.report.get(trunk, Owed())) != added:
            yield f"report: {trunk}: {told}, and its legs come to {added}"


def no_line_is_kept(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    """One of which the store could not be told is forgotten by itself, as nobody sees it any more."""
    known = {case.id: case for case in all_cases}
    for trunk, lines in e.trunks.lines.items():
        for channel, seen_ms in lines.items():
            named = LEG.match(channel)
            case = known.get(named[1]) if named else None
            if case is None or named is None:
                yield f"lines: {channel} has a line of {trunk}, and no call is on record"
            elif seen_ms > (over_ms := _known_over_ms(case)) + FREED_MS:
                yield f"lines: {case}: its line of {trunk} was seen {seen_ms - over_ms} ms after its end"
            elif not case.hit_by("pbx", *OURS):
                yield f"lines: {case}: its line of {trunk} was never given back"


def _over_ms(case: Case) -> int:
    """By the PBX's clock; where it has written no end, by ours."""
    ends = [leg.hangup_ms for leg in case.channels.values() if leg.hangup_ms is not None]
    return max(ends) if ends else at_ms(case.shown["ended_at"]) if case.shown.get("ended_at") else 0


def _known_over_ms(case: Case) -> int:
    """While nobody sees the PBX, its calls live on for all that anybody knows: their lines are not free."""
    known_ms = _over_ms(case)
    for blow in sorted(case.blows, key=lambda blow: blow.from_ms):
        if blow.targets & {"pbx", *OURS} and blow.touches(known_ms, known_ms):
            known_ms = blow.until_ms or now_ms()
    return known_ms


def no_carrier_had_more_than_it_sold(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    """As it counted itself; with each INVITE the limits of that time, or those of just before."""
    whose = {ring.invite: case for case in all_cases for rings in case.rings.values() for ring in rings}
    for trunk in sorted({name for one in e.trunks.in_force for name in one.trunks}):
        rings = sorted(_rings_of(e, trunk), key=lambda ring: ring.invited_at_ms)
        ends = [_end_ms(ring, whose.get(ring.invite)) for ring in rings]
        for n, ring in enumerate(rings):
            at = ring.invited_at_ms
            there = sum(end is None or end > at for end in ends[: n + 1])
            if (most := _sold(e, trunk, "max_channels", at)) and there > most and not _is_blind(e, trunk, at):
                yield f"limits: {trunk} had {there} calls at a time at {at}, it has sold {most}"
            begun = sum(one.invited_at_ms > at - SECOND_MS for one in rings[: n + 1])
            if (most := _sold(e, trunk, "max_cps", at)) and begun > most and not _is_blind(e, trunk, at, "link", "app"):
                yield f"limits: {trunk} had {begun} INVITEs within a second before {at}, it has sold {most}"


def _rings_of(e: Evidence, trunk: str) -> list[Ring]:
    seen: dict[str, Ring] = {}
    for rings in e.rings.values():
        for ring in rings:
            if ring.trunk == trunk:
                seen[ring.invite] = ring
    return list(seen.values())


def _end_ms(ring: Ring, case: Case | None) -> int | None:
    """For us; a phone whose PBX or whose carrier has died hears of none."""
    ends = [ring.ended_at_ms] if ring.ended_at_ms is not None else []
    if case is not None and (killed_ms := case.killed_at_ms()) is not None and killed_ms > ring.invited_at_ms:
        ends.append(killed_ms)
    if case is not None and not ends:
        ends += [leg.hangup_ms for leg in case.channels.values() if leg.hangup_ms is not None]
    return min(ends, default=None)


def _sold(e: Evidence, trunk: str, what: str, at: int) -> int:
    """0: no end of it."""
    named: Sequence[Trunk] = [
        one.trunks[trunk] for one in e.trunks.in_force if trunk in one.trunks and one.touches(at - ASKED_FOR_MS, at)
    ]
    lately = [
        one.trunks[trunk] for one in e.trunks.in_force if trunk in one.trunks and one.touches(at - LOOKS_LATE_MS, at)
    ]  # fmt: skip
    limits = [getattr(one, what) for one in (lately or named)]
    return 0 if not limits or 0 in limits else max(limits)


def _is_blind(e: Evidence, trunk: str, at: int, *more: str) -> bool:
    """The store has lost a second, or what was asked earlier came only now."""
    away = {"redis", "pbx", trunk, *more}
    return any(blow.targets & away and blow.touches(at - LOST_MS, at) for blow in e.blows)


def everybody_goes_by_what_is_in_force(e: Evidence, _cases: list[Case]) -> Iterator[str]:
    for discord in e.trunks.discords:
        yield f"trunks: {discord}"
    outcomes = {one.version: one.outcome for one in e.trunks.history}
    for command in e.trunks.commands:
        if command.until_ms is None:
            yield f"trunks: `{command}` never came to its end"
        said = command.said
        if said is None:
            continue
        if said["applied"] and command.is_nonsense:
            yield f"trunks: `{command}` put in force what no Asterisk takes, as version {said['version']}"
        if said["applied"] and outcomes.get(said["version"]) != "applied":
            yield f"trunks: `{command}` said that version {said['version']} is in force; the history says otherwise"
        if not said["applied"] and outcomes.get(said["failed_version"]) != "rolled back":
            yield f"trunks: `{command}` said that version {said['failed_version']} was taken back; it is not in history"


TRUNK_LAWS_OF_THE_RUN = (
    the_report_is_the_sum_of_the_calls, no_line_is_kept, no_carrier_had_more_than_it_sold,
    everybody_goes_by_what_is_in_force,
)  # fmt: skip


# ---- figures --------------------------------------------------------------------------------------------------------


def of_trunks(e: Evidence) -> str:
    """How much there was to judge."""
    all_cases = cases(e)
    tries = [tried for case in all_cases for tried in case.tries()]
    lines = sum(map(len, e.trunks.lines.values()))
    micro = sum(cost.cost_micro for cost in e.trunks.costs)
    by_trunk = Counter(tried.trunk for tried in tries if not tried.passed_over)
    over = Counter(tried.passed_over for tried in tries if tried.passed_over)
    failed_over = sum(any(tried.n for tried in case.tries()) for case in all_cases)
    outcomes = Counter(one.outcome for one in e.trunks.history)
    took_ms = [one.said["took_ms"] for one in e.trunks.commands if one.said and not one.said["applied"]]
    killed = sum(one.is_killed for one in e.trunks.commands)
    return (
        f"trunks: {dict(by_trunk)} tries, {dict(over)} passed over, {failed_over} calls went on to another; rested "
        f"{dict(e.trunks.rested)}; versions {dict(outcomes)}, {killed} applies killed, "
        f"refused ones taken back within {max(took_ms, default=0)} ms; "
        f"{len(e.trunks.costs)} legs owed, {micro} micro; {lines} lines left to go stale"
    )
