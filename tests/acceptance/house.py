"""A real stack, one app process on it, taps in between, and the witnesses: the carrier's record, the PBX, the ledger.

Knows how to look at each of them without the app's help.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import signal
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.plans import allowance_s, month_of
from ari_app.ports.ledger import Account
from ari_app.stack import Stack, StackOptions
from ari_app.stack.carrier import CarrierCall, CarrierRecord
from tests.acceptance.frames import AriQuestions, RedisQuestions
from tests.acceptance.taps import Background, Side, Tap, Trap
from tests.ringbridge import FAST, Ringbridge, now_ms
from tests.support import until_sync

TRUNKS = """\
[carrier]
host = 127.0.0.1
port = {port}
caller_id = verified
price = 0.06
"""

SETTINGS = {
    **FAST,
    "INCREMENT": "1/1",  # so that what is charged is what was talked
    "SLICE_S": "30",
    "WARNING_S": "2",
    "MARGIN_S": "2",
    "LEASE_TTL_S": "3",
    "LEASE_MARGIN_S": "0.5",
}


@dataclass(frozen=True)
class Placed:
    """A call as it was asked for."""

    id: str
    user: str
    caller: str
    callee: str


class House:
    """`Stack` is started here and not by the app: the app is told where everything is, through the taps."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.stack = Stack(StackOptions(state_dir=home / "stack", media_timeout_s=int(FAST["MEDIA_TIMEOUT_S"])))
        self.info = self.stack.start()
        assert self.info.carrier_dir is not None
        self.carrier = CarrierRecord(self.info.carrier_dir / "records")
        self._loop = Background()
        self.ari = self._tap(self.info.ari_url, AriQuestions)
        self.redis = self._tap(self.info.redis_url, RedisQuestions)
        self._numbers = itertools.count(100_000)
        self._users = itertools.count(1)
        self.app_dir = home / "app"
        self.app_dir.mkdir()
        (self.app_dir / "trunks.conf").write_text(TRUNKS.format(port=self.info.carrier_sip_port))
        self.app: Ringbridge | None = None

    def _tap(self, url: str, cutter: type[AriQuestions] | type[RedisQuestions]) -> Tap:
        at = urlsplit(url)
        assert at.hostname is not None and at.port is not None  # noqa: PT018
        tap = Tap(at.hostname, at.port, cutter)
        self._loop.run(tap.accept())
        return tap

    def close(self) -> None:
        self.kill()
        for tap in (self.ari, self.redis):
            self._loop.run(tap.__aexit__())
        self._loop.close()
        self.stack.stop()

    # ---- the app ------------------------------------------------------------------------------------------------

    def new_app(self, **settings: str) -> Ringbridge:
        """An app that reaches its servers through the taps, not started yet."""
        given = {
            **SETTINGS,
            "ARI_URL": _through(self.info.ari_url, self.ari.port),
            "ARI_USER": self.info.ari_user,
            "ARI_PASSWORD": self.info.ari_password,
            "CEL_FILE": str(self.info.cel_path),
            "REDIS_URL": _through(self.info.redis_url, self.redis.port),
            "TRUNKS_FILE": str(self.app_dir / "trunks.conf"),
            **settings,
        }
        return Ringbridge(self.app_dir, **given)

    def start(self, **settings: str) -> Ringbridge:
        assert self.app is None or not self.app.is_running
        self.app = self.new_app(**settings).start()
        return self.app

    def have(self, **settings: str) -> Ringbridge:
        """A running app with these settings: the one that runs, if it has them."""
        if self.app is not None and self.app.is_running:
            if self.app.settings == self.new_app(**settings).settings:
                return self.app
            self.app.terminate()
        return self.start(**settings)

    def again(self) -> Ringbridge:
        """A new process after the death of the last one, with the same settings."""
        assert self.app is not None
        if self.app.process is not None:
            self.app.process.wait(5)
        return self.start(**self.app.settings)

    def kill(self) -> None:
        if self.app is not None and self.app.process is not None:
            self.app.kill()

    def set_trap(self, tap: Tap, match: Callable[[str], bool], side: Side, skip: int = 0) -> Trap:
        """The app is killed at this question."""
        assert self.app is not None and self.app.process is not None  # noqa: PT018
        pid = self.app.process.pid
        trap = Trap(match, lambda: os.kill(pid, signal.SIGKILL), side, skip)
        self.set(tap, trap)
        return trap

    def set(self, tap: Tap, trap: Trap | None) -> None:
        self._loop.call(lambda: setattr(tap, "trap", trap))

    def calm(self) -> None:
        """No trap, no tap that misbehaves."""
        for tap in (self.ari, self.redis):
            self.set(tap, None)
            self._loop.call(tap.resume)
            self._loop.run(tap.accept())

    def do(self, action: Callable[[], object]) -> None:
        """Something done to a tap, in its own thread."""
        self._loop.call(action)

    def refuse(self, tap: Tap) -> None:
        self._loop.run(tap.refuse())

    def accept(self, tap: Tap) -> None:
        self._loop.run(tap.accept())

    # ---- calls --------------------------------------------------------------------------------------------------

    def number(self, phone: str) -> str:
        """A number of its own for each leg: the carrier's record of it is the record of this leg alone."""
        return f"+86139{next(self._numbers):06d}{phone}"

    def user(self, phone: str, minutes_s: int | None = None) -> tuple[str, str]:
        """A user with a number of its own; `minutes_s`: all that is left of the month."""
        assert self.app is not None
        name, number = f"u{next(self._users)}", self.number(phone)
        self.app.user(name, number)
        if minutes_s is not None:
            self.leave(name, minutes_s)
        return name, number

    def place(self, caller: str, callee: str, *, minutes_s: int | None = None, **more: Any) -> Placed:
        """A callback between two phones of the carrier, by the last two digits of their numbers."""
        assert self.app is not None
        user, number = self.user(caller, minutes_s)
        to = self.number(callee)
        return Placed(self.app.call(user, to, **more), user, number, to)

    # ---- witnesses ----------------------------------------------------------------------------------------------

    def rings(self, number: str, *, with_tones: bool = False) -> list[CarrierCall]:
        """Every INVITE that the carrier had for this number."""
        return [one for one in self.carrier.calls(with_tones=with_tones) if one.number == number]

    def phone(self, number: str) -> CarrierCall | None:
        return next(iter(self.rings(number)), None)

    def on_the_pbx(self) -> set[str]:
        """Channels and bridges that live, from the PBX itself."""
        return {one["id"] for what in ("channels", "bridges") for one in self._ask_pbx(what)}

    def _ask_pbx(self, what: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(f"{self.info.ari_url}/{what}")
        secret = base64.b64encode(f"{self.info.ari_user}:{self.info.ari_password}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return list(json.load(answer))

    def account(self, user: str) -> Account:
        async def read(ledger: RedisLedger) -> Account:
            return await ledger.read_account(user)

        return self._with_ledger(read)

    def leave(self, user: str, minutes_s: int) -> None:
        month = month_of(now_ms(), SETTINGS.get("TIMEZONE", "Asia/Shanghai")).grant(allowance_s())

        async def correct(ledger: RedisLedger) -> object:
            less_s = minutes_s - month.allowance_s
            return await ledger.correct(
                op=f"test:{user}", payer=user, seconds=less_s, reason="test", now_ms=now_ms(), month=month
            )

        self._with_ledger(correct)

    def _with_ledger(self, work: Callable[[RedisLedger], Any]) -> Any:
        async def run() -> Any:
            link = Link(self.info.redis_url)
            await link.start()
            try:
                return await work(RedisLedger(link))
            finally:
                await link.close()

        return asyncio.run(run())

    def until(self, condition: Callable[[], Any], within_s: float, what: str) -> Any:
        return until_sync(condition, within_s, what, every_s=0.05)


def _through(url: str, port: int) -> str:
    """The same address by another port."""
    at = urlsplit(url)
    user, sign, _ = at.netloc.rpartition("@")
    return at._replace(netloc=f"{user}{sign}127.0.0.1:{port}").geturl()
