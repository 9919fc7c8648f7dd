"""The minutes of a call whose legs burn each from its own answer: what must be held, when that ends, who may be rung
for it, and what the payer hears of it. Pure; knows legs that cost something, and no call type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ari_app.domain import charging
from ari_app.domain.call import Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge, Talk
from ari_app.domain.step import is_given_up
from ari_app.domain.units import Increment
from ari_app.domain.wishes import Cutoff, Unwhisper, Wake, Whisper, Yielded
from ari_app.flows.moves import CUTOFF_GRACE_MS, hold_more

CUT_TOGETHER_MS = 2_000
"""The PBX cuts all legs at one time, by a timer of each: these come this close together."""


def charge(c: Call) -> Charge:
    """Each leg's, up to its end or to now."""
    return charging.charge(charging.each_leg, talks(c), c.now_ms, increment(c))


def talks(c: Call) -> list[Talk]:
    """All that were tried. A lost one talked to its last sound; one that we failed to join, not at all."""
    return [
        Talk(leg.role, t.answered_at_ms, t.alive_until_ms, not leg.came_in, leg.is_on_net)
        for leg in c.legs
        if (t := leg.last) is not None and not is_given_up(c, f"join:{leg.role}:{leg.n}")
    ]


def increment(c: Call) -> Increment:
    return Increment.parse(c.terms.increment)


# ---- what must be held ----------------------------------------------------------------------------------------------


def first_s(c: Call, leg: Leg) -> int:
    """What is held before this phone is rung, and while it rings: its first increment. 0: it costs nothing."""
    n = leg.n if leg.is_live else len(leg.tries)
    is_free = leg.came_in or (n < len(leg.routes) and bool(leg.routes[n].device))
    return 0 if is_free else increment(c).initial_s


def burnt_s(c: Call, at_ms: int) -> int:
    """Until then, in whole increments, if all who are there stay. Begun seconds count."""
    return charging.charge(charging.each_leg, talks(c), at_ms + 999, increment(c)).rounded_s


def is_ringing(c: Call, leg: Leg) -> bool:
    return leg.answered_at_ms is None and (leg.is_live or c.dial_pending(leg) is not None)


def spare_s(c: Call) -> int:
    """What is held beyond what is burnt now and what is kept for the phones that ring. Who answers burns at once."""
    return c.held_s - burnt_s(c, c.now_ms + 1) - sum(first_s(c, leg) for leg in c.legs if is_ringing(c, leg))


def lacks_ms(c: Call) -> int | None:
    """When those who talk will have burnt what is not kept for the phones that ring. None: they burn nothing."""
    kept_s = sum(first_s(c, leg) for leg in c.legs if is_ringing(c, leg))
    return charging.funds_end_ms(talks(c), c.held_s - kept_s, increment(c))


def keep_legs_funded(c: Call, awaited: Sequence[Leg], cap_ms: int) -> Iterator[Yielded]:
    """For all who talk until the next slice and the warning, and for all who are awaited (they ring, or shall) their
    first increment. Nothing for what is beyond cap_ms."""
    awaited_s = sum(first_s(c, leg) for leg in awaited)
    missing_s = burnt_s(c, min(_low_ms(c, c.now_ms), cap_ms)) + awaited_s - c.held_s
    if missing_s <= 0 and c.holds > 0:
        ends_ms = charging.funds_end_ms(talks(c), c.held_s - awaited_s, increment(c))
        if ends_ms is not None and ends_ms < cap_ms:
            yield Wake(ends_ms - (_low_ms(c, 0)) + 1)
        return
    burning = sum(1 for leg in c.legs if leg.is_up and first_s(c, leg))
    most_s = burnt_s(c, cap_ms) + awaited_s - c.held_s
    yield from hold_more(c, max(1, missing_s, min(most_s, c.terms.slice_s * max(1, burning))))


def _low_ms(c: Call, at_ms: int) -> int:
    return at_ms + 1000 * (c.terms.warning_s + c.terms.margin_s)


def is_more_to_come(c: Call) -> bool:
    """The ledger was asked and has not answered, or was not asked since a gap."""
    return f"hold:{c.holds}:{c.refusals}" in c.asked or c.is_hold_in_doubt


# ---- when it ends ---------------------------------------------------------------------------------------------------


