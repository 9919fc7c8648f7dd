"""The API's description (OpenAPI 3.1), finished: examples, headers, every type of problem, and what webhooks are sent.
Works on the document that the routes gave; knows no route by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ari_app.entrypoints.http.examples import AT, CALL, PATH, Examples, problem
from ari_app.entrypoints.http.problems import KINDS, MEDIA_TYPE
from ari_app.entrypoints.http.refusals import types_of

JSON = "application/json"
TAGS = {
    "calls": "Callbacks: rings the caller, then the callee, joins the two, charges the talk.",
    "events": "What happens, as it happens (text/event-stream).",
    "click to call": "Calls from a web page, without a key on it: one token, one call.",
    "recordings": "What was said, where it is recorded.",
    "conferences": "One host, many phones, each charged from its own answer.",
    "users": "Who may call, which numbers are theirs, and their minutes.",
    "notices": "A text or a sound for up to 500 phones, confirmed by a key.",
    "imports": "Many users or grants at once, from a file.",
    "teams": "Users who have minutes together.",
    "keys": "Who may use this API.",
    "tenants": "Partners who build on the platform; each sees his own alone.",
    "webhooks": "Events, signed, to an address of yours.",
    "nodes": "The PBXes.",
    "trunks": "The carriers.",
    "system": "Health, readiness, and what carriers are owed.",
}
HEADERS = {
    "RateLimit": ("How many requests the key has left, and in how many seconds it has all of them again.",
                  '"key";r=99;t=1'),
    "RateLimit-Policy": ("How many requests the key may make at once (q), and how long all of them take to come back "
                         "(w, seconds).", '"key";q=100;w=2'),
    "Retry-After": ("Seconds until it is worth asking again.", 5),
}  # fmt: skip


def finish(schema: dict[str, Any], is_open: Callable[[str], bool]) -> dict[str, Any]:
    """The document, changed in place."""
    parts = schema["components"]
    parts["headers"] = {
        name: {"description": said, "schema": {"type": "integer" if isinstance(value, int) else "string"},
               "example": value}
        for name, (said, value) in HEADERS.items()
    }  # fmt: skip
    examples = Examples(parts["schemas"])
    used: set[str] = set()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            if not is_open(path):
                operation["security"] = [{"key": []}]
            _asked(operation, examples)
            _answered(operation, examples)
            used |= _refused(operation)
    parts["examples"] = {type: problem(type) for type in KINDS if type in used}
    tags = dict.fromkeys(tag for one in schema["paths"].values() for op in one.values() for tag in op.get("tags", ()))
    schema["tags"] = [{"name": tag, "description": TAGS.get(tag, tag)} for tag in tags]
    schema["servers"] = [{"url": "/", "description": "This server."}]
    schema["webhooks"] = _webhooks()
    return schema


def _asked(operation: dict[str, Any], examples: Examples) -> None:
    for parameter in operation.get("parameters", ()):
        name = parameter["name"]
        if parameter["in"] == "path" and name in PATH:
            parameter["example"] = PATH[name]
        elif name == "Idempotency-Key":
            parameter["example"] = "order-A-1001"
    body = operation.get("requestBody", {}).get("content", {}).get(JSON)
    if body:
        body["example"] = examples.of(body["schema"])


def _answered(operation: dict[str, Any], examples: Examples) -> None:
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            continue
        content = answer.get("content", {}).get(JSON)
        if content == {"schema": {}}:  # of a sound, or of nothing at all
            del answer["content"][JSON]
        elif content:
            content["example"] = examples.of(content["schema"])
        if operation.get("security"):
            answer["headers"] = _headers("RateLimit", "RateLimit-Policy") | answer.get("headers", {})


def _refused(operation: dict[str, Any]) -> set[str]:
    """Each status with its types, each type with its example. Which these are."""
    found = types_of(operation)
    for status, types in found.items():
        shape = {"$ref": "#/components/schemas/Problem"}
        answer = {
            "description": "; ".join(f"`{type}`: {KINDS[type].title}" for type in types),
            "content": {MEDIA_TYPE: {
                "schema": {"allOf": [shape], "properties": {"type": {"enum": types}}},
                "examples": {type: {"$ref": f"#/components/examples/{type}"} for type in types},
            }},
        }  # fmt: skip
        if status in (429, 503):
            answer["headers"] = _headers("Retry-After")
        operation["responses"][str(status)] = answer
    return {type for types in found.values() for type in types}


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _webhooks() -> dict[str, Any]:
    call = {"seq": 5, "call": CALL, "type": "callback", "state": "talking", "at": AT}
    notice = {"seq": 2, "notice": "n5b3c1d9e7f2a4c6b8d0e1f3a", "type": "notice_recipient_confirmed", "at": AT, "n": 0}
    return {
        "call": {"post": _event("eventOfACall", "What happened to a call.", "EventView", "call.talking", call)},
        "notice": {"post": _event(
            "eventOfANotice", "What happened to a notice.", "NoticeEventView", "notice.recipient_confirmed", notice
        )},
    }  # fmt: skip


def _event(id: str, about: str, shape: str, type: str, data: dict[str, Any]) -> dict[str, Any]:
    source = data.get("call") or data["notice"]
    body = {
        "type": "object",
        "required": ["type", "timestamp", "id", "data"],
        "properties": {
            "type": {"type": "string"},
            "timestamp": {"type": "string", "format": "date-time"},
            "id": {"type": "string", "description": "The same however often it is sent."},
            "data": {"$ref": f"#/components/schemas/{shape}"},
        },
    }
    shown = {"type": type, "timestamp": AT, "id": f"evt_{source}_{data['seq']}_9d0c41aa", "data": data}
    sent = {
        "webhook-id": "The event's id.",
        "webhook-timestamp": "Seconds since 1970, of this attempt.",
        "webhook-signature": "`v1,…`, by Standard Webhooks; several, parted by blanks, while a secret is replaced.",
    }
    return {
        "operationId": id, "summary": about, "tags": ["webhooks"],
        "description": "At least once, in order for each call or notice. Signed: verify it before you believe it.",
        "parameters": [{"name": name, "in": "header", "required": True, "schema": {"type": "string"},
                        "description": said} for name, said in sent.items()],
        "requestBody": {"required": True, "content": {JSON: {"schema": body, "example": shown}}},
        "responses": {"2XX": {"description": "Taken. Anything else, or no answer in time: it is sent again later."}},
    }  # fmt: skip
