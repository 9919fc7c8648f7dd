"""What the caller of a callback hears beside the callee: prompt, ringback, announcements, the whispered warning.

Pure: facts in, sound wishes out. Knows when a sound is due; must not know why a call ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLEE, CALLER, Call, Leg
from ari_app.domain.causes import Reason, is_no_number
from ari_app.domain.wishes import HangUp, Play, Unwhisper, Wake, Whisper, Yielded
from ari_app.flows.moves import hush, sound_to, waiting_tones

WAITING_SOUND_MS = 1_000  # a callee network that gives no sign for this long: the caller hears ringback meanwhile
HEARD_ENOUGH_MS = 1_000  # after this much early media the callee's network has said why; we do not say it again
CONFIRM_DIGIT = "1"

ANNOUNCED = {
    Reason.CALLEE_BUSY: "busy",
    Reason.CALLEE_NO_ANSWER: "no_answer",
    Reason.CALLEE_REJECTED: "unavailable",
    Reason.CALLEE_UNREACHABLE: "unavailable",  # unless there is no such number: `why_sound`
    Reason.TRUNK_FAILED: "trunk_failed",
}


def is_confirmed(c: Call, caller: Leg) -> bool:
    return not c.terms.confirm_caller or CONFIRM_DIGIT in caller.digits


def is_in_time_to_confirm(c: Call, caller: Leg, at_ms: int) -> bool:
    if is_confirmed(c, caller):
        return True
    return at_ms < (caller.answered_at_ms or 0) + c.terms.confirm_timeout_ms


def ask_to_confirm(c: Call, caller: Leg) -> Iterator[Yielded]:
    rounds = sum(1 for name in c.played if name.startswith("confirm"))
    if rounds < 3:
        yield sound_to(caller, f"confirm{rounds}", "confirm")
    yield Wake((caller.answered_at_ms or 0) + c.terms.confirm_timeout_ms)


def waiting_sound(c: Call, caller: Leg, callee: Leg) -> Iterator[Yielded]:
    """Prompt, then ringback or music, until the callee's network or the callee is heard."""
    t = callee.last
    tones = waiting_tones(c)  # one that began during an earlier try goes on over the next
    early = t is not None and t.early_at_ms is not None and c.terms.early_media == "all"
    for n in range(3):
        yield from hush(c, caller, f"confirm{n}", "confirm")
    if callee.is_up or early:
        yield from hush(c, caller, "prompt", "prompt")
        for tone in tones:
            yield from hush(c, caller, tone, c.terms.waiting)
    elif c.terms.prompt and not c.terms.confirm_caller and "prompt" not in c.played:
        yield sound_to(caller, "prompt", "prompt")
    elif t is not None and callee.is_live and not tones:
        quiet_until_ms = t.dialled_at_ms + WAITING_SOUND_MS
        heard_ringing = t.rang_at_ms is not None or t.early_at_ms is not None
        if heard_ringing or c.now_ms >= quiet_until_ms:
            yield sound_to(caller, f"waiting{callee.n}" + (f"r{c.gaps}" if c.gaps else ""), c.terms.waiting)
        else:
            yield Wake(quiet_until_ms)


def announce(c: Call, caller: Leg, callee: Leg) -> Iterator[Yielded]:
    """Tell the caller why the callee was not reached, unless the callee's network has said it already."""
    if not is_announcing(c):
        return
    assert c.end is not None
    for name in sorted(k.removeprefix("play:") for k in c.asked if k.startswith("play:")):
        if name != "announce":
            yield from hush(c, caller, name, c.terms.waiting if name.startswith("waiting") else name)
    if callee.is_live:
        yield HangUp(CALLEE, callee.n)
    yield Play(CALLER, caller.n, "announce", why_sound(c.end.reason, callee))
    yield Wake(c.end.at_ms + c.terms.announce_limit_ms)


def why_sound(reason: Reason, callee: Leg) -> str:
    """A number that does not exist is worth other words than a phone that is switched off."""
    t = callee.last
    if reason is Reason.CALLEE_UNREACHABLE and t is not None and is_no_number(t.cause, t.sip_status):
        return "not_in_service"
    return ANNOUNCED[reason]


def is_announcing(c: Call) -> bool:
    caller, callee = c.leg(CALLER), c.leg(CALLEE)
    if c.end is None or c.end.reason not in ANNOUNCED or not caller.is_up or not callee.tries:
        return False
    if c.cancelled_at_ms is not None or "announce" in c.played:
        return False
    if c.now_ms >= c.end.at_ms + c.terms.announce_limit_ms:
        return False
    return not has_said_why(c, callee)


def has_said_why(c: Call, callee: Leg) -> bool:
    """The callee's own network, before it was answered."""
    t = callee.last
    if t is None or t.early_at_ms is None or c.terms.early_media == "none":
        return False
    return (t.ended_at_ms or c.now_ms) - t.early_at_ms >= HEARD_ENOUGH_MS


def warn(c: Call, payer: Leg, began_ms: int) -> Iterator[Yielded]:
    """The payer alone hears that the minutes are ending, while the conversation goes on."""
    name = f"warn{c.holds}"
    for key in sorted(k for k in c.asked if k.startswith("whisper:")):
        spoken = key.removeprefix("whisper:")
        if spoken in c.played:
            yield Unwhisper(spoken)
    fresh = c.warned_at_held_s is None or c.held_s - c.warned_at_held_s >= c.terms.warning_s
    due_ms = began_ms + 1000 * (c.held_s - c.terms.warning_s)
    if not fresh or c.refused_at_ms is None:
        return
    yield Whisper(payer.role, payer.n, name, "minutes_ending") if c.now_ms >= due_ms else Wake(due_ms)
