"""The laws of trunks in each call: every dialled try is one INVITE at the carrier of its trunk, and one line of what is
owed, by the price that was in force when the call was accepted.

As auditor.py: from the evidence to sentences, one for each breach.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from ari_app.domain.costing import LegCost
from tests.chaos.cases import Case, Tried
from tests.chaos.evidence import CelLeg, Evidence
from tests.chaos.reasons import OURS

LATE_MS = 150
TAKEN_UP_MS = 3_000
"""After an apply a running app goes by it."""
LOOKS_LATE_MS = 8_000
"""An app that could not look, for what befell it, looks again so late at most."""
ASKED_FOR_MS = 130_000


def each_try_is_one_invite(_e: Evidence, case: Case) -> Iterator[str]:
    for tried in case.tries():
        invites = {ring.invite for ring in tried.rings}
        if tried.came_in:
            yield from _is_one_arrival(case, tried)
        elif tried.passed_over and invites:
            yield f"tries: {case}, {tried}: passed over ({tried.passed_over}), and the carrier was asked"
        elif len(invites) > 1:
            yield f"law 7: {case}, {tried}: one try, {len(invites)} INVITEs"
        elif not invites and not tried.passed_over and not may_be_unsent(case, tried):
            yield f"tries: {case}, {tried}: it was tried, and the carrier knows of no INVITE"
    for role, rings in case.rings.items():
        if strange := set() if case.came_in(role) else {ring.trunk for ring in rings} - set(case.legs[role]["tried"]):
            yield f"tries: {case}, {role}: {', '.join(sorted(strange))} was asked, and is not among those tried"


def _is_one_arrival(case: Case, tried: Tried) -> Iterator[str]:
    """An INVITE of a phone whose PBX died is sent again, to the next one."""
    if not tried.rings:
        yield f"tries: {case}, {tried}: it is said to have called us, and no phone did"
    elif len(tried.rings) > 1 and not case.hit_by("pbx"):
        yield f"tries: {case}, {tried}: {len(tried.rings)} calls came from this phone"


def may_be_unsent(case: Case, tried: Tried) -> bool:
    """The carrier was away, or what asks it was; or the PBX has never had a channel, as the trunk was taken out; or it
    was given up before anything was sent."""
    if case.hit_by(tried.trunk, "pbx", *OURS):
        return True
    never_was = tried.cel is None or tried.cel.started_ms is None
    given_up = tried.is_last and tried.cel is not None and tried.cel.answered_ms is None and case.asked is not None
    may_be_given_up = case.shown.get("hung_up_by") in ("api", "caller") or case.type == "conference"
    return (never_was and case.hit_by("trunks")) or (given_up and may_be_given_up)


def fails_by_its_trunks_when_all_have_failed(e: Evidence, case: Case) -> Iterator[str]:
    if case.reason != "trunk_failed" or case.hit_by("pbx", *OURS):
        return
    if case.type not in ("callback", "notice", "verification", "inbound"):  # a test has one, a conference many phones
        return
    role = "callee" if "callee" in case.legs and case.legs["callee"]["tried"] else "caller"
    tried, all_ = len(case.legs[role]["tried"]), min((len(one.trunks) for one in e.trunks.in_force), default=1)
    if tried < all_:
        yield f"failover: {case}, {role}: ended as trunk_failed after {tried} trunks, and there were {all_}"


def is_owed_once_as_its_trunk_asks(e: Evidence, case: Case) -> Iterator[str]:
    owed = {cost.leg: cost for cost in e.trunks.costs if cost.leg.startswith(f"{case.id}.")}
    for tried in case.tries():
        cost = owed.pop(f"{case.id}.{tried.role}.{tried.n}", None)
        if tried.came_in:
            if cost is not None:
                yield f"costs: {case}, {tried}: it called us, and a cost is noted"
            continue
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
    """As an accountant works it out: begun seconds, begun increments, begun millionths; an answer begins the first."""
    if cost.answered_at_ms is None:
        return 0
    talked_s = max(1, ceil(Fraction(cost.talk_ms, 1000)))
    initial_s, next_s = map(int, cost.increment.split("/"))
    further = max(0, ceil(Fraction(talked_s - initial_s, next_s)))
    return ceil(Fraction((initial_s + further * next_s) * cost.price_micro_per_min, 60))


def prices(e: Evidence, case: Case, tried: Tried) -> set[tuple[int, str]]:
    """Of the versions by which the call may have been routed when it was accepted."""
    from_ms, until_ms = accepted_between(case)
    if case.type != "callback" and tried.cel is not None and tried.cel.started_ms is not None:
        until_ms = tried.cel.started_ms  # it may have been added later
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
