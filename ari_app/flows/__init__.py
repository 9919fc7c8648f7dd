"""Every module in here that has a TYPE is a call type. Found by discovery: a new call type is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Protocol, cast

from ari_app.domain.call import Call
from ari_app.domain.charging import Charge
from ari_app.domain.wishes import Yielded


class Flow(Protocol):
    """What the engine needs of a call type: its plan, where a call stands for people, and what it is charged."""

    TYPE: str
    STATES: tuple[str, ...]

    def plan(self, c: Call) -> Iterable[Yielded]: ...
    def state(self, c: Call) -> str: ...
    def talk_began_ms(self, c: Call) -> int | None: ...
    def charge(self, c: Call) -> Charge: ...


@cache
def flows() -> dict[str, Flow]:
    """Call type → its flow."""
    found = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return {cast(Flow, m).TYPE: cast(Flow, m) for m in found if hasattr(m, "TYPE")}
