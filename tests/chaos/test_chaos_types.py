"""The auditor's laws of each call type have teeth, too: a conference, a notice, a phone that called in and was called
back, a code, a test of a trunk keep all laws; with one wrong record the law is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.asked import Added, Retries
from tests.chaos.evidence import CelLeg, Evidence, Notice
from tests.chaos.house import Blow
from tests.chaos.test_chaos_auditor import CALL, TALK_MS, T, blow, broken, cel_leg, cost, evidence, ring, trunks
from tests.chaos.trunk_facts import Owed
from tests.chaos.type_records import (
    AGAIN,
    BACK,
    ENDS,
    FIRST,
    HELD,
    NEXT,
    NOTICE,
    ONE,
    OTHER,
    TRY,
    USER,
    arrival,
    asked,
    call,
    called_in,
    conference,
    errand,
    held,
    leg,
    notice,
    rung_again,
    told,
)


def turned_away() -> Evidence:
    """He was let in, and has heard that nobody is there."""
    return called_in(
        shown=[{**FIRST, "reason": "interrupted", "hung_up_by": "system"}],
        arrivals={USER: [arrival(answered_at_ms=None, talked_ms=0)]},
        asked=[asked(ids=set(), numbers={ONE}, hung_ups={}, fits=frozenset({"completed"}))],
        cel={f"{CALL}.caller.0": cel_leg(answered_ms=None, hangup_ms=T + 2_200)},
    )


RIGHT: dict[str, Callable[[], Evidence]] = {
    "a conference": conference,
    "a conference that an outage of the store outlasted": lambda: conference(
        shown=call("conference", *HELD, reason="interrupted", hung_up_by="system", held_s=20),
        blows=[blow("RedisKilled", "redis")],
    ),
    "a notice": notice,
    "a recipient who was told, reminded, and has confirmed then": lambda: replace(
        rung_again({**TRY, "outcome": "unheard"}, {**AGAIN, "outcome": "confirmed", "key": "1"}, events=ENDS),
        asked=[asked(ids={NOTICE}, hung_ups={}, numbers={OTHER}, retries=Retries(1, 2))],
        rings={
            OTHER: [
                ring(OTHER),
                ring(OTHER, call_id="again", pressed="1", invited_at_ms=T + 60_000, answered_at_ms=T + 60_100,
                     ended_at_ms=T + 60_100 + TALK_MS),
            ]
        },
    ),
    "a phone that called in and is called back": called_in,
    "a phone that was told that nobody is there": lambda: called_in(
        shown=[{**FIRST, "reason": "interrupted", "hung_up_by": "system"}],
        arrivals={USER: [arrival(answered_at_ms=None, talked_ms=0)]}, cel={},
        asked=[asked(ids=set(), numbers={ONE}, fits=frozenset({"completed"}))],
    ),
    "a code that was read out": lambda: errand("verification"),
    "a code of whose end nothing could be written down before the PBX changed hands": lambda: replace(
        errand("verification", reason="interrupted"),
        blows=[Blow("RedisLinkCut", frozenset({"store"}), T + TALK_MS - 500, T + TALK_MS + 1_500)],
    ),
    "a test of a trunk": lambda: errand("trunk_test"),
}  # fmt: skip


@pytest.mark.parametrize("what", RIGHT)
def test_what_keeps_all_laws(what: str) -> None:
    assert broken(RIGHT[what]()) == ""


WRONG: dict[str, tuple[Callable[[], Evidence], str]] = {
    "legs' charges that do not add up": (lambda: held(p2={"charged_s": 4}), "its legs {'host': 5, 'p1': 5, 'p2': 4}"),
    "one leg charged for another": (lambda: held(p1={"charged_s": 8}, p2={"charged_s": 2}), "p1: charged 8 s"),
    "a conference charged once for all": (
        lambda: conference(shown=call("conference", HELD[0], *({**one, "charged_s": 0} for one in HELD[1:]))),
        "charge: ",
    ),
    "more of an overrun than three legs may have": (
        lambda: conference(shown=call("conference", *HELD, overrun_s=7)),
        "law 5: ",
    ),
    "a phone that was promised and is not there": (
        lambda: conference(asked=[asked(numbers={ONE, OTHER}, added=[Added("+8613910000312", is_done=True)])]),
        "is there 0 times",
    ),
    "a phone that was added twice": (
        lambda: conference(shown=call("conference", *HELD, leg("p3", OTHER, 5))),
        "is there 2 times",
    ),
    "a conference that a fault ended with minutes left": (
        lambda: conference(
            shown=call("conference", *HELD, reason="interrupted", hung_up_by="system"),
            blows=[blow("AppKilled", "app")],
        ),
        "went on: ",
    ),
    "a notice that goes on for ever": (lambda: notice(notices=told(state="waiting")), "is waiting"),
    "a notice that is lost": (
        lambda: notice(notices={NOTICE: Notice({"state": "not there", "recipients": []})}),
        "is not there",
    ),
    "a recipient whose end nobody is told of": (lambda: notice(notices=told(events=ENDS[:1])), "came to his end 0"),
    "events with a gap": (
        lambda: notice(notices=told(events=(ENDS[0], {**ENDS[1], "seq": 3}))),
        "its events count",
    ),
    "a recipient who was rung for no try": (lambda: rung_again(), "which is none of his tries"),
    "a recipient who was rung again after he had confirmed": (
        lambda: rung_again(TRY, AGAIN),
        "called again after he had confirmed",
    ),
    "a recipient who was rung too often": (lambda: rung_again(TRY, AGAIN), "2 tries of 2 calls, 1 were asked for"),
    "a machine that has confirmed": (
        lambda: notice(rings={OTHER: [ring(OTHER)]}),
        "has confirmed",
    ),
    "a key that was not heard": (
        lambda: notice(notices=told({**TRY, "outcome": "heard", "key": None}, state="heard")),
        "has pressed 1 and is heard",
    ),
    "who called in is not called back": (lambda: called_in(shown=[FIRST]), "0 times for 1"),
    "who called in is called back twice": (
        lambda: called_in(shown=[FIRST, BACK, {**BACK, "id": "c" + "d" * 26}]),
        "2 times for 1",
    ),
    "who called in is answered by nobody that is known": (
        lambda: called_in(arrivals={USER: [arrival()], OTHER: [arrival(from_user=OTHER, call_id="another")]}),
        "was answered, and no call is on record",
    ),
    "who called in was turned away while the PBX changed hands after an outage": (
        lambda: replace(turned_away(), blows=[Blow("RedisLinkStalled", frozenset({"store"}), T - 5_000, T - 1_000)]),
        "ended as interrupted",
    ),
    "a call that no phone made": (lambda: called_in(arrivals={}), "no phone did"),
    "who called in costs something": (
        lambda: replace(
            called_in(),
            trunks=trunks(
                costs=[*called_in().trunks.costs, cost("caller", USER)], report={"carrier": Owed(3, 3, 180_000)}
            ),
        ),
        "it called us, and a cost is noted",
    ),
    "a code that somebody pays for": (lambda: errand("verification", charged_s=5), "to nobody"),
    "a code that a fault broke off": (
        lambda: replace(errand("verification", reason="interrupted"), blows=[blow("AppKilled", "app")]),
        "went on: ",
    ),
    "a code that ended with nothing to show for it, after an outage": (
        lambda: replace(
            errand("verification", reason="interrupted"),
            blows=[Blow("RedisLinkCut", frozenset({"store"}), T + 500, T + TALK_MS - 500)],
        ),
        "went on: ",
    ),
    "a PIN of no call": (lambda: evidence(pins={"23456789": NEXT}), "no call is on record"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_one_wrong_record_is_named(what: str) -> None:
    make, sentence = WRONG[what]
    assert sentence in broken(make())


def test_of_two_calls_to_one_number_each_has_the_ring_of_its_own_channel() -> None:
    assert broken(rung_again({**TRY, "outcome": "unheard"}, AGAIN)) != ""
    later = CelLeg(started_ms=T + 60_000, answered_ms=None, hangup_ms=T + 60_200, starts=1)
    e = rung_again(TRY, AGAIN)
    assert "witness" in broken(replace(e, cel={**e.cel, f"{NEXT}.callee.0": later}))
