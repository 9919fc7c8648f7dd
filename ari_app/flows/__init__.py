"""Every module in here that has a TYPE is a call type. Found by discovery: a new call type is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Any, Protocol, cast

from ari_app.domain.call import Call
from ari_app.domain.charging import Charge
from ari_app.domain.wanted import Wants
from ari_app.domain.wishes import Yielded


class Flow(Protocol):
    """What the engine needs of a call type: its plan, where a call stands for people, and what it is charged. With
    `TELLS_LEGS = True` what happens to its legs is told, too (engine/leg_news.py)."""

    TYPE: str
    STATES: tuple[str, ...]

    def plan(self, c: Call) -> Iterable[Yielded]: ...
    def state(self, c: Call) -> str: ...
    def talk_began_ms(self, c: Call) -> int | None: ...
    def charge(self, c: Call) -> Charge: ...


class OpenFlow(Flow, Protocol):
    """One that may be asked for from outside: see domain/wanted.py."""

    Request: type[Any]

    def wants(self, request: Any) -> Wants: ...


DEFAULT_TYPE = "callback"
"""What is meant where a request names no type."""


@cache
def flows() -> dict[str, Flow]:
    """Call type → its flow."""
    found = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__))
    return {cast(Flow, m).TYPE: cast(Flow, m) for m in found if hasattr(m, "TYPE")}


def asked_flows() -> dict[str, OpenFlow]:
    """Those of which a call is made by a request, through whatever door."""
    return {name: cast(OpenFlow, flow) for name, flow in flows().items() if hasattr(flow, "Request")}


def open_flows() -> dict[str, OpenFlow]:
    """Of these, those that may be asked for by their type, by anybody who may place calls."""
    return {name: flow for name, flow in asked_flows().items() if not getattr(flow, "HAS_ITS_OWN_DOOR", False)}
