"""A call as bytes and back, and the events that its state changes are told by. Knows versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from ari_app.domain.call import Call
from ari_app.engine import rescue
from ari_app.flows import Flow, flows
from ari_app.ports.calls import Calls, Created, Exists, StoredCall

VERSION = 1
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Call)


class UnreadableRecord(Exception):
    """The record was written by a newer version (`is_newer`), or is damaged. It is left as it is."""

    is_newer = False


class NewerRecord(UnreadableRecord):
    is_newer = True


def encode(call: Call) -> bytes:
    return _encoder.encode(call)


def decode(data: bytes) -> Call:
    try:
        call = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise UnreadableRecord(f"call record not readable: {e}") from e
    if call.v > VERSION:
        raise NewerRecord(f"call {call.id} was written by a newer version (record version {call.v} > {VERSION})")
    if call.type not in flows():
        raise NewerRecord(f"call {call.id} is of a type that this version does not know: {call.type!r}")
    if not call.legs:
        raise UnreadableRecord(f"call record not readable: call {call.id} has no legs")
    return call


def call_of(stored: StoredCall) -> Call:
    """Raises UnreadableRecord, also for what belongs under another key."""
    if not stored.node:
        raise UnreadableRecord(f"call record not readable: what is stored for call {stored.call_id} is damaged")
    call = decode(stored.record)
    if call.id != stored.call_id:
        raise UnreadableRecord(f"call record not readable: call {stored.call_id} has the record of call {call.id}")
    return call


async def create(
    calls: Calls, call: Call, *, node: str, user_ids: Sequence[str], fence: int = 0
) -> Created | Exists:  # fmt: skip
    """A new call of this node, as it is told first. May raise Unavailable."""
    queued = event(call, flows()[call.type].STATES[0])
    return await calls.create(
        call.id, encode(call), node=node, user_ids=user_ids, created_at_ms=call.created_at_ms, events=[queued],
        fence=fence, tenant=call.tenant,
    )  # fmt: skip


def news(flow: Flow, before: str | None, now: str, call: Call) -> list[bytes]:
    """The state changes between `before` (None: none was told) and now, one event each; states that were passed at once
    are told too."""
    if now == before:
        return []
    first = flow.STATES.index(before) + 1 if before else 0
    reached = now if now != flow.STATES[-1] else rescue.state_of(flow, replace(call, settled=None))  # before
    passed = flow.STATES[first : flow.STATES.index(reached) + 1]
    return [event(call, state) for state in dict.fromkeys((*passed, now))]


def state_of(told: bytes) -> str:
    """The state that a stored event tells of."""
    return str(msgspec.json.decode(told)["state"])


def event(call: Call, state: str) -> bytes:
    at_ms = call.now_ms
    body: dict[str, Any] = {"call": call.id, "type": call.type, "state": state, "at_ms": at_ms}
    if call.tenant:
        body["tenant"] = call.tenant
    if call.end is not None and state == "ended":
        body |= {"reason": call.end.reason, "hung_up_by": call.end.by}
    if call.settled is not None and state == "ended":
        body |= {"charged_s": call.settled.charged_s, "overrun_s": call.settled.overrun_s}
    return _encoder.encode(body)


def users_of(call: Call) -> tuple[str, ...]:
    """In whose lists the call is found."""
    return tuple(dict.fromkeys(user for user in (call.payer, *(leg.user for leg in call.legs)) if user))
