"""/v1/reports/…: what a month's carriers are owed. Translates only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ari_app.domain.costing import day_of
from ari_app.entrypoints.http.auth import operator
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.views_report import settlement

router = APIRouter(prefix="/v1/reports", tags=["system"])


@router.get("/settlement", summary="What the carriers are owed", responses=gives("Settlement"))
async def of_month(request: Request, month: Annotated[str | None, Query(max_length=40)] = None) -> Response:
    """Of a month by the operator's clock, such as 2026-11; default: this one. Calls count once they have ended."""
    await operator(request, "read")
    d = doors(request)
    now_ms = d.now_ms()
    try:
        view = await settlement(d.costs, month or day_of(now_ms, d.report.timezone)[:7], d.report, now_ms)
    except ValueError:
        raise Problem("malformed-request", "month: one such as 2026-11 is expected.", "month") from None
    return reply(view)
