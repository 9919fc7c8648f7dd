"""`ringbridge webhooks`, against an API over memory; and its listener, against the real sender."""

import json
import re
import time
from typing import Any

import pytest
from standardwebhooks import Webhook

from ari_app.adapters.http_sender import HttpSender
from ari_app.domain.reach import LOOPBACK, Reach, reach_of
from ari_app.entrypoints import cli_webhooks
from ari_app.entrypoints.client import connect
from ari_app.entrypoints.webhook_listener import Arrived, Listener
from ari_app.hooks.signing import signed_headers
from ari_app.ports.sender import Answer as Answered
from ari_app.ports.webhooks import new_secret
from tests.receivers import Receiver
from tests.unit.cli.conftest import Ran, Run, Served

URL = "https://example.com/hook"


def said(ran: Ran) -> str:
    """By the command; above it is the log of the server, which is in this process, too."""
    assert ran.code == 0, ran.err
    return ran.out.splitlines()[-1]


def added(run: Run, *more: str) -> Any:
    return json.loads(said(run("webhooks", "add", URL, *more, "--json")))


def test_a_webhook_is_added_listed_changed_and_removed(run: Run, served: Served) -> None:
    ran = run("webhooks", "add", URL, "--event", "ended,notice.*", "--description", "shop")
    assert said(ran).startswith("whsec_")
    assert "shown this once" in ran.err
    [row] = [line.split() for line in run("webhooks", "list").out.splitlines() if URL in line]
    assert row[1:] == [URL, "call.ended,notice.*", "on", "0", "0"]
    assert "paused" in run("webhooks", "change", row[0], "--pause").out
    assert "shop" in run("webhooks", "show", row[0]).out
    assert "nothing to change" in run("webhooks", "change", row[0]).err
    assert said(run("webhooks", "remove", row[0])).startswith(f"removed {row[0]}")
    assert "unknown-webhook" in run("webhooks", "show", row[0]).err


def test_a_mistyped_event_is_told_with_what_was_meant(run: Run, served: Served) -> None:
    ran = run("webhooks", "add", URL, "--event", "call.endet")
    assert ran.code == 1
    assert 'did you mean "call.ended"?' in ran.err


def test_a_secret_is_replaced(run: Run, served: Served) -> None:
    made = added(run)
    ran = run("webhooks", "rotate", made["id"], "--overlap-s", "60")
    assert said(ran).startswith("whsec_")
    assert "signs, too, until" in ran.err
    assert said(ran) != made["secret"]


def test_a_test_tells_what_came_of_it(run: Run, served: Served) -> None:
    id = added(run)["id"]
    assert said(run("webhooks", "test", id)) == "✓ answered 204 in 12 ms"
    served.bench.sender.answer = Answered(None, "timeout", 10_000)
    ran = run("webhooks", "test", id)
    assert (ran.code, ran.out.splitlines()[-1]) == (3, "✗ timeout in 10000 ms")


def test_what_is_not_kept_any_more_is_told(run: Run, served: Served) -> None:
    id = added(run)["id"]
    assert said(run("webhooks", "replay", id, "--dead")) == "0 will be sent"
    ran = run("webhooks", "replay", id, "--event", "evt_c9_1_00000000")
    assert (ran.code, "evt_c9_1_00000000: nothing is kept of it" in ran.err) == (1, True)
    assert "one of dead, events" in run("webhooks", "replay", id).err
    assert "no deliveries" in run("webhooks", "deliveries", id).err


# ---- the listener -----------------------------------------------------------------------------------------------


def test_the_listener_verifies_tells_and_passes_on() -> None:
    got: list[Arrived] = []
    secret, at_ms = new_secret(), time.time_ns() // 1_000_000
    with Receiver() as program:
        listener = Listener(0, got.append, program.url)
        listener.start()
        listener.know(secret)
        try:
            body = b'{"type":"call.ended"}'
            headers = signed_headers("evt_1", at_ms, body, [secret])
            assert listener.take(headers, body) == 204
            assert listener.take(headers, body + b" ") == 401
            program.mode = "500"
            assert listener.take(headers, body) == 500
            program.stop()
            assert listener.take(headers, body) == 502
        finally:
            listener.stop()
    assert [one.id for one in program.got] == ["evt_1"]
    assert [(one.status, bool(one.fault)) for one in got] == [(204, False), (401, True), (500, False), (502, False)]
    assert got[0].event == {"type": "call.ended"}


def test_events_are_shown_as_they_come_and_the_webhook_is_removed_at_the_end(
    run: Run, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.bench.sender.through = HttpSender(reach_of(LOOPBACK))
    client = connect()

    def until_ctrl_c() -> None:
        [listening] = client.get("v1", "webhooks")["webhooks"]
        assert listening["events"] == ["call.*"]
        assert client.post("v1", "webhooks", listening["id"], "test", body=None)["status"] == 204
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_webhooks, "for_ever", until_ctrl_c)
    ran = run("webhooks", "listen", "--events", "call.*")
    assert re.search(r"^removed wh_\w+$", ran.err, re.MULTILINE)
    assert "whsec_" not in ran.err, "who forwards nothing needs no secret"
    [line] = [line for line in ran.out.splitlines() if "webhook.test" in line]
    assert line.endswith("✓")
    assert "listening at http://127.0.0.1:" in ran.err
    assert ran.code == 130
    assert client.get("v1", "webhooks") == {"webhooks": []}


def test_who_is_passed_what_comes_can_verify_it(run: Run, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.bench.sender.through = HttpSender(reach_of(LOOPBACK))

    def until_ctrl_c() -> None:
        [listening] = connect().get("v1", "webhooks")["webhooks"]
        assert connect().post("v1", "webhooks", listening["id"], "test", body=None)["status"] == 204
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_webhooks, "for_ever", until_ctrl_c)
    with Receiver() as program:
        ran = run("webhooks", "listen", "--forward", program.url)
    [secret] = re.findall(r"RINGBRIDGE_WEBHOOK_SECRET=(whsec_\S+)$", ran.err, re.MULTILINE)
    [came] = program.got
    Webhook(secret).verify(came.body, came.headers)


def test_a_webhook_that_could_not_be_removed_is_told_with_what_to_do(
    run: Run, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def until_ctrl_c() -> None:
        [listening] = connect().get("v1", "webhooks")["webhooks"]
        connect().delete("v1", "webhooks", listening["id"])
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_webhooks, "for_ever", until_ctrl_c)
    ran = run("webhooks", "listen", "--json")
    assert "ringbridge webhooks remove wh_" in ran.err


def test_where_the_server_may_not_reach_this_machine_it_is_said_what_to_do(
    run: Run, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = served.bench.doors.hooks
    object.__setattr__(hooks, "reach", Reach())
    ran = run("webhooks", "listen")
    assert ran.code == 1
    assert "webhook_allow" in ran.err
    assert "--url" in ran.err
    ran = run("webhooks", "listen", "--api", "http://192.0.2.1:8080", "--key", "k")
    assert "another machine" in ran.err
    with Receiver() as other:
        assert "--port" in run("webhooks", "listen", "--port", str(other.port)).err
