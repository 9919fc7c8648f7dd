"""The laws of what only some call types have, over the whole run: each recipient of a notice is rung once for each of
his tries and no more when he has confirmed; each phone that was added to a conference is there once; each who called in
is called back once.

As auditor.py: from the evidence to sentences, one for each breach.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.chaos.asked import Asked
from tests.chaos.cases import Case
from tests.chaos.evidence import Evidence, Notice, Ring, Shown
from tests.chaos.judging import inbound, notice
from tests.chaos.reasons import OURS

OPEN = ("pending", "calling", "waiting")
CONFIRMING = ("confirmed", "connect")
FINAL = ("notice_confirmed", "notice_heard", "notice_not_answered", "notice_recipient_cancelled")
BUSY = 486
AWAY_MS = 10_000
"""A call back that is asked for while nobody can place it comes so much later, at least."""


# ---- notices --------------------------------------------------------------------------------------------------------


def every_notice_comes_to_its_end(e: Evidence, _cases: list[Case]) -> Iterator[str]:
    for asked, told in _notices(e):
        if told.shown["state"] not in ("done", "cancelled"):
            yield f"notices: {asked.id} ({asked.story}) is {told.shown['state']}"
        for one in told.shown["recipients"]:
            if one["state"] in OPEN:
                yield f"notices: {asked.id}: {one['number']} is {one['state']}"
        if [one["seq"] for one in told.events] != list(range(1, len(told.events) + 1)):
            yield f"notices: {asked.id}: its events count {[one['seq'] for one in told.events]}"
        finals = Counter(one["n"] for one in told.events if one["type"] in FINAL)
        for one in told.shown["recipients"]:
            if not 1 <= finals[one["n"]] <= _rounds(asked):
                yield f"notices: {asked.id}: {one['number']} came to his end {finals[one['n']]} times, by its events"


def each_recipient_is_rung_once_for_each_try(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    for asked, told in _notices(e):
        for one in told.shown["recipients"]:
            mine = [case for case in all_cases if case.type == notice.TYPE and one["number"] in case.numbers.values()]
            yield from (f"notices: {asked.id}: {sentence}" for sentence in _wrong_with(asked, one, mine))


def _wrong_with(asked: Asked, one: Shown, mine: Sequence[Case]) -> Iterator[str]:
    number, tries = one["number"], {t["call"]: t for t in one["tries"]}
    if len(tries) > _tries(asked) or len(tries) < len(one["tries"]):
        yield f"{number} has {len(one['tries'])} tries of {len(tries)} calls, {_tries(asked)} were asked for"
    for case in mine:
        if case.rings["callee"] and case.id not in tries:
            yield f"{number} was rung by {case}, which is none of his tries"
    for id in tries.keys() - {case.id for case in mine}:
        yield f"{number} was tried by {id}, and no such call is on record"
    confirmed = [case for case in mine if case.id in tries and tries[case.id]["outcome"] in CONFIRMING]
    if (one["state"] == "confirmed") != bool(confirmed):
        yield f"{number} is {one['state']}, after {[t['outcome'] for t in one['tries']]}"
    for case in confirmed:
        key, rings = tries[case.id]["key"], case.rings["callee"]
        if not any(key in ring.pressed for ring in rings) and not _is_not_written(case):
            yield f"{number} has confirmed {case} by {key}, and pressed {[ring.pressed for ring in rings]}"
        if [other for other in mine if _began_ms(other) > _began_ms(case)]:
            yield f"{number} was called again after he had confirmed {case}"
    pressed = [case for case in mine if any("1" in ring.pressed for ring in case.rings["callee"])]
    if any(not case.blows for case in pressed) and one["state"] != "confirmed":
        yield f"{number} has pressed 1 and is {one['state']}"


def _is_not_written(case: Case) -> bool:
    """A carrier that died, or whose phone was hung up in the midst of the key, has not written it down."""
    return case.lost_a_carrier() or case.hit_by("pbx", *OURS)


def _notices(e: Evidence) -> Iterator[tuple[Asked, Notice]]:
    for asked in e.asked:
        for id in asked.ids & e.notices.keys():
            yield asked, e.notices[id]


def _tries(asked: Asked) -> int:
    return asked.retries.tries * asked.retries.rounds if asked.retries is not None else 0


def _rounds(asked: Asked) -> int:
    return asked.retries.rounds if asked.retries is not None else 0


def _began_ms(case: Case) -> int:
    return min((leg.started_ms for leg in case.channels.values() if leg.started_ms is not None), default=0)


# ---- conferences ----------------------------------------------------------------------------------------------------


def each_phone_that_was_added_is_there_once(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    by_id = {case.id: case for case in all_cases}
    for asked in e.asked:
        case = by_id.get(asked.id)
        for added in asked.added if case is not None else ():
            there = [number for number in case.numbers.values() if number == added.number] if case else []
            if not int(added.is_done) <= len(there) <= 1:
                yield f"added: {case}: {added.number} is there {len(there)} times, and it was promised: {added.is_done}"


# ---- phones that call in --------------------------------------------------------------------------------------------


def who_is_answered_is_on_record(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    known = {ring.invite for case in all_cases for role, rings in case.rings.items() if case.came_in(role)
             for ring in rings}  # fmt: skip
    for rings in e.arrivals.values():
        for ring in rings:
            if ring.answered_at_ms is not None and ring.invite not in known:
                yield f"records: {ring.from_user} called {ring.number} and was answered, and no call is on record"


def who_called_is_called_back_once(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    for asked in e.asked:
        mine = [case for case in all_cases if case.asked is asked and not asked.ids]
        came = [case for case in mine if case.type == inbound.TYPE and case.came_in("caller")]
        back = [case for case in mine if case not in came]
        due = sum(_is_to_be_called_back(asked, case) for case in came)
        calls = e.arrivals.get(asked.who.number, ())
        if not came and any(_finds_it_busy(ring) for ring in calls):
            if len(back) > len(calls) or (not back and not _befell(e, calls[0])):
                yield f"called back: {asked.story}: {len(back)} times after it was busy"
        elif asked.follows and len(back) != due:
            yield f"called back: {asked.story}: {len(back)} times for {due}: {', '.join(map(str, came))}"


def _is_to_be_called_back(asked: Asked, case: Case) -> bool:
    """He was not to be taken; or he has keyed a number, and hung up."""
    if case.shown.get("hung_up_by") == "api":
        return False
    has_keyed = "callee" in case.legs and not case.legs["callee"]["tried"]
    return asked.follows == "always" or (asked.follows == "keyed" and has_keyed)


def _finds_it_busy(ring: Ring) -> bool:
    return ring.sip_status == BUSY


def _befell(e: Evidence, ring: Ring) -> bool:
    return any(blow.touches(ring.invited_at_ms - 1_000, ring.invited_at_ms + AWAY_MS) for blow in e.blows)


LAWS_OF_TYPES = (
    every_notice_comes_to_its_end, each_recipient_is_rung_once_for_each_try, each_phone_that_was_added_is_there_once,
    who_is_answered_is_on_record, who_called_is_called_back_once,
)  # fmt: skip
