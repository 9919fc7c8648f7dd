"""Examples for the API's description: of any shape, made from its schema and from what its fields are called; and of
every type of problem. Knows shapes and words; no route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ari_app.entrypoints.http.problems import KINDS

AT = "2026-11-23T08:33:12.123Z"
CALL = "c1f0c8a6e5d94b7a3f2e1d0c9"
USER, PHONE, OTHER, PLATFORM = "demo", "+8613900000001", "+8613900000004", "+864001234567"

WORDS: Mapping[str, Any] = {
    "call": CALL, "call_id": CALL, "user": USER, "payer": USER, "caller": USER, "callee": OTHER, "sender": USER,
    "host": USER, "who": OTHER, "recipient": OTHER, "participant": "+8613900000006", "number": PHONE, "n": PHONE,
    "numbers": [PHONE], "verified": [PHONE], "shown": PLATFORM, "why": "", "type": "callback", "state": "queued",
    "role": "caller", "leg": "p1", "trunk": "carrier", "device": None, "tried": ["carrier"], "passed_over": {},
    "sip_status": 200, "cause": 16, "held_s": 60, "charged_s": 60, "overrun_s": 0, "micro": 60_000, "currency": "CNY",
    "metadata": {"order": "A-1001"}, "reason": "completed", "hung_up_by": "callee", "cursor": None, "seq": 1,
    "at": AT, "name": "Li", "locale": "zh-CN", "available_s": 3_600, "remaining_s": 3_600, "granted_s": 3_600,
    "kind": "bonus", "plan": "personal", "period": "2026-11", "op": "g8d1f3a5c7e9b2d4f6a8c0e1b", "seconds": 600,
    "balance_after_s": 4_200, "note": "", "allowance_s": 3_600, "size": 6, "members": 6, "tries": 3, "language": "en",
    "month": "2026-11", "day": "2026-11-23", "timezone": "Asia/Shanghai", "secret": "rb_shown_once",
    "scopes": ["call", "read"], "tenant": "acme", "url": "https://crm.example.com/ringbridge",
    "events": ["call.*"], "description": "", "text": "The fire drill is at ten.", "digit": "1", "gap_s": 300,
    "counts": {"confirmed": 1}, "recipients": [OTHER], "confirm": {"digit": "1"}, "code": "302118", "pin": "40412873",
    "server": "192.0.2.10", "port": 5060, "realm": "asterisk", "username": "d7f3a1c5", "transport": "udp",
    "participants": [OTHER, "+8613900000006"], "what": "mixed", "expires_at": "2036-12-31T16:00:00.000Z",
    "of_all": False, "after": 0, "limit": 50, "sites": ["https://crm.example.com"], "max_duration_s": 600,
    "record": None, "waiting": "music", "early_media": None, "confirm_caller": False, "quiet_hours": None,
    "audio": None, "attempts": 1, "status": 200, "outcome": "completed", "locales": ["en"],
}  # fmt: skip
"""By the field's name, where it fits the field's schema."""
IDS = {
    "Call": CALL, "Conference": CALL, "RecordingView": f"{CALL}-0-mixed", "User": USER, "Team": "acme",
    "TeamOfUserView": "acme", "Key": "4e5a1f0b9c2d", "NewKeyMade": "4e5a1f0b9c2d", "Device": "d7f3a1c5",
    "NewDeviceMade": "d7f3a1c5", "Notice": "n5b3c1d9e7f2a4c6b8d0e1f3a", "Audio": "a9c4e2", "CountedCall": CALL,
}  # fmt: skip
"""By shape."""
PATH = {"id": USER, "call_id": CALL, "name": "carrier", "leg": "p1", "n": PHONE, "number": OTHER, "user": USER}

PROBLEMS: Mapping[str, Mapping[str, Any]] = {
    "unauthorized": {"detail": "Send your key as “Authorization: Bearer <key>”."},
    "forbidden": {"detail": "This key may not do this; it needs the scope call or admin."},
    "invalid-number": {"detail": "This is not a phone number that can be called, and no user has this id.",
                       "field": "callee"},
    "balance-empty": {"detail": "There are no minutes left for this call.", "field": "caller", "call": CALL},
    "number-not-verified": {"detail": "This number has not been proved to be the user's.", "field": "caller"},
    "destination-blocked": {"detail": "No carrier takes calls to this number.", "field": "callee"},
    "emergency-number": {"detail": "Emergency numbers are not called by callback.", "field": "callee"},
    "unknown-user": {"detail": "There is no user with this id.", "field": "id"},
    "not-found": {"detail": "There is no such call.", "field": "id"},
    "number-taken": {"detail": f"The number {PHONE} belongs to another user.", "field": "numbers"},
    "idempotency-conflict": {"detail": "This Idempotency-Key came before with another request.",
                             "field": "Idempotency-Key"},
    "malformed-body": {"detail": "calee: there is no such field; did you mean callee?", "field": "calee"},
    "malformed-request": {"detail": "limit: at most 200 is allowed.", "field": "limit"},
    "unsupported-media-type": {"detail": "Send the body as JSON, with Content-Type: application/json."},
    "body-too-large": {"detail": "The body is larger than 65536 bytes."},
    "too-many-calls": {"detail": "This user called this number 3 times within 5 minutes.", "field": "callee",
                       "retry_after_s": 240, "rule": "pair-3-in-300s"},
    "too-many-codes": {"detail": "This code was guessed too often: ask for a new one.", "field": "code",
                       "rule": "code-5-tries"},
    "too-many-requests": {"detail": "This key may ask 50 times a second, 100 times at once.", "retry_after_s": 1,
                          "rule": "key"},
    "no-capacity": {"detail": "The store of calls and minutes does not answer right now.", "retry_after_s": 5},
    "draining": {"detail": "This server is about to stop and takes no new calls.", "retry_after_s": 10},
    "unconfirmed": {"detail": "It may have been done, but the store did not confirm it. Ask again with the same "
                              "Idempotency-Key: it takes effect once.", "retry_after_s": 5, "op": WORDS["op"]},
    "wrong-code": {"detail": "This is not the code that was read out to the number; 4 tries are left.",
                   "field": "code"},
    "not-ready": {"detail": "redis: does not answer.", "retry_after_s": 2},
}  # fmt: skip


def problem(type: str) -> dict[str, Any]:
    kind = KINDS[type]
    said = PROBLEMS.get(type) or {"detail": kind.meaning}
    return {"summary": kind.title, "value": {"type": type, "title": kind.title, "status": kind.status, **said}}


class Examples:
    """Of the shapes of one document (components/schemas)."""

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self._shapes = shapes

    def of(self, schema: Mapping[str, Any], name: str = "", within: str = "", deep: int = 0) -> Any:
        """`name`: of the field; `within`: the shape that it is a field of."""
        if "$ref" in schema:
            shape = schema["$ref"].rpartition("/")[2]
            return self._told(self._shapes[shape], name, shape, deep)
        for many in ("oneOf", "anyOf", "allOf"):
            if many in schema:
                if name in WORDS and WORDS[name] is None and {"type": "null"} in schema[many]:
                    return None
                return self.of(schema[many][0], name, within, deep)
        return self._told(schema, name, within, deep)

    def _told(self, schema: Mapping[str, Any], name: str, within: str, deep: int) -> Any:
        if "examples" in schema:
            return schema["examples"][0]
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return WORDS[name] if name in WORDS and WORDS[name] in schema["enum"] else schema["enum"][0]
        type = schema.get("type")
        if type == "object" and "properties" in schema:
            return self._object(schema, within, deep)
        if name == "id" and within in IDS:
            return IDS[within]
        if name in WORDS and _fits(WORDS[name], schema):
            return WORDS[name]
        return self._plain(schema, name, within, deep)

    def _object(self, schema: Mapping[str, Any], shape: str, deep: int) -> dict[str, Any]:
        """Of what may be left out, that of which there is something to say."""
        needed, is_asked = schema.get("required", ()), schema.get("additionalProperties") is False
        return {
            field: self.of(inner, field, shape, deep + 1)
            for field, inner in schema["properties"].items()
            if field in needed or (is_asked and deep == 0 and "examples" in str(inner)) or field == "metadata"
        }

    def _plain(self, schema: Mapping[str, Any], name: str, within: str, deep: int) -> Any:
        match schema.get("type"):
            case "string":
                return AT if schema.get("format") == "date-time" else "…"[: schema.get("maxLength", 1)]
            case "integer" | "number":
                return max(schema.get("minimum", 0), 0)
            case "boolean":
                return schema.get("default", True)
            case "array":
                items = schema.get("items", {})
                return [self.of(items, name, within, deep + 1)] if items and deep < 4 else []
            case "object":
                return {}
            case "null":
                return None
        return {}


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    match schema.get("type"):
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "array":
            items = schema.get("items", {})
            return (
                isinstance(value, list)
                and ("enum" not in items or all(one in items["enum"] for one in value))
                and "$ref" not in items
            )
        case "object":
            return isinstance(value, dict)
    return False
