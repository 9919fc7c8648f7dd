"""The laws of trunks over a whole run: every dialled try is one INVITE at the carrier of its trunk and one line of what
is owed, no carrier ever had more than it has sold, and what is in force is what everybody goes by.

As auditor.py: from the evidence to sentences, one for each breach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil

from ari_app.domain.costing import LegCost
from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.views import at_ms
from tests.chaos.evidence import LEG, Case, CelLeg, Evidence, Ring, Tried, cases
from tests.chaos.reasons import OURS
from tests.chaos.trunk_facts import Owed

LATE_MS = 150
SECOND_MS = 1_000
TAKEN_UP_MS = 3_000
"""After an apply a running app goes by it."""
LOOKS_LATE_MS = 8_000
"""An app that could not look, for what befell it, looks again so late at most."""
FREED_MS = 5_000
"""A line that is told of so long after its channel has gone is kept by somebody."""
STALE_MS = 60_000
LOST_MS = 6_000
"""After a Redis that has lost a second its lines are all known again."""
ASKED_FOR_MS = 130_000


# ---- of each call ---------------------------------------------------------------------------------------------------


def each_try_is_one_invite(_e: Evidence, case: Case) -> Iterator[str]:
    for tried in case.tries():
        invites = {ring.invite for ring in tried.rings}
        if tried.passed_over and invites:
            yield f"tries: {case}, {tried}: passed over ({tried.passed_over}), and the carrier was asked"
        elif len(invites) > 1:
            yield f"law 7: {case}, {tried}: one try, {len(invites)} INVITEs"
        elif not invites and not tried.passed_over and not may_be_unsent(case, tried):
            yield f"tries: {case}, {tried}: it was tried, and the carrier knows of no INVITE"
    for role, rings in case.rings.items():
        if strange := {ring.trunk for ring in rings} - set(case.legs[role]["tried"]):
            yield f"tries: {case}, {role}: {', '.join(sorted(strange))} was asked, and is not among those tried"


def may_be_unsent(case: Case, tried: Tried) -> bool:
    """The carrier was away, or what asks it was; or the PBX has never had a channel, as the trunk was taken out; or it
    was given up before anything was sent."""
    if case.hit_by(tried.trunk, "pbx", *OURS):
        return True
    never_was = tried.cel is None or tried.cel.started_ms is None
    given_up = tried.is_last and tried.cel is not None and tried.cel.answered_ms is None and case.asked is not None
    return (never_was and case.hit_by("trunks")) or (given_up and case.shown.get("hung_up_by") in ("api", "caller"))


def fails_by_its_trunks_when_all_have_failed(e: Evidence, case: Case) -> Iterator[str]:
    if case.reason != "trunk_failed" or case.hit_by("pbx", *OURS):
        return
    role = "callee" if case.legs["callee"]["tried"] else "caller"
    tried, all_ = len(case.legs[role]["tried"]), min((len(one.trunks) for one in e.trunks.in_force), default=1)
    if tried < all_:
        yield f"failover: {case}, {role}: ended as trunk_failed after {tried} trunks, and there were {all_}"


def is_owed_once_as_its_trunk_asks(e: Evidence, case: Case) -> Iterator[str]:
    owed = {cost.leg: cost for cost in e.trunks.costs if cost.leg.startswith(f"{case.id}.")}
    for tried in case.tries():
        cost = owed.pop(f"{case.id}.{tried.role}.{tried.n}", None)
        if cost is None:
            if tried.rings and not tried.passed_over and not case.hit_by("pbx", *OURS):
                yield f"costs: {case}, {tried}: the carrier had an INVITE, and no cost is noted"
            elif any(ring.answered_at_ms for ring in tried.rings) and tried.cel and tried.cel.answered_ms:
                yield f"costs: {case}, {tried}: it was answered, and no cost is noted"
            continue
        if tried.passed_over:
            yield f"costs: {case}, {tried}: was never dialled, and a cost is noted"
        yield from (f"costs: {case}, {tried}: {one}" for one in _wrong(e, case, tried, cost))
    for leg in owed:
        yield f"costs: {leg} was never tried, and a cost is noted"


def _wrong(e: Evidence, case: Case, tried: Tried, cost: LegCost) -> Iterator[str]:
    if cost.trunk != tried.trunk:
        yield f"noted of {cost.trunk}"
    if cost.cost_micro != by_hand(cost):
        yield f"{cost.cost_micro} micro for {cost.talk_ms} ms at {cost.price_micro_per_min} a minute, {cost.increment}"
    allowed = prices(e, case, tried)
    if (cost.price_micro_per_min, cost.increment) not in allowed:
        yield f"its price was {cost.price_micro_per_min}, {cost.increment}; in force were {sorted(allowed)}"
    apart_ms = apart_from_cel(case, tried.cel, cost)
    if abs(apart_ms) > LATE_MS:
        yield f"CEL says {apart_ms} ms more of talk than is owed"


def by_hand(cost: LegCost) -> int:
    """As an accountant works it out: begun seconds, begun increments, begun millionths."""
    talked_s = ceil(Fraction(cost.talk_ms, 1000))
    if not talked_s:
        return 0
    initial_s, next_s = map(int, cost.increment.split("/"))
    further = max(0, ceil(Fraction(talked_s - initial_s, next_s)))
    return ceil(Fraction((initial_s + further * next_s) * cost.price_micro_per_min, 60))


def prices(e: Evidence, case: Case, tried: Tried) -> set[tuple[int, str]]:
    """Of the versions by which the call may have been routed when it was accepted."""
    from_ms, until_ms = accepted_between(case)
    found = [one.trunks[tried.trunk] for one in e.trunks.in_force
             if tried.trunk in one.trunks and one.touches(from_ms, until_ms)]  # fmt: skip
    return {(trunk.price_micro_per_min, trunk.price_increment) for trunk in found}


def accepted_between(case: Case) -> tuple[int, int]:
    """By the clock of the tests; the first less what an app may lag behind an apply."""
    starts = [leg.started_ms for leg in case.channels.values() if leg.started_ms is not None]
    until_ms = min(starts, default=case.asked.shown_at_ms if case.asked is not None else 0)
    from_ms = (case.asked.at_ms if case.asked is not None else until_ms - ASKED_FOR_MS) - TAKEN_UP_MS
    late = [blow.from_ms for blow in case.blows if blow.targets & {"app", "pbx", "link", "trunks", "clock"}]
    return min([from_ms, *(at - LOOKS_LATE_MS for at in late)]), until_ms


def apart_from_cel(case: Case, cel: CelLeg | None, cost: LegCost) -> int:
    """Where CEL has seen both its answer and its end."""
    if cel is None or cel.answered_ms is None or cel.hangup_ms is None or case.hit_by("pbx"):
        return 0
    return cel.hangup_ms - cel.answered_ms - cost.talk_ms


TRUNK_LAWS = (each_try_is_one_invite, fails_by_its_trunks_when_all_have_failed, is_owed_once_as_its_trunk_asks)


# ---- of the run -----------------------------------------------------------------------------------------------------


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
            elif seen_ms > (over_ms := _over_ms(case)) + FREED_MS:
                yield f"lines: {case}: its line of {trunk} was seen {seen_ms - over_ms} ms after its end"
            elif not case.hit_by("pbx", *OURS):
                yield f"lines: {case}: its line of {trunk} was never given back"


def _over_ms(case: Case) -> int:
    """By the PBX's clock; where it has written no end, by ours."""
    ends = [leg.hangup_ms for leg in case.channels.values() if leg.hangup_ms is not None]
    return max(ends) if ends else at_ms(case.shown["ended_at"]) if case.shown.get("ended_at") else 0


def no_carrier_had_more_than_it_sold(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    """As it counted itself; with each INVITE the limits of that time, or those of just before."""
    by_number = {number: case for case in all_cases for number in case.numbers.values()}
    for trunk in sorted({name for one in e.trunks.in_force for name in one.trunks}):
        rings = sorted(_rings_of(e, trunk), key=lambda ring: ring.invited_at_ms)
        ends = [_end_ms(ring, by_number.get(ring.number)) for ring in rings]
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
    micro = sum(cost.cost_micro for cost in e.trunks.costs)
    by_trunk = Counter(tried.trunk for tried in tries if not tried.passed_over)
    over = Counter(tried.passed_over for tried in tries if tried.passed_over)
    failed_over = sum(any(tried.n for tried in case.tries()) for case in all_cases)
    outcomes = Counter(one.outcome for one in e.trunks.history)
    killed = sum(one.is_killed for one in e.trunks.commands)
    return (
        f"trunks: {dict(by_trunk)} tries, {dict(over)} passed over, {failed_over} calls went on to another; rested "
        f"{dict(e.trunks.rested)}; versions {dict(outcomes)}, {killed} applies killed; "
        f"{len(e.trunks.costs)} legs owed, {micro} micro"
    )
