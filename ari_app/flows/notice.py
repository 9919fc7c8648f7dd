"""A notice to one phone: it is rung, hears the text, and presses a key: to confirm, to hear it again, or to be called
back and connected to the sender. Nothing but a key confirms: an answering machine presses none. The sender pays.

Pure; knows nothing of Asterisk, Redis or time but the facts of the call, and nothing of other recipients or tries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ari_app.domain import charging
from ari_app.domain.call import CALLEE, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge, Talk
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.units import Increment
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import Cutoff, Wake, Yielded
from ari_app.flows.moves import CUTOFF_GRACE_MS, end_unanswered, gave_up, hush, is_funded, keep_funded, reach, wind_down
from ari_app.flows.moves import sound_to as play

TYPE = "notice"
STATES = ("queued", "ringing_callee", "talking", "ended")
AGAIN, TO_SENDER = "2", "3"
ROUNDS = 3
"""How often it is said to one who presses nothing."""
AGAIN_MAX = 5
PAUSE = "notice_pause"


@dataclass(frozen=True, slots=True)
class Request:
    """`said`, and what is said around it, are sounds: `text:<id>`; "": left out. `confirm`: the key that confirms; "":
    it is enough to have heard it. `notice`: whose recipient number `n` this is, for whoever asked."""

    sender: str
    recipient: str
    said: str
    intro: str = ""
    menu: str = ""
    thanks: str = ""
    recall: str = ""
    confirm: str = ""
    language: str = ""
    lasts_s: int = 120
    notice: str = ""
    n: int = 0


def wants(r: Request) -> Wants:
    sounds = {"said": r.said, "intro": r.intro, "menu": r.menu, "thanks": r.thanks, "recall": r.recall}
    return Wants(
        (Party(CALLEE, r.recipient, "recipient", shows_payer=True),), payer=r.sender, payer_at="sender",
        terms={"max_duration_s": r.lasts_s, "warning_s": 0},
        given=sounds | {"confirm": r.confirm, "notice": r.notice, "n": str(r.n)},
    )  # fmt: skip


def plan(c: Call) -> Iterator[Yielded]:
    phone = c.leg(CALLEE)
    verdict = ended(c, phone)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from wind_down(c, charge(c))
        return
    if c.held_s == 0:
        yield from keep_funded(c, 0, c.terms.max_duration_s)
        return  # nothing is dialled before minutes are held
    yield from reach(c, phone, life_ms=max(phone.ring_timeout_ms, 1000 * c.held_s) + CUTOFF_GRACE_MS)
    if phone.last is not None and phone.is_live and not phone.is_up:
        yield Wake(phone.last.dialled_at_ms + phone.ring_timeout_ms)
    if phone.is_up:
        yield from stay_funded(c, phone)
        yield from speak(c, phone)


# ---- what is said -----------------------------------------------------------------------------------------------


def speak(c: Call, phone: Leg) -> Iterator[Yielded]:
    """One sound after the other. A key that decides, or asks for it again, cuts short what is being said."""
    script = the_last_word(c) if key(c) else the_notice(c)
    due = next((f"{name}_{c.gaps}" for name, _ in script if not is_said(c, name)), "")
    for begun in sorted(k.removeprefix("play:") for k in c.asked if k.startswith("play:")):
        if begun != due:
            yield from hush(c, phone, begun, "")
    for name, sound in script:
        if f"{name}_{c.gaps}" == due:
            yield play(phone, due, sound)


def the_notice(c: Call) -> list[tuple[str, str]]:
    """What he hears, and its names: those of a repetition that he asked for are new."""
    again, sounds = min(phone_keys(c).count(AGAIN), AGAIN_MAX), c.given
    script = [] if again else [("intro", sounds["intro"])]
    for n in range(ROUNDS):
        script += [(f"{part}_{again}_{n}", sounds.get(part, PAUSE)) for part in ("said", "menu", "pause")]
    return [(name, sound) for name, sound in script if sound]


def the_last_word(c: Call) -> list[tuple[str, str]]:
    sound = c.given["recall" if key(c) == TO_SENDER else "thanks"]
    return [("bye", sound)] if sound else []


def is_said(c: Call, name: str) -> bool:
    """What a gap has cut short is said once more."""
    return f"{name}_{c.gaps}" in c.played or any(f"{name}_{gap}" in c.heard for gap in range(c.gaps))


def phone_keys(c: Call) -> str:
    return c.leg(CALLEE).digits


def key(c: Call) -> str:
    """The first key that decides: the one that confirms, or the one to be called back; "": none yet."""
    return next((digit for digit in phone_keys(c) if digit in (c.given["confirm"], TO_SENDER)), "")


def was_heard(c: Call) -> bool:
    """Whether the text itself was played to its end, at least once. A sound that we stopped tells the same end."""
    return any(name.startswith("said_") and f"stop:{name}" not in c.asked for name in c.heard)


# ---- how it ends ------------------------------------------------------------------------------------------------


def ended(c: Call, phone: Leg) -> End | None:
    """The verdict on the facts; None while it goes on."""
    if c.is_over:
        return None
    if phone.answered_at_ms is not None:
        return end_of_talk(c, phone)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "hold", "dial", NOT_SAVED):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    if c.holds == 0 and c.refused_at_ms is not None:
        return End(Reason.BALANCE_EMPTY if c.refused_why == "empty" else Reason.REFUSED, HungUpBy.SYSTEM)
    return end_unanswered(c, phone)


def end_of_talk(c: Call, phone: Leg) -> End | None:
    t = phone.last
    assert t is not None
    if t.how in ("remote", "media"):
        by_him = t.how == "remote"
        return End(Reason.COMPLETED, HungUpBy.CALLEE) if by_him else End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if all(is_said(c, name) for name, _ in (the_last_word(c) if key(c) else the_notice(c))):
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    if c.cancelled_at_ms is not None:
        return End(Reason.COMPLETED, HungUpBy.API)
    if (c.now_ms if t.ended_at_ms is None else t.ended_at_ms) >= ends_at_ms(c, phone):
        is_empty = c.refused_at_ms is not None and c.held_s < c.terms.max_duration_s
        return End(Reason.BALANCE_EMPTY if is_empty else Reason.MAX_DURATION, HungUpBy.SYSTEM)
    return None if t.ended_at_ms is None else End(Reason.INTERRUPTED, HungUpBy.SYSTEM)


# ---- its money --------------------------------------------------------------------------------------------------


def stay_funded(c: Call, phone: Leg) -> Iterator[Yielded]:
    used_s, most_s = charge(c).used_s, c.terms.max_duration_s
    yield from keep_funded(c, used_s, most_s)
    if is_funded(c, used_s, most_s) or not c.is_hold_in_doubt:
        # In doubt, the PBX may have been told of more than is known here, and must not be told of less.
        yield Cutoff(phone.role, phone.n, ends_at_ms(c, phone) + CUTOFF_GRACE_MS)
    yield Wake(ends_at_ms(c, phone))
    if c.held_s < most_s:
        yield Wake((phone.answered_at_ms or 0) + 1000 * (c.held_s - c.terms.margin_s + 1))


def ends_at_ms(c: Call, phone: Leg) -> int:
    most_s = c.terms.max_duration_s
    return (phone.answered_at_ms or 0) + 1000 * (most_s if phone.is_on_net else min(c.held_s, most_s))


def charge(c: Call) -> Charge:
    """The phone, from its answer."""
    talks = [
        Talk(leg.role, t.answered_at_ms, t.alive_until_ms, is_on_net=leg.is_on_net)
        for leg in c.legs
        if (t := leg.last) is not None
    ]
    so_far_ms = c.now_ms if c.end is None else c.end.at_ms
    return charging.charge(charging.each_leg, talks, so_far_ms, Increment.parse(c.terms.increment))


def state(c: Call) -> str:
    phone = c.leg(CALLEE)
    if c.settled is not None:
        return "ended"
    if phone.answered_at_ms is not None:
        return "talking"
    return "ringing_callee" if phone.tries or c.dial_pending(phone) is not None else "queued"


def talk_began_ms(c: Call) -> int | None:
    return c.leg(CALLEE).answered_at_ms
