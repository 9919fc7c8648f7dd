"""What takes calls to the platform's number, wired: lookups, what is keyed, what a call leaves behind, and the FastAGI
server. Starts nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

from ari_app.adapters.ari.sounds import Sounds
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.recent_calls import RedisRecentCalls
from ari_app.config import Settings
from ari_app.desks.inbound import Inbound, Mode, Rules
from ari_app.domain.call import Call
from ari_app.domain.events import LegAdded
from ari_app.domain.numbers import Number
from ari_app.engine.abuse import AbuseCheck
from ari_app.engine.adding import has_room
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.entitlements import Entitlements
from ari_app.engine.fleet import Fleet
from ari_app.engine.keeping import Keeping
from ari_app.engine.leaving import OWNER, Leaving
from ari_app.engine.pins import Pins
from ari_app.engine.recent_callers import RecentCallers
from ari_app.engine.seeking import Seeking
from ari_app.engine.service import CallService
from ari_app.engine.telling import NotTaken
from ari_app.entrypoints.agi import AgiServer
from ari_app.inbound_metrics import InboundMetrics
from ari_app.ports.limits import Limits
from ari_app.ports.speech import Speech
from ari_app.ports.users import User, Users

SOUND = "sound:"


class InboundParts:
    def __init__(
        self, s: Settings, *, redis: Link, ledger: RedisLedger, calls: RedisCalls, users: Users, limits: Limits,
        fleet: Fleet, service: CallService, abuse: AbuseCheck, read_number: Callable[[str], Number | None],
        speech: Speech, entitlements: Entitlements, metrics: InboundMetrics, now_ms: Callable[[], int], pins: Pins,
        owner_of: Callable[[str], str | None], keeping: Keeping,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._entitlements = entitlements
        self._calls = calls
        self._fleet = fleet
        self._service = service
        self._now_ms = now_ms
        self._sounds = Sounds(s.sounds, speech, s.language)
        self._recent = RecentCallers(
            RedisRecentCalls(redis), s.platform_number, s.returned_days, keeping.kept_s
        )  # fmt: skip
        self._leaving = Leaving(self._place, now_ms)
        self.seeking = Seeking(
            maker=service.maker, abuse=abuse, read_number=read_number, tell=self._tell, node_of=self._node_of,
            limits=limits, pin_limits=s.pin_limits, pins=pins,
        )  # fmt: skip
        self.inbound = Inbound(
            fleet=fleet, maker=service.maker, users=users, read_number=read_number, rules=rules_of(s), limits=limits,
            abuse=abuse, recent=self._recent, minutes=self._minutes, has_pins=pins.has_any,
            is_draining=lambda: service.is_draining, now_ms=now_ms, told=metrics.arrived,
            owner_of=owner_of,
        )  # fmt: skip
        self._agi = None
        if s.agi_port:
            self._agi = AgiServer(
                self.inbound, self._said, host=s.agi_host, port=s.agi_port, secret=s.agi_secret, peers=s.agi_peers,
                refused=metrics.not_answered,
            )  # fmt: skip

    def lasting(self) -> list[tuple[Coroutine[Any, Any, None], str]]:
        """What must run as long as the process."""
        return [] if self._agi is None else [(self._agi.run(), "the FastAGI server")]

    async def over(self, call: Call) -> None:
        """Of a call that has ended. May raise Unavailable; asked again, it does no harm."""
        await self._recent.ended(call)
        await self._leaving.ended(call)

    async def _place(self, ask: Ask, key: str) -> Call | Refusal:
        return await self._service.place(ask, owner=OWNER, idempotency_key=key)

    async def _minutes(self, user: User) -> int:
        now_ms = self._now_ms()
        entitled = await self._entitlements.of(user, now_ms)
        balance = await self._ledger.touch(payer=user.id, now_ms=now_ms, month=entitled.month)
        return balance.available_s // 60

    async def _tell(self, call_id: str, word: LegAdded) -> Call | NotTaken:
        """Where there is room for one more."""
        call = await self._fleet.find(call_id)
        if call is not None and word.ask not in call.asks and not has_room(call):
            return NotTaken("full")
        return await self._fleet.tell(call_id, word)

    async def _node_of(self, call_id: str) -> str | None:
        stored = await self._calls.load(call_id)
        return None if stored is None else stored.node

    async def _said(self, sound: str, language: str) -> Sequence[str]:
        """Recordings alone: a dialplan plays nothing else."""
        media = await self._sounds.media(sound, language)
        return [uri.removeprefix(SOUND) for uri in media.uris if uri.startswith(SOUND)]


def rules_of(s: Settings) -> Rules:
    return Rules(
        mode=s.inbound_mode, modes={number: cast(Mode, mode) for number, mode in s.inbound_modes.items()},
        calls_max=s.inbound_calls_max, rate=s.inbound_limits, ring_ms=1000 * s.missed_ring_s,
        connects=s.inbound_connect,
    )  # fmt: skip
