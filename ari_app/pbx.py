"""One PBX of this process, wired: its lease, its link, its engine while it is ours, and the manager link beside it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from ari_app.adapters.ami import AmiSettings, AmiWatch
from ari_app.adapters.ari.devices import AriDevices
from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.sounds import Sounds
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.adapters.gone_pbx import GonePbx
from ari_app.config import Settings
from ari_app.domain.trunks import Trunk
from ari_app.engine.ending import end_calls
from ari_app.engine.engine import Engine
from ari_app.engine.node import Node, Reign
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.trunk_book import TrunkBook
from ari_app.entrypoints.http.doors import TrunkNow
from ari_app.nodes_file import NodeSpec
from ari_app.ports.leases import Leases
from ari_app.ports.nodes import Board
from ari_app.ports.speech import Speech

NOT_REGISTERED = {
    "Rejected": ", its carrier refuses our name and password, or our address",
    "Unregistered": ", its carrier has not answered yet; it is asked again",
    "Stopped": ", it is asked no more",
}
"""What Asterisk's word for it means."""

MakeEngine = Callable[[str, AriTelephony | GonePbx], Engine]


class Pbx:
    def __init__(
        self, spec: NodeSpec, settings: Settings, *, owner: str, leases: Leases, board: Board, make_engine: MakeEngine,
        trunks: TrunkBook, speech: Speech, is_only: bool, stood_down: Callable[[str, str], None],
        changed: Callable[[], None],
    ) -> None:  # fmt: skip
        s = settings
        self.spec = spec
        self.lease = LeaseKeeper(leases, spec.name, owner, ttl_ms=s.lease_ttl_ms, margin_ms=s.lease_margin_ms)
        self.ami = _ami(spec, trunks)
        self.telephony: AriTelephony | None = None
        """While it is ours."""
        self._devices: AriDevices | None = None
        self._settings = settings
        self._make_engine = make_engine
        self._trunks = trunks
        self._speech = speech
        self.node = Node(
            spec.name, lease=self.lease, board=board, make=self._reign, calls_max=spec.max_calls or s.max_calls,
            is_home=s.node == spec.name, is_only=is_only, has_trunk=self.has_trunk, stood_down=stood_down,
            changed=changed,
        )  # fmt: skip

    def lasting(self) -> list[tuple[Coroutine[Any, Any, None], str]]:
        """What must run as long as the process."""
        tasks: list[tuple[Coroutine[Any, Any, None], str]] = [(self.node.run(), f"the care of {self.spec.name}")]
        if self.ami is not None:
            tasks.append((self.ami.run(), f"the manager link to {self.spec.name}"))
        return tasks

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def devices(self) -> AriDevices | None:
        """To tell it of devices, while it is ours and its link stands."""
        return self._devices if self.is_ours and self.telephony is not None and self.telephony.is_up else None

    @property
    def sighted(self) -> int:
        """How often its link was made anew: its Asterisk may have started anew since."""
        return 0 if self.telephony is None else self.telephony.client.status.reconnects

    @property
    def is_ours(self) -> bool:
        return self.node.reign is not None

    @property
    def fault(self) -> str:
        """Of the link, while it is ours; "" where nothing is known to be wrong."""
        if self.node.reign is None or self.telephony is None:
            return "not ours"
        if self.telephony.fault:
            return self.telephony.fault
        return "" if self.node.reign.engine.sees_pbx else "it is being looked at"

    def has_trunk(self) -> bool:
        """One whose state nobody knows counts as there."""
        return any(trunk.state != "down" for trunk in self.trunk_states())

    def trunk_states(self) -> list[TrunkNow]:
        return [self._trunk_now(trunk) for trunk in self._trunks.trunks]

    def trunk_down(self, name: str) -> str:
        """Why no call can go out over it here; "" where one can, or nobody knows."""
        trunk = self._trunks.find(name)
        return "" if trunk is None else self._trunk_now(trunk).why

    def _trunk_now(self, trunk: Trunk) -> TrunkNow:
        """One that registers and is not registered is down, whether it answers or not: it takes no call from us."""
        seen = self.ami.trunk_state(trunk.name) if self.ami is not None and self.ami.connected else None
        if seen is None:
            return TrunkNow(trunk.name)
        now = TrunkNow(
            trunk.name, "unknown" if seen.reachable is None else "up",
            registration=seen.registration if trunk.register else "", roundtrip_us=seen.roundtrip_us,
        )  # fmt: skip
        if seen.reachable is False:
            return replace(now, state="down", why="it does not answer")
        if trunk.register and seen.registration != "Registered":
            why = f"not registered: {seen.registration or 'no registration is set up'}"
            return replace(now, state="down", why=why + NOT_REGISTERED.get(seen.registration, ""))
        return now

    def _reign(self) -> Reign:
        s, spec = self._settings, self.spec
        self.telephony = AriTelephony(
            spec.ari_url, spec.ari_user, spec.ari_password, spec.ari_app,
            cel_path=Path(spec.cel_file) if spec.cel_file else None,
            settings=LinkSettings(
                request_ms=s.ari_timeout_ms, ping_ms=s.ari_ping_ms, retry_base_ms=s.ari_retry_ms,
                retry_max_ms=s.ari_retry_max_ms,
            ),
            may_act=self.lease.is_ours,
            sounds=Sounds(s.sounds, self._speech, s.language),
        )  # fmt: skip
        self._devices = AriDevices(
            spec.ari_url, spec.ari_user, spec.ari_password, settings=LinkSettings(request_ms=s.ari_timeout_ms),
            media_timeout_s=s.media_timeout_s, may_act=self.lease.is_ours,
        )  # fmt: skip
        return Reign(self._make_engine(spec.name, self.telephony), self.telephony)


async def end_gone(
    name: str, settings: Settings, *, owner: str, leases: Leases, board: Board, make_engine: MakeEngine,
    now_ms: Callable[[], int],
) -> bool:  # fmt: skip
    """The calls of a node whose PBX is gone for good, ended. See end_calls."""
    s = settings
    lease = LeaseKeeper(leases, name, owner, ttl_ms=s.lease_ttl_ms, margin_ms=s.lease_margin_ms)

    def make() -> Reign:
        pbx = GonePbx(now_ms)
        return Reign(make_engine(name, pbx), pbx)

    return await end_calls(Node(name, lease=lease, board=board, make=make, calls_max=1, is_home=False, is_only=False))


def _ami(spec: NodeSpec, trunks: TrunkBook) -> AmiWatch | None:
    host, _, port = spec.ami_url.removeprefix("tcp://").rpartition(":")
    if not host:
        return None
    return AmiWatch(
        host, int(port), spec.ami_user, spec.ami_password, settings=AmiSettings(),
        names=lambda: [trunk.name for trunk in trunks.trunks],
    )  # fmt: skip
