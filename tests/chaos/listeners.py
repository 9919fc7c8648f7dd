"""Who is told of everything over webhooks in a run: one receiver that is always well, and one that faults are about.
Judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook

from tests.chaos.told import Event, Told
from tests.receivers import Got, Receiver

if TYPE_CHECKING:
    from tests.chaos.apps import Api

SETTINGS = {
    "WEBHOOK_ALLOW": "127.0.0.0/8",
    "WEBHOOK_TIMEOUT_S": "2",
    "WEBHOOK_RETRY_S": "0.3",
    "WEBHOOK_RETRY_MAX_S": "1",
    "WEBHOOK_PROBE_S": "0.5",
}
SOON_S = "1"
"""What a receiver that says 429 asks for."""


class Listeners:
    def __init__(self) -> None:
        self.well, self.ailing = Receiver(), Receiver(retry_after=SOON_S)
        self._secrets: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    @property
    def all(self) -> Mapping[str, Receiver]:
        return {"the receiver that is well": self.well, "the receiver that ails": self.ailing}

    def start(self, api: Api) -> None:
        for name, one in self.all.items():
            one.start()
            made = api.ask("POST", "/v1/webhooks", {"url": one.url})
            assert made is not None, "nothing is broken yet"
            assert made.status == 201, made
            self._secrets[name], self._ids[name] = made.body["secret"], made.body["id"]

    def stop(self) -> None:
        for one in self.all.values():
            one.stop()

    def waiting(self, api: Api) -> list[str]:
        """What is still to be sent, or was given up."""
        found = []
        for name, id in self._ids.items():
            answer = api.ask("GET", f"/v1/webhooks/{id}")
            if answer is None or answer.status != 200:
                found.append(f"nobody knows what waits for {name}")
            elif answer.body["waiting"] or answer.body["dead"] or answer.body["paused"]:
                found.append(f"for {name}: {answer.body}")
        return found

    def told(self) -> dict[str, list[Told]]:
        return {name: [_told(got, self._secrets[name]) for got in list(one.got)] for name, one in self.all.items()}


def _told(got: Got, secret: str) -> Told:
    said, data = got.json, got.json["data"]
    source = data.get("notice") or data.get("call")  # a notice's may name the call that came of it
    return Told(got.id, str(source), data["seq"], said["type"], said["timestamp"], _is_signed(got, secret))


def _is_signed(got: Got, secret: str) -> bool:
    """By the library that receivers use; not by the clock, which a fault may have put wrong."""
    at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC)
    signed = Webhook(secret).sign(got.id, at, got.body.decode())
    return signed in got.headers["webhook-signature"].split()


def events_of(
    ids: Iterable[str], path: str, kind: str, got: Callable[[str], Mapping[str, Any]]
) -> dict[str, list[Event]]:
    """On record, as the API shows them."""
    return {id: [_event(kind, one) for one in got(f"{path}/{id}/events")["events"]] for id in ids}


def _event(kind: str, shown: Any) -> Event:
    word = shown.get("what") or shown["state"] if kind == "call" else str(shown["type"]).removeprefix("notice_")
    return Event(shown["seq"], f"{kind}.{word}", shown["at"])
