"""The only way a call changes.

An event never triggers an action. It changes *facts* (`observe`); then the call's flow looks at the facts and says
what is *wanted* (`plan`, a pure generator that reads downwards); what was not asked for yet is asked:

    event ──> observe ──> facts ──> plan ──> wishes ──> minus what was asked ──> to be saved, then performed

Why so: a task's place in its story dies with the process; here the record *is* the place. After a crash, what the
PBX reports is folded in as ordinary events, and `plan` asks for what is still missing. So:

- `observe` is monotone. A leg moves right on new < ringing < up < gone, a set only grows, a time is written once.
  Late, repeated and reordered events do no harm. It holds no policy: "a leg is gone, so end" is the flow's business.
- A wish has a key; a key is asked once. `Failed` frees a key (mostly a few times), `Recovered` frees what was never
  answered, save dials: asking again is harmless for hold, settle, bridge, join and hang-up, never for a dial. Only
  `NeverSent`, which needs the PBX's own record, frees a dial.
- `End` is a verdict: the first one stands, and the plan is read again with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import assert_never

from ari_app.domain import events as ev
from ari_app.domain.call import Call, End, Leg, LegState, Settlement, Try
from ari_app.domain.causes import MEDIA_CAUSE
from ari_app.domain.charging import shared
from ari_app.domain.recordings import with_begun, with_ended
from ari_app.domain.wishes import Wake, Wish, Yielded

Plan = Callable[[Call], Iterable[Yielded]]

FAILURES_MAX = 4
"""How often one wish may fail before it is given up (the flow then ends the call as interrupted)."""
HANGUP_FAILURES_MAX = 12
DIGITS_MAX = 128
"""Of one leg. The first ones: who confirmed with a key stays confirmed, whatever he keys for others to hear later."""
ASKS_MAX = 500
"""Commands from outside that one call takes."""
LEGS_MAX = 40
"""Of one call, those that have left and those that came to nothing among them."""
NOT_SAVED = "save"
"""Not a wish: what fails where the record cannot be saved, and so nobody can be rung."""


def step(call: Call, events: Iterable[ev.Event], plan: Plan) -> tuple[Call, list[Wish], int | None]:
    """Fold in what was observed, one event or several that came together; the plan is read once, on all of them.

    Returns the call, the new wishes in the plan's order, and when to look again (ms, or None).
    """
    for event in events:
        call = observe(call, event)
    wanted = list(plan(call))
    verdict = next((w for w in wanted if isinstance(w, End)), None)
    if verdict is not None and call.end is None:
        call = replace(call, end=replace(verdict, at_ms=call.now_ms))
        wanted = list(plan(call))
    new: dict[str, Wish] = {}
    wake: int | None = None
    for wish in wanted:
        if isinstance(wish, Wake):  # a time that has come already was seen by this very reading
            if wish.at_ms > call.now_ms:
                wake = wish.at_ms if wake is None else min(wake, wish.at_ms)
        elif not isinstance(wish, End) and wish.key not in call.asked and wish.key not in call.done:
            new.setdefault(wish.key, wish)
    if new:
        call = replace(call, asked=call.asked | new.keys())
    return call, list(new.values()), wake


def observe(call: Call, event: ev.Event) -> Call:
    """Fold one fact in. Monotone; an event that tells nothing new returns the call unchanged but for the time."""
    if event.at_ms > call.now_ms:
        call = replace(call, now_ms=event.at_ms)
    match event:
        case ev.Tick():
            return call
        case ev.Dialled() | ev.Rang() | ev.EarlyMedia() | ev.Answered() | ev.HangupSeen() | ev.Gone():
            return _observe_channel(call, event)
        case ev.NeverSent(leg=role, n=n):
            is_known = not call.has_leg(role) or n < len(call.leg(role).tries)
            return call if is_known else _forget(call, f"dial:{role}:{n}", f"hangup:{role}:{n}")
        case ev.Digit(leg=role, digit=digit):
            if not call.has_leg(role):
                return call
            leg = call.leg(role)
            is_told = (event.at_ms, digit) == (leg.digit_at_ms, leg.digits[-1:])  # twice
            if is_told or len(leg.digits) >= DIGITS_MAX:
                return call
            return call.with_leg(replace(leg, digits=leg.digits + digit, digit_at_ms=event.at_ms))
        case ev.Played(name=name, is_whole=is_whole):
            heard = call.heard | {name} if is_whole and name not in call.played else call.heard
            return replace(call, played=call.played | {name}, heard=heard, sounded_ms=max(event.at_ms, call.sounded_ms))
        case ev.Talking(leg=role, n=n, is_talking=is_talking):
            if not call.has_leg(role) or call.leg(role).n != n:
                return call
            return call.with_leg(replace(call.leg(role), is_talking=is_talking))
        case ev.LegAdded() | ev.Told():
            return _told(call, event)
        case ev.NotFound(digits=digits, why=why):
            return replace(call, unfound={**call.unfound, digits: why})
        case ev.LeadsTo(leg=to):
            return replace(call, leads_to=call.leads_to or to)
        case ev.Held(n=n, call_held_s=held_s) if n == call.holds:
            return replace(
                call, holds=n + 1, held_s=max(held_s, call.held_s), refused_at_ms=None, refusals=0,
                is_hold_in_doubt=False,
            )  # fmt: skip
        case ev.HoldRefused(n=n, why=why, at_ms=at_ms) if n == call.holds:
            return replace(
                call, refusals=call.refusals + 1, refused_at_ms=at_ms, refused_why=why, is_hold_in_doubt=False
            )
        case ev.Held() | ev.HoldRefused():
            return call
        case ev.Settled() as s:
            if call.settled is not None:
                return call
            done = Settlement(s.charged_s, s.overrun_s, s.used_s, s.rounded_s, shared(s.legs, s.charged_s))
            return replace(call, settled=done, settled_at_ms=s.at_ms, done=call.done | {"settle"})
        case ev.Cancel(at_ms=at_ms):
            return call if call.cancelled_at_ms is not None else replace(call, cancelled_at_ms=at_ms)
        case ev.Done(key=key):
            done_call = replace(call, done=call.done | {key})
            if key.startswith("whisper:warn"):
                return replace(done_call, warned_at_held_s=call.held_s)
            return done_call
        case ev.RecordingBegan(recording=recording):
            return replace(call, recordings=with_begun(call.recordings, recording))
        case ev.RecordingEnded(name=name, at_ms=at_ms, why=why):
            return replace(call, recordings=with_ended(call.recordings, name, at_ms, why))
        case ev.Failed(key=key):
            count = call.failed.get(key, 0) + 1
            in_doubt = call.is_hold_in_doubt or (call.holds > 0 and key.startswith("hold:"))
            call = replace(call, failed={**call.failed, key: count}, is_hold_in_doubt=in_doubt)
            return call if is_given_up(call, key) else _forget(call, key)
        case ev.Recovered(sounding=sounding):
            return _recovered(call, event.at_ms, sounding)
    assert_never(event)


def is_given_up(call: Call, key: str) -> bool:
    """Whether a wish failed too often to be asked again. A settlement is asked for ever, and so are further minutes for
    a call that goes on; a hang-up very often, and then the PBX's own timer does it."""
    kind = key.partition(":")[0]
    if kind == "settle" or (kind == "hold" and call.holds > 0):
        return False
    return call.failed.get(key, 0) >= (HANGUP_FAILURES_MAX if kind == "hangup" else FAILURES_MAX)


