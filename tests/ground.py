"""A real stack for tests, and its witnesses: what the carrier wrote down, what lives on the PBX, what the ledger says.

Knows how to look at each of them without the app's help; knows nothing of any test's story.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.costing import LegCost
from ari_app.domain.plans import month_of
from ari_app.domain.trunks import Trunk
from ari_app.plans_file import shipped
from ari_app.ports.ledger import Account
from ari_app.stack import Stack, StackError, StackInfo, StackOptions
from ari_app.stack.carrier import CarrierCall, CarrierRecord
from ari_app.trunk_tools.costs import legs_of
from tests.ringbridge import FAST, now_ms
from tests.support import until_sync

SOAK = os.environ.get("SOAK") == "1"
"""Whether the full counts are asked for; without it every behaviour is shown once."""
ROUNDS = 20 if SOAK else 1

_numbers = itertools.count(100_000)

UNAVOIDABLE = {
    "Playback failed for": "who hears a tone or an announcement hangs up in the midst of it",
    "Web socket closed abruptly": "tests of the link cut it, and apps are killed",
    "WebSocket read error": "the same",
    "Error reading from web socket": "the same",
    "Stasis app 'ringbridge' not active": "a leg is made, or somebody comes in, while the app is killed or cut off",
    "Stasis app 'ringbridge' doesn't exist": "the same",
    "Failed to find outbound websocket per-call config for app 'ringbridge'": "the same",
    "'dead'": "tests dial a trunk that is down, to see the next one tried",
    "websocket is not ready": "the same: an event waits for an app that was killed or cut off",
    "Could not create dialog to invalid URI 'rb": "a device is rung in the very moment in which it is made or removed",
    "Failed to create outgoing session to endpoint 'rb": "the same",
    "Option 'stir_shaken' is no longer supported": "the PBX says so of its own default, where a device is told anew",
    "Unique ID 'ari-": "the tests of the ARI client take an id twice, to see it refused",
}
"""What the PBX may warn of in good calls: a part of the line → why it is no fault."""


@contextmanager
def skipping() -> Iterator[None]:
    """Where a server or a tool cannot be had: skips at home, fails where CI is set."""
    try:
        yield
    except StackError as why:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"not to be had here: {why}")


def sipp_command(**options: Any) -> tuple[str, ...]:
    """How sipp is called here; without it, see `skipping`."""
    with skipping():
        command = Stack(StackOptions(**options)).prepare().sipp
        if command is None:
            raise StackError("sipp, which is not beside this machine's own Asterisk")
    return command


@contextmanager
def laid(home: Path, **options: Any) -> Iterator[Ground]:
    """A stack of its own."""
    options.setdefault("media_timeout_s", int(FAST["MEDIA_TIMEOUT_S"]))
    stack = Stack(StackOptions(state_dir=home, **options))
    with skipping():
        info = stack.start()
    try:
        yield Ground(home, stack, info)
    finally:
        stack.stop()


def number(phone: int) -> str:
    """A number of its own for each leg, of the phone with these last two digits: what the carrier wrote down of the
    number is what it wrote down of the leg."""
    return f"+86139{next(_numbers):06d}{phone:02d}"


def add_phone(stack: Stack, last_digits: str, *does: str) -> None:
    """A phone of a test's own at the simulated carrier: one line of dialplan for each thing that it does."""
    for priority, what in enumerate(does, start=1):
        stack.asterisk_rx("carrier", f"dialplan add extension {last_digits},{priority},{what} into phone replace")


def kill(stack: Stack, part: str) -> None:
    """SIGKILL; back when it is dead."""
    [one] = [one for one in stack.status() if one.part == part]
    assert one.pid is not None
    os.kill(one.pid, signal.SIGKILL)
    until_sync(lambda: any(p.state == "failed" for p in stack.status() if p.part == part), 5, f"{part} is dead")


class OtherCarrier:
    """A simulated carrier besides the stack's own: on its own port, with its own record. Its phones are the same."""

    def __init__(self, name: str, stack: Stack, info: StackInfo) -> None:
        assert info.carrier_dir is not None
        self.name = name
        self.stack = stack
        self.info = info
        self.port = info.carrier_sip_port
        self._record = CarrierRecord(info.carrier_dir / "records")

    def trunk(self, **fields: Any) -> Trunk:
        """To it, for `StackOptions.trunks` (the PBX) and sip_trunks.conf (the app); over TLS at its other port. A
        `carrier_customer` is known there."""
        port = self.info.carrier_tls_port if fields.get("transport") == "tls" else self.port
        who = self.stack.options.carrier_customer
        login = {} if who is None else {"username": who.username, "password": who.password, "register": True}
        return Trunk(**{"name": self.name, "host": "127.0.0.1", "port": port, **login, **fields})

    def calls(self, *, with_tones: bool = False) -> list[CarrierCall]:
        """Every INVITE that this carrier had, in their order."""
        return self._record.calls(with_tones=with_tones)

    def rings(self, number: str, *, with_tones: bool = False) -> list[CarrierCall]:
        return [one for one in self.calls(with_tones=with_tones) if one.number == number]

    def add_phone(self, last_digits: str, *does: str) -> None:
        add_phone(self.stack, last_digits, *does)

    def rx(self, command: str) -> str:
        return self.stack.asterisk_rx("carrier", command)

    def kill(self) -> None:
        """SIGKILL; back when it is dead. `start()` brings it back, on the same port."""
        kill(self.stack, "carrier")

    def start(self) -> None:
        self.stack.start()


@contextmanager
def place_held(info: StackInfo) -> Iterator[None]:
    """Of a carrier without a PBX: while it is dead no other stack takes its ports, as one of them, for which it has no
    use, is taken."""
    with socket.create_server(("127.0.0.1", info.ami_port)):
        yield


