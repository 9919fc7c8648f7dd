"""Records of one call of each type that keep all laws, for tests of the auditor, which make one of them wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.chaos.asked import Added, Asked, Retries, Who
from tests.chaos.evidence import Evidence, Notice, Ring
from tests.chaos.test_chaos_auditor import CALL, TALK_MS, T, account, cel_leg, cost, evidence, ring, trunks
from tests.chaos.trunk_facts import Owed

NEXT = "c" + "b" * 26
NOTICE = "n" + "a" * 26
USER, ONE, OTHER = "+8613910000010", "+8613910000111", "+8613910000228"
PLATFORM = "+864001234567"


def leg(role: str, number: str, charged_s: int = 0, **other: Any) -> dict[str, Any]:
    owed = {"micro": 0 if other.get("why") == "came_in" or not other.get("tried", [1]) else 60_000, "currency": "CNY"}
    given = {"role": role, "number": number, "tried": ["carrier"], "charged_s": charged_s, "cost": owed,
             "answered_at": "then"}  # fmt: skip
    return {**given, **other}


def call(type: str, *legs: dict[str, Any], **other: Any) -> dict[str, Any]:
    given = {
        "id": CALL, "type": type, "state": "ended", "reason": "completed", "hung_up_by": "api", "payer": "u",
        "charged_s": sum(one["charged_s"] for one in legs), "overrun_s": 0, "held_s": 30, "legs": [*legs],
    }  # fmt: skip
    return {**given, **other}


def asked(**other: Any) -> Asked:
    given: dict[str, Any] = {
        "callee": "", "who": Who("u", USER), "at_ms": T - 50, "ids": {CALL}, "hung_ups": {CALL: T + 5_400},
        "shown_at_ms": T + 70_000,
    }  # fmt: skip
    return Asked("Kind", "Kind", key="k", longest_s=25, **{**given, **other})


def records(*shown: dict[str, Any], **other: Any) -> Evidence:
    """Each leg was rung once, over `carrier`, and talked for 5.4 s, if nothing else is said of it."""
    legs = [(one["id"], leg) for one in shown for leg in one["legs"] if leg["tried"]]
    rung = [(id, leg) for id, leg in legs if leg.get("why") != "came_in"]
    costs = [cost(leg["role"], leg["number"], leg=f"{id}.{leg['role']}.0") for id, leg in rung]
    owed: dict[str, dict[str, int]] = {one["id"]: {} for one in shown}
    for one in costs:
        owed[one.leg.partition(".")[0]][one.leg] = one.cost_micro
    given: dict[str, Any] = {
        "asked": [asked()], "shown": {one["id"]: one for one in shown},
        "accounts": {"u": account(sum(one["charged_s"] for one in shown))} if shown[0]["payer"] else {},
        "cel": {f"{id}.{leg['role']}.0": cel_leg() for id, leg in legs},
        "rings": {leg["number"]: [ring(leg["number"])] for _, leg in rung}, "owed": owed,
        "trunks": trunks(
            costs=costs, report={"carrier": Owed(len(costs), len(costs), 60_000 * len(costs))} if costs else {}
        ),
    }  # fmt: skip
    return evidence(**{**given, **other})


# ---- conferences ----------------------------------------------------------------------------------------------------

HELD = (leg("host", USER, 5), leg("p1", ONE, 5), leg("p2", OTHER, 5))


def conference(**other: Any) -> Evidence:
    """Three were there, and p2 was added."""
    shown = other.pop("shown", call("conference", *HELD))
    given = {"asked": [asked(numbers={ONE, OTHER}, added=[Added(OTHER, is_done=True)])]}
    return records(shown, **{**given, **other})


def held(**legs: Any) -> Evidence:
    """With other charges of its legs."""
    return conference(shown=call("conference", *({**one, **legs.get(one["role"], {})} for one in HELD), charged_s=15))


# ---- notices --------------------------------------------------------------------------------------------------------

TRY = {"call": CALL, "outcome": "confirmed", "key": "1"}
ENDS = ({"seq": 1, "type": "notice_created"}, {"seq": 2, "type": "notice_confirmed", "n": 0})


def told(*tries: dict[str, Any], state: str = "confirmed", events: Any = ENDS, **other: Any) -> dict[str, Notice]:
    person = {"n": 0, "number": OTHER, "state": state, "tries": [*(tries or (TRY,))]}
    return {NOTICE: Notice({"state": "done", "recipients": [person], **other}, events)}


def notice(**other: Any) -> Evidence:
    """One recipient, who has confirmed."""
    given = {
        "asked": [asked(ids={NOTICE}, hung_ups={}, numbers={OTHER}, retries=Retries(1))], "notices": told(),
        "rings": {OTHER: [ring(OTHER, pressed="1")]},
    }  # fmt: skip
    shown = call("notice", leg("callee", OTHER, 5), hung_up_by="system")
    return records(*other.pop("shown", [shown]), **{**given, **other})


AGAIN = {"call": NEXT, "outcome": "heard", "key": None}


def rung_again(*tries: dict[str, Any], **other: Any) -> Evidence:
    """A minute later, by another call."""
    first = call("notice", leg("callee", OTHER, 5), hung_up_by="system")
    more = {"invited_at_ms": T + 60_000, "answered_at_ms": T + 60_100, "ended_at_ms": T + 60_100 + TALK_MS}
    later = cel_leg(started_ms=T + 60_000, answered_ms=T + 60_100, hangup_ms=T + 60_100 + TALK_MS)
    e = notice(
        shown=[first, {**first, "id": NEXT}], notices=told(*tries, **other),
        rings={OTHER: [ring(OTHER, pressed="1"), ring(OTHER, call_id="again", **more)]},
    )  # fmt: skip
    return replace(e, cel={**e.cel, f"{NEXT}.callee.0": later}, accounts={"u": _two_calls()})


def _two_calls() -> Any:
    both = account(5, 2)
    lines = [replace(line, call=CALL if n < 2 else NEXT) for n, line in enumerate(both.lines)]
    return replace(both, lines=tuple(lines), settlements={**both.settlements, NEXT: both.settlements[CALL]})


# ---- phones that call in --------------------------------------------------------------------------------------------

CAME = leg("caller", USER, 0, why="came_in")


def arrival(**other: Any) -> Ring:
    return ring(
        PLATFORM, **{"direction": "inbound", "from_user": USER, "phone_hung_up": True, "call_id": "in", **other}
    )


def called_in(**other: Any) -> Evidence:
    """He has keyed a number, hung up, and is called back."""
    first = call("inbound", CAME, leg("callee", ONE, 0, tried=[], cost={"micro": 0, "currency": "CNY"}),
                 hung_up_by="caller")  # fmt: skip
    back = call("callback", leg("caller", USER), leg("callee", ONE, 5), id=NEXT)
    given: dict[str, Any] = {
        "asked": [
            asked(ids=set(), numbers={ONE}, hung_ups={NEXT: T + 5_400}, fits=frozenset({"completed"}), follows="keyed")
        ],
        "arrivals": {USER: [arrival()]},
    }  # fmt: skip
    e = records(*other.pop("shown", [first, back]), **{**given, **other})
    settled = e.accounts["u"].settlements[CALL]
    lines = tuple(replace(line, call=NEXT if line.call else "") for line in e.accounts["u"].lines)
    of_first = replace(settled, answer=replace(settled.answer, charged_s=0), used_s=0)
    of_both = replace(e.accounts["u"], lines=lines, settlements={CALL: of_first, NEXT: settled})
    return replace(e, accounts={"u": of_both})


FIRST, BACK = (called_in().shown[id] for id in (CALL, NEXT))


# ---- errands of the platform ----------------------------------------------------------------------------------------


def errand(type: str, **other: Any) -> Evidence:
    shown = call(type, leg("callee", ONE), payer="", hung_up_by="system")
    return records({**shown, **other}, asked=[asked(callee=ONE, numbers={ONE}, hung_ups={})])