def ends_at_ms(c: Call, cap_ms: int, *, is_uncut: bool = False) -> int:
    """When what is held ends, at most cap_ms. `is_uncut`: had the PBX not cut those whom it did last."""
    end_ms = charging.funds_end_ms(_uncut(talks(c), c) if is_uncut else talks(c), c.held_s, increment(c))
    return cap_ms if end_ms is None else min(end_ms, cap_ms)


def _uncut(said: list[Talk], c: Call) -> list[Talk]:
    cut = {leg.role: t.ended_at_ms for leg in c.legs if (t := leg.last) and t.how == "cut" and t.ended_at_ms}
    since_ms = max(cut.values(), default=0) - CUT_TOGETHER_MS
    return [replace(one, ended_at_ms=None) if cut.get(one.role, since_ms) > since_ms else one for one in said]


def end_by_clock(c: Call, at_ms: int, cap_ms: int, *, is_uncut: bool = False) -> End | None:
    """That the balance is empty is said only if the ledger said so: where it could not be asked, or we were not there
    to ask, the fault is ours."""
    if at_ms >= cap_ms:
        return End(Reason.MAX_DURATION, HungUpBy.SYSTEM)
    if at_ms < ends_at_ms(c, cap_ms, is_uncut=is_uncut):
        return None
    return End(Reason.INTERRUPTED if c.refused_at_ms is None else Reason.BALANCE_EMPTY, HungUpBy.SYSTEM)


def end_of_cut(c: Call, leg: Leg, cap_ms: int) -> End:
    """Of a leg that the PBX cut, or that ended nobody knows how."""
    ended_ms = (leg.last.ended_at_ms if leg.last else None) or c.now_ms
    return end_by_clock(c, ended_ms + CUTOFF_GRACE_MS, cap_ms, is_uncut=True) or End(
        Reason.INTERRUPTED, HungUpBy.SYSTEM
    )


def is_cut_unasked(c: Call, leg: Leg, cap_ms: int) -> bool:
    """The PBX cut it at what was held, before the ledger could be asked for more: nobody knows yet whether the balance
    is empty, or whether we were too late."""
    if c.is_over or leg.last is None or leg.last.how in ("remote", "media", "ours"):
        return False
    ended_ms = (leg.last.ended_at_ms or 0) + CUTOFF_GRACE_MS
    guess = end_by_clock(c, ended_ms, cap_ms, is_uncut=True)
    if guess is None or guess.reason is Reason.MAX_DURATION:
        return False
    return guess.reason is Reason.INTERRUPTED or is_more_to_come(c)


def watch_the_clock(c: Call, cap_ms: int, payer: Leg, legs: Sequence[Leg]) -> Iterator[Yielded]:
    """The timers of these legs in the PBX stand at the end of what is held; the payer alone is warned of it."""
    ends_ms = ends_at_ms(c, cap_ms)
    if not c.is_hold_in_doubt or ends_ms > _low_ms(c, c.now_ms):
        # In doubt, the PBX may have been told of more than is known here, and must not be told of less.
        ended = sum(1 for leg in c.legs if leg.answered_at_ms is not None and not leg.is_up)
        for leg in legs:
            if leg.is_up:
                yield Cutoff(leg.role, leg.n, ends_ms + CUTOFF_GRACE_MS, c.holds + ended)
    yield Wake(ends_ms)
    yield from _warn(c, payer, ends_ms, cap_ms)


def _warn(c: Call, payer: Leg, ends_ms: int, cap_ms: int) -> Iterator[Yielded]:
    """Once for each end: an end that has moved away by a warning's length is another one."""
    told_ms = [0]
    for key in sorted(k for k in c.asked if k.startswith("whisper:warn")):
        spoken = key.removeprefix("whisper:")
        told_ms.append(int(spoken.removeprefix("warn")))
        if spoken in c.played:
            yield Unwhisper(spoken)
    if c.refused_at_ms is None or ends_ms >= cap_ms or not payer.is_up:
        return
    due_ms = ends_ms - 1000 * c.terms.warning_s
    if c.now_ms < due_ms:
        yield Wake(due_ms)
    elif due_ms > max(told_ms):
        yield Whisper(payer.role, payer.n, f"warn{ends_ms}", "minutes_ending")
