"""The laws of the product over a whole run: each is one function from the evidence to sentences, one for each breach.

Compares independent records with each other (tests/chaos/evidence.py); test_chaos_auditor.py feeds each law with wrong
ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.ledger_types import What
from tests.chaos.cases import Case, Tried, cases
from tests.chaos.charge_laws import CHARGE_LAWS
from tests.chaos.evidence import LEG, Evidence
from tests.chaos.judging import judge_of
from tests.chaos.reasons import CLOSED, OURS
from tests.chaos.told_laws import TOLD_LAWS
from tests.chaos.trunk_laws import TRUNK_LAWS
from tests.chaos.trunk_run_laws import TRUNK_LAWS_OF_THE_RUN
from tests.chaos.type_laws import LAWS_OF_TYPES

WHOLE_S_MS = 1_000
WENT_ON_MIN = 0.999


@dataclass(frozen=True)
class Audit:
    broken: tuple[str, ...]
    cases: tuple[Case, ...]


def audit(e: Evidence) -> Audit:
    all_cases = cases(e)
    broken = [sentence for law in LAWS for case in all_cases for sentence in law(e, case)]
    broken += [sentence for whole in LAWS_OF_THE_RUN for sentence in whole(e, all_cases)]
    return Audit(tuple(broken), tuple(all_cases))


# ---- of each call -----------------------------------------------------------------------------------------------


def has_ended_truly(_e: Evidence, case: Case) -> Iterator[str]:
    if case.shown["state"] != "ended":
        yield f"ends: {case} is {case.shown['state']}"
    elif case.reason not in CLOSED or case.shown.get("hung_up_by") not in ("caller", "callee", "system", "api"):
        yield f"ends: {case} ended as {case.reason} by {case.shown.get('hung_up_by')}"
    elif case.reason not in (fitting := judge_of(case).fitting(case)):
        yield f"ends: {case} ended as {case.reason}; what fits is {', '.join(sorted(fitting))}"


def moved_on_only(_e: Evidence, case: Case) -> Iterator[str]:
    """Through its states. What the API shows may not be saved yet: it is lost with its process, or with the node."""
    if case.asked is not None and case.asked.went_back and not case.hit_by(*OURS):
        yield f"states: {case} went back {', '.join(case.asked.went_back)}"


def carrier_agrees_with_cel(_e: Evidence, case: Case) -> Iterator[str]:
    """An answer and an end are seen by both sides; a carrier or a PBX that died, or stood still, has not seen them."""
    if case.lost_a_carrier() or case.hit_by("pbx"):
        return
    for tried in case.tries():
        leg = tried.cel
        if leg is None or _goes_on_elsewhere(case, tried):
            continue
        up = [ring for ring in tried.rings if ring.answered_at_ms is not None]
        if leg.answered_ms is None and up and up[0].talked_ms is not None and up[0].talked_ms <= WHOLE_S_MS:
            continue  # its answer and our CANCEL have crossed: each side is right
        if (leg.answered_ms is not None) != bool(up):
            yield f"witness: {case}, {tried}: CEL says answered {leg.answered_ms}, the carrier {bool(up)}"
        elif up and leg.answered_ms is not None and leg.hangup_ms is not None and up[0].talked_ms is not None:
            apart_ms = leg.hangup_ms - leg.answered_ms - up[0].talked_ms
            if abs(apart_ms) > WHOLE_S_MS:
                yield f"witness: {case}, {tried}: CEL says {apart_ms} ms more than the carrier"


def _goes_on_elsewhere(case: Case, tried: Tried) -> bool:
    """One who called us, and was led into a conference, is one call to the carrier and two to us."""
    return tried.came_in and (case.type == "conference" or (case.asked is not None and case.asked.leads_on))


def is_owed_once_as_shown(e: Evidence, case: Case) -> Iterator[str]:
    """What is noted of its legs is what the API shows of them, and no leg that was answered is missing."""
    noted = e.owed.get(case.id, {})
    for role, leg in case.legs.items():
        if case.came_in(role):
            continue
        mine = {channel: micro for channel, micro in noted.items() if channel.startswith(f"{case.id}.{role}.")}
        if sum(mine.values()) != leg["cost"]["micro"]:
            yield f"owed: {case}, {role}: {leg['cost']['micro']} micro are shown, noted is {mine}"
        answered = case.cel[role].answered_ms if role in case.cel else None
        if answered is not None and not mine:
            yield f"owed: {case}, {role}: CEL says answered, and nothing is noted"


def no_phone_was_rung_twice(_e: Evidence, case: Case) -> Iterator[str]:
    """An INVITE that is sent again to a carrier that died and came back has the same Call-ID: it is the same try."""
    for tried in case.tries():
        if len(tried.rings) > 1 and not case.hit_by(tried.trunk) and not tried.came_in:
            yield f"law 7: {case}, {tried}: rung {len(tried.rings)} times for one try"
    for channel, leg in case.channels.items():
        if leg.starts > 1:
            yield f"law 7: {case}, {channel}: its channel was made {leg.starts} times"


LAWS: tuple[Callable[[Evidence, Case], Iterator[str]], ...] = (
    has_ended_truly, moved_on_only, carrier_agrees_with_cel, is_owed_once_as_shown, no_phone_was_rung_twice,
    *CHARGE_LAWS, *TRUNK_LAWS,
)  # fmt: skip


# ---- of the run -------------------------------------------------------------------------------------------------


def every_account_is_sound(e: Evidence, _cases: list[Case]) -> Iterator[str]:
    for payer, account in e.accounts.items():
        for sentence in check_laws(account):
            yield f"ledger: {payer}: {sentence}"


def every_top_up_counts_once(e: Evidence, _cases: list[Case]) -> Iterator[str]:
    for asked in e.asked:
        account = e.accounts.get(asked.who.user)
        lines = [line for line in account.lines if line.what is What.BONUS] if account is not None else []
        got_s = sum(line.seconds for line in lines)
        told_s = sum(one.seconds for one in asked.top_ups if one.is_done)
        if not told_s <= got_s <= sum(one.seconds for one in asked.top_ups):
            yield f"grants: {asked.who.user} was told of {told_s} s, his statement of {got_s} s"


def every_answer_is_kept(e: Evidence, _cases: list[Case]) -> Iterator[str]:
    """A call that was promised is there, once, and one that was refused is not."""
    for asked in e.asked:
        if len(asked.ids) > 1:
            yield f"keys: {asked.key} stands for {sorted(asked.ids)}"
        for id in asked.ids - e.shown.keys() - e.notices.keys():
            yield f"records: {id} ({asked.story}) was promised and is not there"
        may_be = asked.may_be_refused | ({"balance-empty"} if asked.who.has_s is not None else set())
        if asked.refused and asked.refused not in may_be:
            yield f"answers: {asked.story} was refused: {asked.refused}"
        for oddity in asked.oddities:
            yield f"answers: {asked.id} ({asked.story}): {oddity}"
    yield from e.oddities


def nobody_else_was_rung(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    """Every channel and every INVITE belongs to a call that is on record."""
    known = {case.id for case in all_cases}
    for channel in e.cel:
        if (named := LEG.match(channel)) and named[1] not in known:
            yield f"records: {channel} was on the PBX, and no call is on record"
    numbers = {number for case in all_cases for number in case.numbers.values()}
    for number in e.rings.keys() - numbers:
        yield f"records: the carrier was asked for {number}, and no call is on record"
    for pin, call in e.pins.items():
        if call not in known:
            yield f"records: a PIN ({pin}) leads to {call}, and no call is on record"


def nothing_is_left(e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    """A phone whose PBX died hears of no end: of that its carrier has to find out by itself, by its own timers."""
    for thing in e.left.things:
        yield f"left: {thing}, {e.left.clear_after_s:.0f} s after the faults ended"
    for case in all_cases:
        for role, rings in case.rings.items():
            lost = any(one.hit_by("pbx") or one.lost_a_carrier() for one in those_with(case, role, all_cases))
            if any(ring.ended_at_ms is None for ring in rings) and not lost:
                yield f"left: {case}: the phone of the {role} is still up at the carrier"
    for payer, account in e.accounts.items():
        if account.held_s:
            yield f"left: {account.held_s} s are held for {payer}"


def those_with(case: Case, role: str, all_cases: list[Case]) -> list[Case]:
    """It, and where a phone that called us was handed over to: a PIN leads into a call that goes on."""
    number = case.numbers.get(role)
    also = (one for one in all_cases if case.came_in(role) and number in one.numbers.values() and one is not case)
    return [case, *also]


def calls_went_on(_e: Evidence, all_cases: list[Case]) -> Iterator[str]:
    """Of those with both phones up whose PBX and carrier lived: not ended by a fault of ours."""
    went_on, dropped = those_who_went_on(all_cases)
    if len(went_on) < WENT_ON_MIN * (len(went_on) + len(dropped)):
        for case in dropped:
            yield f"went on: {case} was ended as {case.reason} by {case.shown.get('hung_up_by')}"


def those_who_went_on(all_cases: list[Case], *targets: str) -> tuple[list[Case], list[Case]]:
    """And those who did not. `targets`: only calls that were hit by one of these."""
    mine = [
        case
        for case in all_cases
        if judge_of(case).was_up(case)
        and not (case.hit_by("pbx") or case.lost_a_carrier())
        and (not targets or case.hit_by(*targets))
    ]
    dropped = [case for case in mine if judge_of(case).ended_by_us(case)]
    gone = {case.id for case in dropped}
    return [case for case in mine if case.id not in gone], dropped


LAWS_OF_THE_RUN: tuple[Callable[[Evidence, list[Case]], Iterator[str]], ...] = (
    every_account_is_sound, every_top_up_counts_once, every_answer_is_kept, nobody_else_was_rung, nothing_is_left,
    calls_went_on, *TRUNK_LAWS_OF_THE_RUN, *LAWS_OF_TYPES, *TOLD_LAWS,
)  # fmt: skip
