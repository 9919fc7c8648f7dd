"""What a PBX might send if it were broken, hostile or newer: the frames of a real call, bent in every way.

Knows JSON and the words of ARI; must not know what is made of them.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CALL_ID = "c" + "0" * 26
FRAMES = [json.loads(line) for line in (Path(__file__).parent / "events_of_a_call.jsonl").read_text().splitlines()]
"""As Asterisk 22.10.1 sent them, in order; only the ids were changed."""

IDS = st.sampled_from(
    [f"{CALL_ID}.{role}.{n}" for role in ("caller", "callee", "host") for n in (0, 1, 2, "00", "9" * 5_000, "-1", "٣")]
    + [f"{CALL_ID}.caller.0\n", CALL_ID, f"{CALL_ID}.", "c", "", f"{CALL_ID}.confirm0", f"{CALL_ID}.announce"]
)
STAMPS = st.sampled_from(
    ["2026-11-26T12:51:36.979+0000", "2026-11-26T12:51:36.979+0900", "2099-01-01T00:00:00.000+0000", "0", "now",
     "0001-01-01T00:00:00.000+2359", "9999-12-31T23:59:59.999-2359", "2026-11-26T12:51:60.000+0000", "\ud800",
     "2026-11-26T12:51:36.-79+0000", "2026-11-26T12:51:36.979", "2026-11-26T12:51:36.٣٣٣+0000", "1" * 30]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "Up",
        "Ringing",
        "Down",
        "RINGING",
        "PROGRESS",
        "ANSWER",
        "call",
        "RingbridgeCall",
        "ringbridge",
        "1",
        "#",
        "Stasis",
    ]
)
NUMBERS = st.sampled_from([-1, 0, 1, 16, 44, 127, 480, 603, 2**31, 2**53, 2**63, -(2**63) - 1, 2**80, 1.5, 1e308])
VALUES = st.one_of(
    IDS, STAMPS, WORDS, NUMBERS, st.none(), st.booleans(), st.text(max_size=5),
    st.sampled_from([[], {}, [1], ["call"], ["call", 1, None], {"id": "x"}, {"id": 7}, [[[]]], {"": {}}]),
)  # fmt: skip
BY_NAME = {"id": IDS, "timestamp": STAMPS, "creationtime": STAMPS, "state": WORDS, "dialstatus": WORDS, "type": WORDS}
MUTATIONS_MAX = 3


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value in a JSON document."""
    found = [at] if at else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += places(inner, (*at, name))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            found += places(inner, (*at, n))
    return found


@st.composite
def bent(draw: st.DrawFn) -> dict[str, Any]:
    """A real frame with a few values replaced, taken away or put elsewhere."""
    frame: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(FRAMES)))
    for _ in range(draw(st.integers(0, MUTATIONS_MAX))):
        ways = places(frame)
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        holder: Any = frame
        for name in way:
            holder = holder[name]
        if isinstance(holder, dict) and draw(st.integers(0, 4)) == 0:
            del holder[last]
        else:
            usual = BY_NAME.get(last) if isinstance(last, str) else None
            holder[last] = copy.deepcopy(draw(VALUES if usual is None else st.one_of(usual, VALUES)))
    return frame


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """As it travels; sometimes cut off, or with a few bytes that are others."""
    raw = bytearray(json.dumps(draw(bent())).encode())
    match draw(st.integers(0, 9)):
        case 0:
            del raw[draw(st.integers(0, len(raw) - 1)) :]
        case 1:
            for _ in range(draw(st.integers(1, 4))):
                raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw)
