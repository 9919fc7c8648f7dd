"""The auditor's laws of trunks have teeth, too: one wrong record of several carriers, and the law is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ari_app.trunk_versions import Entry
from tests.chaos.admin import Command
from tests.chaos.cases import cases
from tests.chaos.evidence import Evidence
from tests.chaos.house import Blow
from tests.chaos.judging.callback import fitting
from tests.chaos.test_chaos_auditor import (
    CALL,
    CALLEE,
    CALLER,
    TALK_MS,
    T,
    blow,
    broken,
    cel_leg,
    cost,
    evidence,
    leg,
    ring,
    shown,
    trunk,
    trunks,
)
from tests.chaos.trunk_facts import InForce, Owed

BOTH = {"carrier": trunk(), "north": trunk("north")}
OVER_MS = T + 100 + TALK_MS
IN_FORCE = [InForce(1, BOTH, T - 60_000)]
FAILED = {"answered_at_ms": None, "ended_at_ms": T + 50, "talked_ms": 0}


def over_two(tried: tuple[str, ...] = ("carrier", "north"), **other: Any) -> Evidence:
    """The callee's first trunk has refused, and the second one took the call."""
    passed_over = other.pop("passed_over", {})
    callee = leg("callee", CALLEE) | {
        "tried": list(tried),
        "trunk": tried[-1],
        "passed_over": passed_over,
        "charged_s": 5,
    }
    refused = cost(
        "callee", CALLEE, answered_at_ms=None, ended_at_ms=T + 50, outcome="trunk_failed", sip_status=503, cost_micro=0
    )
    taken = cost("callee", CALLEE, leg=f"{CALL}.callee.1", trunk="north")
    costs = [cost("caller", CALLER), taken] if passed_over else [cost("caller", CALLER), refused, taken]
    first = [] if passed_over else [ring(CALLEE, call_id="first", **FAILED)]
    channels = {} if passed_over else {f"{CALL}.callee.0": cel_leg(answered_ms=None, hangup_ms=T + 50)}
    given: dict[str, Any] = {
        "shown": {CALL: shown(legs=[leg("caller", CALLER), callee])},
        "cel": {f"{CALL}.caller.0": cel_leg(), f"{CALL}.callee.1": cel_leg(), **channels},
        "rings": {CALLER: [ring(CALLER)], CALLEE: [*first, ring(CALLEE, trunk="north")]},
        "owed": {CALL: {one.leg: one.cost_micro for one in costs}},
        "trunks": trunks(
            costs=costs, in_force=IN_FORCE,
            report={"carrier": Owed(len(costs) - 1, 1, 60_000), "north": Owed(1, 1, 60_000)},
        ),
    }  # fmt: skip
    return evidence(**given | other)


def of_trunks(**other: Any) -> Evidence:
    return evidence(trunks=trunks(**other))


def sold(**limits: int) -> list[InForce]:
    return [InForce(1, {"carrier": trunk(**limits)}, T - 60_000)]


def command(*words: str, **said: Any) -> Command:
    given = {"applied": True, "version": 2, "failed_version": None} | said
    return Command(words or ("apply",), T, T + 900, 0, given)


def entry(version: int, outcome: Any = "applied") -> Entry:
    return Entry(version, T, "me", "trunks.conf", outcome=outcome)


def test_a_call_whose_first_trunk_refused_keeps_all_laws() -> None:
    assert broken(over_two()) == ""


def test_one_that_was_passed_over_was_not_asked_and_is_not_owed() -> None:
    assert broken(over_two(passed_over={"carrier": "rested"})) == ""


