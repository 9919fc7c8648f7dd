"""Which types of problem an operation answers with, beside those that any may: for the API's description alone, by the
operation's id. Where a status that a route declares has no type here, all of that status are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ari_app.entrypoints.http.problems import KINDS

ANY = ("unauthorized", "forbidden", "malformed-request", "too-many-requests", "no-capacity", "draining")
"""Of every operation that needs a key."""
BODY = ("malformed-body", "body-too-large", "unsupported-media-type")
"""Of every one that takes JSON."""
PARTY = "invalid-number unknown-user number-not-verified destination-blocked emergency-number"
PLACING = f"{PARTY} balance-empty too-many-calls idempotency-conflict"
CALL = "not-found unreadable-record"
MONEY = "unknown-user idempotency-conflict unconfirmed"

OWN: Mapping[str, str] = {
    "place": PLACING,
    "show": CALL, "end": CALL, "events": CALL,
    "start_recording": f"{CALL} recorded-already not-recordable call-over idempotency-conflict",
    "stop_recording": f"{CALL} not-recorded not-recordable call-over",
    "fetch": "unknown-recording still-recorded", "delete": "unknown-recording",
    "begin": f"{PLACING} too-many-participants",
    "show_conference": CALL, "end_conference": CALL,
    "add_participant": f"{PLACING} {CALL} too-many-participants participant-there call-over",
    "ring": f"{PLACING} {CALL} too-many-participants participant-there call-over",
    "change": f"{CALL} participant-gone call-over", "remove_participant": f"{CALL} participant-gone call-over",
    "make_pin": f"{CALL} call-over idempotency-conflict",
    "refund": "unknown-call unknown-user call-not-settled nothing-to-refund idempotency-conflict unconfirmed "
              "unreadable-record",
    "put": "invalid-number number-taken", "get": "unknown-user",
    "verify": f"{PLACING} unknown-number number-verified too-many-codes",
    "confirm": "invalid-number unknown-user unknown-number no-code wrong-code too-many-codes number-taken",
    "send": f"{PARTY} idempotency-conflict not-audio", "remind": "unknown-notice notice-cancelled too-many-reminders",
    "show_notice": "unknown-notice", "cancel": "unknown-notice", "notice_events": "unknown-notice",
    "send_audio": "body-too-large not-audio",
    "balance": "unknown-user", "statement": "unknown-user", "plan": "unknown-user",
    "grant": MONEY, "correct": f"{MONEY} balance-too-small",
    "show_limits": "invalid-number unknown-user", "lift_limits": "invalid-number unknown-user",
    "get_team": "unknown-team", "members": "unknown-team",
    "add_member": "unknown-team unknown-user team-full too-many-teams",
    "remove_member": "unknown-team unknown-user unknown-member",
    "add_device": "unknown-user too-many-devices idempotency-conflict", "list_devices": "unknown-user",
    "change_password": "unknown-user unknown-device", "remove_device": "unknown-user unknown-device",
    "put_node": "unknown-node", "delete_node": "unknown-node node-in-use calls-not-ended",
    "trunk": "unknown-trunk", "show_test": f"unknown-trunk {CALL}",
    "place_test": "unknown-trunk invalid-number destination-blocked emergency-number too-many-calls "
                  "idempotency-conflict",
    "readyz": "not-ready",
}  # fmt: skip


def types_of(operation: Mapping[str, Any]) -> dict[int, list[str]]:
    """Status → the types of problem that this operation (of the OpenAPI document) answers with."""
    own = OWN.get(operation["operationId"], "").split()
    usual = ANY if operation.get("security") else ()
    body = BODY if "application/json" in operation.get("requestBody", {}).get("content", {}) else ()
    types = list(dict.fromkeys((*own, *usual, *body)))
    declared = {int(status) for status in operation["responses"] if int(status) >= 400}
    covered = {KINDS[type].status for type in own} | {413, 415}
    for status in sorted(declared):
        if not any(KINDS[type].status == status for type in types) or (
            operation["operationId"] not in OWN and status not in covered
        ):
            types += [type for type, kind in KINDS.items() if kind.status == status and type not in types]
    found: dict[int, list[str]] = {}
    for type in types:
        if type != "internal-error":
            found.setdefault(KINDS[type].status, []).append(type)
    return dict(sorted(found.items()))
