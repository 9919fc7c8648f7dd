"""The only file that knows every name: what is wired to what, and in which order it starts and stops.

check configuration → embedded servers → Redis → lease → load calls → PBX link, snapshot, recover → open the doors.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from ari_app import logs
from ari_app.adapters.ami import AmiSettings, AmiWatch
from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.adapters.redis import schema
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.keys import RedisKeys
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.owner import this_process
from ari_app.adapters.redis.teams import RedisShares, RedisTeams
from ari_app.adapters.redis.users import RedisUsers
from ari_app.config import Mistakes, Settings
from ari_app.domain.errors import Unavailable
from ari_app.domain.plans import Plan
from ari_app.engine.engine import Engine
from ari_app.engine.entitlements import Entitlements
from ari_app.engine.membership import Membership
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.perform import Performer
from ari_app.engine.service import CallService
from ari_app.entrypoints.http.doors import Doors, Part, TrunkNow
from ari_app.first_key import first_key, write_secret
from ari_app.ground import Ground, lay_ground, policy_of, stack_of
from ari_app.lasting import causes, must_not_end
from ari_app.metrics import Metrics
from ari_app.ports.users import User
from ari_app.stack import BrokenOff, StackError, StackInfo
from ari_app.stopping import Stopping, Told, first_of

log = structlog.get_logger()

__all__ = ["App", "Ready", "serve", "stack_of"]

LOAD_AGAIN_S = (0.2, 1.0)


@dataclass(frozen=True, slots=True)
class Ready:
    """Calls can be placed now. `stack` is None where nothing is embedded."""

    api: str
    key: str
    stack: StackInfo | None


def now_ms() -> int:
    return time.time_ns() // 1_000_000


# ---- the parts ----------------------------------------------------------------------------------------------------


class App:
    """The wired program of one process. `run` is its life."""

    def __init__(self, ground: Ground) -> None:
        s = self.settings = ground.settings
        self.ground = ground
        self.metrics = Metrics()
        self.redis = Link(
            s.redis_url, timeout_ms=s.redis_timeout_ms, replicas=s.redis_replicas, on_change=self._redis_changed
        )  # fmt: skip
        self.ledger = RedisLedger(self.redis)
        self.calls = RedisCalls(self.redis, retention_s=s.call_days * 86_400)
        self.users = RedisUsers(self.redis)
        self.keys = RedisKeys(self.redis)
        self.lease = LeaseKeeper(
            RedisLeases(self.redis), s.node, this_process(), ttl_ms=s.lease_ttl_ms, margin_ms=s.lease_margin_ms
        )
        self.telephony = AriTelephony(
            s.ari_url, s.ari_user, s.ari_password, s.ari_app,
            cel_path=Path(s.cel_file) if s.cel_file else None,
            settings=LinkSettings(
                request_ms=s.ari_timeout_ms, ping_ms=s.ari_ping_ms, retry_base_ms=s.ari_retry_ms,
                retry_max_ms=s.ari_retry_max_ms,
            ),
            may_act=self.lease.is_ours,
            sounds=s.sounds,
        )  # fmt: skip
        self.teams = RedisTeams(self.redis)
        self.membership = Membership(self.users, self.teams)
        self.entitlements = Entitlements(
            self.users, self.membership, RedisShares(self.redis), ground.plans, s.timezone
        )  # fmt: skip
        performer = Performer(self.telephony, self.ledger, now_ms, self.entitlements)
        self.engine = Engine(
            node=s.node, telephony=self.telephony, calls=self.calls, ledger=self.ledger, performer=performer,
            now_ms=now_ms, alive_mark_s=s.alive_mark_ms / 1000, retention_s=s.call_days * 86_400,
            watch=self.metrics.watch(), asked=lambda asked: self.service.asked_over_pbx(asked),
        )  # fmt: skip
        numbers = PhoneNumbers(s.region, s.countries, must_be_valid=s.number_check == "valid")
        self.read_number = numbers.read
        self.service = CallService(
            engine=self.engine, users=self.users, telephony=self.telephony, read_number=numbers.read,
            policy=policy_of(s, ground.trunks), now_ms=now_ms, plan_of=self.plan_of,
        )  # fmt: skip
        self.ami = self._ami()

    def _redis_changed(self, _is_up: bool) -> None:
        self.entitlements.forget()

    def _ami(self) -> AmiWatch | None:
        host, _, port = self.settings.ami_url.removeprefix("tcp://").rpartition(":")
        if not host:
            return None
        return AmiWatch(host, int(port), self.settings.ami_user, self.settings.ami_password, settings=AmiSettings())

    @property
    def has_stood_down(self) -> bool:
        """Another process owns the PBX now."""
        return self.engine.stood_down is not None and self.engine.stood_down.done()

    async def plan_of(self, user: User) -> Plan:
        return (await self.entitlements.of(user, now_ms())).to.plan

    # ---- readiness ----------------------------------------------------------------------------------------------

    async def parts(self) -> list[Part]:
        """Everything without which no call can be placed, and whether it is there now."""
        return [
            Part("app", not self.service.is_draining, "it is about to stop and takes no new calls"),
            self._pbx_part(),
            await self._redis_part(),
            self._trunk_part(),
        ]

    def _pbx_part(self) -> Part:
        is_seen = self.engine.sees_pbx and self.telephony.is_up
        return Part("asterisk", is_seen, f"no link: {self.telephony.client.status.last_error or 'connecting'}")

    async def _redis_part(self) -> Part:
        """One that answers and takes no write (a full disk or memory, a replica) can hold no minutes."""
        try:
            async with asyncio.timeout(1):
                await self.redis.command("SET", "ringbridge:ready", now_ms(), "EX", 60)
        except Exception as e:  # noqa: BLE001 - whatever it is, it does not take it
            return Part("redis", False, f"it takes no write: {str(e) or type(e).__name__}")
        return Part("redis", True)

    def _trunk_part(self) -> Part:
        states = self.trunk_states()
        return Part("trunk", any(t.state != "down" for t in states), "no trunk can be reached")

    def trunk_states(self) -> list[TrunkNow]:
        seen = self.ami.trunk_states() if self.ami is not None and self.ami.connected else {}

        def state(name: str) -> TrunkNow:
            reachable = seen[name].reachable if name in seen else None
            return TrunkNow(name, "unknown" if reachable is None else "up" if reachable else "down")

        return [state(trunk.name) for trunk in self.ground.trunks]

    def doors(self) -> Doors:
        return Doors(
            service=self.service, engine=self.engine, users=self.users, keys=self.keys, ledger=self.ledger,
            calls=self.calls, membership=self.membership, teams=self.teams, plans=self.ground.plans,
            entitled=self.entitlements.of, read_number=self.read_number, parts=self.parts,
            trunks=self.trunk_states, metrics=self.metrics_text, now_ms=now_ms,
            body_max=self.settings.http_body_max, connections_max=self.settings.http_connections_max,
            key_cache_ms=self.settings.key_cache_ms,
        )  # fmt: skip

    def metrics_text(self) -> bytes:
        self.metrics.live.set(self.engine.live)
        self.metrics.tasks.set(len(asyncio.all_tasks()))
        return self.metrics.text()


# ---- the life -----------------------------------------------------------------------------------------------------


async def serve(
    settings: Settings,
    *,
    ready_file: Path | None = None,
    on_ready: Callable[[Ready], Coroutine[None, None, None]] | None = None,
) -> int:
    """Run until a signal. The exit code: 0 left as asked, 1 something of ours died or another process took over.

    Raises what the command line tells as a sentence: StackError, config.Mistakes, Unavailable, OSError.
    """
    from ari_app.entrypoints.http.server import listen

    logs.configure(settings.log_level, settings.log_format)
    stopping = Stopping()
    stopping.install()
    try:
        with listen(settings.http_host, settings.http_port) as listener:
            ground = await asyncio.to_thread(lay_ground, settings, lambda: not stopping.is_told)
            try:
                log.info("plans loaded", file=settings.plans_file or "shipped", version=ground.plans.version)
                return await _live(ground, listener, stopping, ready_file, on_ready)
            finally:
                await _stop_servers(ground, stopping)
    except (Told, BrokenOff):
        log.info("stopped before it was ready")
        return 0
    except (StackError, Mistakes, Unavailable, OSError):  # PortTaken is an OSError
        raise
    except Exception as e:  # the operator gets one line; the traceback if he asks for it
        log.error("stopped by a fault", why=causes(e))
        log.debug("stopped by a fault", exc_info=e)
    return 1


async def _live(
    ground: Ground,
    listener: socket.socket,
    stopping: Stopping,
    ready_file: Path | None,
    on_ready: Callable[[Ready], Coroutine[None, None, None]] | None,
) -> int:
    from ari_app.entrypoints.http.app import build
    from ari_app.entrypoints.http.server import Server

    app = App(ground)
    http = Server(build(app.doors()), listener)
    code = 0
    try:
        await stopping.unless_told(app.redis.start())
        await schema.check(app.redis)
        await stopping.unless_told(app.lease.acquire())
        key = await first_key(app.keys, app.settings.api_key, Path(app.settings.state_dir), now_ms())
        log.info("calls taken up", live_calls=await stopping.unless_told(_taken_up(app)))
        async with asyncio.TaskGroup() as side:
            lasting: list[tuple[Coroutine[Any, Any, None], str]] = [
                (app.telephony.run(), "the link to the PBX"),
                (app.engine.run(), "the engine"),
                (app.lease.keep(app.engine.lost_ownership), "the lease"),
                (http.run(), "the API"),
            ]
            if app.ami is not None:
                lasting.append((app.ami.run(), "the manager link"))
            tasks = [side.create_task(must_not_end(task, what)) for task, what in lasting]
            if await _comes_into_sight(app, stopping):
                ready = Ready(http.url, key, ground.info)
                _tell_ready(ready, ready_file, Path(ground.settings.state_dir))
                ground.is_in_use = True
                if on_ready is not None:
                    tasks.append(side.create_task(on_ready(ready)))
            await first_of(_stood_down(app), stopping.told())
            app.service.is_draining = True
            if not stopping.is_told:
                code, ground.is_in_use = 1, True
            elif ground.info is not None:
                await _drain(app, stopping)
            for task in tasks:
                task.cancel()
    finally:
        await _leave(app)
    return code


async def _taken_up(app: App) -> int:
    """An answer that is lost on the way ends no start; a store that has gone away again does."""
    for pause_s in LOAD_AGAIN_S:
        try:
            return await app.engine.load(app.lease.number)
        except Unavailable as e:
            log.warning("calls not taken up, trying again", why=str(e))
            await asyncio.sleep(pause_s)
    return await app.engine.load(app.lease.number)


async def _comes_into_sight(app: App, stopping: Stopping) -> bool:
    """True once calls can be placed; False if the process is to end before that."""
    while not app.engine.sees_pbx:
        await first_of(app.engine.until_recovered(), _stood_down(app), stopping.told())
        if stopping.is_told or app.has_stood_down:
            return False
    return True


async def _stood_down(app: App) -> None:
    if app.engine.stood_down is not None:
        await asyncio.wait({app.engine.stood_down})


async def _drain(app: App, stopping: Stopping) -> None:
    """An embedded stack stops with us, so its calls are let to end first."""
    deadline = time.monotonic() + app.settings.drain_timeout_ms / 1000
    told = -1
    while app.engine.live and not (stopping.leave.is_set() or app.has_stood_down) and time.monotonic() < deadline:
        if app.engine.live != told:
            told = app.engine.live
            log.warning("waiting for live calls; Ctrl-C again to leave now", live_calls=told)
        await first_of(stopping.leave.wait(), asyncio.sleep(0.2))


async def _leave(app: App) -> None:
    """Give everything back. What cannot be given back any more keeps nothing else from it."""
    log.info("leaving", live_calls=app.engine.live)
    for close in (app.engine.close, app.telephony.close, app.lease.release, app.redis.close):
        with suppress(Exception):
            await close()


async def _stop_servers(ground: Ground, stopping: Stopping) -> None:
    """What this very start began: after Ctrl-C, and where it never came to a call that could be placed."""
    started = ground.info.started_here if ground.info is not None else ()
    if ground.stack is not None and started and (stopping.drain.is_set() or not ground.is_in_use):
        log.info("stopping the embedded servers", parts=list(started))
        await asyncio.to_thread(ground.stack.stop, started)


def _tell_ready(ready: Ready, ready_file: Path | None, state_dir: Path) -> None:
    text = json.dumps({"api": ready.api, "key": ready.key}) + "\n"
    write_secret(state_dir / "api.json", text)
    if ready_file is not None:
        write_secret(ready_file, text)
    log.info("ready: calls can be placed", api=ready.api)