def _recovered(call: Call, at_ms: int, sounding: tuple[str, ...]) -> Call:
    """What was asked and not answered may be asked again, save dials. Recovery has hushed every sound that it could, as
    nobody can know which ones still go on: they count as played, and what is still wanted begins anew under another
    name."""
    played = call.played | {k.removeprefix("play:") for k in call.asked if k.startswith("play:")} - set(sounding)
    again = {f"stop:{name}" for name in sounding}
    legs = tuple(replace(leg, is_talking=False) if leg.is_talking else leg for leg in call.legs)  # nobody knows
    kept = (k for k in call.asked if k in call.done or k.startswith("dial:") or is_given_up(call, k))
    return replace(
        call, legs=legs, asked=frozenset(kept) - again | {f"play:{name}" for name in sounding}, done=call.done - again,
        played=played, sounded_ms=max(at_ms, call.sounded_ms), gaps=call.gaps + 1, sight_ms=at_ms,
        is_hold_in_doubt=call.holds > 0,
    )  # fmt: skip


def _told(call: Call, event: ev.LegAdded | ev.Told) -> Call:
    """What came from outside counts once for each command. What there is no room or no leg for is not taken, and its
    command stays unknown: whoever asked sees that."""
    if event.ask in call.asks or len(call.asks) >= ASKS_MAX:
        return call
    taken = replace(call, asks=call.asks | {event.ask})
    if isinstance(event, ev.LegAdded):
        role = event.leg.role if not event.stem else _free(call, event.stem)
        is_room = (
            len(call.legs) < LEGS_MAX and not call.has_leg(role) and not call.is_over and not is_there(call, event)
        )
        return replace(taken, legs=(*call.legs, replace(event.leg, role=role, ask=event.ask))) if is_room else call
    if not event.leg:
        return replace(taken, words=(*call.words, event.word))
    if not call.has_leg(event.leg):
        return call
    leg = call.leg(event.leg)
    return taken.with_leg(replace(leg, words=(*leg.words, event.word)))


