"""What a call type brings for the laws: how a random call of it is made, what may be said to one, which of its phones
are to hear each other, and what its talk costs. Knows no call type; makers are found in tests/laws/makers/.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ari_app.domain import charging
from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import CALLER, Call
from ari_app.engine.telling import Word

if TYPE_CHECKING:
    from tests.laws.world import World

Make = Callable[[str, random.Random, int], Call]


def all_of_them(call: Call) -> Collection[str]:
    return [leg.role for leg in call.legs]


def nobody(_call: Call) -> Collection[str]:
    return ()


def the_caller(_call: Call) -> Collection[str]:
    return [CALLER]


@dataclass(frozen=True)
class Maker:
    """`make`: (call id, chance, now) → a random call of the type, its legs over the trunks t0 to t2.

    `words`: what may be said to it from outside as it is now; None: nothing just now. Asked at random moments; the ask
    is set by the world, and some are told twice. A leg that `came_in` is there before the call is told of it.
    `seek`: whom the engine finds for what was keyed. `keys`: what a phone that was answered may press.
    `rule`: by which its talk is charged. `together`: roles that are to be joined while they are up, as the call stands.
    `callers`: who is meant where it is said that the caller hung up; `callee`
    is everybody else. `speaks`: the PBX tells who speaks.
    `check`: laws of this type alone, at the end of each call: what is broken, or "".
    `allowed_s`: how much a call may have been talked beyond what was held; None: as product section 1 says.
    `runs`: how many schedules in a run of all tests; RINGBRIDGE_LAW_RUNS is for all types.
    """

    make: Make
    words: Callable[[Call, random.Random], Word | None] | None = None
    seek: Callable[[Call, w.Seek, random.Random], ev.LegAdded | ev.NotFound] | None = None
    keys: str = ""
    rule: charging.Rule = charging.conversation
    together: Callable[[Call], Collection[str]] = all_of_them
    callers: Callable[[Call], Collection[str]] = the_caller
    speaks: bool = False
    check: Callable[[World, Call], str] | None = None
    allowed_s: Callable[[World, Call, int], int] | None = None
    runs: int = 150


def types_with_makers() -> set[str]:
    from tests.laws import makers as folder  # which needs the world, and that needs us

    return {module.name for module in pkgutil.iter_modules(folder.__path__)}


@cache
def maker_of(call_type: str) -> Maker:
    """MAKER of the module of that name."""
    found = importlib.import_module(f"tests.laws.makers.{call_type}").MAKER
    assert isinstance(found, Maker)
    return found
