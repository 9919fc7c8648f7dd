"""The demo call and its story: who rang when, what each phone heard, what it cost. A client of the API and a reader of
the simulated carrier's record; it knows no engine, so what it tells is what an outsider sees."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from ari_app.entrypoints import follow
from ari_app.entrypoints.cli_common import clock, money
from ari_app.entrypoints.client import Client, Failure
from ari_app.entrypoints.views import at_ms

if TYPE_CHECKING:
    from ari_app.stack.carrier import CarrierCall

USER = "demo"
CALLER, CALLEE = "+8613900000001", "+8613900000004"
"""Phones of the simulated carrier: each plays a tone of its own and records what it hears."""
TALK_S = 5.0
AT_MOST_S = 60.0
Write = Callable[[str], None]

STEPS = {
    "queued": "accepted, {held} held",
    "ringing_caller": "the caller's phone rings: {caller} sees {caller_sees}",
    "caller_answered": "the caller answers",
    "ringing_callee": "the callee's phone rings: {callee} sees {callee_sees}{own}",
    "talking": "the callee answers: they talk",
    "ended": "ended: {reason}, hung up by {by}",
}
WHO = {"caller": "the caller", "callee": "the callee", "system": "the system", "api": "the API"}


def tone_hz(number: str) -> int | None:
    """What a phone of the simulated carrier plays, by the last two digits of its number."""
    nn = int(number[-2:])
    return 300 + 50 * nn if 1 <= nn <= 19 else None


def tell(client: Client, records: Path | None, write: Write) -> dict[str, Any]:
    """Place the demo call, tell its story line by line, and give the call as it ended. Raises Failure.

    `records`: the carrier's record; None where the carrier is not ours.
    """
    client.put("v1", "users", USER, body={"numbers": [CALLER], "name": "Demo"})
    before = client.get("v1", "users", USER, "balance")
    write(f"A demo call: {CALLER} calls {CALLEE}. Two phones of the simulated carrier, on a real Asterisk.\n")
    body = {"caller": USER, "callee": CALLEE, "metadata": {"by": "ringbridge demo"}}
    placed = client.post("v1", "calls", body=body, once=secrets.token_hex(16))
    call = _talk(client, placed, write)
    if call["state"] != "ended":
        raise Failure(f"the demo call did not end within {AT_MOST_S:.0f} s: call {call['id']} is {call['state']}")
    after = client.get("v1", "users", USER, "balance")
    write("")
    for line in heard(call, records):
        write(line)
    write(charged(call, before["available_s"], after["available_s"]))
    return call


def _talk(client: Client, placed: dict[str, Any], write: Write) -> dict[str, Any]:
    """Follow the call, let it talk for TALK_S, hang up through the API, follow it to its end."""
    hang_up_s: float | None = None
    deadline_s = time.monotonic() + AT_MOST_S

    def until_s() -> float:
        return deadline_s if hang_up_s is None else hang_up_s

    for event in follow.events(client, placed["id"], until_s=until_s):
        _tell_step(client, placed, event, write)
        if event["state"] == "talking":
            hang_up_s = time.monotonic() + TALK_S
    if hang_up_s is None and time.monotonic() < deadline_s:
        return _now(client, placed)  # it ended by itself, before anybody talked
    client.delete("v1", "calls", placed["id"])
    hang_up_s = None
    for event in follow.events(client, placed["id"], until_s=until_s):
        if event["state"] == "ended":
            _tell_step(client, placed, event, write)
    return _now(client, placed)


def _now(client: Client, placed: dict[str, Any]) -> dict[str, Any]:
    call: dict[str, Any] = client.get("v1", "calls", placed["id"])
    return call


def _tell_step(client: Client, placed: dict[str, Any], event: dict[str, Any], write: Write) -> None:
    call = _now(client, placed)
    sees = {leg["role"]: leg["shown"] for leg in call["legs"]}
    words = STEPS.get(event["state"], event["state"]).format(
        held=clock(call["held_s"]), caller=CALLER, callee=CALLEE, caller_sees=sees["caller"],
        callee_sees=sees["callee"], own=", the caller's own number" if sees["callee"] == CALLER else "",
        reason=call.get("reason", ""), by=WHO.get(call.get("hung_up_by", ""), "?"),
    )  # fmt: skip
    write(f"  {follow.offset(event, placed['created_at']):>8}  {words}")


def heard(call: dict[str, Any], records: Path | None) -> list[str]:
    """What each phone heard of the other, by the carrier's recordings."""
    if records is None or "talking_at" not in call:
        return []
    from ari_app.stack.carrier import RecordError, read_calls

    try:
        found = read_calls(records, with_tones=False)
    except (RecordError, OSError) as e:
        raise Failure(f"what the phones heard cannot be told: {e}") from None
    began_ms = at_ms(call["created_at"]) - 1000  # its clock and ours are one; the second is for a stepped clock
    seen = {one.number: one for one in found if one.invited_at_ms >= began_ms}
    lines = []
    for who, number, other, whose in (("caller", CALLER, CALLEE, "callee"), ("callee", CALLEE, CALLER, "caller")):
        hz = tone_hz(other)
        if number in seen and hz is not None:
            lines.append(f"  The {who} heard {_sound(seen, number, other, hz)}: the {whose}'s tone.")
    return lines


def _sound(seen: dict[str, CarrierCall], number: str, other: str, hz: int) -> str:
    """`500 Hz for 5.1 s, from 0.08 s after the answer`, or that it did not."""
    from ari_app.stack import tones

    phone = seen[number]
    if phone.recording is None or phone.answered_at_ms is None:
        return f"nothing that was recorded, where {hz} Hz was to be"
    stretches = tones.stretches(Path(phone.recording), hz)
    total_s = sum(end - begin for begin, end in stretches) / 1000
    first_ms = tones.first_heard(Path(phone.recording), hz)
    talk_began_ms = max(at for at in (phone.answered_at_ms, seen[other].answered_at_ms if other in seen else 0) if at)
    if first_ms is None:
        return f"nothing of {hz} Hz"
    after_s = max(0, phone.answered_at_ms + first_ms - talk_began_ms) / 1000
    return f"{hz} Hz for {total_s:.1f} s, from {after_s:.2f} s after the answer"


def charged(call: dict[str, Any], before_s: int, after_s: int) -> str:
    owed = money(leg["cost"] for leg in call["legs"])
    talked_ms = 0
    if "talking_at" in call:
        ends = [at_ms(leg["ended_at"]) for leg in call["legs"] if leg["ended_at"]]
        talked_ms = min(ends, default=0) - at_ms(call["talking_at"])
    return (
        f"  Talked {talked_ms / 1000:.1f} s, charged {clock(call['charged_s'])}; minutes {clock(before_s)} → "
        f"{clock(after_s)}. Owed to the carrier for both legs: {owed}.\n"
    )


def program() -> str:
    """How this command is called from here."""
    name = Path(sys.argv[0]).name
    return name if which(name) else os.path.relpath(sys.argv[0])


def invitation(api: str, key: str) -> str:
    """What to try next."""
    return "\n".join(
        (
            f"  API   {api}   (its calls: {api}/docs)",
            f"  key   {key}",
            f"  try   {program()} call demo +8613900000026        (in this directory)",
            f"        curl -s -H 'Authorization: Bearer {key}' {api}/v1/users/demo/balance",
            "  Ctrl-C stops it.",
        )
    )
