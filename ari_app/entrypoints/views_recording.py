"""What is seen of a call's recordings. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_app.domain.call import Call
from ari_app.domain.recordings import Recording

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-23T08:33:12.123Z"]})]


class RecordingView(msgspec.Struct):
    """`leg`: whose words alone are in it; of a mixed one there is none."""

    id: str
    what: Literal["mixed", "leg"]
    state: Literal["running", "done", "failed"]
    started_at: Time
    leg: str | UnsetType = UNSET
    ended_at: Time | UnsetType = UNSET
    duration_ms: int | UnsetType = UNSET


def recording_views(call: Call, rfc3339: Callable[[int], str]) -> list[RecordingView]:
    return [_view(call, one, rfc3339) for one in call.recordings]


def _view(call: Call, one: Recording, rfc3339: Callable[[int], str]) -> RecordingView:
    state: Literal["running", "done", "failed"] = "running" if one.is_running else "failed" if one.why else "done"
    view = RecordingView(one.file, one.what, state, rfc3339(one.began_at_ms))
    if one.what == "leg":
        view.leg = one.leg
    if (ended_at_ms := _ended_at_ms(call, one)) is not None:
        view.ended_at, view.duration_ms = rfc3339(ended_at_ms), ended_at_ms - one.began_at_ms
    return view


def _ended_at_ms(call: Call, one: Recording) -> int | None:
    """With its leg, at the latest: what is learnt of it after a gap comes late."""
    if one.ended_at_ms is None:
        return None
    tries = call.leg(one.leg).tries if call.has_leg(one.leg) else ()
    ends = [t.ended_at_ms for t in tries if t.ended_at_ms is not None and t.ended_at_ms >= one.began_at_ms]
    return min([one.ended_at_ms, *ends])