def is_there(call: Call, event: ev.LegAdded) -> bool:
    """Of two who ask at once for the same phone, the second one finds it there."""
    same = (leg for leg in call.legs if leg.number == event.leg.number and not leg.came_in)
    return event.is_one_only and any(leg.is_live or (not leg.tries and not leg.is_removed) for leg in same)


def _free(call: Call, stem: str) -> str:
    return next(role for n in range(1, LEGS_MAX + 2) if not call.has_leg(role := f"{stem}{n}"))


def _forget(call: Call, *keys: str) -> Call:
    return replace(call, asked=call.asked - set(keys))


ChannelEvent = ev.Dialled | ev.Rang | ev.EarlyMedia | ev.Answered | ev.HangupSeen | ev.Gone


def _observe_channel(call: Call, event: ChannelEvent) -> Call:
    leg = call.leg(event.leg) if call.has_leg(event.leg) else None
    if leg is None or not 0 <= event.n <= len(leg.tries):
        return call  # a channel of a try that was never wanted: a stranger, which recovery hangs up
    if event.n == len(leg.tries):
        if f"dial:{leg.role}:{event.n}" not in call.asked:
            return call
        leg = replace(leg, tries=(*leg.tries, Try(dialled_at_ms=event.at_ms)))
    before = leg.tries[event.n]
    after = _observe_try(call, leg, before, event)
    if after is before:
        return call.with_leg(leg) if event.n == len(leg.tries) - 1 else call
    tries = (*leg.tries[: event.n], after, *leg.tries[event.n + 1 :])
    return call.with_leg(replace(leg, tries=tries))


def _observe_try(call: Call, leg: Leg, t: Try, event: ChannelEvent) -> Try:
    if t.state is LegState.GONE:
        return t
    match event:
        case ev.Dialled():
            return t
        case ev.Rang(at_ms=at_ms):
            return t if t.rang_at_ms is not None else replace(t, rang_at_ms=at_ms)
        case ev.EarlyMedia(at_ms=at_ms):
            return t if t.early_at_ms is not None else replace(t, early_at_ms=at_ms)
        case ev.Answered(at_ms=at_ms):
            return t if t.state is LegState.UP else replace(t, state=LegState.UP, answered_at_ms=at_ms)
        case ev.HangupSeen(remote=remote):
            # Tearing down at our own request may look like the far end's doing.
            if t.how is not None or not remote or f"hangup:{leg.role}:{event.n}" in call.asked:
                return t
            return replace(
                t, how="remote", hangup_at_ms=event.at_ms, cause=event.cause or t.cause,
                sip_status=event.sip_status or t.sip_status,
            )  # fmt: skip
        case ev.Gone():
            return _gone(call, leg, t, event)
    assert_never(event)


SIP_REFUSALS = 300  # and above: the far end's word


def _gone(call: Call, leg: Leg, t: Try, event: ev.Gone) -> Try:
    asked_by_us = f"hangup:{leg.role}:{event.n}" in call.asked
    how = t.how or event.how  # what was seen of the far end is truer than what is made of it later
    if how is None and not asked_by_us and (event.sip_status or 0) >= SIP_REFUSALS:
        how = "remote"
    if how is None:
        if event.cause == MEDIA_CAUSE and t.answered_at_ms is not None and not asked_by_us:
            how = "media"
        else:
            how = "ours" if asked_by_us else "cut"
    last_sound = t.last_sound_at_ms
    if how == "media":
        last_sound = event.at_ms - call.terms.media_timeout_ms
    # The far end's own cause, seen with its hang-up, is truer than what tearing down leaves behind.
    cause = t.cause if t.how == "remote" and t.cause is not None else event.cause
    return replace(
        t,
        state=LegState.GONE,
        how=how,
        cause=cause,
        sip_status=t.sip_status or event.sip_status,
        ended_at_ms=t.hangup_at_ms or event.at_ms,
        last_sound_at_ms=last_sound,
        why=event.why,
    )
