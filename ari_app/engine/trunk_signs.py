"""What the tries of a call say of their trunks: that it works, that it failed, or nothing. Pure.

Any sign of the far network (180, 183, an answer) says that it works, and so does a refusal in which the called person
had a part; a carrier's fault by domain.causes, after the trunk's own table, that it failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ari_app.domain.call import Call, Leg, LegState, Try
from ari_app.domain.causes import Outcome

NO_CONTACT = "no_contact"
SAYS_NOTHING = (Outcome.UNKNOWN, Outcome.CANCELLED)


@dataclass(frozen=True, slots=True)
class Sign:
    """`worked` None: it is over, and says nothing of the trunk. `why`: of a failure. `waited_ms`: since its dial."""

    trunk: str
    channel: str
    worked: bool | None
    why: str = ""
    waited_ms: int = 0


def signs(before: Call, after: Call) -> Iterator[Sign]:
    """What is new."""
    for leg in after.legs:
        old = before.leg(leg.role).tries if before.has_leg(leg.role) else ()
        if leg.tries is old or leg.came_in:
            continue
        for n, t in enumerate(leg.tries[: len(leg.routes)]):
            was = old[n] if n < len(old) else None
            if t is was or leg.routes[n].device:
                continue
            trunk, channel = leg.routes[n].trunk, f"{after.id}.{leg.role}.{n}"
            if t.gave_sign:
                if was is None or not was.gave_sign:
                    yield Sign(trunk, channel, True, waited_ms=_waited_ms(t))
            elif t.state is LegState.GONE and (was is None or was.state is not LegState.GONE):
                yield Sign(trunk, channel, *_verdict(after, leg, n, t), _waited_ms(t))


def _waited_ms(t: Try) -> int:
    signs = (t.rang_at_ms, t.early_at_ms, t.answered_at_ms, t.ended_at_ms)
    return max(0, min((at for at in signs if at is not None), default=t.dialled_at_ms) - t.dialled_at_ms)


def _verdict(call: Call, leg: Leg, n: int, t: Try) -> tuple[bool | None, str]:
    if t.how == "failed":
        return (False, "no contact") if t.why == NO_CONTACT else (None, "")
    waited_ms = (t.ended_at_ms or 0) - t.dialled_at_ms
    if t.how == "ours":  # given up in time, it could still have given a sign
        is_silent = waited_ms >= min(call.terms.pdd_timeout_ms, leg.ring_timeout_ms)
        return (False, f"no sign within {waited_ms} ms") if is_silent else (None, "")
    ended = leg.outcome_of(n)
    if ended is None or ended in SAYS_NOTHING or t.how != "remote":
        return None, ""
    if ended is not Outcome.TRUNK_FAILED:
        return True, ""
    return False, f"SIP {t.sip_status}" if t.sip_status else f"cause {t.cause}"
