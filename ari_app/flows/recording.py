"""Recording a talk, for any call type whose plan yields from it: where it was asked for, at the start or while the talk
goes on; not before all who are there have heard that it is; until it is stopped.

Pure: facts in, wishes out. Each leg is recorded by itself, what it says; or all together, over one of them, what that
hears and says: whoever that is, when he leaves another one's takes over, as a recording of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ari_app.domain.call import Call, Leg
from ari_app.domain.recordings import Recording, file_of
from ari_app.domain.wishes import Play, Record, StopRecording, Unwhisper, Wake, Whisper, Yielded

RECORD, UNRECORD = "record", "unrecord"
"""What is said of the whole call from outside: `record mixed` or `record legs`, and `unrecord`. And by which name it is
given from the start, with `mixed` or `legs`."""
MIXED, LEGS = "mixed", "legs"
ROUNDS_MAX = 20
"""How often one call may be recorded anew; what is asked for beyond is not heard."""
TELLINGS_MAX = 3
DOUBT_MS = 2_000  # the end of a leg and that of its recording come on two ways
CONSENT = {"beep": "beep", "announcement": "recorded"}


@dataclass(frozen=True, slots=True)
class Round:
    """What was asked for once, from its beginning to its end. `n` counts them."""

    n: int
    what: str
    is_stopped: bool = False


def from_start(what: str | None) -> dict[str, str]:
    """For Wants.given."""
    return {RECORD: what} if what else {}


def rounds(c: Call) -> list[Round]:
    found: list[Round] = []
    from_start = [f"{RECORD} {c.given[RECORD]}"] if RECORD in c.given else []
    for word in (*from_start, *c.words):
        verb, _, what = word.partition(" ")
        is_on = bool(found) and not found[-1].is_stopped
        if verb == RECORD and what in (MIXED, LEGS) and not is_on and len(found) < ROUNDS_MAX:
            found.append(Round(len(found), what))
        elif verb == UNRECORD and is_on:
            found[-1] = replace(found[-1], is_stopped=True)
    return found


def asked_for(c: Call) -> str:
    """`mixed`, `legs`, or "": it is not to be recorded now."""
    found = rounds(c)
    return found[-1].what if found and not found[-1].is_stopped else ""


def record(c: Call, there: Sequence[Leg]) -> Iterator[Yielded]:
    """`there`: who hear each other now."""
    if not c.secret:  # a call of an older version: the names of its recordings could be guessed
        return
    yield from hush_consents(c)
    for one in rounds(c):
        if one.is_stopped or not there or any(cannot_be_told(c, one, leg) for leg in there):
            yield from stop(c, one)
        elif all(is_told(c, one, leg) for leg in there):
            if has_begun(c, one) or not is_somebody_coming(c):
                yield from run(c, one, there)
        else:
            for leg in there:
                if not is_told(c, one, leg):
                    yield Whisper(leg.role, leg.n, consent_name(c, one, leg), CONSENT[c.terms.consent])


def run(c: Call, one: Round, there: Sequence[Leg]) -> Iterator[Yielded]:
    taken = [tape for tape in c.recordings if is_of(tape, one)]
    for tape in taken:
        yield from doubt(c, one, tape, there)
    if any(tape.why for tape in taken):  # no room, say: the next one would fail, too
        yield from stop(c, one)
        return
    for tape in taken:  # of a leg that is there no more
        if tape.is_running and tape.leg not in [leg.role for leg in there]:
            yield StopRecording(tape.name, tape.file)
    if one.what == LEGS:
        for leg in there:
            yield tape_of(c, one, leg, hears_all=False)
    elif not any(tape.is_running for tape in taken):
        yield tape_of(c, one, there[0], hears_all=True)


def doubt(c: Call, one: Round, tape: Recording, there: Sequence[Leg]) -> Iterator[Yielded]:
    """It ended, nobody stopped it, and its leg is there: whoever stops it now finds out that it broke off."""
    if tape.ended_at_ms is None or tape.name not in [tape_name(one, leg) for leg in there]:
        return
    if c.now_ms >= tape.ended_at_ms + DOUBT_MS:
        yield StopRecording(tape.name, tape.file)
    else:
        yield Wake(tape.ended_at_ms + DOUBT_MS)


def tape_of(c: Call, one: Round, leg: Leg, *, hears_all: bool) -> Record:
    name = tape_name(one, leg)
    file = file_of(c.secret, name, c.created_at_ms, c.tenant)
    return Record(leg.role, leg.n, name, file, "mixed" if hears_all else "leg", "both" if hears_all else "in")


def stop(c: Call, one: Round) -> Iterator[Yielded]:
    for tape in c.recordings:
        if is_of(tape, one) and (tape.is_running or tape.why):
            yield StopRecording(tape.name, tape.file)


def has_begun(c: Call, one: Round) -> bool:
    """Or is about to."""
    return any(key.startswith(f"record:{prefix(one)}") for key in c.asked)


def is_somebody_coming(c: Call) -> bool:
    """Whom the others will hear in a moment, and who has heard of nothing."""
    keys = [f"join:{leg.role}:{leg.n}" for leg in c.legs if leg.is_up]
    return any(key in c.asked and key not in c.done for key in keys)


def is_of(tape: Recording, one: Round) -> bool:
    return tape.name.startswith(prefix(one))


def tape_name(one: Round, leg: Leg) -> str:
    return f"{prefix(one)}{leg.role}_{leg.n}"


def prefix(one: Round) -> str:
    return f"rec{one.n}_"


# ---- consent --------------------------------------------------------------------------------------------------------


def is_told(c: Call, one: Round, leg: Leg) -> bool:
    """He heard it to its end."""
    return c.terms.consent == "none" or any(name.startswith(consent_of(one, leg)) for name in c.heard)


def cannot_be_told(c: Call, one: Round, leg: Leg) -> bool:
    """It broke off each time, or is not to be had: then nothing is recorded of anybody."""
    return not is_told(c, one, leg) and len(tellings(c, one, leg)) >= TELLINGS_MAX


def is_to_be_told(c: Call, leg: Leg) -> bool:
    """One who comes while it is recorded hears so before he is heard."""
    found = [one for one in rounds(c) if not one.is_stopped]
    is_on = bool(found) and has_begun(c, found[-1])
    return is_on and not is_told(c, found[-1], leg) and not cannot_be_told(c, found[-1], leg)


def tell(c: Call, leg: Leg) -> Iterator[Yielded]:
    yield Play(leg.role, leg.n, consent_name(c, rounds(c)[-1], leg), CONSENT[c.terms.consent])


def is_being_told(c: Call, leg: Leg) -> bool:
    """Before he is heard: it sounds in his ear alone."""
    names = (key.removeprefix("play:") for key in c.asked if key.startswith("play:consent"))
    return any(f"_{leg.role}_{leg.n}_" in name and name not in c.played for name in names)


def consent_of(one: Round, leg: Leg) -> str:
    return f"consent{one.n}_{leg.role}_{leg.n}_"


def tellings(c: Call, one: Round, leg: Leg) -> list[str]:
    return [name for name in c.played if name.startswith(consent_of(one, leg))]


def consent_name(c: Call, one: Round, leg: Leg) -> str:
    """One that broke off is said again; a gap may have swallowed the news of its end."""
    return f"{consent_of(one, leg)}{len(tellings(c, one, leg))}r{c.gaps}"


def hush_consents(c: Call) -> Iterator[Yielded]:
    """The channels over which they were said."""
    for key in sorted(c.asked):
        name = key.removeprefix("whisper:")
        if name != key and name.startswith("consent") and name in c.played:
            yield Unwhisper(name)
