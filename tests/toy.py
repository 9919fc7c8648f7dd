"""A call type that nobody has heard of, for the tests that say: one file in flows/ is all that it takes. It rings a
phone, greets it, and hangs up."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ari_app import flows
from ari_app.domain import charging
from ari_app.domain.call import CALLEE, Call, Leg, Route, Terms
from ari_app.entrypoints.http import app, call_forms
from tests.laws.maker import Maker

NAMES = """\
from dataclasses import dataclass
from ari_app.domain.call import CALLEE
from ari_app.domain.charging import Charge
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import Play
from ari_app.flows.one_phone import STATES, ring_one, state, talk_began_ms
"""
FLOW = '''\
TYPE = "toy"

@dataclass(frozen=True)
class Request:
    """Rings a phone, greets it, and hangs up."""
    phone: str
    seconds: int = 10

def wants(r):
    return Wants((Party(CALLEE, r.phone, "phone"),), terms={"max_duration_s": r.seconds})

def charge(c):
    return Charge()

def plan(c):
    yield from ring_one(c, is_done="hello" in c.played)
    if c.leg(CALLEE).is_up and not c.is_over:
        yield Play(CALLEE, c.leg(CALLEE).n, "hello", "prompt")
'''


def laid(folder: Path) -> Path:
    """The one file."""
    (folder / "toy.py").write_text(NAMES + "\n" + FLOW)
    return folder


def program(folder: Path) -> tuple[str, ...]:
    """What runs the command line of a Ringbridge whose flows/ has that file, too."""
    text = (
        "import ari_app.flows; "
        f"ari_app.flows.__path__.append({str(folder)!r}); "
        "from ari_app.entrypoints.cli import main; main()"
    )
    return "-c", text


@contextmanager
def in_this_process(folder: Path) -> Iterator[None]:
    flows.__path__.append(str(folder))
    try:
        _forgotten()
        yield
    finally:
        flows.__path__.remove(str(folder))
        _forgotten()


def _forgotten() -> None:
    sys.modules.pop("ari_app.flows.toy", None)
    importlib.invalidate_caches()
    flows.flows.cache_clear()
    call_forms.form.cache_clear()
    app.api.cache_clear()


def make(call_id: str, rng: random.Random, now_ms: int) -> Call:
    terms = Terms(max_duration_s=rng.choice((1, 5, 60)), pdd_timeout_ms=3_000, trunk_wait_ms=2_000)
    routes = tuple(Route(f"t{n}", "+861", "+864", "x", 60_000, "6/6") for n in range(rng.choice((1, 2, 3))))
    leg = Leg(CALLEE, "+861", routes, ring_timeout_ms=15_000)
    return Call(call_id, "toy", now_ms, "", (leg,), terms, now_ms=now_ms)


MAKER = Maker(make, rule=charging.nothing, runs=40)
