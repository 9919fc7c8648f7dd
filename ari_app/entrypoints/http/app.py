"""Puts the API together from its doors, and writes its description. Every route is in its own file."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
import structlog
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from ari_app.domain.errors import Unavailable
from ari_app.engine.records import UnreadableRecord
from ari_app.entrypoints import (
    views,
    views_account,
    views_conference,
    views_notice,
    views_plan,
    views_report,
    views_trunk,
    views_webhook,
)
from ari_app.entrypoints.http import (
    attempts,
    bodies,
    calls,
    click,
    conferences,
    devices,
    exports,
    imports,
    keys,
    live,
    minutes,
    nodes,
    notice_bodies,
    notices,
    numbers,
    plan,
    queries,
    recordings,
    refunds,
    reports,
    system,
    teams,
    tenants,
    trunks,
    users,
    webhook_bodies,
    webhooks,
)
from ari_app.entrypoints.http.auth import Gate
from ari_app.entrypoints.http.call_forms import forms, takes_any_form
from ari_app.entrypoints.http.connection import ConnectionLimits
from ari_app.entrypoints.http.description import finish
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.front import Front, HttpMetrics, as_problem, away
from ari_app.entrypoints.http.problems import Problem, ProblemView
from ari_app.entrypoints.http.spoken import spoken

log = structlog.get_logger()

OPEN = ("/healthz", "/readyz", *click.OPEN)
"""Need no key."""
BY_STATUS = {404: "not-found", 405: "method-not-allowed"}
SCHEMAS = {
    "Call": views.CallView, "Calls": calls.Calls, "Events": calls.Events, "User": views.UserView,
    "Balance": views_account.BalanceView, "Statement": minutes.Statement, "Granted": minutes.Granted,
    "Corrected": minutes.Corrected, "LimitsNow": attempts.LimitsNow, "Lifted": attempts.Lifted,
    "Refunded": refunds.Refunded, "Plan": views_plan.PlanView,
    "Team": views_plan.TeamView, "Members": teams.Members, "Node": nodes.NodeView,
    "ForgottenNode": nodes.ForgottenNode, "Nodes": nodes.Nodes,
    "Device": devices.DeviceView, "Devices": devices.DeviceList, "NewDeviceMade": devices.DeviceMadeView,
    "Conference": views_conference.ConferenceView, "Pin": views_conference.PinView,
    "Key": keys.KeyView, "Keys": keys.KeyList, "NewKeyMade": keys.MadeView,
    "Tenant": tenants.TenantView, "Tenants": tenants.TenantList,
    "Notice": views_notice.NoticeView, "Notices": notices.Notices, "NoticeEvents": notices.NoticeEvents,
    "Audio": notices.AudioView, "HappenedPage": live.HappenedPage,
    "ClickToken": click.ClickTokenView, "Clicked": click.ClickedView, "ClickEvents": click.ClickEvents,
    "Webhook": views_webhook.WebhookView, "Webhooks": views_webhook.WebhookList,
    "NewWebhookMade": views_webhook.WebhookMadeView, "Deliveries": views_webhook.Deliveries,
    "Replayed": views_webhook.ReplayedView, "Tested": views_webhook.TestedView,
    "Imported": imports.Imported,
    "Settlement": views_report.SettlementView,
    "Verification": numbers.VerificationView,
    "Trunks": trunks.Trunks, "Trunk": views_trunk.TrunkDetail, "TrunkTest": views_trunk.TrunkTestView,
    "Ready": system.Ready, "Alive": system.Alive, "Problem": ProblemView,
}  # fmt: skip
ROUTERS = (exports.router, calls.router, imports.router, live.router, webhooks.router, click.router,
           recordings.router, conferences.router, refunds.router, users.router, numbers.router, notices.router,
           notices.audio, minutes.router, plan.router, attempts.router, teams.router, devices.router, keys.router,
           tenants.router, nodes.router, reports.router, trunks.router, system.router)  # fmt: skip
BODIES = (conferences.StartConference, conferences.AddParticipant, conferences.ChangeParticipant,
          click.NewClickToken, click.Click, bodies.PlaceCall, bodies.StartRecording, bodies.PutUser,
          bodies.ConfirmNumber, notice_bodies.NewNotice, webhook_bodies.NewWebhook, webhook_bodies.ChangeWebhook,
          webhook_bodies.RotateSecret, webhook_bodies.Replay, bodies.Grant, bodies.Correct, bodies.Refund,
          bodies.PutTeam, bodies.AddDevice, bodies.NewKey, bodies.RotateKey, bodies.PutTenant, bodies.PutNode,
          bodies.AskTrunkTest)  # fmt: skip
ABOUT = """\
Callback calls over your own Asterisk: rings the caller, then the callee, joins the two, and charges the talk from the
caller's minutes. Times are RFC 3339 in UTC; minutes are whole seconds; errors are application/problem+json."""


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return _openapi(self)