@contextmanager
def more_carriers(home: Path, count: int = 1, **options: Any) -> Iterator[list[OtherCarrier]]:
    """Carriers named north, south, …, each in a directory of its own below `home`; no PBX and no Redis of theirs."""
    with ExitStack() as running:
        found = []
        for name in ("north", "south", "east", "west")[:count]:
            stack = Stack(StackOptions(state_dir=home / name, redis=False, pbx=False, **options))
            with skipping():
                info = stack.start()
            running.callback(stack.stop)
            running.enter_context(place_held(info))
            found.append(OtherCarrier(name, stack, info))
        yield found


class Ground:
    def __init__(self, home: Path, stack: Stack, info: StackInfo) -> None:
        self.home = home
        self.stack = stack
        self.info = info
        assert info.carrier_dir is not None
        self._record = CarrierRecord(info.carrier_dir / "records")
        self._lines_read = 0

    # ---- the carrier --------------------------------------------------------------------------------------------

    def rings(self, number: str, *, with_tones: bool = False) -> list[CarrierCall]:
        """Every INVITE that the carrier had for this number."""
        return [one for one in self.carrier_calls(with_tones=with_tones) if one.number == number]

    def carrier_calls(self, *, with_tones: bool = False) -> list[CarrierCall]:
        """Every INVITE that the carrier had."""
        return self._record.calls(with_tones=with_tones)

    def phone(self, number: str) -> CarrierCall:
        """What the carrier wrote down of the one call to this number, which it does a moment after it was made."""
        [one] = until_sync(lambda: self.rings(number), 5, f"the carrier has a call to {number}")
        return one

    def hung_up(self, number: str) -> CarrierCall:
        """Likewise, once it is over."""
        self.phone(number)
        [one] = self.all_hung_up(number)
        return one

    def all_hung_up(self, *numbers: str) -> list[CarrierCall]:
        """Every call that the carrier had, of these numbers or of all, once they are over: the app tells so when it
        hangs up, and the recording is whole a moment later."""

        def over() -> tuple[list[CarrierCall]] | None:
            calls = [one for one in self.carrier_calls() if not numbers or one.number in numbers]
            return (calls,) if all(one.ended_at_ms for one in calls) else None

        return until_sync(over, 10, "every phone is down")[0]

    def add_phone(self, last_digits: str, *does: str) -> None:
        add_phone(self.stack, last_digits, *does)

    # ---- the PBX ------------------------------------------------------------------------------------------------

    def ari(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the PBX answers to a request that is none of the app's."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.info.ari_url}/{path}", data=data, method=method)
        secret = base64.b64encode(f"{self.info.ari_user}:{self.info.ari_password}".encode()).decode()
        request.add_header("Authorization", f"Basic {secret}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def on_the_pbx(self) -> set[str]:
        """Ids of channels (snoops too) and bridges that live."""
        return {one["id"] for what in ("channels", "bridges") for one in self.ari("GET", what)}

    def kill(self, part: str) -> None:
        """A server of it, SIGKILL; back when it is dead. `stack.start()` brings it back."""
        kill(self.stack, part)

    def rx(self, command: str) -> str:
        return self.stack.asterisk_rx("pbx", command)

    def complaints(self) -> list[str]:
        """Warnings and errors of the PBX that are not unavoidable, since they were last asked for.

        Each is told once: the test in whose time it fell fails by it, and not all that come after.
        """
        lines = self.info.logs["pbx"].read_text(errors="replace").splitlines()
        lines, self._lines_read = lines[self._lines_read :], len(lines)
        return [
            line
            for line in lines
            if ("WARNING[" in line or "ERROR[" in line) and not any(known in line for known in UNAVOIDABLE)
        ]

    # ---- the ledger ---------------------------------------------------------------------------------------------

    def account(self, user: str) -> Account:
        async def read(ledger: RedisLedger) -> Account:
            return await ledger.read_account(user)

        account: Account = self._with_ledger(read)
        return account

    def leave(self, user: str, seconds: int) -> None:
        """Take the month's free minutes from a user, but for these seconds."""
        month = month_of(now_ms(), "Asia/Shanghai").grant(shipped().best().allowance_s)

        async def correct(ledger: RedisLedger) -> Any:
            return await ledger.correct(
                op=f"test:{user}", payer=user, seconds=seconds - month.allowance_s, reason="test", now_ms=now_ms(),
                month=month,
            )  # fmt: skip

        self._with_ledger(correct)

    def _with_ledger(self, work: Callable[[RedisLedger], Coroutine[Any, Any, Any]]) -> Any:
        return self.with_redis(lambda link: work(RedisLedger(link)))

    def with_redis(self, work: Callable[[Link], Coroutine[Any, Any, Any]]) -> Any:
        async def run() -> Any:
            link = Link(self.info.redis_url)
            await link.start()
            try:
                return await work(link)
            finally:
                await link.close()

        return asyncio.run(run())

    # ---- what carriers are owed ---------------------------------------------------------------------------------

    def legs(self, *months: str) -> dict[str, LegCost]:
        """By their ids, all that were noted in these months."""

        async def read(link: Link) -> dict[str, LegCost]:
            costs = RedisCosts(link, "Asia/Shanghai")
            return {leg.leg: leg for month in months async for leg in legs_of(costs, month)}

        found: dict[str, LegCost] = self.with_redis(read)
        return found

    def as_ones_own(self) -> dict[str, str]:
        """Settings of an app for which these servers are the operator's own, and not embedded."""
        return {
            "ARI_URL": self.info.ari_url,
            "ARI_USER": self.info.ari_user,
            "ARI_PASSWORD": self.info.ari_password,
            "CEL_FILE": str(self.info.cel_path),
            "REDIS_URL": self.info.redis_url,
        }
