"""The auditor has teeth: fed with one wrong record, it names the law; fed with right ones, it is silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.costing import LegCost
from ari_app.domain.ledger_types import Account, Bucket, Kind, Line, Part, Settled, Settlement, Totals, What
from ari_app.domain.trunks import Trunk
from tests.chaos.asked import Asked, TopUp, Who
from tests.chaos.auditor import audit, nothing_is_left
from tests.chaos.cases import Case
from tests.chaos.evidence import CelLeg, Evidence, Left, Ring
from tests.chaos.house import Blow
from tests.chaos.trunk_facts import InForce, Owed, TrunkFacts

CALL = "c" + "a" * 26
T = 1_800_000_000_000
CALLER, CALLEE = "+8613910000010", "+8613910000110"
TALK_MS = 5_400


def leg(role: str, number: str) -> dict[str, Any]:
    cost = {"micro": 60_000, "currency": "CNY"}
    return {"role": role, "number": number, "tried": ["carrier"], "charged_s": 0, "cost": cost}


def shown(**other: Any) -> dict[str, Any]:
    """A talk of 5.4 s that was hung up over the API."""
    callee = leg("callee", CALLEE) | {"charged_s": other.get("charged_s", 5)}
    return {
        "id": CALL, "state": "ended", "reason": "completed", "hung_up_by": "api", "payer": "u", "charged_s": 5,
        "overrun_s": 0, "legs": [leg("caller", CALLER), callee], **other,
    }  # fmt: skip


def account(charged_s: int = 5, times: int = 1, **other: Any) -> Account:
    """Of a month, and of one call that was charged. It keeps every law of its own, if it was charged once."""
    month_s, ends_ms = 3_600, T + 86_400_000
    lines = [Line(1, "calendar", T, What.MONTH, "", Kind.MONTH, ends_ms, month_s, month_s, "2027-01")]
    for n in range(times):
        left_s = month_s - (n + 1) * charged_s
        op = f"{CALL}:s{n}"
        lines.append(Line(2 + n, op, T, What.SPENT, CALL, Kind.MONTH, ends_ms, -charged_s, left_s))
    given: dict[str, Any] = {
        "month_key": "2027-01", "month_granted_s": month_s, "lines": tuple(lines),
        "buckets": (Bucket(Kind.MONTH, ends_ms, left_s, month_s),),
        "totals": Totals(granted_s=month_s, spent_s=times * charged_s),
        "settlements": {CALL: Settlement(f"{CALL}:s", "", Settled(charged_s, 25, 0, 0), charged_s, at_ms=T)},
    }  # fmt: skip
    return Account(**given | other)


def ring(number: str, **other: Any) -> Ring:
    """Of the carrier `carrier`."""
    talked_ms, phone_hung_up = other.pop("talked_ms", TALK_MS), other.pop("phone_hung_up", False)
    call_id = other.setdefault("call_id", number)
    given: dict[str, Any] = {
        "id": call_id, "number": number, "from_user": None, "pai": None, "invited_at_ms": T, "rang_at_ms": None,
        "early_media_at_ms": None, "answered_at_ms": T + 100, "ended_at_ms": T + 100 + talked_ms,
        "hung_up_by": "phone" if phone_hung_up else "platform", "cause": 16, "digits": "", "recording": None,
        "recorded_ms": None, "cel": "",
    }  # fmt: skip
    return Ring(**given | other)


def cost(role: str, number: str, **other: Any) -> LegCost:
    """Of the talk: a begun minute at 0.06."""
    given: dict[str, Any] = {
        "leg": f"{CALL}.{role}.0", "trunk": "carrier", "number": number, "dialled": number, "payer": "u", "team": "",
        "dialled_at_ms": T, "rang_at_ms": None, "answered_at_ms": T + 100, "ended_at_ms": T + 100 + TALK_MS,
        "outcome": "answered", "cause": 16, "sip_status": None, "price_micro_per_min": 60_000, "increment": "60/60",
        "currency": "CNY", "cost_micro": 60_000, "charged_s": 0,
    }  # fmt: skip
    return LegCost(**given | other)


def trunk(name: str = "carrier", **other: Any) -> Trunk:
    return Trunk(name, "127.0.0.1", price_micro_per_min=60_000, **other)


def trunks(**other: Any) -> TrunkFacts:
    given: dict[str, Any] = {
        "costs": [cost("caller", CALLER), cost("callee", CALLEE)], "report": {"carrier": Owed(2, 2, 120_000)},
        "in_force": [InForce(1, {"carrier": trunk()}, T - 60_000)],
    }  # fmt: skip
    return TrunkFacts(**given | other)


def cel_leg(**other: Any) -> CelLeg:
    return CelLeg(**{"started_ms": T, "answered_ms": T + 100, "hangup_ms": T + 100 + TALK_MS, "starts": 1, **other})


def asked(**other: Any) -> Asked:
    who = Who("u", CALLER, other.pop("has_s", None))
    return Asked(
        "Talk", "Talk", who, CALLEE, "k", 25, at_ms=T - 50, ids={CALL}, hung_ups={CALL: T + 5_400},
        shown_at_ms=T + 6_000, **other,
    )  # fmt: skip


def evidence(**other: Any) -> Evidence:
    given: dict[str, Any] = {
        "asked": [asked()], "shown": {CALL: shown()}, "accounts": {"u": account(5)},
        "cel": {f"{CALL}.caller.0": cel_leg(), f"{CALL}.callee.0": cel_leg()},
        "rings": {CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE)]}, "blows": [],
        "owed": {CALL: {f"{CALL}.caller.0": 60_000, f"{CALL}.callee.0": 60_000}}, "trunks": trunks(),
    }  # fmt: skip
    return Evidence(**given | other)


def blow(kind: str, *targets: str, at_ms: int = T + 2_000) -> Blow:
    return Blow(kind, frozenset(targets), at_ms, at_ms + 1_000)


def broken(e: Evidence) -> str:
    return "\n".join(audit(e).broken)


def test_a_call_that_keeps_all_laws() -> None:
    assert broken(evidence()) == ""


CEL = evidence().cel
WRONG: dict[str, tuple[Callable[[], Evidence], str]] = {
    "is still talking": (lambda: evidence(shown={CALL: shown(state="talking")}), "ends: "),
    "a reason of no list": (lambda: evidence(shown={CALL: shown(reason="bored")}), "ended as bored"),
    "hung up by nobody": (lambda: evidence(shown={CALL: shown(hung_up_by="")}), "ends: "),
    "busy, of a phone that answered": (
        lambda: evidence(shown={CALL: shown(reason="callee_busy", hung_up_by="callee")}),
        "ended as callee_busy",
    ),
    "interrupted, and nothing befell it": (
        lambda: evidence(shown={CALL: shown(reason="interrupted", hung_up_by="system")}),
        "ended as interrupted",
    ),
    "went back to an earlier state": (lambda: evidence(asked=[asked(went_back=["from a to b"])]), "states: "),
    "charged too much": (lambda: evidence(shown={CALL: shown(charged_s=7)}), "charge: "),
    "charged too little": (lambda: evidence(shown={CALL: shown(charged_s=3)}), "charge: "),
    "charged to the moment at which the dead PBX was found": (
        lambda: evidence(
            shown={CALL: shown(reason="interrupted", hung_up_by="system", charged_s=9)},
            cel={channel: replace(one, hangup_ms=None) for channel, one in CEL.items()},
            blows=[blow("PbxKilled", "pbx", at_ms=T + 5_500)],
        ),
        "charge: ",
    ),
    "charged too little of a talk whose PBX died in sight": (
        lambda: evidence(
            shown={CALL: shown(reason="interrupted", hung_up_by="system", charged_s=1)},
            cel={channel: replace(one, hangup_ms=None) for channel, one in CEL.items()},
            blows=[blow("PbxKilled", "pbx", at_ms=T + 5_500)],
        ),
        "charge: ",
    ),
    "charged through a silence": (
        lambda: evidence(
            shown={CALL: shown(reason="media_lost", hung_up_by="system")}, blows=[blow("CarrierGone", "carrier")]
        ),
        "charge: ",
    ),
    "a leg that is owed and was not noted": (
        lambda: evidence(owed={CALL: {f"{CALL}.caller.0": 60_000}}),
        "owed: ",
    ),
    "a leg that was noted for more than it shows": (
        lambda: evidence(owed={CALL: {f"{CALL}.caller.0": 60_000, f"{CALL}.callee.0": 120_000}}),
        "owed: ",
    ),
    "a leg without a price that was not noted": (
        lambda: evidence(owed={CALL: {f"{CALL}.caller.0": 120_000}}),
        "callee: CEL says answered, and nothing is noted",
    ),
    "an overrun": (lambda: evidence(shown={CALL: shown(charged_s=2, overrun_s=3)}), "law 5: "),
    "an overrun that law 5 does not allow either": (
        lambda: evidence(
            shown={CALL: shown(charged_s=2, overrun_s=15)}, blows=[blow("AppKilled", "app", at_ms=T + 100)]
        ),
        "law 5: ",
    ),
    "the carrier saw another talk": (
        lambda: evidence(rings={CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE, talked_ms=9_000)]}),
        "witness: ",
    ),
    "the carrier saw no answer": (
        lambda: evidence(rings={CALLER: [ring(CALLER)], CALLEE: []}),
        "witness: ",
    ),
    "the statement says other seconds": (lambda: evidence(accounts={"u": account(4)}), "its lines say [-4]"),
    "charged twice": (lambda: evidence(accounts={"u": account(5, times=2)}), "law 4: "),
    "never settled": (lambda: evidence(accounts={"u": replace(account(), settlements={})}), "never settled"),
    "nobody's account": (lambda: evidence(accounts={}), "has no account"),
    "a phone rung twice": (
        lambda: evidence(rings={CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE), ring(CALLEE, call_id="again")]}),
        "law 7: ",
    ),
    "a channel made twice": (lambda: evidence(cel={**CEL, f"{CALL}.callee.0": cel_leg(starts=2)}), "law 7: "),
    "a top-up that is not on the statement": (
        lambda: evidence(asked=[asked(top_ups=[TopUp("t", 10, is_done=True)])]),
        "grants: ",
    ),
    "two calls of one key": (
        lambda: evidence(asked=[replace(asked(), ids={CALL, "c" + "b" * 26})]),
        "keys: ",
    ),
    "a call that was promised and is not there": (lambda: evidence(shown={}), "was promised"),
    "a refusal without a reason": (lambda: evidence(asked=[asked(refused="no-such-thing")]), "was refused"),
    "an answer that no fault excuses": (lambda: evidence(asked=[asked(oddities=["500"])]), "answers: "),
    "a channel of no call": (lambda: evidence(cel={**CEL, f"c{'z' * 26}.caller.0": cel_leg()}), "no call is on record"),
    "an INVITE of no call": (
        lambda: evidence(rings={**evidence().rings, "+8613910009910": [ring("+8613910009910")]}),
        "no call is on record",
    ),
    "a channel that was left": (lambda: evidence(left=Left(("on the PBX: c.1",), 33.0)), "left: "),
    "a phone that was left": (
        lambda: evidence(rings={CALLER: [replace(ring(CALLER), ended_at_ms=None)], CALLEE: [ring(CALLEE)]}),
        "left: ",
    ),
    "a hold that was left": (
        lambda: evidence(accounts={"u": account(holds={"c2": (Part(Kind.MONTH, T, 9),)})}),
        "left: 9 s are held",
    ),
    "a talk that the app's death ended": (
        lambda: evidence(
            shown={CALL: shown(reason="interrupted", hung_up_by="system")}, blows=[blow("AppKilled", "app")]
        ),
        "went on: ",
    ),
    "a talk that was said to be hung up by a phone which did not": (
        lambda: evidence(shown={CALL: shown(hung_up_by="callee")}),
        "went on: ",
    ),
    "something that befell the whole run": (lambda: evidence(oddities=["no call could be placed"]), "no call could"),
}


@pytest.mark.parametrize("what", WRONG)
def test_one_wrong_record_is_named(what: str) -> None:
    make, sentence = WRONG[what]
    assert sentence in broken(make())


def test_an_account_that_breaks_a_law_of_its_own() -> None:
    e = evidence(accounts={"u": replace(account(), totals=Totals(granted_s=1))})
    assert any(one.startswith("ledger: u: law 1") for one in audit(e).broken)


EXCUSED: dict[str, Callable[[], Evidence]] = {
    "interrupted, as the PBX was killed": lambda: evidence(
        shown={CALL: shown(reason="interrupted", hung_up_by="system")},
        cel={channel: replace(one, hangup_ms=None) for channel, one in CEL.items()},
        blows=[blow("PbxKilled", "pbx", at_ms=T + 5_500)],
    ),
    "silent, as the carrier is gone": lambda: evidence(
        shown={CALL: shown(reason="media_lost", hung_up_by="system", charged_s=1)}, accounts={"u": account(1)},
        blows=[blow("CarrierGone", "carrier", at_ms=T + 1_000)],
    ),
    "an INVITE that the carrier had before and after its death": lambda: evidence(
        rings={CALLER: [ring(CALLER)], CALLEE: [ring(CALLEE), ring(CALLEE)]}, blows=[blow("CarrierGone", "carrier")],
    ),
    "the app died between the answer and the timers": lambda: evidence(
        shown={CALL: shown(reason="balance_empty", hung_up_by="system", charged_s=2, overrun_s=3)},
        asked=[asked(has_s=2)], accounts={"u": account(2)}, blows=[blow("AppKilled", "app", at_ms=T + 100)],
    ),
    "the last minutes, while nobody could ask for more": lambda: evidence(
        shown={CALL: shown(reason="interrupted", hung_up_by="system")}, asked=[asked(has_s=5)],
        blows=[blow("AppKilled", "app", at_ms=T + 3_000)],
    ),
}  # fmt: skip


def test_a_phone_that_was_handed_over_ends_with_the_call_it_went_on_in() -> None:
    def came_in(id: str, role: str, blows: list[Blow]) -> Case:
        leg = {"role": role, "number": CALLER, "why": "came_in", "tried": ["carrier"]}
        rings = {role: [replace(ring(CALLER), ended_at_ms=None)]}
        return Case(None, {"id": id, "legs": [leg]}, rings=rings, numbers={role: CALLER}, blows=blows)

    first, then = came_in("c1", "caller", []), came_in("c2", "in1", [blow("CarrierKilled", "carrier")])
    assert list(nothing_is_left(evidence(), [first, then])) == []
    assert len(list(nothing_is_left(evidence(), [first, replace(then, blows=[])]))) == 2


@pytest.mark.parametrize("what", EXCUSED)
def test_what_the_laws_allow(what: str) -> None:
    assert broken(EXCUSED[what]()) == ""
