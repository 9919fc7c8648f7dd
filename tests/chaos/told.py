"""An event as it is on record, and as a receiver of webhooks had it."""

from __future__ import annotations

from typing import NamedTuple


class Event(NamedTuple):
    """Of a call or notice, as it is on record."""

    seq: int
    type: str
    at: str


class Told(NamedTuple):
    """As a receiver had it. `source`: the id of the call or notice."""

    id: str
    source: str
    seq: int
    type: str
    at: str
    is_signed: bool = True
