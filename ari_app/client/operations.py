"""Made from the API's description (tests/unit/client/make.py): not to be changed by hand. What may be asked."""

from __future__ import annotations

from typing import Any

from ari_app.client import answers
from ari_app.client.asking import Request, given, new_key


def export_calls(*, since: str | None = None, until: str | None = None, format: str | None = None) -> Request[bytes]:
    """All calls of a time, as a file."""
    return Request("GET", ("v1", "calls", "export"), bytes, query={"since": since, "until": until, "format": format})


def place_call(
    caller: str,
    callee: str,
    *,
    type: str | None = None,
    max_duration_s: int | None = None,
    confirm_caller: bool | None = None,
    waiting: str | None = None,
    early_media: str | None = None,
    record: str | None = None,
    private: bool | None = None,
    metadata: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Request[answers.Call]:
    """Place a call."""
    return Request(
        "POST",
        ("v1", "calls"),
        answers.Call,
        body=given(
            type=type,
            caller=caller,
            callee=callee,
            max_duration_s=max_duration_s,
            confirm_caller=confirm_caller,
            waiting=waiting,
            early_media=early_media,
            record=record,
            private=private,
            metadata=metadata,
        ),
        key=idempotency_key or new_key(),
    )


def list_calls(
    *,
    user: str | None = None,
    state: str | None = None,
    since: str | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> Request[answers.Calls]:
    """List calls."""
    return Request(
        "GET",
        ("v1", "calls"),
        answers.Calls,
        query={"user": user, "state": state, "since": since, "cursor": cursor, "limit": limit},
        items="calls",
    )


def show_call(call_id: str) -> Request[answers.Call]:
    """Look at a call."""
    return Request("GET", ("v1", "calls", call_id), answers.Call)


def end_call(call_id: str) -> Request[answers.Call]:
    """Cancel or hang up."""
    return Request("DELETE", ("v1", "calls", call_id), answers.Call)


def call_events(call_id: str, *, after: int | None = None) -> Request[answers.Events]:
    """How a call went."""
    return Request("GET", ("v1", "calls", call_id, "events"), answers.Events, query={"after": after})


def import_users(
    file: bytes, media: str, *, dry_run: bool | None = None, idempotency_key: str | None = None
) -> Request[answers.Imported]:
    """Put many users."""
    return Request(
        "POST",
        ("v1", "imports", "users"),
        answers.Imported,
        query={"dry_run": dry_run},
        key=idempotency_key or new_key(),
        file=file,
        media=media,
    )


def import_grants(
    file: bytes, media: str, *, dry_run: bool | None = None, idempotency_key: str | None = None
) -> Request[answers.Imported]:
    """Give minutes to many."""
    return Request(
        "POST",
        ("v1", "imports", "grants"),
        answers.Imported,
        query={"dry_run": dry_run},
        key=idempotency_key or new_key(),
        file=file,
        media=media,
    )


def list_events(
    *, types: str | None = None, after: str | None = None, limit: int | None = None, wait_s: int | None = None
) -> Request[answers.HappenedPage]:
    """Everything that happens."""
    return Request(
        "GET",
        ("v1", "events"),
        answers.HappenedPage,
        query={"types": types, "after": after, "limit": limit, "wait_s": wait_s},
    )


def make_webhook(
    url: str, *, events: list[str] | None = None, description: str | None = None, idempotency_key: str | None = None
) -> Request[answers.NewWebhookMade]:
    """Make a webhook."""
    return Request(
        "POST",
        ("v1", "webhooks"),
        answers.NewWebhookMade,
        body=given(url=url, events=events, description=description),
        key=idempotency_key or new_key(),
    )


def list_webhooks() -> Request[answers.Webhooks]:
    """List webhooks."""
    return Request("GET", ("v1", "webhooks"), answers.Webhooks)


def show_webhook(id: str) -> Request[answers.Webhook]:
    """Look at a webhook."""
    return Request("GET", ("v1", "webhooks", id), answers.Webhook)


def change_webhook(
    id: str,
    *,
    url: str | None = None,
    events: list[str] | None = None,
    description: str | None = None,
    paused: bool | None = None,
) -> Request[answers.Webhook]:
    """Change a webhook."""
    return Request(
        "PATCH",
        ("v1", "webhooks", id),
        answers.Webhook,
        body=given(url=url, events=events, description=description, paused=paused),
    )


def remove_webhook(id: str) -> Request[answers.Webhook]:
    """Remove a webhook."""
    return Request("DELETE", ("v1", "webhooks", id), answers.Webhook)


def rotate_secret(id: str, *, overlap_s: int | None = None) -> Request[answers.NewWebhookMade]:
    """Replace its secret."""
    return Request("POST", ("v1", "webhooks", id, "secret"), answers.NewWebhookMade, body=given(overlap_s=overlap_s))


def list_deliveries(
    id: str, *, outcome: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Request[answers.Deliveries]:
    """What was sent, and what came of it."""
    return Request(
        "GET",
        ("v1", "webhooks", id, "deliveries"),
        answers.Deliveries,
        query={"outcome": outcome, "cursor": cursor, "limit": limit},
        items="deliveries",
    )


def replay_events(
    id: str,
    *,
    dead: str | None = None,
    events: list[str] | None = None,
    call: str | None = None,
    notice: str | None = None,
    since: str | None = None,
    until: str | None = None,
    cursor: str | None = None,
) -> Request[answers.Replayed]:
    """Send events again."""
    return Request(
        "POST",
        ("v1", "webhooks", id, "replay"),
        answers.Replayed,
        body=given(dead=dead, events=events, call=call, notice=notice, since=since, until=until, cursor=cursor),
    )


def test_webhook(id: str) -> Request[answers.Tested]:
    """Send a test."""
    return Request("POST", ("v1", "webhooks", id, "test"), answers.Tested)


def make_click_token(
    callee: str,
    *,
    caller: str | None = None,
    expires_in_s: int | None = None,
    max_duration_s: int | None = None,
    origins: list[str] | None = None,
    metadata: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Request[answers.ClickToken]:
    """Let a web page place one call."""
    return Request(
        "POST",
        ("v1", "click-tokens"),
        answers.ClickToken,
        body=given(
            callee=callee,
            caller=caller,
            expires_in_s=expires_in_s,
            max_duration_s=max_duration_s,
            origins=origins,
            metadata=metadata,
        ),
        key=idempotency_key or new_key(),
    )


def click(token: str, *, caller: str | None = None) -> Request[answers.Clicked]:
    """Place the call of a token."""
    return Request("POST", ("v1", "click"), answers.Clicked, body=given(token=token, caller=caller))


def click_events(token: str) -> Request[answers.ClickEvents]:
    """How the call of a token goes."""
    return Request("GET", ("v1", "click", token, "events"), answers.ClickEvents)


def hang_up(token: str) -> Request[answers.Clicked]:
    """Hang up the call of a token."""
    return Request("DELETE", ("v1", "click", token), answers.Clicked)


def start_recording(
    call_id: str, *, what: str | None = None, idempotency_key: str | None = None
) -> Request[answers.Call]:
    """Record a call from now on."""
    return Request(
        "POST",
        ("v1", "calls", call_id, "recording"),
        answers.Call,
        body=given(what=what),
        key=idempotency_key or new_key(),
    )


def stop_recording(call_id: str) -> Request[answers.Call]:
    """Stop recording."""
    return Request("DELETE", ("v1", "calls", call_id, "recording"), answers.Call)


def fetch_recording(id: str) -> Request[bytes]:
    """Fetch a recording."""
    return Request("GET", ("v1", "recordings", id), bytes)


def delete_recording(id: str) -> Request[None]:
    """Throw a recording away."""
    return Request("DELETE", ("v1", "recordings", id), None)


def begin_conference(
    host: str,
    *,
    participants: list[str] | None = None,
    max_duration_s: int | None = None,
    ends_with_host: bool | None = None,
    confirm_joining: bool | None = None,
    record: str | None = None,
    private: bool | None = None,
    dial_in: bool | None = None,
    metadata: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Request[answers.Conference]:
    """Begin a conference."""
    return Request(
        "POST",
        ("v1", "conferences"),
        answers.Conference,
        body=given(
            host=host,
            participants=participants,
            max_duration_s=max_duration_s,
            ends_with_host=ends_with_host,
            confirm_joining=confirm_joining,
            record=record,
            private=private,
            dial_in=dial_in,
            metadata=metadata,
        ),
        key=idempotency_key or new_key(),
    )


def show_conference(id: str) -> Request[answers.Conference]:
    """Look at a conference."""
    return Request("GET", ("v1", "conferences", id), answers.Conference)


def end_conference(id: str) -> Request[answers.Conference]:
    """End a conference."""
    return Request("DELETE", ("v1", "conferences", id), answers.Conference)


def add_participant(id: str, participant: str, *, idempotency_key: str | None = None) -> Request[answers.Conference]:
    """Add a participant."""
    return Request(
        "POST",
        ("v1", "conferences", id, "participants"),
        answers.Conference,
        body=given(participant=participant),
        key=idempotency_key or new_key(),
    )


def ring_participant(id: str, leg: str, *, idempotency_key: str | None = None) -> Request[answers.Conference]:
    """Ring a participant again."""
    return Request(
        "POST",
        ("v1", "conferences", id, "participants", leg, "ring"),
        answers.Conference,
        key=idempotency_key or new_key(),
    )


def change_participant(id: str, leg: str, muted: bool) -> Request[answers.Conference]:
    """Mute a participant, or let him be heard again."""
    return Request("PATCH", ("v1", "conferences", id, "participants", leg), answers.Conference, body=given(muted=muted))


def remove_participant(id: str, leg: str) -> Request[answers.Conference]:
    """Remove a participant."""
    return Request("DELETE", ("v1", "conferences", id, "participants", leg), answers.Conference)


def make_pin(id: str, *, idempotency_key: str | None = None) -> Request[answers.Pin]:
    """Make a PIN."""
    return Request("POST", ("v1", "conferences", id, "pins"), answers.Pin, key=idempotency_key or new_key())


def refund_call(
    call_id: str, *, seconds: int | None = None, user: str | None = None, idempotency_key: str | None = None
) -> Request[answers.Refunded]:
    """Give back what a call was charged."""
    return Request(
        "POST",
        ("v1", "calls", call_id, "refund"),
        answers.Refunded,
        query={"user": user},
        body=given(seconds=seconds),
        key=idempotency_key or new_key(),
    )


def put_user(
    id: str, numbers: list[str], *, name: str | None = None, locale: str | None = None
) -> Request[answers.User]:
    """Make or change a user."""
    return Request("PUT", ("v1", "users", id), answers.User, body=given(numbers=numbers, name=name, locale=locale))


def show_user(id: str) -> Request[answers.User]:
    """Look at a user."""
    return Request("GET", ("v1", "users", id), answers.User)


def verify_number(id: str, n: str, *, idempotency_key: str | None = None) -> Request[answers.Verification]:
    """Read a code out to a number."""
    return Request(
        "POST", ("v1", "users", id, "numbers", n, "verify"), answers.Verification, key=idempotency_key or new_key()
    )


def confirm_number(id: str, n: str, code: str) -> Request[answers.User]:
    """Give the code back."""
    return Request("POST", ("v1", "users", id, "numbers", n, "confirm"), answers.User, body=given(code=code))


def send_notice(
    sender: str,
    recipients: list[str],
    *,
    text: str | None = None,
    audio: str | None = None,
    confirm: dict[str, Any] | None = None,
    retry: dict[str, Any] | None = None,
    quiet_hours: str | None = None,
    at: str | None = None,
    language: str | None = None,
    metadata: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Request[answers.Notice]:
    """Tell many something by phone."""
    return Request(
        "POST",
        ("v1", "notices"),
        answers.Notice,
        body=given(
            sender=sender,
            recipients=recipients,
            text=text,
            audio=audio,
            confirm=confirm,
            retry=retry,
            quiet_hours=quiet_hours,
            at=at,
            language=language,
            metadata=metadata,
        ),
        key=idempotency_key or new_key(),
    )


def list_notices(
    *, sender: str | None = None, cursor: str | None = None, limit: int | None = None
) -> Request[answers.Notices]:
    """List notices."""
    return Request(
        "GET",
        ("v1", "notices"),
        answers.Notices,
        query={"sender": sender, "cursor": cursor, "limit": limit},
        items="notices",
    )


def show_notice(id: str, *, cursor: str | None = None, limit: int | None = None) -> Request[answers.Notice]:
    """Look at a notice."""
    return Request(
        "GET", ("v1", "notices", id), answers.Notice, query={"cursor": cursor, "limit": limit}, items="recipients"
    )


def cancel_notice(id: str) -> Request[answers.Notice]:
    """Cancel a notice."""
    return Request("DELETE", ("v1", "notices", id), answers.Notice)


def notice_events(id: str, *, after: int | None = None) -> Request[answers.NoticeEvents]:
    """How a notice went."""
    return Request("GET", ("v1", "notices", id, "events"), answers.NoticeEvents, query={"after": after})


def remind_notice(id: str, *, idempotency_key: str | None = None) -> Request[answers.Notice]:
    """Ring again who has not confirmed."""
    return Request("POST", ("v1", "notices", id, "remind"), answers.Notice, key=idempotency_key or new_key())


def send_audio(file: bytes) -> Request[answers.Audio]:
    """Send an audio file."""
    return Request("POST", ("v1", "audio"), answers.Audio, file=file, media="audio/wav")


def balance(id: str) -> Request[answers.Balance]:
    """Minutes left."""
    return Request("GET", ("v1", "users", id, "balance"), answers.Balance)


def statement(id: str, *, cursor: str | None = None, limit: int | None = None) -> Request[answers.Statement]:
    """Every change of the balance."""
    return Request(
        "GET",
        ("v1", "users", id, "statement"),
        answers.Statement,
        query={"cursor": cursor, "limit": limit},
        items="lines",
    )


def grant(
    id: str, kind: str, seconds: int, *, expires_at: str | None = None, idempotency_key: str | None = None
) -> Request[answers.Granted]:
    """Give minutes."""
    return Request(
        "POST",
        ("v1", "users", id, "grants"),
        answers.Granted,
        body=given(kind=kind, seconds=seconds, expires_at=expires_at),
        key=idempotency_key or new_key(),
    )


def correct(id: str, seconds: int, reason: str, *, idempotency_key: str | None = None) -> Request[answers.Corrected]:
    """Put minutes right, up or down."""
    return Request(
        "POST",
        ("v1", "users", id, "corrections"),
        answers.Corrected,
        body=given(seconds=seconds, reason=reason),
        key=idempotency_key or new_key(),
    )


def plan(id: str) -> Request[answers.Plan]:
    """Where the minutes come from."""
    return Request("GET", ("v1", "users", id, "plan"), answers.Plan)


def show_limits(id: str, number: str) -> Request[answers.LimitsNow]:
    """How often a number was called."""
    return Request("GET", ("v1", "users", id, "limits", number), answers.LimitsNow)


def lift_limits(id: str, number: str, *, of_all: bool | None = None) -> Request[answers.Lifted]:
    """Lift the limits."""
    return Request("DELETE", ("v1", "users", id, "limits", number), answers.Lifted, query={"of_all": of_all})


def put_team(id: str, name: str, *, certified: bool | None = None) -> Request[answers.Team]:
    """Make or change a team."""
    return Request("PUT", ("v1", "teams", id), answers.Team, body=given(name=name, certified=certified))


def get_team(id: str) -> Request[answers.Team]:
    """Look at a team."""
    return Request("GET", ("v1", "teams", id), answers.Team)


def list_members(id: str, *, cursor: str | None = None, limit: int | None = None) -> Request[answers.Members]:
    """Who is in a team."""
    return Request(
        "GET",
        ("v1", "teams", id, "members"),
        answers.Members,
        query={"cursor": cursor, "limit": limit},
        items="members",
    )


def add_member(id: str, user: str) -> Request[answers.Team]:
    """Put a user into a team."""
    return Request("PUT", ("v1", "teams", id, "members", user), answers.Team)


def remove_member(id: str, user: str) -> Request[answers.Team]:
    """Take a user out of a team."""
    return Request("DELETE", ("v1", "teams", id, "members", user), answers.Team)


def add_device(
    id: str, *, name: str | None = None, transport: str | None = None, idempotency_key: str | None = None
) -> Request[answers.NewDeviceMade]:
    """Give a user a device."""
    return Request(
        "POST",
        ("v1", "users", id, "devices"),
        answers.NewDeviceMade,
        body=given(name=name, transport=transport),
        key=idempotency_key or new_key(),
    )


def list_devices(id: str) -> Request[answers.Devices]:
    """List a user's devices."""
    return Request("GET", ("v1", "users", id, "devices"), answers.Devices)


def change_password(id: str, device: str) -> Request[answers.NewDeviceMade]:
    """Give a device another password."""
    return Request("POST", ("v1", "users", id, "devices", device, "password"), answers.NewDeviceMade)


def remove_device(id: str, device: str) -> Request[answers.Device]:
    """Remove a device."""
    return Request("DELETE", ("v1", "users", id, "devices", device), answers.Device)


def make_key(
    name: str, scopes: list[str], *, expires_at: str | None = None, tenant: str | None = None
) -> Request[answers.NewKeyMade]:
    """Make a key."""
    return Request(
        "POST",
        ("v1", "keys"),
        answers.NewKeyMade,
        body=given(name=name, scopes=scopes, expires_at=expires_at, tenant=tenant),
    )


def list_keys(*, tenant: str | None = None) -> Request[answers.Keys]:
    """List keys."""
    return Request("GET", ("v1", "keys"), answers.Keys, query={"tenant": tenant})


def rotate_key(id: str, *, overlap_s: int | None = None, expires_at: str | None = None) -> Request[answers.NewKeyMade]:
    """Replace a key by a new one."""
    return Request(
        "POST", ("v1", "keys", id, "rotate"), answers.NewKeyMade, body=given(overlap_s=overlap_s, expires_at=expires_at)
    )


def revoke_key(id: str) -> Request[answers.Key]:
    """Revoke a key."""
    return Request("DELETE", ("v1", "keys", id), answers.Key)


def list_tenants() -> Request[answers.Tenants]:
    """List tenants."""
    return Request("GET", ("v1", "tenants"), answers.Tenants)


def get_tenant(id: str) -> Request[answers.Tenant]:
    """Look at a tenant."""
    return Request("GET", ("v1", "tenants", id), answers.Tenant)


def put_tenant(
    id: str, name: str, *, requests_per_s: int | None = None, requests_burst: int | None = None
) -> Request[answers.Tenant]:
    """Make, change or open a tenant."""
    return Request(
        "PUT",
        ("v1", "tenants", id),
        answers.Tenant,
        body=given(name=name, requests_per_s=requests_per_s, requests_burst=requests_burst),
    )


def close_tenant(id: str) -> Request[answers.Tenant]:
    """Close a tenant."""
    return Request("DELETE", ("v1", "tenants", id), answers.Tenant)


def list_nodes() -> Request[answers.Nodes]:
    """List the PBXes."""
    return Request("GET", ("v1", "nodes"), answers.Nodes)


def put_node(name: str, drained: bool) -> Request[answers.Node]:
    """Drain a PBX, or not."""
    return Request("PUT", ("v1", "nodes", name), answers.Node, body=given(drained=drained))


def delete_node(name: str, *, end_calls: bool | None = None) -> Request[answers.ForgottenNode]:
    """Forget a PBX."""
    return Request("DELETE", ("v1", "nodes", name), answers.ForgottenNode, query={"end_calls": end_calls})


def settlement(*, month: str | None = None) -> Request[answers.Settlement]:
    """What the carriers are owed."""
    return Request("GET", ("v1", "reports", "settlement"), answers.Settlement, query={"month": month})


def list_trunks() -> Request[answers.Trunks]:
    """List trunks."""
    return Request("GET", ("v1", "trunks"), answers.Trunks)


def show_trunk(name: str) -> Request[answers.Trunk]:
    """Look at a trunk."""
    return Request("GET", ("v1", "trunks", name), answers.Trunk)


def place_trunk_test(
    name: str, number: str, *, seconds: int | None = None, idempotency_key: str | None = None
) -> Request[answers.TrunkTest]:
    """Place a test call over one trunk."""
    return Request(
        "POST",
        ("v1", "trunks", name, "test"),
        answers.TrunkTest,
        body=given(number=number, seconds=seconds),
        key=idempotency_key or new_key(),
    )


def show_trunk_test(name: str, call_id: str) -> Request[answers.TrunkTest]:
    """How a test call went."""
    return Request("GET", ("v1", "trunks", name, "test", call_id), answers.TrunkTest)


def healthz() -> Request[answers.Alive]:
    """Is the process alive."""
    return Request("GET", ("healthz",), answers.Alive)


def readyz() -> Request[answers.Ready]:
    """Can a call be placed now."""
    return Request("GET", ("readyz",), answers.Ready)
