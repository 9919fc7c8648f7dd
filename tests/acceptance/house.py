"""One app process on a real stack, with taps in between that tests can make fail.

The stack is started by the tests and not by the app: the app is told where everything is, through the taps.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.acceptance.frames import AriQuestions, Cutter, RedisQuestions
from tests.acceptance.taps import Background, Side, Tap, Trap
from tests.ground import Ground, number
from tests.ringbridge import FAST, Ringbridge
from tests.support import until_sync

T = TypeVar("T")

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
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self._loop = Background()
        self.ari = self._tap(ground.info.ari_url, AriQuestions)
        self.redis = self._tap(ground.info.redis_url, RedisQuestions)
        self._users = itertools.count(1)
        self.app_dir = ground.home / "app"
        self.app_dir.mkdir()
        (self.app_dir / "trunks.conf").write_text(TRUNKS.format(port=ground.info.carrier_sip_port))
        self._app: Ringbridge | None = None

    def _tap(self, url: str, cutter: type[Cutter]) -> Tap:
        at = urlsplit(url)
        tap = self._make_tap(str(at.hostname), int(at.port or 0), cutter)
        self._loop.run(tap.accept())
        return tap

    def _make_tap(self, host: str, port: int, cutter: type[Cutter]) -> Tap:
        return Tap(host, port, cutter)

    def close(self) -> None:
        self.kill()
        for tap in (self.ari, self.redis):
            self._loop.run(tap.__aexit__())
        self._loop.close()

    # ---- the app ------------------------------------------------------------------------------------------------

    @property
    def app(self) -> Ringbridge:
        assert self._app is not None
        return self._app

    @property
    def is_dead(self) -> bool:
        return self._app is None or not self._app.is_running

    def new_app(self, **settings: str) -> Ringbridge:
        """An app that reaches its servers through the taps, not started yet."""
        info = self.ground.info
        given = {
            **SETTINGS,
            **self.ground.as_ones_own(),
            "ARI_URL": _through(info.ari_url, self.ari.port),
            "REDIS_URL": _through(info.redis_url, self.redis.port),
            "TRUNKS_FILE": str(self.app_dir / "trunks.conf"),
            **settings,
        }
        return Ringbridge(self.app_dir, **given)

    def have(self, **settings: str) -> Ringbridge:
        """A running app with these settings: the one that runs, if it has them."""
        if not self.is_dead:
            if self.app.settings == self.new_app(**settings).settings:
                return self.app
            self.app.terminate()
        self._app = self.new_app(**settings).start()
        return self._app

    def again(self) -> Ringbridge:
        """A new process after the death of the last one, with the same settings."""
        self.kill()
        self._app = self.new_app(**self.app.settings).start()
        return self._app

    def kill(self) -> None:
        if self._app is not None and self._app.process is not None:
            self._app.kill()

    # ---- the taps -----------------------------------------------------------------------------------------------

    def kill_at(self, tap: Tap, match: Callable[[str], bool], side: Side, skip: int = 0) -> Trap:
        """The app is killed at this question."""
        assert self.app.process is not None
        pid = self.app.process.pid
        return self.set(tap, Trap(match, lambda: os.kill(pid, signal.SIGKILL), side, skip))

    def cut_at(self, tap: Tap, match: Callable[[str], bool], side: Side, skip: int = 0) -> Trap:
        """Every connection of this tap is cut at this question; the next one works."""
        return self.set(tap, Trap(match, tap.cut, side, skip))

    def set(self, tap: Tap, trap: Trap) -> Trap:
        self.do(lambda: setattr(tap, "trap", trap))
        return trap

    def calm(self) -> None:
        """No trap, no tap that misbehaves."""
        for tap in (self.ari, self.redis):
            self.do(lambda tap=tap: setattr(tap, "trap", None))  # type: ignore[misc]
            self.do(tap.resume)
            self._loop.run(tap.accept())

    def do(self, action: Callable[[], object]) -> None:
        """Something done to a tap, in its own thread."""
        self._loop.call(action)

    def refuse(self, tap: Tap) -> None:
        """Cut, and closed to whoever tries again."""
        self._loop.run(tap.refuse())
        self.do(tap.cut)

    def accept(self, tap: Tap) -> None:
        self._loop.run(tap.accept())

    # ---- calls --------------------------------------------------------------------------------------------------

    def user(self, phone: str, minutes_s: int | None = None) -> tuple[str, str]:
        """A user and his number; `minutes_s`: all that is left of the month."""
        name, its = f"acceptance{next(self._users)}", number(int(phone))
        self.app.user(name, its)
        if minutes_s is not None:
            self.ground.leave(name, minutes_s)
        return name, its

    def place(self, caller: str, callee: str, *, minutes_s: int | None = None, **more: Any) -> Placed:
        """A callback between two phones of the carrier, by the last two digits of their numbers."""
        user, its = self.user(caller, minutes_s)
        to = number(int(callee))
        return Placed(self.app.call(user, to, **more), user, its, to)

    def until(self, condition: Callable[[], T], within_s: float, what: str) -> T:
        return until_sync(condition, within_s, what, every_s=0.05)


def _through(url: str, port: int) -> str:
    """The same address by another port."""
    at = urlsplit(url)
    user, sign, _ = at.netloc.rpartition("@")
    return at._replace(netloc=f"{user}{sign}127.0.0.1:{port}").geturl()
