"""What one who is to key a number or a PIN hears, and what he has keyed. Pure: facts in, sound wishes out. Knows keys;
must not know why a call ends.

He is asked in stages: for each number that he keys, and then whether he wants to be connected. In each he is asked
again while he keys nothing, a few times.
"""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLEE, Call, Leg
from ari_app.domain.wishes import Wake, Yielded
from ari_app.flows.moves import hush, sound_to

END, ERASE, CONNECT = "#", "*", "1"
TRIES_MAX, ROUNDS_MAX = 3, 3
MENU_MS_MAX = 300_000
"""In a menu nobody is longer."""
WRONG = {
    "pin": "pin_wrong", "pin-not-begun": "conference_not_begun", "pin-over": "conference_over",
    "pin-full": "conference_full", "no-capacity": "trunk_failed", "elsewhere": "out_of_order",
}  # fmt: skip
"""Why nobody can be rung for what was keyed, and how that is told; else it cannot be called."""


def keyed(leg: Leg) -> str:
    """The last number that was ended with #; * begins it anew."""
    entries = leg.digits.split(END)
    return entries[-2].rpartition(ERASE)[2] if len(entries) > 1 else ""


def is_to_be_sought(c: Call, leg: Leg) -> bool:
    return bool(keyed(leg)) and not c.has_leg(CALLEE) and keyed(leg) not in c.unfound


def is_chosen(c: Call, leg: Leg) -> bool:
    """He is to be connected at once: he presses 1 after the number. Whom we called back need not choose."""
    if not leg.came_in or (c.has_leg(CALLEE) and is_under_way(c, c.leg(CALLEE))):
        return True
    return may_connect(c) and CONNECT in leg.digits.rpartition(END)[2]


def is_under_way(c: Call, callee: Leg) -> bool:
    """What he keys now changes nothing any more."""
    return bool(callee.tries) or c.refusals > 0 or (c.holds > 0 and not has_nothing_to_key_for(c))


def has_nothing_to_key_for(c: Call) -> bool:
    """Without minutes there is no use in asking for a number; unless a PIN may be keyed."""
    return c.given["mode"] == "menu" and has_no_minutes(c) and c.given.get("pins") != "1"


def may_connect(c: Call) -> bool:
    """Else who called is always called back: the number that he seems to call from may be another's."""
    return c.given.get("connect", "1") == "1"


def wrong_words(c: Call, leg: Leg) -> str:
    """Why nobody can be rung for what he keyed last; "" where somebody can, or he keyed nothing."""
    if not tries(leg) or c.has_leg(CALLEE):
        return ""
    return WRONG.get(c.unfound.get(keyed(leg), ""), "cannot_be_called")


def tries(leg: Leg) -> int:
    return leg.digits.count(END)


def is_lost(c: Call, leg: Leg) -> bool:
    """Too many wrong numbers, or nothing keyed for too long."""
    if is_to_be_sought(c, leg):
        return False
    if not c.has_leg(CALLEE) and tries(leg) >= TRIES_MAX:
        return True
    is_silent = _round(c, leg) >= _rounds_max(c) and c.now_ms >= _patience_ends_ms(c, leg)
    return is_silent or c.now_ms >= menu_ends_ms(leg)


def menu_ends_ms(leg: Leg) -> int:
    return (leg.answered_at_ms or 0) + MENU_MS_MAX


def ask_keys(c: Call, leg: Leg) -> Iterator[Yielded]:
    """Who keys hears no more of what he is asked for; who keys nothing is asked again."""
    name, is_keying = _name(c, leg), bool(leg.digits.rpartition(END)[2])
    is_sounding = f"play:{name}" in c.asked and name not in c.played
    yield from hush_menu(c, leg, but="" if is_keying else name)
    yield Wake(menu_ends_ms(leg))
    if is_sounding:
        return
    until_ms = _patience_ends_ms(c, leg)
    if c.now_ms < until_ms and (is_keying or _round(c, leg) > 0):
        yield Wake(until_ms)
    elif _round(c, leg) < _rounds_max(c):
        yield sound_to(leg, name, _words(c, leg))


def hush_menu(c: Call, leg: Leg, but: str = "") -> Iterator[Yielded]:
    """Every sound of the menu that still goes on, but for one."""
    for key in sorted(c.asked):
        name = key.removeprefix("play:")
        if key.startswith("play:menu_") and name != but:
            yield from hush(c, leg, name, "menu")


# ---- stages and rounds ----------------------------------------------------------------------------------------------


def _stage(c: Call, leg: Leg) -> str:
    """One that was interrupted by a gap begins anew."""
    return f"menu_{'choice' if c.has_leg(CALLEE) else tries(leg)}_{c.gaps}_"


def _round(c: Call, leg: Leg) -> int:
    """How often he was asked in this stage, to the end of it or until he keyed."""
    return sum(1 for name in c.played if name.startswith(_stage(c, leg)))


def _rounds_max(c: Call) -> int:
    return 1 if c.has_leg(CALLEE) and not may_connect(c) else ROUNDS_MAX


def _name(c: Call, leg: Leg) -> str:
    return f"{_stage(c, leg)}{_round(c, leg)}"


def _patience_ends_ms(c: Call, leg: Leg) -> int:
    return max(leg.answered_at_ms or 0, leg.digit_at_ms or 0, c.sounded_ms) + c.terms.confirm_timeout_ms


def _words(c: Call, leg: Leg) -> str:
    if c.has_leg(CALLEE):
        return "connect_or_hang_up" if may_connect(c) else "we_call_back"
    asks = "enter_pin" if c.given["mode"] == "pin" else "key_number"
    if c.given.get("pins") == "1" and asks == "key_number":
        asks = "enter_pin" if has_no_minutes(c) else "key_number&enter_pin"
    if wrong := wrong_words(c, leg):
        return f"{wrong}&{asks}"
    if _round(c, leg) or c.given["mode"] == "pin":
        return asks
    minutes = "no_minutes" if has_no_minutes(c) else f"minutes_left:{c.given.get('minutes', '0')}"
    return f"greeting&{minutes}&{asks}"


def has_no_minutes(c: Call) -> bool:
    return c.given.get("minutes", "0") == "0"
