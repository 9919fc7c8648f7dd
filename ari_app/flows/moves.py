"""Steps that several flows share. Pure: facts in, wishes out. Knows the wishes; must not know any one call type."""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import Call, End, Leg, LegState, Try
from ari_app.domain.causes import HungUpBy, Outcome, Reason, reason
from ari_app.domain.charging import Charge
from ari_app.domain.step import is_given_up
from ari_app.domain.wishes import (
    CloseBridge,
    Dial,
    HangUp,
    Hold,
    Play,
    Settle,
    Stop,
    StopRecording,
    Unwhisper,
    Wake,
    Yielded,
)  # fmt: skip

CUTOFF_GRACE_MS = 500
"""The PBX cuts this much after we would, so that a living app ends the call itself and knows why."""

ARRIVES_MS = 10_000
"""A channel that is said to come in, and is not here by then, never will be; and one that is picked up answers."""

UNDIALLED_GRACE_MS = 4_000
"""The PBX itself ends a dial 2 s after the ring time-out. A channel that still stands mute some time later was made and
never dialled, however often it came into sight since: each sight begins the wait for a sign anew."""


def reach(c: Call, leg: Leg, *, life_ms: int, early: bool = False) -> Iterator[Yielded]:
    """Ring a leg over its routes, one try after another; a trunk that gives no sign in time has failed, and so has a
    route whose own time to ring is over."""
    if leg.state is LegState.RINGING and leg.last is not None:
        if not may_have_rung(c, leg):
            pdd_ms = leg.routes[leg.n].pdd_ms or c.terms.pdd_timeout_ms
            silent_at_ms = max(leg.last.dialled_at_ms, c.sight_ms) + pdd_ms
            silent_at_ms = min(silent_at_ms, leg.last.dialled_at_ms + leg.ring_ms + UNDIALLED_GRACE_MS)
            yield HangUp(leg.role, leg.n) if c.now_ms >= silent_at_ms else Wake(silent_at_ms)
        elif may_ring_elsewhere(leg):
            rung_at_ms = leg.last.dialled_at_ms + leg.ring_ms
            yield HangUp(leg.role, leg.n) if c.now_ms >= rung_at_ms else Wake(rung_at_ms)
        return
    n = leg.next_try
    wanted = leg.state is LegState.NEW or leg.goes_on
    if wanted and n is not None:
        yield Dial(leg.role, n, life_ms=life_ms, ring_ms=leg.ring_ms_of(n), early=early)


def may_ring_elsewhere(leg: Leg) -> bool:
    """A device of his rings, and there is another way to reach him."""
    return leg.is_on_net and leg.next_try is not None


def may_have_rung(c: Call, leg: Leg) -> bool:
    """A sign was seen, or may have been given while nobody watched: then the ring time-out judges, as a phone that
    rings must not be taken for a dead trunk and rung again over the next."""
    t = leg.last
    return t is not None and (t.gave_sign or (c.sight_ms > t.dialled_at_ms and f"dial:{leg.role}:{leg.n}" in c.done))


def is_exhausted(leg: Leg) -> bool:
    """The leg came to nothing, and no further route may be tried."""
    if leg.state is not LegState.GONE or leg.answered_at_ms is not None:
        return False
    return not leg.goes_on or leg.next_try is None


def end_unanswered(c: Call, leg: Leg, role: str = "") -> End | None:
    """Of a leg that nobody has answered: it came to nothing, or its time has run out. None while it may be. `role`: as
    which of the two, caller or callee, it is told; "": as itself."""
    t, role = leg.last, role or leg.role
    if t is None:
        return None
    if is_exhausted(leg):
        why = reason(role, leg.outcome or Outcome.UNKNOWN)
        by_the_phone = t.how == "remote" and why is not Reason.TRUNK_FAILED
        return End(why, HungUpBy(role) if by_the_phone else HungUpBy.SYSTEM)
    if has_rung_out(c, leg):
        return End(reason(role, Outcome.NO_ANSWER), HungUpBy.SYSTEM)
    return None


