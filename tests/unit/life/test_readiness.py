"""What /readyz says of each part, and who else is told: the metrics, the log, the service manager."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ari_app import readiness
from ari_app.adapters.ami import AmiSettings
from ari_app.adapters.ari import fitness
from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.telephony import SILENT_MS
from ari_app.config import Settings
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.doors import Part, TrunkNow
from ari_app.metrics import Metrics
from ari_app.readiness import Readiness, lease_part, pbx_part, redis_part, trunk_part
from ari_app.sd_notify import ALIVE, READY, Supervisor
from ari_app.stack.trunks import QUALIFY_S, QUALIFY_TIMEOUT_S
from tests.support import until


async def test_a_store_that_takes_no_write_is_not_ready_whatever_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "REDIS_ANSWERS_S", 0.05)

    async def good() -> None: ...

    async def silent() -> None:
        await asyncio.Event().wait()

    async def refuses() -> None:
        raise Unavailable("Redis cannot do it now: MISCONF")

    async def stumbles() -> None:
        raise ZeroDivisionError

    assert (await redis_part(good)).ok
    for write, why in ((silent, "no answer within"), (refuses, "MISCONF"), (stumbles, "ZeroDivisionError")):
        part = await redis_part(write)
        assert (part.name, part.ok) == ("redis", False)
        assert why in part.why


def test_one_pbx_without_a_fault_is_enough_and_where_none_is_each_fault_is_told() -> None:
    assert pbx_part({"pbx1": ""}).ok
    assert pbx_part({"pbx1": "no link: refused", "pbx2": ""}).ok
    assert pbx_part({"pbx1": "no link: refused"}) == Part("asterisk", False, "no link: refused")
    both = pbx_part({"pbx2": "no answer", "pbx1": "no link"})
    assert (both.ok, both.why) == (False, "pbx1: no link; pbx2: no answer")
    assert not pbx_part({}).ok
    assert pbx_part({}, is_elsewhere=True).ok, "another process takes the calls"


def test_a_lease_that_has_run_out_is_not_ready() -> None:
    assert lease_part({"pbx1": 1}).ok
    assert lease_part({"pbx1": -1_500}).why == "it ran out 1.5 s ago and could not be renewed"
    assert lease_part({"pbx1": -1, "pbx2": 1}).ok
    assert not lease_part({}).ok
    assert lease_part({}, is_elsewhere=True).ok


def test_a_trunk_that_nobody_can_see_counts_as_there() -> None:
    down, unknown = TrunkNow("a", "down"), TrunkNow("b", "unknown")
    assert not trunk_part([down]).ok
    assert trunk_part([down, unknown]).ok
    assert not trunk_part([]).ok, "without a trunk there is no call"
    assert trunk_part([down], is_elsewhere=True).ok


class Parts:
    def __init__(self) -> None:
        self.redis_fault = ""

    async def __call__(self) -> list[Part]:
        return [Part("app", True), Part("redis", not self.redis_fault, self.redis_fault)]


async def test_a_change_is_told_to_the_metrics_and_once_to_the_log() -> None:
    parts, metrics = Parts(), Metrics()
    ready = Readiness(parts, told=(metrics.parts,))
    with capture_logs() as logs:
        for parts.redis_fault in ("", "gone", "still gone", ""):
            assert [part.ok for part in await ready.look()] == [True, not parts.redis_fault]
            value = metrics.registry.get_sample_value("ringbridge_ready", {"part": "redis"})
            assert value == float(not parts.redis_fault)
    assert [(line["event"], line["part"]) for line in logs] == [("not ready", "redis"), ("ready again", "redis")]
    assert metrics.registry.get_sample_value("ringbridge_ready", {"part": "app"}) == 1


@pytest.mark.parametrize(("within_s", "told"), [(60.0, []), (0.0, ["not ready", "ready again"])])
async def test_what_a_start_still_lacks_is_not_logged_unless_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, within_s: float, told: list[str]
) -> None:
    monkeypatch.setattr(readiness, "STARTS_WITHIN_S", within_s)
    parts, metrics = Parts(), Metrics()
    ready = Readiness(parts, told=(metrics.parts,))
    with capture_logs() as logs:
        for parts.redis_fault in ("not yet", ""):
            await ready.look()
            value = metrics.registry.get_sample_value("ringbridge_ready", {"part": "redis"})
            assert value == float(not parts.redis_fault)
        assert [line["event"] for line in logs] == told
        parts.redis_fault = "gone"
        await ready.look()
    assert logs[-1]["why"] == "gone", "from then on at once"


async def test_it_is_looked_at_also_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "LOOK_EVERY_S", 0.01)
    looks: list[object] = []
    keeping = asyncio.create_task(Readiness(Parts(), told=(looks.append,)).keep())
    await until(lambda: len(looks) >= 3)
    keeping.cancel()


def test_what_the_metrics_say_of_trunks_redis_and_leases() -> None:
    metrics = Metrics()
    value = metrics.registry.get_sample_value
    metrics.trunks([TrunkNow("a", "up"), TrunkNow("b", "down"), TrunkNow("c", "unknown")])
    assert [value("ringbridge_trunk_up", {"trunk": name}) for name in "abc"] == [1, 0, None]
    metrics.trunks([TrunkNow("a", "unknown"), TrunkNow("b", "up")])
    assert [value("ringbridge_trunk_up", {"trunk": name}) for name in "ab"] == [None, 1]
    metrics.trunks([TrunkNow("a", "up")])
    assert [value("ringbridge_trunk_up", {"trunk": name}) for name in "ab"] == [1, None], "b was taken away"

    for is_up in (True, False, True):
        metrics.redis_link(is_up)
    assert (value("ringbridge_redis_link_up"), value("ringbridge_redis_links_total")) == (1, 2)

    metrics.leases({"pbx1": 4_500, "pbx2": -200})
    assert value("ringbridge_lease_left_seconds", {"node": "pbx2"}) == -0.2
    metrics.leases({"pbx1": 4_500})
    assert value("ringbridge_lease_left_seconds", {"node": "pbx2"}) is None, "it is another process's now"


def test_what_may_happen_is_counted_from_nought_so_that_its_first_time_is_an_increase() -> None:
    value = Metrics().registry.get_sample_value
    assert value("ringbridge_calls_total", {"type": "callback", "reason": "interrupted"}) == 0


# ---- how soon ------------------------------------------------------------------------------------------------------


def worst_ms(part: str) -> float:
    """From the moment at which something stops calls until it is told, with the defaults, at worst."""
    link, ami, default = LinkSettings(), AmiSettings(), Settings()
    return {
        "a link that is silent": default.ari_ping_ms + link.tick_ms + SILENT_MS,
        "a PBX that refuses": 1000 * (fitness.EVERY_S + fitness.ANSWER_S),
        "a trunk that is gone": 1000 * (QUALIFY_S + QUALIFY_TIMEOUT_S),
        "what a dead manager link told of trunks": ami.ping_ms + ami.answer_ms,
        "a Redis that is silent": 1000 * readiness.REDIS_ANSWERS_S,
        "a lease that another process took": default.lease_ttl_ms / 3 + 1000 * readiness.REDIS_ANSWERS_S,
    }[part]


@pytest.mark.parametrize(
    "part", ["a link that is silent", "a PBX that refuses", "a trunk that is gone", "a Redis that is silent",
             "what a dead manager link told of trunks", "a lease that another process took"]
)  # fmt: skip
def test_at_worst_it_is_told_within_5_s(part: str) -> None:
    assert worst_ms(part) < 5_000


# ---- the service manager ------------------------------------------------------------------------------------------


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found += manager.recv(4_096).decode().split("\n")
        except BlockingIOError:
            return found


async def test_systemd_is_told_of_the_start_of_what_is_missing_and_of_signs_of_life(manager: socket.socket) -> None:
    told = Supervisor({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000"})
    told.tell(READY)
    assert heard(manager) == [READY]
    for _ in range(2):
        told.told([Part("redis", False, "it takes no write"), Part("trunk", True)])
    assert heard(manager) == ["STATUS=cannot place calls: redis: it takes no write"]
    told.told([Part("redis", True)])
    assert heard(manager) == ["STATUS=calls can be placed"]
    signs = asyncio.create_task(told.keep())
    got: list[str] = []
    await until(lambda: got.extend(heard(manager)) or len(got) >= 3)  # type: ignore[func-returns-value]
    assert set(got) == {ALIVE}
    signs.cancel()


async def test_without_a_service_manager_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "1000"}):
        told = Supervisor(environ)
        told.tell(READY)
        signs = asyncio.create_task(told.keep())
        await asyncio.sleep(0)
        assert not signs.done()
        signs.cancel()


def test_a_watchdog_that_is_meant_for_another_process_is_not_ours(manager: socket.socket) -> None:
    at = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "1000"}
    assert Supervisor(at | {"WATCHDOG_PID": str(os.getpid() + 1)}).watchdog_us == 0
    assert Supervisor(at | {"WATCHDOG_PID": str(os.getpid())}).watchdog_us == 1000
