"""The signature, by the library that receivers verify it with."""

import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from ari_app.hooks.signing import signed_headers
from ari_app.ports.webhooks import new_secret

BODY = '{"type":"call.ended","data":{"reason":"通话"}}'.encode()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_what_is_signed_is_verified_with_each_secret_that_holds_and_with_no_other() -> None:
    fresh, old, foreign = new_secret(), new_secret(), new_secret()
    headers = signed_headers("evt_c1_1", now_ms(), BODY, [fresh, old])
    for secret in (fresh, old):
        assert Webhook(secret).verify(BODY, headers)["data"]["reason"] == "通话"
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(foreign).verify(BODY, headers)


@pytest.mark.parametrize("change", ["body", "id", "time"])
def test_whatever_is_changed_is_noticed(change: str) -> None:
    secret = new_secret()
    headers = signed_headers("evt_c1_1", now_ms(), BODY, [secret])
    body = BODY + b" " if change == "body" else BODY
    headers |= {"webhook-id": "evt_c1_2"} if change == "id" else {}
    headers |= {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)} if change == "time" else {}
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(("late_s", "said"), [(301, "too old"), (-301, "too new")])
def test_what_was_sent_minutes_ago_is_refused(late_s: int, said: str) -> None:
    secret = new_secret()
    headers = signed_headers("evt_c1_1", now_ms() - late_s * 1000, BODY, [secret])
    with pytest.raises(WebhookVerificationError, match=said):
        Webhook(secret).verify(BODY, headers)


def test_the_time_zone_of_this_machine_is_nothing_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    at_ms = now_ms()
    there = signed_headers("evt_c1_1", at_ms, BODY, ["whsec_" + "QUJD" * 11])
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        assert signed_headers("evt_c1_1", at_ms, BODY, ["whsec_" + "QUJD" * 11]) == there
    finally:
        monkeypatch.undo()
        time.tzset()