def has_rung_out(c: Call, leg: Leg) -> bool:
    """It rings still, and its time to ring is over."""
    t = leg.last
    if t is None or not leg.is_live or leg.is_up or not may_have_rung(c, leg) or may_ring_elsewhere(leg):
        return False
    return c.now_ms >= t.dialled_at_ms + leg.ring_ms


def arrives_by_ms(c: Call, t: Try) -> int:
    """Of one who calls us, or goes on from another call to this one."""
    return max(t.dialled_at_ms, t.rang_at_ms or 0, c.sight_ms) + ARRIVES_MS


def keep_funded(c: Call, used_s: int, cap_s: int) -> Iterator[Yielded]:
    """Hold the first slice before anything is dialled, and further ones before the warning would be due."""
    t = c.terms
    if is_funded(c, used_s, cap_s):
        return
    target_s = _target_s(c, used_s, cap_s)
    yield from hold_more(c, min(max(t.slice_s, target_s - c.held_s), max(cap_s - c.held_s, 1)))


def hold_more(c: Call, want_s: int) -> Iterator[Yielded]:
    """Where there was none just now, only a moment later: so that a top-up is noticed."""
    if c.refused_at_ms is not None and c.holds > 0 and not c.is_hold_in_doubt:
        again_at_ms = c.refused_at_ms + c.terms.hold_retry_ms
        if c.now_ms < again_at_ms:
            yield Wake(again_at_ms)
            return
    yield Hold(c.holds, want_s, c.refusals)


def is_funded(c: Call, used_s: int, cap_s: int) -> bool:
    return c.holds > 0 and c.held_s >= _target_s(c, used_s, cap_s)


def _target_s(c: Call, used_s: int, cap_s: int) -> int:
    return min(used_s + c.terms.warning_s + c.terms.margin_s, cap_s)


def sound_to(leg: Leg, name: str, sound: str) -> Play:
    return Play(leg.role, leg.n, name, sound)


def hush(c: Call, leg: Leg, name: str, sound: str) -> Iterator[Yielded]:
    """Stop a sound that was begun and has not ended."""
    if f"play:{name}" in c.asked and name not in c.played:
        yield Stop(leg.role, leg.n, name, sound)


def waiting_tones(c: Call) -> list[str]:
    """Names of the endless sounds that were begun, and of whose end nothing was heard."""
    names = (k.removeprefix("play:") for k in sorted(c.asked) if k.startswith("play:waiting"))
    return [name for name in names if name not in c.played]


def tones_in_doubt(c: Call) -> list[str]:
    """Those that only a gap has counted as ended. One that was asked for over the lost link may begin after that."""
    return sorted(name for name in c.played if name.startswith("waiting") and f"stop:{name}" not in c.done)


def wind_down(c: Call, charge: Charge) -> Iterator[Yielded]:
    """Hang up what lives, close the bridge, settle once nothing can be used any more."""
    pending = False
    for leg in c.legs:
        asked_n = c.dial_pending(leg)
        if leg.is_live:
            pending = True
            yield HangUp(leg.role, leg.n)
        if asked_n is not None:
            pending = True
            yield HangUp(leg.role, asked_n)
    for key in sorted(c.asked):
        if key.startswith("whisper:"):
            yield Unwhisper(key.removeprefix("whisper:"))
    yield from stop_recordings(c)
    if pending:
        return
    if "bridge" in c.done:  # asked for and not answered: the answer, or recovery, will tell whether there is one
        yield CloseBridge()
    yield Settle(charge.used_s, charge.rounded_s, tuple((leg.role, leg.rounded_s) for leg in charge.legs))


def stop_recordings(c: Call) -> Iterator[Yielded]:
    """Those that run; of one of which nothing was heard yet its answer, or recovery, tells whether it does."""
    for one in c.recordings:
        if one.is_running or one.why:
            yield StopRecording(one.name, one.file)


def gave_up(c: Call, *keys: str) -> bool:
    """A wish that the call cannot live without failed too often."""
    return any(is_given_up(c, key) and (key in keys or key.split(":", 1)[0] in keys) for key in c.failed)
