"""What is wired to what: the program of one process, made of its parts. Starts nothing; app.py is its life."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

from ari_app.adapters.ari.stored import Keeper, StoredTapes
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.adapters.gone_pbx import GonePbx
from ari_app.adapters.http_sender import HttpSender
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.click import RedisClickTokens
from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.devices import RedisDevices
from ari_app.adapters.redis.erasing import RedisToErase
from ari_app.adapters.redis.feed import RedisFeed
from ari_app.adapters.redis.imports import RedisImportedFiles
from ari_app.adapters.redis.keys import RedisKeys
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.limits import RedisLimits
from ari_app.adapters.redis.lines import RedisLines
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.nodes import RedisBoard
from ari_app.adapters.redis.notices import RedisNotices
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.adapters.redis.owner import this_process
from ari_app.adapters.redis.pins import RedisPins
from ari_app.adapters.redis.teams import RedisShares, RedisTeams
from ari_app.adapters.redis.tenants import RedisTenants
from ari_app.adapters.redis.users import RedisUsers
from ari_app.adapters.redis.verifications import RedisVerifications
from ari_app.adapters.redis.webhooks import RedisWebhooks
from ari_app.adapters.speech import VoiceSpeech
from ari_app.desks.click_desk import ClickDesk
from ari_app.desks.notice_desk import NoticeDesk
from ari_app.desks.notice_rounds import NoticeRounds
from ari_app.desks.proving import Proving
from ari_app.desks.trunk_tests import TrunkTests
from ari_app.domain.call import Call
from ari_app.domain.plans import Entitlement
from ari_app.domain.reach import reach_of
from ari_app.engine.abuse import Abuse
from ari_app.engine.admission import Admission
from ari_app.engine.attempts import Attempts
from ari_app.engine.capacity import Capacity
from ari_app.engine.engine import Engine
from ari_app.engine.entitlements import Entitlements
from ari_app.engine.erasing import Erasing
from ari_app.engine.fleet import Fleet
from ari_app.engine.lines_now import LinesNow
from ari_app.engine.membership import Membership
from ari_app.engine.notice_pace import Pace
from ari_app.engine.perform import Performer
from ari_app.engine.pins import Pins
from ari_app.engine.provisioning import Provisioning
from ari_app.engine.purging import Purging
from ari_app.engine.service import CallService
from ari_app.engine.spending import Spending
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_gate import TrunkGate
from ari_app.engine.trunk_health import TrunkHealth
from ari_app.entrypoints.http.doors import Doors, Hooks, Part, TrunkNow
from ari_app.entrypoints.http.streams import StreamLimits
from ari_app.entrypoints.stories import KeptStories
from ari_app.ground import (
    Ground,
    attempt_rules_of,
    device_terms_of,
    keeping_of,
    limits_of,
    notice_rules_of,
    on_net_of,
    own_ports_of,
    policy_of,
    prompts_soon,
    proof_rules_of,
    report_terms_of,
    rest_rule_of,
    speech_rules_of,
    spend_rules_of,
)
from ari_app.hooks.replays import Replays
from ari_app.hooks.sources import Sources
from ari_app.hooks.watching import Watching
from ari_app.inbound_parts import InboundParts
from ari_app.loop_lag import LoopLag
from ari_app.metrics import Metrics
from ari_app.pbx import Pbx, end_gone
from ari_app.ports.users import User
from ari_app.readiness import Readiness, lease_part, pbx_part, redis_part, trunk_part, with_a_node
from ari_app.sd_notify import Supervisor
from ari_app.stack.voice import find_espeak
from ari_app.teller import Beside, Teller, Terms
from ari_app.trunk_tools.watching import TrunkWatch


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class App:
    """The wired program of one process. `run` is its life."""

    def __init__(self, ground: Ground, beside: Beside | None = None) -> None:
        s = self.settings = ground.settings
        self.ground = ground
        self.trunk_health = TrunkHealth(rest_rule_of(s), is_down=self._trunk_down)
        self.trunks = TrunkBook(
            ground.trunks, self.trunk_health, s.timezone, is_spent=lambda trunk: self.spending.is_spent(trunk)
        )  # fmt: skip
        self.metrics = Metrics()
        self.loop_lag = LoopLag(note=lambda late_s: self.metrics.lag.blocked.observe(late_s))
        self.supervisor = Supervisor()
        self.readiness = Readiness(self.parts, told=(self.metrics.parts, self.supervisor.told))
        self.redis = Link(
            s.redis_url, timeout_ms=s.redis_timeout_ms, replicas=s.redis_replicas, on_change=self._redis_changed
        )  # fmt: skip
        self.ledger = RedisLedger(self.redis)
        self.outbox = RedisOutbox(self.redis, hinted=lambda: self.teller.wake())
        self.calls = RedisCalls(self.redis, retention_s=s.call_days * 86_400, outbox=self.outbox)
        self.lines = RedisLines(self.redis)
        self.lines_now = LinesNow(self.lines, self.trunks)
        self.costs = RedisCosts(self.redis, s.timezone, s.cost_days)
        self.users = RedisUsers(self.redis)
        self.keys = RedisKeys(self.redis)
        self.tenants = RedisTenants(self.redis)
        self.teams = RedisTeams(self.redis)
        self.membership = Membership(self.users, self.teams)
        self.entitlements = Entitlements(
            self.users, self.membership, RedisShares(self.redis), ground.plans, s.timezone
        )  # fmt: skip
        numbers = PhoneNumbers(s.region, s.countries, must_be_valid=s.number_check == "valid")
        self.read_number = numbers.read
        self.board = RedisBoard(self.redis)
        self.speech = VoiceSpeech(
            speech_rules_of(s, ground.given or s), lambda: find_espeak(Path(s.cache_dir)), prompts_soon(s)
        )
        owner, leases = this_process(), RedisLeases(self.redis)
        end = partial(
            end_gone, settings=s, owner=owner, leases=leases, board=self.board, make_engine=self._engine, now_ms=now_ms
        )  # fmt: skip
        self.pbxes = [
            Pbx(
                spec, s, owner=owner, leases=leases, board=self.board, make_engine=self._engine, trunks=self.trunks,
                speech=self.speech, is_only=len(ground.nodes) == 1,
                stood_down=self.metrics.stood_down, changed=lambda: self.fleet.look_again(),
            )
            for spec in ground.nodes
        ]  # fmt: skip
        self.devices = RedisDevices(self.redis)
        self.provisioning = Provisioning(self.devices, lambda: self.pbxes)
        self.trunk_watch = TrunkWatch(
            ground.given or s, self.trunks, ground.version, ground.beside, taken_up=self._trunks_taken_up
        )  # fmt: skip
        self.fleet = Fleet([pbx.node for pbx in self.pbxes], self.board, self.calls, end)
        self.spending = Spending(
            self.costs, spend_rules_of(s), unnoted=self._unnoted_calls, now_ms=self.now_ms,
            trunks=lambda: self.trunks.trunks, watch=self.metrics.limits.watch(),
        )  # fmt: skip
        counted = RedisLimits(self.redis)
        self.attempts = Attempts(counted, attempt_rules_of(s))
        self.tapes = StoredTapes(
            [Keeper(node.name, node.ari_url, node.ari_user, node.ari_password) for node in ground.nodes],
            s.ari_timeout_ms,
        )  # fmt: skip
        self.erasing = Erasing(RedisToErase(self.redis), self.tapes, self.now_ms)
        self.purging = Purging(self.tapes, s.recording_days, self.now_ms)
        self.abuse = Abuse(self.attempts, self.spending, hit=self.metrics.limits.hit)
        self.service = CallService(
            fleet=self.fleet, users=self.users, is_resolved=self._is_resolved, read_number=numbers.read,
            policy=policy_of(s), trunks=self.trunks, now_ms=self.now_ms, entitled=self.entitled,
            national=numbers.national, abuse=self.abuse, lines=self.lines_now, on_net=on_net_of(s, self.provisioning),
        )  # fmt: skip
        self.trunk_tests = TrunkTests(self.fleet, self.service, self.trunks, numbers.read, self.now_ms)
        self.proving = Proving(
            self.service, RedisVerifications(self.redis), counted, proof_rules_of(s), users=self.users,
            verify=self.membership.verify, find=self.fleet.find, now_ms=self.now_ms,
        )  # fmt: skip

        self.capacity = Capacity(self.ledger, self.lines_now.free, self.fleet.room, self.now_ms)
        self.pins = Pins(RedisPins(self.redis), s.conference_pin_ms, self.now_ms)
        self.inbound = InboundParts(
            s, redis=self.redis, ledger=self.ledger, calls=self.calls, users=self.users, limits=counted,
            fleet=self.fleet, service=self.service, abuse=self.abuse, read_number=numbers.read, speech=self.speech,
            entitlements=self.entitlements, metrics=self.metrics.inbound, now_ms=self.now_ms, pins=self.pins,
            owner_of=self.provisioning.owner_of, keeping=keeping_of(s),
        )  # fmt: skip
        self.notices = RedisNotices(self.redis, self.outbox)
        self.notice_desk = NoticeDesk(
            self.notices, self.speech, notice_rules_of(s), now_ms=self.now_ms, payer=self.service.maker.payer,
            anyone=self.service.maker.anyone,
        )  # fmt: skip
        self.feed = RedisFeed(self.redis, s.redis_timeout_ms)
        self.sources, self.stories = Sources(self.calls, self.notices), KeptStories(self.calls, self.notices)
        self.watching = Watching(self.feed, self.stories, self.sources.news_of)
        self.webhooks = RedisWebhooks(self.redis, s.webhook_waiting_max, s.webhook_deliveries)
        self.reach = reach_of(s.webhook_inner, s.webhook_http)
        self.sender = HttpSender(self.reach, s.webhook_timeout_ms, own_ports=own_ports_of(ground))
        self.teller = Teller(Terms(s, self.reach, own_ports_of(ground)), self.metrics.webhooks, beside)
        self.clicks = ClickDesk(
            RedisClickTokens(self.redis), self.service, himself=self.service.maker.himself,
            anyone=self.service.maker.anyone, find=self.fleet.find, read_number=numbers.read, now_ms=self.now_ms,
        )  # fmt: skip
        pace = Pace(
            lambda: self.trunks.trunks, lambda: self.lines_now.in_use, lambda: not self.fleet.why_closed(),
            s.notice_lines_percent,
        )  # fmt: skip
        self.notice_rounds = NoticeRounds(
            self.notices, self.speech, notice_rules_of(s), service=self.service, live=self.fleet, pace=pace,
            now_ms=self.now_ms, watch=self.metrics.notices.watch(),
        )  # fmt: skip

    def _engine(self, node: str, telephony: AriTelephony | GonePbx) -> Engine:
        """Of one node, for as long as it is ours."""
        s = self.settings
        admission = Admission(
            lambda: max(telephony.lag_s, self.loop_lag.lag_s), s.setup_lag_max_ms / 1000,
            refused=lambda why: self.metrics.lag.refused(node, why),
        )  # fmt: skip
        performer = Performer(
            telephony, self.ledger, telephony.clock.now_ms, self.entitlements,
            settled_again=self.metrics.settled_again.inc, dialled=admission.dialled,
            seek=lambda call, wish: self.inbound.seeking.seek(node, call, wish),
        )  # fmt: skip
        gate = TrunkGate(
            self.lines, self.trunks, self.trunk_health, telephony.clock.now_ms,
            is_down=lambda trunk: self._trunk_down(trunk, node), waits=admission.dialled,
            kept_back=self.metrics.kept_back,
        )  # fmt: skip
        return Engine(
            node=node, telephony=telephony, calls=self.calls, ledger=self.ledger, costs=self.costs, performer=performer,
            now_ms=telephony.clock.now_ms, alive_mark_s=s.alive_mark_ms / 1000, keeping=keeping_of(s),
            watch=self.metrics.watch(), asked=lambda asked: self.service.asked_over_pbx(asked, telephony),
            admission=admission, over=self._over, gate=gate, erase_at=self.erasing.note,
        )  # fmt: skip

    async def _over(self, call: Call) -> None:
        """What must be known before it is forgotten."""
        await self.abuse.ended(call)
        await self.notice_rounds.over(call)
        await self.inbound.over(call)

    def _trunk_down(self, trunk: str, node: str | None = None) -> str:
        """Why that node cannot call over it; of all nodes here, if one of them can, "": nothing is wrong."""
        whys = [pbx.trunk_down(trunk) for pbx in self.pbxes if node in (None, pbx.spec.name)]
        return min(whys, default="")

    def _unnoted_calls(self) -> list[Call]:
        return [call for engine in self.fleet.engines for call in engine.unnoted_calls()]

    def now_ms(self) -> int:
        """By the clock of a PBX of ours, where one has told it: calls are timed by it. Else by this machine's."""
        clocks = (pbx.telephony.clock for pbx in self.pbxes if pbx.telephony is not None)
        return next((clock.now_ms() for clock in clocks if clock.is_told), now_ms())

    async def _is_resolved(self, payer: str, call_id: str) -> bool:
        return await self.ledger.is_resolved(payer=payer, call=call_id)

    def _trunks_taken_up(self) -> None:
        for pbx in self.pbxes:
            if pbx.ami is not None:
                pbx.ami.look_again()

    def _redis_changed(self, is_up: bool) -> None:
        self.metrics.redis_link(is_up)
        if is_up:
            self.outbox.say_again()
        self.entitlements.forget()

    async def entitled(self, user: User) -> Entitlement:
        return (await self.entitlements.of(user, self.now_ms())).to

    # ---- readiness ----------------------------------------------------------------------------------------------

    async def parts(self) -> list[Part]:
        """Everything without which no call can be placed, and whether it is there now."""
        parts = [
            Part("app", not self.service.is_draining, "it is about to stop and takes no new calls"),
            pbx_part(self._faults(), is_elsewhere=self._is_open_elsewhere),
            await redis_part(lambda: self.redis.command("SET", "ringbridge:ready", now_ms(), "EX", 60)),
            lease_part(self._leases(), is_elsewhere=self._is_open_elsewhere),
            trunk_part(self.trunk_states(), is_elsewhere=self._is_open_elsewhere),
        ]
        return with_a_node(parts, self.fleet.why_closed())

    def _faults(self) -> dict[str, str]:
        return {pbx.spec.name: pbx.fault for pbx in self.pbxes if pbx.is_ours}

    def _leases(self) -> dict[str, int]:
        return {pbx.spec.name: pbx.lease.left_ms for pbx in self.pbxes if pbx.is_ours}

    @property
    def _is_open_elsewhere(self) -> bool:
        """Another process has a node that takes calls: ours are handed to it."""
        ours = {pbx.spec.name for pbx in self.pbxes if pbx.is_ours}
        return any(one.is_open for one in self.fleet.seen if one.node not in ours)

    def trunk_states(self) -> list[TrunkNow]:
        """Of each, the best that any PBX says."""
        best = ("up", "unknown", "down")
        seen: dict[str, TrunkNow] = {}
        for trunk in (trunk for pbx in self.pbxes for trunk in pbx.trunk_states()):
            there = seen.setdefault(trunk.name, trunk)
            seen[trunk.name] = min(there, trunk, key=lambda one: best.index(one.state))
        return list(seen.values())

    def doors(self) -> Doors:
        s = self.settings
        return Doors(
            service=self.service, trunk_tests=self.trunk_tests, engine=self.fleet, nodes=self.fleet,
            hooks=Hooks(
                self.webhooks, self.feed, Replays(self.webhooks, self.feed, self.sources), self.sender, self.reach
            ),
            users=self.users, keys=self.keys, tenants=self.tenants,
            ledger=self.ledger, imported=RedisImportedFiles(self.redis), calls=self.calls, costs=self.costs,
            attempts=self.attempts, membership=self.membership, proving=self.proving, tapes=self.tapes,
            notices=self.notice_desk, notice_rounds=self.notice_rounds, teams=self.teams,
            devices=self.devices, device_terms=device_terms_of(self.ground), device_states=self.provisioning.states,
            watching=self.watching, clicks=self.clicks, public_url=s.public_url, click_origins=s.click_origins,
            streams=StreamLimits(s.streams_max, s.key_streams_max, s.stream_heartbeat_ms / 1000),
            pins=self.pins, platform_number=self.settings.platform_number, plans=self.ground.plans,
            entitled=self.entitlements.of, read_number=self.read_number, parts=self.readiness.look,
            trunks=self.trunk_states, book=self.trunks, lines=lambda: self.lines_now.in_use,
            metrics=self.metrics_text, now_ms=self.now_ms,
            body_max=self.settings.http_body_max, import_max=self.settings.import_max,
            audio_max=self.settings.audio_bytes_max,
            connections_max=self.settings.http_connections_max,
            address_connections_max=self.settings.http_address_connections_max,
            request_timeout_ms=self.settings.http_request_timeout_ms,
            key_cache_ms=self.settings.key_cache_ms, limits=limits_of(self.settings),
            report=report_terms_of(self.settings), capacity=self.capacity, language=self.settings.language,
            mask_numbers_for_read=self.settings.mask_numbers_for_read,
        )  # fmt: skip

    def metrics_text(self) -> bytes:
        self.metrics.live.set(self.fleet.live)
        self.metrics.tasks.set(len(asyncio.all_tasks()))
        self.metrics.trunks(self.trunk_states())
        self.metrics.trunks_version.set(self.trunk_watch.version or 0)
        health = {trunk.name: self.trunks.health(trunk.name) for trunk in self.trunks.trunks}
        self.metrics.trunk_lines(self.lines_now.in_use, health)
        self.metrics.of_trunks.show(self.trunks.trunks, self.trunk_states())
        self.metrics.leases(self._leases())
        self.metrics.links({engine.node: engine.sees_pbx for engine in self.fleet.engines})
        self.metrics.lag.show(self.loop_lag.worst_s, [(engine.node, engine.admission) for engine in self.fleet.engines])
        self.metrics.exposed([engine.exposure() for engine in self.fleet.engines])
        return self.metrics.text()
