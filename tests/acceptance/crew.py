"""Several app processes on one or more real PBXes and one Redis, as an operator with more than one machine has them."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.house import SETTINGS, TRUNKS, Placed
from tests.ground import Ground, number
from tests.ringbridge import Ringbridge
from tests.support import until_sync

KEY = "rb_the_same_for_all_of_the_crew"
PATIENT = {"MEDIA_TIMEOUT_S": "0", "MAX_LIVE_CALLS": "1000", "LEASE_TTL_S": "4", "LEASE_MARGIN_S": "1"}
"""Phones that are alive and silent stay up; the lease is as long as an operator's who changed nothing."""


_users, _starts = itertools.count(1), itertools.count(1)


class Crew:
    """`ground` has the Redis; `nodes`: name → the stack whose PBX it is."""

    def __init__(self, home: Path, nodes: dict[str, Ground]) -> None:
        self.home = home
        self.nodes = nodes
        self.ground = next(iter(nodes.values()))
        self.apps: dict[str, Ringbridge] = {}
        home.mkdir(exist_ok=True)

    def start(self, name: str, **settings: str) -> Ringbridge:
        """A process called `name`, at home at the node of that name, if there is one. Back when it is ready."""
        folder = self.home / f"{name}{next(_starts)}"
        folder.mkdir()
        app = Ringbridge(folder, **{**SETTINGS, **PATIENT, **self._pbxes(), "API_KEY": KEY, "NODE": name, **settings})
        self.apps[name] = app.start()
        return app

    def _pbxes(self) -> dict[str, str]:
        """The nodes in a file of their own; the trunk leads to the first one's carrier from all of them."""
        trunks, nodes = self.home / "trunks.conf", self.home / "nodes.conf"
        trunks.write_text(TRUNKS.format(port=self.ground.info.carrier_sip_port))
        lines = []
        for name, ground in self.nodes.items():
            info = ground.info
            lines += [
                f"[{name}]", f"ari_url = {info.ari_url}", f"ari_user = {info.ari_user}",
                f"ari_password = {info.ari_password}", f"ami_url = tcp://{info.ami_host}:{info.ami_port}",
                f"ami_user = {info.ami_user}", f"ami_password = {info.ami_secret}", f"cel_file = {info.cel_path}",
            ]  # fmt: skip
        nodes.write_text("\n".join(lines) + "\n")
        return {"TRUNKS_FILE": str(trunks), "NODES_FILE": str(nodes), "REDIS_URL": self.ground.info.redis_url}

    def close(self) -> None:
        for app in self.apps.values():
            if app.is_running:
                self.awaken(app)
                app.kill()

    def stop(self, app: Ringbridge) -> None:
        """SIGSTOP: it lives, and knows nothing of the time that passes."""
        os.kill(self._pid(app), signal.SIGSTOP)

    def awaken(self, app: Ringbridge) -> None:
        os.kill(self._pid(app), signal.SIGCONT)

    def _pid(self, app: Ringbridge) -> int:
        assert app.process is not None
        return app.process.pid

    # ---- calls --------------------------------------------------------------------------------------------------

    def user(self, app: Ringbridge, phone: str) -> tuple[str, str]:
        name, its = f"crew{next(_users)}", number(int(phone))
        app.user(name, its)
        return name, its

    def place(self, app: Ringbridge, caller: str, callee: str, **more: Any) -> Placed:
        user, its = self.user(app, caller)
        to = number(int(callee))
        return Placed(app.call(user, to, **more), user, its, to)

    # ---- nodes --------------------------------------------------------------------------------------------------

    def shown(self, app: Ringbridge) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in app.ask("GET", "/v1/nodes").body["nodes"]}

    def owner(self, asked: Ringbridge, node: str) -> str | None:
        """Which process of ours has it, by its pid; None: none of them, or one that is dead."""
        said = self.shown(asked).get(node, {}).get("owner") or ""
        for name, app in self.apps.items():
            if app.is_running and said.endswith(f"pid {self._pid(app)}"):
                return name
        return None

    def until_owned(self, asked: Ringbridge, node: str, by: str, within_s: float = 8) -> None:
        def is_so() -> bool:
            return self.owner(asked, node) == by and self.shown(asked)[node]["state"] == "open"

        until_sync(is_so, within_s, f"{node} is owned by {by} and takes calls", every_s=0.05)


@contextmanager
def crew(home: Path, **nodes: Ground) -> Iterator[Crew]:
    them = Crew(home, nodes)
    try:
        yield them
    finally:
        them.close()


def counted(app: Ringbridge, metric: str) -> float:
    """The sum over its labels."""
    lines = str(app.ask("GET", "/metrics").body).splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.partition("{")[0].partition(" ")[0] == metric)
