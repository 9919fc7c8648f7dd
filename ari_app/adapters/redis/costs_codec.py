"""A leg's cost as the line that Redis keeps of it, and back. Its id and its trunk stand in the names of the place."""

from __future__ import annotations

import msgspec

from ari_app.ports.costs import LegCost

_REST = tuple(name for name in LegCost.__dataclass_fields__ if name not in ("leg", "trunk"))
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[str | int | None]).decode


def line(leg: LegCost) -> bytes:
    """A list, so that 100,000 of them are small: the fields in their order, new ones at the end."""
    return _encode([getattr(leg, name) for name in _REST])


def leg_of(leg: bytes, trunk: str, line: bytes) -> LegCost:
    """A line of a newer version may have more; what it means here is the same."""
    values = dict(zip(_REST, _decode(line), strict=False))
    return msgspec.convert({**values, "leg": leg.decode(), "trunk": trunk}, LegCost)
