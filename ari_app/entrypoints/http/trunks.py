"""/v1/trunks: whether calls go out over each, how good it is today, and a test call over one of them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from ari_app.desks.trunk_tests import TrunkTestAsk
from ari_app.domain.call import Call
from ari_app.domain.costing import day_of
from ari_app.domain.trunks import Trunk
from ari_app.engine.asks import Refusal
from ari_app.entrypoints.http.auth import operator
from ari_app.entrypoints.http.bodies import AskTrunkTest, read, takes
from ari_app.entrypoints.http.calls import find_call, refused
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.views_trunk import Seen, TrunkDetail, TrunkView, trunk_detail, trunk_test_view, trunk_view
from ari_app.flows import trunk_test

router = APIRouter(prefix="/v1/trunks", tags=["trunks"])

Name = Annotated[str, Path(description="As in sip_trunks.conf.", max_length=100)]


class Trunks(msgspec.Struct):
    """In the order of sip_trunks.conf."""

    trunks: list[TrunkView]


@router.get("", summary="List trunks", responses=gives("Trunks"))
async def trunks(request: Request) -> Response:
    """State, lines, and the figures of today."""
    await operator(request, "read")
    d = doors(request)
    seen, listed = _seen(d), d.book.trunks
    sums = await asyncio.gather(*(d.costs.sums(trunk.name, _today(d)) for trunk in listed))
    return reply(Trunks([trunk_view(trunk, seen, of) for trunk, of in zip(listed, sums, strict=True)]))


@router.get("/{name}", summary="Look at a trunk", responses=gives("Trunk", 404))
async def trunk(request: Request, name: Name) -> Response:
    """The same, and what is set of it. No secret."""
    await operator(request, "read")
    return reply(await _detail(doors(request), name))


@router.post(
    "/{name}/test", status_code=201, summary="Place a test call over one trunk",
    responses=gives("TrunkTest", 400, 404, 409, 413, 415, 429, status=201),
    openapi_extra=takes(AskTrunkTest) | IDEMPOTENT,
)  # fmt: skip
async def place_test(request: Request, name: Name) -> Response:
    """Rings one phone over exactly this trunk, and hangs up some seconds after it was answered. Costs what the carrier
    takes, and nobody's minutes. Answers at once; how it goes on says the address in `Location`."""
    key = await operator(request, "admin")
    once = idempotency_key(request)
    body = await read(request, AskTrunkTest)
    ask = TrunkTestAsk(name, body.number, body.seconds)
    answer = await doors(request).trunk_tests.test_trunk(ask, owner=key.owner, idempotency_key=once)
    if answer is None:
        raise _unknown(doors(request))
    if isinstance(answer, Refusal):
        raise refused(answer)
    return reply(trunk_test_view(answer), 201, {"Location": f"/v1/trunks/{name}/test/{answer.id}"})


@router.get("/{name}/test/{call_id}", summary="How a test call went", responses=gives("TrunkTest", 404))
async def show_test(request: Request, name: Name, call_id: str) -> Response:
    """So far, or altogether."""
    key = await operator(request, "read")
    found = await find_call(doors(request), key, call_id)
    if found is None or not _is_test_of(found, name):
        raise Problem("not-found", "There is no such test of this trunk.", "call_id")
    return reply(trunk_test_view(found))


def _is_test_of(call: Call, trunk: str) -> bool:
    return call.type == trunk_test.TYPE and call.legs[0].routes[0].trunk == trunk


async def _detail(d: Doors, name: str) -> TrunkDetail:
    found: Trunk | None = d.book.find(name)
    if found is None:
        raise _unknown(d)
    return trunk_detail(found, _seen(d), await d.costs.sums(name, _today(d)))


def _unknown(d: Doors) -> Problem:
    known = ", ".join(trunk.name for trunk in d.book.trunks)
    return Problem("unknown-trunk", f"No trunk in force has this name; there is {known or 'none'}.", "name")


def _seen(d: Doors) -> Seen:
    return Seen(d.book, {one.name: one for one in d.trunks()}, d.lines(), d.now_ms())


def _today(d: Doors) -> str:
    return day_of(d.now_ms(), d.report.timezone)
