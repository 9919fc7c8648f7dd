"""Which types of problem an operation answers with, beside those that any may: for the API's description alone, by the
operation's id."""

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
FILE = "bad-lines malformed-body body-too-large unsupported-media-type unconfirmed"
HOOK = "unknown-webhook"
PAGE = "wrong-origin unknown-token malformed-request too-many-requests no-capacity"
"""Of those that a web page asks, without a key."""

OWN: Mapping[str, str] = {
    "place": f"{PLACING} unreadable-record", "list_calls": "", "export_calls": "",
    "show": CALL, "end": CALL, "events": CALL, "all_events": "",
    "make_token": f"{PARTY} idempotency-conflict",
    "click": f"{PAGE} {PLACING} token-used token-expired draining unreadable-record",
    "click_events": f"{PAGE} {CALL} draining", "hang_up": f"{PAGE} {CALL}",
    "start_recording": f"{CALL} recorded-already not-recordable call-over",
    "stop_recording": f"{CALL} not-recorded not-recordable call-over",
    "fetch": "unknown-recording still-recorded", "delete": "unknown-recording",
    "begin": f"{PLACING} too-many-participants unreadable-record",
    "show_conference": CALL, "end_conference": CALL,
    "add_participant": f"{PLACING} {CALL} too-many-participants participant-there call-over",
    "ring": f"{PLACING} {CALL} too-many-participants participant-there call-over",
    "change": f"{CALL} participant-gone call-over", "remove_participant": f"{CALL} participant-gone call-over",
    "make_pin": f"{CALL} call-over",
    "refund": "unknown-call unknown-user call-not-settled nothing-to-refund idempotency-conflict unconfirmed "
              "unreadable-record",
    "put": "invalid-number number-taken unknown-user unknown-tenant", "get": "unknown-user",
    "verify": f"{PLACING} unknown-number number-verified unreadable-record",
    "confirm": "invalid-number unknown-user unknown-number no-code wrong-code too-many-codes number-taken",
    "send": f"{PARTY} idempotency-conflict not-audio", "remind": "unknown-notice notice-cancelled too-many-reminders",
    "list_notices": "",
    "show_notice": "unknown-notice", "cancel": "unknown-notice", "notice_events": "unknown-notice",
    "send_audio": "body-too-large not-audio",
    "balance": "unknown-user", "statement": "unknown-user", "plan": "unknown-user",
    "grant": MONEY, "correct": f"{MONEY} balance-too-small",
    "show_limits": "invalid-number unknown-user", "lift_limits": "invalid-number unknown-user",
    "import_users": FILE, "import_grants": f"{FILE} idempotency-conflict",
    "put_team": "unknown-team unknown-tenant", "get_team": "unknown-team", "members": "unknown-team",
    "add_member": "unknown-team unknown-user team-full too-many-teams",
    "remove_member": "unknown-team unknown-member",
    "add_device": "unknown-user too-many-devices idempotency-conflict", "list_devices": "unknown-user",
    "change_password": "unknown-user unknown-device", "remove_device": "unknown-user unknown-device",
    "make": "unknown-tenant tenant-closed too-many-keys", "list_keys": "unknown-tenant",
    "rotate_key": "unknown-key first-key key-ended key-replaced too-many-keys",
    "revoke": "unknown-key first-key",
    "list_tenants": "", "get_tenant": "unknown-tenant", "put_tenant": "too-many-tenants",
    "close_tenant": "unknown-tenant",
    "make_webhook": "too-many-webhooks idempotency-conflict", "list_webhooks": "", "show_webhook": HOOK,
    "change_webhook": HOOK, "remove_webhook": HOOK, "list_deliveries": HOOK, "replay_events": HOOK,
    "test_webhook": HOOK, "rotate_secret": f"{HOOK} too-many-secrets",
    "list_nodes": "", "put_node": "unknown-node", "delete_node": "unknown-node node-in-use calls-not-ended",
    "trunks": "", "trunk": "unknown-trunk", "of_month": "", "show_test": CALL,
    "place_test": "unknown-trunk invalid-number destination-blocked emergency-number idempotency-conflict "
                  "unreadable-record",
    "healthz": "", "readyz": "not-ready",
}  # fmt: skip


def types_of(operation: Mapping[str, Any]) -> dict[int, list[str]]:
    """Status → the types of problem that this operation (of the OpenAPI document) answers with."""
    own = OWN[operation["operationId"]].split()
    usual = ANY if operation.get("security") else ()
    body = BODY if "application/json" in operation.get("requestBody", {}).get("content", {}) else ()
    found: dict[int, list[str]] = {}
    for type in dict.fromkeys((*own, *usual, *body)):
        found.setdefault(KINDS[type].status, []).append(type)
    return dict(sorted(found.items()))
