"""The client for developers, against a server that answers what it is told to."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from ari_app.client import ApiError, AsyncRingbridge, NotGenuine, Retry, Ringbridge, Unreachable, verify
from ari_app.ports.webhooks import new_secret

USER = {"id": "demo", "numbers": [], "verified": []}
QUICK = Retry(first_s=0.01)
AWAY = (503, {"Retry-After": "0"}, {"type": "no-capacity", "detail": "Redis is away.", "retry_after_s": 0})
BROKEN = (0, {}, None)
"""Closed without an answer."""


class Told(ThreadingHTTPServer):
    """Answers in turn; the last one for ever."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Told

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = self.server
        told.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        status, headers, body = told.answers.pop(0) if len(told.answers) > 1 else told.answers[0]
        if status:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def log_message(self, *_args: Any) -> None:
        """Nothing to say."""


@pytest.fixture
def told() -> Iterator[Told]:
    server = Told()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("first", [AWAY, BROKEN, (502, {}, b"<html>")], ids=["503", "broken off", "a proxy's 502"])
async def test_what_may_be_asked_twice_is_asked_again_by_both_clients(told: Told, first: Any) -> None:
    told.answers = [first, (200, {}, USER), first, (200, {}, USER)]
    assert Ringbridge(told.url, "k", retry=QUICK).show_user("demo").id == "demo"
    async with AsyncRingbridge(told.url, "k", retry=QUICK) as client:
        assert (await client.show_user("demo")).id == "demo"
    assert len(told.asked) == 4


def test_a_post_is_asked_again_with_one_key_and_never_without(told: Told) -> None:
    client = Ringbridge(told.url, "k", retry=QUICK)
    told.answers = [AWAY, BROKEN, (400, {}, {"type": "invalid-number", "detail": "No.", "field": "callee"})]
    with pytest.raises(ApiError) as refused:
        client.place_call("demo", "x")
    assert (refused.value.type, refused.value.field, refused.value.status) == ("invalid-number", "callee", 400)
    keys = [headers["idempotency-key"] for _, _, headers in told.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    told.answers = [AWAY]
    with pytest.raises(ApiError):
        client.make_key("shop", ["call"])
    assert len(told.asked) == 4


def test_who_asks_too_often_waits_if_that_is_short_and_is_told_if_it_is_long(told: Told) -> None:
    often = {"type": "too-many-requests", "detail": "Too often.", "rule": "key"}
    told.answers = [(429, {"Retry-After": "0"}, often), (429, {"Retry-After": "3600"}, often)]
    with pytest.raises(ApiError) as refused:
        Ringbridge(told.url, "k").make_key("shop", ["call"])
    assert (refused.value.retry_after_s, refused.value.rule, len(told.asked)) == (3600, "key", 2)


def test_retries_can_be_switched_off_and_nobody_is_followed_elsewhere(told: Told) -> None:
    told.answers = [BROKEN, (302, {"Location": "http://192.0.2.1/"}, b"")]
    with pytest.raises(Unreachable):
        Ringbridge(told.url, "k", retry=None).show_user("demo")
    with pytest.raises(ApiError):
        Ringbridge(told.url, "k", retry=None).show_user("demo")
    assert len(told.asked) == 2
    with pytest.raises(ValueError, match="address"):
        Ringbridge("ftp://x", "k")


async def test_every_item_of_a_list_page_by_page(told: Told) -> None:
    def page(name: str, cursor: str | None) -> tuple[int, dict[str, str], Any]:
        return 200, {}, {"members": [{"user": name, "number_counts": True}], "cursor": cursor}

    told.answers = [page("a", "2"), page("b", None)] * 2
    assert [one.user for one in Ringbridge(told.url, "k").every_member("acme")] == ["a", "b"]
    async with AsyncRingbridge(told.url, "k") as client:
        assert [one.user async for one in client.every_member("acme")] == ["a", "b"]
    assert told.asked[1][1] == "/v1/teams/acme/members?cursor=2"


def an_event(seq: int, type: str = "call.talking") -> bytes:
    body = {"type": type, "timestamp": "2026-11-23T08:33:12.123Z", "id": f"evt_c1_{seq}", "data": {"seq": seq}}
    return f"id: {seq}\nevent: {type}\ndata: {json.dumps(body)}\n\n".encode()


async def test_a_stream_goes_on_where_it_broke_off_and_ends_with_the_call(told: Told) -> None:
    first = b"retry: 0\n\n:\n\n" + an_event(1) + b"id: 2\nevent: call.ta"
    last = an_event(2) + an_event(3, "call.ended") + b'event: end\ndata: {"call":"c1"}\n\n'
    told.answers = [(200, {}, first), AWAY, (200, {}, last)] * 2
    assert [one.id for one in Ringbridge(told.url, "k", retry=QUICK).follow("c1")] == [
        "evt_c1_1",
        "evt_c1_2",
        "evt_c1_3",
    ]
    async with AsyncRingbridge(told.url, "k", retry=QUICK) as client:
        assert [one.data["seq"] async for one in client.follow("c1")] == [1, 2, 3]
    assert [headers.get("last-event-id") for _, _, headers in told.asked] == [None, "1", "1"] * 2, (
        "of 2 only half had come"
    )


def test_a_webhook_is_believed_only_with_its_signature() -> None:
    secret, body = new_secret(), json.dumps(json.loads(an_event(7).split(b"data: ")[1])).encode()
    now = datetime.now(UTC)
    headers = {
        "Webhook-Id": "evt_c1_7", "Webhook-Timestamp": str(int(now.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("evt_c1_7", now, body.decode()),
    }  # fmt: skip
    assert verify(secret, headers, body).data == {"seq": 7}
    for bad in ((new_secret(), headers, body), (secret, headers, body + b" "), (secret, {}, body),
                (secret, {**headers, "Webhook-Timestamp": "1"}, body)):  # fmt: skip
        with pytest.raises(NotGenuine):
            verify(*bad)
