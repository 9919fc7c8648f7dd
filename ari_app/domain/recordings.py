"""What was recorded of a call: facts, and under which name the PBX keeps each. Values and pure functions; knows no
flow, and not how anything is recorded."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Literal

from ari_app.domain.tenants import OPERATOR, is_sealed, sealed

What = Literal["mixed", "leg"]
Hears = Literal["both", "in"]
"""Of one leg: what its phone says and hears, so everybody; or what it says alone."""

FILE = re.compile(r"rb([0-9]{8})-([0-9a-f]{32})")
"""The day (UTC) on which its call began, so that it can be thrown away without asking anybody; and 128 bits that
nobody can guess; of a tenant's call 96, and its seal."""


@dataclass(frozen=True, slots=True)
class Recording:
    """`name`: within the call. `file`: in the PBX, and its id outside. `leg`: whose phone it is taken from. `why`: it
    broke off, or never came to be."""

    name: str
    file: str
    what: What
    leg: str
    began_at_ms: int
    ended_at_ms: int | None = None
    why: str = ""

    @property
    def is_running(self) -> bool:
        return self.ended_at_ms is None


def file_of(secret: str, name: str, began_at_ms: int, tenant: str = OPERATOR) -> str:
    """Another one for each recording of a call, of which nobody finds the next: `secret` is drawn for the call. A
    tenant's has its seal at the end, as no record need be left of the call when it is fetched."""
    day, drawn = datetime.fromtimestamp(began_at_ms / 1000, UTC), hashlib.sha256(f"{secret}|{name}".encode())
    return f"rb{day:%Y%m%d}-{sealed(tenant, drawn.hexdigest()[:32])}"


def may_hear(tenant: str, file: str) -> bool:
    """Whether a recording of that name is of a call of this tenant's; the operator may hear all."""
    found = FILE.fullmatch(file)
    return found is not None and is_sealed(tenant, found[2])


def day_of(file: str) -> date | None:
    """None: it is no recording of ours."""
    found = FILE.fullmatch(file)
    try:
        return datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).date() if found else None
    except ValueError:
        return None


def with_begun(known: tuple[Recording, ...], one: Recording) -> tuple[Recording, ...]:
    """Told twice, it counts once."""
    return known if any(there.name == one.name for there in known) else (*known, one)


def with_ended(known: tuple[Recording, ...], name: str, at_ms: int, why: str) -> tuple[Recording, ...]:
    """When is told once; why it broke off may be found out later."""
    return tuple(_ended(one, at_ms, why) if one.name == name else one for one in known)


def _ended(one: Recording, at_ms: int, why: str) -> Recording:
    ended_at_ms = max(at_ms, one.began_at_ms) if one.ended_at_ms is None else one.ended_at_ms
    return replace(one, ended_at_ms=ended_at_ms, why=one.why or why)
