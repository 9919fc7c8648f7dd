"""The life of the program: in which order it starts and stops. What it is made of: wiring.py.

check configuration → embedded servers → Redis → each node's lease → load its calls → PBX link, snapshot, recover →
open the doors.
"""

from __future__ import annotations

import asyncio
import gc
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
from ari_app.adapters.redis import schema
from ari_app.concealed import conceal_those_of
from ari_app.config import Mistakes, Settings
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.late import LateServer
from ari_app.entrypoints.http.listening import listen
from ari_app.first_key import first_key, write_secret
from ari_app.ground import (
    Ground,
    lay_ground,
    stack_of,
)
from ari_app.lasting import causes, must_not_end
from ari_app.sd_notify import READY, STOPPING
from ari_app.stack import BrokenOff, StackError, StackInfo
from ari_app.stopping import Stopping, Told, first_of
from ari_app.teller import Beside
from ari_app.teller import begin as begin_telling
from ari_app.wiring import App, now_ms

log = structlog.get_logger()

__all__ = ["App", "Ready", "begin_telling", "serve", "stack_of"]


@dataclass(frozen=True, slots=True)
class Ready:
    """Calls can be placed now. `stack` is None where nothing is embedded."""

    api: str
    key: str
    stack: StackInfo | None


async def serve(
    settings: Settings,
    *,
    ready_file: Path | None = None,
    on_ready: Callable[[Ready], Coroutine[None, None, None]] | None = None,
    beside: Beside | None = None,
) -> int:
    """Run until a signal. The exit code: 0 left as asked, 1 something of ours died or another process took over.

    Raises what the command line tells as a sentence: StackError, config.Mistakes, Unavailable, OSError.
    """
    conceal_those_of(settings)
    logs.configure(settings.log_level, settings.log_format)
    stopping = Stopping()
    stopping.install()
    try:
        with listen(settings.http_host, settings.http_port) as listener:
            ground = await asyncio.to_thread(lay_ground, settings, lambda: not stopping.is_told)
            try:
                log.info("plans loaded", file=settings.plans_file or "shipped", version=ground.plans.version)
                return await _live(App(ground, beside), listener, stopping, ready_file, on_ready)
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
    app: App,
    listener: socket.socket,
    stopping: Stopping,
    ready_file: Path | None,
    on_ready: Callable[[Ready], Coroutine[None, None, None]] | None,
) -> int:
    ground = app.ground
    http = LateServer(app.doors(), listener)
    try:
        await stopping.unless_told(app.redis.start())
        await schema.check(app.redis)
        key = await first_key(app.keys, app.settings.api_key, Path(app.settings.state_dir), now_ms())
        async with asyncio.TaskGroup() as side:
            lasting: list[tuple[Coroutine[Any, Any, None], str]] = [
                (app.fleet.run(), "the look at all nodes"),
                (app.loop_lag.run(), "the watch on the event loop"),
                (app.trunk_watch.run(), "the watch on the trunks in force"),
                (app.provisioning.run(), "the care of the devices"),
                (app.lines_now.keep(), "the look at the trunks' lines"),
                (app.spending.run(), "the look at what the trunks cost"),
                (app.notice_rounds.run(), "the notices"),
                (http.run(app.fleet.until_open), "the API"),
                (app.teller.run(), "the care of the process that tells of events"),
                (app.watching.run(), "the look at the feed"),
                (app.readiness.keep(), "the look at what calls need"),
                (app.supervisor.keep(), "the signs of life"),
                (app.speech.keep(), "the look through the sounds"),
                (app.purging.keep(), "the look through the recordings"),
                (app.erasing.keep(), "the look for recordings that are to go"),
            ]
            lasting += app.inbound.lasting()
            lasting += [task for pbx in app.pbxes for task in pbx.lasting()]
            tasks = [side.create_task(must_not_end(task, what)) for task, what in lasting]
            if await _opens(app, http, stopping):
                ready = Ready(http.url, key, ground.info)
                _tell_ready(ready, ready_file, Path(ground.settings.state_dir))
                app.supervisor.tell(READY)
                ground.is_in_use = True
                gc.freeze()  # all that stays is made: to look through it takes a fifth of a second, each time
                if on_ready is not None:
                    tasks.append(side.create_task(on_ready(ready)))
            else:
                log.info("stopped before it was ready")
            await stopping.told()
            if ground.info is not None:
                app.service.leaves_ms = app.now_ms() + app.settings.drain_timeout_ms
            app.service.is_draining = True
            app.supervisor.tell(STOPPING)
            if ground.info is not None:
                await _drain(app, stopping)
            log.info("leaving", live_calls=app.fleet.live)
            for task in tasks:
                task.cancel()
    finally:
        await _leave(app)
    return 0


async def _opens(app: App, http: LateServer, stopping: Stopping) -> bool:
    """True once calls can be placed; False if the process is to end before that."""
    await first_of(app.fleet.until_open(), stopping.told())
    if not stopping.is_told:
        await first_of(http.opened.wait(), stopping.told())
    return not stopping.is_told


async def _drain(app: App, stopping: Stopping) -> None:
    """An embedded stack stops with us, so its calls are let to end first."""
    deadline = time.monotonic() + app.settings.drain_timeout_ms / 1000
    told = -1
    while app.fleet.live and not stopping.leave.is_set() and time.monotonic() < deadline:
        if app.fleet.live != told:
            told = app.fleet.live
            log.warning("waiting for live calls; Ctrl-C again to leave now", live_calls=told)
        await first_of(stopping.leave.wait(), asyncio.sleep(0.2))


async def _leave(app: App) -> None:
    """Give everything back. What cannot be given back any more keeps nothing else from it."""
    nodes = (pbx.node.leave for pbx in app.pbxes)
    for close in (
        app.teller.close, app.provisioning.close, *nodes, app.sender.close, app.feed.close, app.redis.close
    ):  # fmt: skip
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