WRONG: dict[str, tuple[Callable[[], Evidence], str]] = {
    "tried, and its carrier knows of nothing": (
        lambda: over_two(rings={CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE, trunk="north")]}),
        "knows of no INVITE",
    ),
    "asked, and not among those tried": (
        lambda: over_two(tried=("carrier",)),
        "north was asked, and is not among those tried",
    ),
    "passed over, and asked": (
        lambda: over_two(
            passed_over={"carrier": "rested"},
            rings={CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE, call_id="1"), ring(CALLEE, trunk="north")]},
        ),
        "passed over (rested), and the carrier was asked",
    ),
    "two INVITEs of one try": (
        lambda: over_two(
            rings={
                CALLER: [ring(CALLER)],
                CALLEE: [ring(CALLEE, **FAILED), *(ring(CALLEE, call_id=one, trunk="north") for one in "ab")],
            }
        ),
        "law 7: ",
    ),
    "given up, with a trunk left that was not tried": (
        lambda: evidence(
            shown={CALL: shown(reason="trunk_failed", hung_up_by="system")}, trunks=trunks(in_force=IN_FORCE)
        ),
        "failover: ",
    ),
    "an INVITE that nobody owes for": (lambda: of_trunks(costs=[cost("caller", CALLER)]), "no cost is noted"),
    "owed to another carrier": (
        lambda: of_trunks(costs=[cost("caller", CALLER), cost("callee", CALLEE, trunk="north")]),
        "noted of north",
    ),
    "a price that was not in force": (
        lambda: of_trunks(
            costs=[cost("caller", CALLER), cost("callee", CALLEE, price_micro_per_min=50_000, cost_micro=50_000)]
        ),
        "its price was 50000",
    ),
    "the price of a version that came later": (
        lambda: of_trunks(in_force=[InForce(2, {"carrier": trunk()}, T + 1_000)]),
        "in force were []",
    ),
    "a cost that is not price by increment": (
        lambda: of_trunks(costs=[cost("caller", CALLER), cost("callee", CALLEE, cost_micro=59_999)]),
        "59999 micro for 5400 ms",
    ),
    "owed for longer than CEL says": (
        lambda: of_trunks(costs=[cost("caller", CALLER), cost("callee", CALLEE, ended_at_ms=T + TALK_MS + 900)]),
        "more of talk than is owed",
    ),
    "owed for what was never tried": (
        lambda: of_trunks(costs=[*trunks().costs, cost("callee", CALLEE, leg=f"{CALL}.callee.3")]),
        "was never tried, and a cost is noted",
    ),
    "noted twice, on two days": (lambda: of_trunks(costs=[*trunks().costs, trunks().costs[0]]), "is noted twice"),
    "owed, and no call of it": (
        lambda: of_trunks(costs=[*trunks().costs, cost("callee", CALLEE, leg=f"c{'z' * 26}.callee.0")]),
        "is owed, and no call is on record",
    ),
    "a report that is not the sum of its legs": (
        lambda: of_trunks(report={"carrier": Owed(2, 2, 60_000)}),
        "report: carrier: ",
    ),
    "a line that was never given back": (
        lambda: of_trunks(lines={"carrier": {f"{CALL}.callee.0": T + 200}}),
        "was never given back",
    ),
    "a line that somebody keeps": (
        lambda: replace(
            of_trunks(lines={"carrier": {f"{CALL}.callee.0": T + 30_000}}), blows=[blow("AppKilled", "app")]
        ),
        "ms after its end",
    ),
    "a line that is kept after the PBX has long been in sight again": (
        lambda: replace(
            of_trunks(lines={"carrier": {f"{CALL}.callee.0": OVER_MS + 15_000}}),
            blows=[Blow("PbxKilled", frozenset({"pbx"}), OVER_MS - 100, OVER_MS + 8_000)],
        ),
        "7000 ms after its end",
    ),
    "a line of nobody": (lambda: of_trunks(lines={"carrier": {f"c{'z' * 26}.callee.0": T}}), "has a line of carrier"),
    "more calls than were sold": (lambda: of_trunks(in_force=sold(max_channels=1)), "had 2 calls at a time"),
    "more calls a second than were sold": (
        lambda: of_trunks(in_force=sold(max_cps=1)),
        "had 2 INVITEs within a second",
    ),
    "what Asterisk has is not what is in force": (
        lambda: of_trunks(discords=["endpoint north is not there"]),
        "trunks: endpoint north",
    ),
    "nonsense that was put in force": (
        lambda: of_trunks(commands=[replace(command(), is_nonsense=True)], history=[entry(2)]),
        "what no Asterisk takes",
    ),
    "said to be in force, and not in the history": (
        lambda: of_trunks(commands=[command()], history=[entry(1)]),
        "the history says otherwise",
    ),
    "said to be taken back, and not in the history": (
        lambda: of_trunks(commands=[command(applied=False, version=1, failed_version=2)], history=[entry(1)]),
        "it is not in history",
    ),
    "a command without an end": (
        lambda: of_trunks(commands=[Command(("apply",), T)]),
        "never came to its end",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_one_wrong_record_of_a_trunk_is_named(what: str) -> None:
    make, sentence = WRONG[what]
    assert sentence in broken(make())


EXCUSED: dict[str, Callable[[], Evidence]] = {
    "the price of the version before, which the app still went by": lambda: of_trunks(
        in_force=[
            InForce(1, {"carrier": trunk()}, T - 60_000, T - 1_000),
            InForce(2, {"carrier": replace(trunk(), price_micro_per_min=1)}, T - 1_500),
        ]
    ),
    "a line of which the dead app could not tell": lambda: replace(
        of_trunks(lines={"carrier": {f"{CALL}.callee.0": T + 200}}), blows=[blow("AppKilled", "app")]
    ),
    "a line of a call of which nobody knew that it is over": lambda: replace(
        of_trunks(lines={"carrier": {f"{CALL}.callee.0": OVER_MS + 9_000}}),
        blows=[Blow("PbxKilled", frozenset({"pbx"}), OVER_MS - 100, OVER_MS + 8_000)],
    ),
    "no INVITE at a carrier that was away": lambda: over_two(
        rings={CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE, trunk="north")]}, blows=[blow("CarrierGone", "carrier")]
    ),
    "more than is sold now, of calls that began before": lambda: of_trunks(
        in_force=[
            InForce(1, {"carrier": trunk(max_channels=2)}, T - 60_000, T - 500),
            InForce(2, {"carrier": trunk(max_channels=1)}, T - 500),
        ]
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", EXCUSED)
def test_what_the_laws_of_trunks_allow(what: str) -> None:
    assert broken(EXCUSED[what]()) == ""


def test_a_call_fails_by_its_trunks_only_where_all_were_away_or_refused() -> None:
    """The caller's phone was answered: by the callee's it is judged."""

    def fits(*blows: Any) -> bool:
        unanswered = {f"{CALL}.caller.0": cel_leg()}
        [case] = cases(over_two(blows=list(blows), cel=unanswered))
        return "trunk_failed" in fitting(case)

    north, gone = blow("CarrierRefuses", "north refuses", at_ms=T), blow("CarrierGone", "carrier", at_ms=T)
    assert not fits(north)
    assert not fits(gone)
    assert fits(north, gone)
