"""The names of all events as they are called outside, and when each comes: what may be asked for, and what is told to
whoever asks for something else. Pure."""

from __future__ import annotations

from collections.abc import Mapping

EVENTS: Mapping[str, str] = {
    "call.queued": "The call was accepted; no phone rings yet.",
    "call.ringing_caller": "The caller's phone is rung.",
    "call.caller_answered": "The caller has answered.",
    "call.ringing_callee": "The callee's phone is rung; of a call with one phone, that phone.",
    "call.talking": "They talk; of a conference, the first participant has come.",
    "call.ended": "It is over, with `reason`, `hung_up_by`, `charged_s` and `overrun_s`.",
    "call.leg_added": "A conference: somebody was added while it went on.",
    "call.leg_ringing": "A conference: a participant's phone rings.",
    "call.leg_answered": "A conference: a participant has answered.",
    "call.leg_ended": "A conference: a participant has left, or was not reached; `outcome` says how.",
    "call.leg_muted": "A conference: a participant was muted.",
    "call.leg_unmuted": "A conference: a participant may be heard again.",
    "call.leg_talking": "A conference: a participant speaks; one change a second of each at most.",
    "call.leg_silent": "A conference: a participant speaks no more.",
    "notice.created": "The notice was accepted.",
    "notice.heard": "A recipient has heard it, where no key is asked for.",
    "notice.confirmed": "A recipient has pressed the key that confirms.",
    "notice.not_answered": "A recipient did not get it, or did not confirm it, and is not rung any more.",
    "notice.recipient_cancelled": "The notice was cancelled before a recipient was reached.",
    "notice.recall": "A recipient asked to be connected to the sender; what came of it.",
    "notice.reminded": "It was asked that all who did not confirm be rung again.",
    "notice.cancelled": "The notice was cancelled.",
    "notice.done": "Nobody is rung for it any more.",
}
ALL = "*"
TEST = "webhook.test"
"""Of `POST …/test`; it cannot be asked for, and comes to that webhook alone."""
GROUPS = tuple(dict.fromkeys(f"{name.partition('.')[0]}.*" for name in EVENTS))


def pattern_of(word: str) -> str | None:
    """As it is kept: `call.ended`, `call.*`, `*`; a bare `ended` is `call.ended`. None: there is no such event."""
    if word in EVENTS or word in GROUPS or word == ALL:
        return word
    return next((name for name in EVENTS if name.partition(".")[2] == word), None)


def words() -> list[str]:
    """All that `pattern_of` may be meant by, for whoever mistyped."""
    return [*EVENTS, *GROUPS, *(name.partition(".")[2] for name in EVENTS)]
