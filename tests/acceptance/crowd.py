"""Many calls at once between phones that are alive and send no sound (35), and an app that dies under them.

Without taps in between: what is timed here is the app. Knows how to place, look at and end many calls, and what the log
says of their adoption; knows no test's story.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ari_app.stack.carrier import CarrierCall
from tests.acceptance.house import SETTINGS, TRUNKS, Placed
from tests.acceptance.judge import Shown
from tests.ground import Ground, number
from tests.ringbridge import Ringbridge
from tests.support import until_sync

T = TypeVar("T")
R = TypeVar("R")
AT_ONCE = 4  # requests of ours on their way
MINUTES_S = 36_000
SILENT = "35"
UNHURRIED = {
    "SLICE_S": "120", "WARNING_S": "60", "MARGIN_S": "15", "LEASE_TTL_S": "6", "LEASE_MARGIN_S": "1.5",
    "PDD_TIMEOUT_S": "10",
}  # fmt: skip
"""As shipped: a process that is away for a few seconds lets no talk run into the end of what is held."""


@dataclass(frozen=True)
class Taken:
    """How one new process took the calls up, by its own log. `start_ms`: of Python and all that is loaded, from the
    process's birth until it begins to load the calls."""

    live: int
    gone: int
    unknown: int
    sight_ms: int
    load_ms: int
    start_ms: int


class Crowd:
    def __init__(self, ground: Ground, home: Path, **settings: str) -> None:
        self.ground = ground
        self.home = home
        self.calls: list[Placed] = []
        self._users = 0
        self._lives = 0
        home.mkdir()
        (home / "trunks.conf").write_text(TRUNKS.format(port=ground.info.carrier_sip_port))
        self.settings = {
            **SETTINGS, **ground.as_ones_own(), "TRUNKS_FILE": str(home / "trunks.conf"), "MEDIA_TIMEOUT_S": "0",
            **UNHURRIED, **settings,
        }  # fmt: skip
        self.app = Ringbridge(home, **self.settings)

    # ---- calls --------------------------------------------------------------------------------------------------

    def place(self, count: int, caller: str = SILENT, callee: str = SILENT) -> list[Placed]:
        """So many more, each with a payer of its own; back when all talk."""
        users = [f"crowd{self._users + n}" for n in range(count)]
        self._users += count
        placed = self._each(users, lambda ask, user: self._place(ask, user, number(int(caller)), number(int(callee))))
        self.calls += placed
        self.until_up(self.calls)
        return placed

    def _place(self, ask: Ask, user: str, caller: str, to: str) -> Placed:
        ask("PUT", f"/v1/users/{user}", {"numbers": [caller]})
        ask("POST", f"/v1/users/{user}/grants", {"kind": "bonus", "seconds": MINUTES_S})
        made = until_sync(lambda: ask("POST", "/v1/calls", {"caller": user, "callee": to}), 20, "a line is free")
        return Placed(made["id"], user, caller, to)

    def until_up(self, calls: Iterable[Placed], within_s: float = 60) -> None:
        legs = {f"{call.id}.{role}.0" for call in calls for role in ("caller", "callee")}
        until_sync(lambda: legs <= self.up(), within_s, "all phones are up", every_s=0.2)

    def up(self) -> set[str]:
        """Channels of the PBX that were answered."""
        return {one["id"] for one in self.ground.ari("GET", "channels") if one["state"] == "Up"}

    def phones(self) -> dict[str, CarrierCall]:
        """What the carrier wrote down so far, by number."""
        return {phone.number: phone for phone in self.ground.carrier_calls()}

    def told_of(self, channels: Iterable[str]) -> list[str]:
        """What the logs of all processes say of how these calls ended, a few of them."""
        calls = {one.partition(".")[0] for one in channels}
        lines = (line for log in sorted(self.home.glob("*.log")) for line in log.read_text().splitlines())
        return [line for line in lines if '"call ended"' in line and any(call in line for call in calls)][:5]

    def hang_up_all(self) -> dict[Placed, Shown]:
        """By the API, which reaches only calls that are tended; as shown once they have ended."""
        calls, self.calls = self.calls, []
        self._each(calls, lambda ask, call: ask("DELETE", f"/v1/calls/{call.id}"))
        return self.ended(calls)

    def ended(self, calls: Sequence[Placed], within_s: float = 60) -> dict[Placed, Shown]:
        until_sync(lambda: not self.app.live(), within_s, "no call lives", every_s=0.1)
        shown = dict(zip(calls, self._each(calls, lambda ask, call: ask("GET", f"/v1/calls/{call.id}")), strict=True))
        assert {one["state"] for one in shown.values()} == {"ended"}, self.app.tail(20)
        return shown

    # ---- the app ------------------------------------------------------------------------------------------------

    def again(self, end: Callable[[Ringbridge], object]) -> Taken:
        """The app ends as told, and a new one takes the calls up."""
        end(self.app)
        return self.start()

    def start(self) -> Taken:
        self._lives += 1
        self.app = Ringbridge(self.home, **self.settings)
        self.app.log = self.home / f"life{self._lives}.log"
        born_s = time.time()
        self.app.start(60)
        lines = [json.loads(line) for line in self.app.log.read_text().splitlines() if line.startswith("{")]
        said = until_sync(lambda: self._said("calls adopted"), 20, "the calls were adopted")
        loaded = next(line for line in lines if line["event"] == "plans loaded")
        start_ms = int(1000 * (_at_s(loaded) - born_s))
        return Taken(start_ms=start_ms, **{k: said[k] for k in ("live", "gone", "unknown", "sight_ms", "load_ms")})

    def _said(self, event: str) -> dict[str, Any] | None:
        lines = (json.loads(line) for line in self.app.log.read_text().splitlines() if event in line)
        return next((line for line in lines if line["event"] == event), None)

    # ---- requests -----------------------------------------------------------------------------------------------

    def _each(self, of: Sequence[T], work: Callable[[Ask, T], R]) -> list[R]:
        """The same for each, a few at once, on connections that are kept."""
        own = threading.local()

        def one(item: T) -> R:
            if not hasattr(own, "ask"):
                own.ask = Ask(self.app)
            return work(own.ask, item)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, of))


class Ask:
    """One connection to the API."""

    def __init__(self, app: Ringbridge) -> None:
        at = urlsplit(app.api)
        self._http = http.client.HTTPConnection(str(at.hostname), at.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {app.key}", "Content-Type": "application/json"}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The answer's body; None where there is no room now."""
        self._http.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = self._http.getresponse()
        said = json.loads(answer.read() or "null")
        if answer.status == 503:
            return None
        assert answer.status < 300, (answer.status, said)
        return said


def _at_s(line: dict[str, Any]) -> float:
    from datetime import datetime

    return datetime.fromisoformat(line["timestamp"]).timestamp()
