"""What the phone of a notice hears, sound by sound, and what its keys mean. Pure; knows no money and no end.

A sound's name says which repetition it belongs to, and ends in the number of gaps before it: what a gap has cut short
is said once more.
"""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLEE, Call, Leg
from ari_app.domain.wishes import Wake, Yielded
from ari_app.flows.moves import hush, sound_to

AGAIN, TO_SENDER = "2", "3"
AGAIN_MAX = 5
PAUSE_MS = 4_000
"""For a key, before it is said once more, or the end."""


def speak(c: Call, phone: Leg) -> Iterator[Yielded]:
    """One sound after the other. A key that decides, or asks for it again, cuts short what is being said."""
    due = next((step for step in script(c) if not is_said(c, step[0])), None)
    name = "" if due is None else f"{due[0]}_{c.gaps}"
    for begun in sorted(k.removeprefix("play:") for k in c.asked if k.startswith("play:")):
        if begun != name:
            yield from hush(c, phone, begun, "")
    begins_at_ms = c.sounded_ms + (PAUSE_MS if is_pause_due(c, due) else 0)
    if c.now_ms < begins_at_ms:
        yield Wake(begins_at_ms)
    elif due is not None:
        yield sound_to(phone, name, due[1])


def script(c: Call) -> list[tuple[str, str]]:
    """What he hears, in order, by name: those of a repetition that he asked for are new."""
    if pressed := key(c):
        return [("bye", "we_call_back" if pressed == TO_SENDER else "goodbye")]
    again = min(phone_keys(c).count(AGAIN), AGAIN_MAX)
    parts = [] if again else [("intro", "notice_from")]
    for n in range(int(c.given["rounds"])):
        parts += [(f"said_{again}_{n}", c.given["said"]), (f"menu_{again}_{n}", menu(c.given["confirm"]))]
    return parts


def menu(confirm: str) -> str:
    first = {"": "", "1": "press_1_confirm&"}.get(confirm, f"press_n_confirm:{confirm}&")
    return f"{first}press_2_again&press_3_sender"


def is_pause_due(c: Call, due: tuple[str, str] | None) -> bool:
    """After each menu: there is time for a key."""
    is_end = due is None and not key(c)
    return is_end or (due is not None and due[0].startswith("said_") and not due[0].endswith("_0"))


def is_said(c: Call, name: str) -> bool:
    """What a gap has cut short is said once more."""
    return f"{name}_{c.gaps}" in c.played or any(f"{name}_{gap}" in c.heard for gap in range(c.gaps))


def is_all_said(c: Call) -> bool:
    is_over = all(is_said(c, name) for name, _ in script(c))
    return is_over and (bool(key(c)) or c.now_ms >= c.sounded_ms + PAUSE_MS)


def phone_keys(c: Call) -> str:
    return c.leg(CALLEE).digits


def key(c: Call) -> str:
    """The first key that decides: the one that confirms, or the one to be called back; "": none yet."""
    return next((digit for digit in phone_keys(c) if digit in (c.given["confirm"], TO_SENDER)), "")


def was_heard(c: Call) -> bool:
    """Whether the text itself was played to its end, at least once. A sound that we stopped tells the same end."""
    return any(name.startswith("said_") and f"stop:{name}" not in c.asked for name in c.heard)