def build(doors: Doors) -> Front:
    """The ASGI app to serve."""
    limits = ConnectionLimits(
        doors.connections_max, doors.address_connections_max, doors.request_timeout_ms, doors.limits.proxies
    )
    gate = Gate(doors.keys, doors.tenants, doors.key_cache_ms, doors.now_ms, doors.limits)
    return Front(api(), {"doors": doors, "gate": gate}, HttpMetrics(), limits, doors.streams)


@cache
def api() -> FastAPI:
    """All routes, made once: what they work with comes with each request (build)."""
    app = _Api(
        title="Ringbridge", description=ABOUT, version=package_version(), docs_url=None, redoc_url=None,
        redirect_slashes=False, generate_unique_id_function=lambda route: route.name,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        exception_handlers={
            Problem: _problem, HTTPException: _http_error, RequestValidationError: _malformed, Unavailable: _away,
            UnreadableRecord: _unreadable, ClientDisconnect: _broken_off, Exception: _fault,
        },
    )  # fmt: skip
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(queries.known_alone)])
        if router.prefix:
            _ask_under(router.prefix, app.router.routes[-1])
    return app


def _ask_under(prefix: str, routes: BaseRoute) -> None:
    """Routes of another prefix are passed over at once: to try each one's pattern took a third of an answer's time."""
    matches = routes.matches

    def at_a_glance(scope: Scope) -> tuple[Match, Scope]:
        return matches(scope) if scope["path"].startswith(prefix) else (Match.NONE, {})

    routes.matches = at_a_glance  # type: ignore[method-assign]  # of this one alone


def package_version() -> str:
    try:
        return version("ringbridge")
    except PackageNotFoundError:
        return "0"


async def _problem(request: Request, problem: Problem) -> Response:
    return problem.response(spoken(request.scope))


async def _away(request: Request, e: Unavailable) -> Response:
    return away(e).response(spoken(request.scope))


async def _unreadable(request: Request, e: Exception) -> Response:
    log.error("call cannot be read", path=request.url.path, why=str(e))
    sentence = "The record of this call is damaged, or was written by a newer version of this server."
    return Problem("unreadable-record", sentence).response(spoken(request.scope))


async def _broken_off(_request: Request, _e: Exception) -> Response:
    """Nobody is there any more to read it; the log need not know."""
    return Problem("malformed-http", "The request was broken off.").response()


async def _fault(request: Request, e: Exception) -> Response:
    return as_problem(e, request.scope).response(spoken(request.scope))


async def _malformed(request: Request, e: RequestValidationError) -> Response:
    return bodies.malformed("malformed-request", list(e.errors())).response(spoken(request.scope))


async def _http_error(request: Request, e: HTTPException) -> Response:
    sentence = {404: "There is nothing at this path.", 405: f"{request.method} is not for this path."}
    type = BY_STATUS.get(e.status_code, "malformed-request")
    headers = {"Allow": ", ".join(_methods_of(request.url.path))} if e.status_code == 405 else e.headers
    problem = Problem(type, sentence.get(e.status_code, str(e.detail)), headers=headers)
    return problem.response(spoken(request.scope))


def _methods_of(path: str) -> list[str]:
    """Of all routes that share the path; the router itself names those of one alone. Where a path has a name of its own
    (`/v1/calls/export`), not those for which it would be an id."""
    every = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    found = [route for route in every if route.path_regex.match(path)]
    named = [route for route in found if route.path == path] or found
    return sorted({method for route in named for method in route.methods or ()})


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Made once; the answers' shapes are those of the views, the bodies' those that are checked."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        parts = schema.setdefault("components", {})
        parts["schemas"] = _schemas()
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        schema["paths"]["/v1/calls"]["post"]["requestBody"] = takes_any_form()
        app.openapi_schema = finish(schema, lambda path: path in OPEN)
    return app.openapi_schema


def _schemas() -> dict[str, Any]:
    """By the names in SCHEMAS; what they are made of keeps its own name."""
    _, found = msgspec.json.schema_components(SCHEMAS.values(), ref_template="#/components/schemas/{name}")
    names = {view.__name__: name for name, view in SCHEMAS.items()}
    text = msgspec.json.encode(found).decode()
    for old, new in names.items():
        text = text.replace(f'"#/components/schemas/{old}"', f'"#/components/schemas/{new}"')
    shapes = {names.get(old, old): shape for old, shape in msgspec.json.decode(text).items()}
    asked: list[type[bodies.Body]] = [*BODIES, *forms().values()]
    for model in asked:
        shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes |= shape.pop("$defs", {}) | {model.__name__: shape}
    return shapes


def routes() -> list[tuple[str, str]]:
    """(method, path) of every route, for the tests of the docs and of the keys."""
    found = (route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute))
    return sorted((method, route.path) for route in found for method in route.methods or ())
