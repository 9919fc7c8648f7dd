"""An API over memory, and a client that talks to it without a network. Only placing calls is played, not done."""

from __future__ import annotations

import io
import json
import time
import wave
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import pi, sin
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from ari_app.adapters.memory_calls import MemoryCalls
from ari_app.adapters.memory_click import MemoryClickTokens
from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_devices import MemoryDevices
from ari_app.adapters.memory_feed import MemoryFeed
from ari_app.adapters.memory_imports import MemoryImportedFiles
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.adapters.memory_notices import MemoryNotices
from ari_app.adapters.memory_pins import MemoryPins
from ari_app.adapters.memory_speech import MemorySpeech
from ari_app.adapters.memory_tapes import MemoryTapes
from ari_app.adapters.memory_teams import MemoryShares, MemoryTeams
from ari_app.adapters.memory_tenants import MemoryTenants
from ari_app.adapters.memory_users import MemoryKeys, MemoryUsers
from ari_app.adapters.memory_verifications import MemoryVerifications
from ari_app.adapters.memory_webhooks import MemoryWebhooks
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.desks.click_desk import ClickDesk
from ari_app.desks.notice_desk import NoticeAsk, NoticeDesk, NoticeRules
from ari_app.desks.proving import ProofRules, Proving, digest_of
from ari_app.desks.trunk_tests import TrunkTestAsk
from ari_app.domain.call import CALLEE, CALLER, Call, End, Leg, LegState, Route, Settlement, Terms, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.limits import Limit
from ari_app.domain.notices import Notice
from ari_app.domain.numbers import Rules
from ari_app.domain.reach import LOOPBACK, reach_of
from ari_app.domain.trunks import Trunk
from ari_app.domain.units import Increment
from ari_app.engine import records
from ari_app.engine.asks import Ask, Policy, Refusal
from ari_app.engine.attempts import AttemptRules, Attempts
from ari_app.engine.entitlements import Entitlements
from ari_app.engine.making import CallMaker
from ari_app.engine.membership import Membership
from ari_app.engine.pins import Pins
from ari_app.engine.telling import NotTaken, Word
from ari_app.engine.trunk_book import TrunkBook
from ari_app.entrypoints.http import problems, refusals
from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.doors import DeviceTerms, Doors, Hooks, Part, TrunkNow
from ari_app.hooks.replays import Replays
from ari_app.hooks.sources import Sources
from ari_app.hooks.watching import Watching
from ari_app.plans_file import shipped
from ari_app.ports.keys import Scope, described
from ari_app.ports.nodes import NodeNow
from ari_app.ports.sender import Answer as Answered
from ari_app.ports.sender import Sender
from ari_app.ports.users import OwnedNumber, User
from ari_app.ports.verifications import Code
from tests.support import personal
from tests.unit.http.live_feed import LiveFeed

NOW_MS = 1_795_422_792_123  # 2026-11-23T08:33:12.123Z
KEYS: Mapping[str, tuple[Scope, ...]] = {"root": ("admin",), "dialler": ("call",), "viewer": ("read",)}


def a_tone(hz: int = 700, seconds: float = 0.2) -> bytes:
    """A WAV file."""
    samples = array("h", (round(12_000 * sin(2 * pi * hz * n / 8_000)) for n in range(round(8_000 * seconds))))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 8_000, len(samples), "NONE", ""))
        out.writeframes(samples.tobytes())
    return file.getvalue()


def a_call(id: str = "c1", at_ms: int = NOW_MS, user: str = "demo") -> Call:
    """A callback that was accepted and nothing more."""
    route = Route("carrier", "+8613900000001", "+864001234567", "to_caller", 60_000, "60/60")
    to_callee = replace(route, dialled="+8613900000004", shown="+8613900000001", why="verified")
    return Call(
        id=id, type="callback", created_at_ms=at_ms, payer=user, now_ms=at_ms, metadata={"order": "7"}, secret="s",
        legs=(
            Leg(CALLER, "+8613900000001", (route,), 45_000, user=user),
            Leg(CALLEE, "+8613900000004", (replace(to_callee, trunk="broken"), to_callee), 60_000),
        ),
    )  # fmt: skip


def a_test(id: str = "c7", trunk: str = "carrier") -> Call:
    """Of a trunk: it rang, was answered, and we hung up after its time."""
    route = Route(trunk, "8613900000004", "+864001234567", "trunk_policy", 60_000, "60/60")
    phone = Try(
        state=LegState.GONE, dialled_at_ms=NOW_MS + 10, rang_at_ms=NOW_MS + 130, answered_at_ms=NOW_MS + 1_000,
        ended_at_ms=NOW_MS + 3_000, cause=16, how="ours",
    )  # fmt: skip
    return Call(
        id=id, type="trunk_test", created_at_ms=NOW_MS, payer="", now_ms=NOW_MS + 3_100,
        legs=(Leg(CALLEE, "+8613900000004", (route,), 60_000, tries=(phone,)),),
        end=End(Reason.COMPLETED, HungUpBy.SYSTEM, NOW_MS + 3_000),
        settled=Settlement(charged_s=0, overrun_s=0, used_s=0),
    )  # fmt: skip


def a_talk(id: str = "c1", at_ms: int = NOW_MS, talked_ms: int = 5_250) -> Call:
    """A callback that is over: rang, answered, talked; the callee was reached over the second trunk."""
    call = a_call(id, at_ms)
    caller = Try(
        state=LegState.GONE, dialled_at_ms=at_ms + 10, rang_at_ms=at_ms + 20, answered_at_ms=at_ms + 30,
        ended_at_ms=at_ms + 150 + talked_ms, cause=16, how="ours",
    )  # fmt: skip
    failed = Try(state=LegState.GONE, dialled_at_ms=at_ms + 40, ended_at_ms=at_ms + 50, cause=34, sip_status=503)
    callee = Try(
        state=LegState.GONE, dialled_at_ms=at_ms + 60, rang_at_ms=at_ms + 70, answered_at_ms=at_ms + 100,
        ended_at_ms=at_ms + 100 + talked_ms, cause=16, sip_status=200, how="remote",
    )  # fmt: skip
    legs = (replace(call.legs[0], tries=(caller,)), replace(call.legs[1], tries=(failed, callee)))
    return replace(
        call, legs=legs, now_ms=at_ms + 200 + talked_ms, held_s=120, holds=1,
        end=End(Reason.COMPLETED, HungUpBy.CALLEE, at_ms + 100 + talked_ms),
        settled=Settlement(charged_s=60, overrun_s=0, used_s=talked_ms // 1000),
    )  # fmt: skip


@dataclass
class FakeService:
    """Answers what it was told to; remembers what it was asked."""

    answer: Call | Refusal | BaseException = field(default_factory=a_call)
    asked: list[tuple[Ask, str, str | None]] = field(default_factory=list)

    tests_asked: list[TrunkTestAsk] = field(default_factory=list)
    test: Call | Refusal | None = None

    async def test_trunk(
        self, ask: TrunkTestAsk, *, owner: str, idempotency_key: str | None = None
    ) -> Call | Refusal | None:
        self.tests_asked.append(ask)
        return self.test

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal:
        self.asked.append((ask, owner, idempotency_key))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


class CallDesk(CallMaker):
    """Who is meant by what is written; makes nothing."""

    def __init__(self, users: MemoryUsers) -> None:
        policy = Policy(Terms(), "+864001234567", Rules(("CN",)), 45_000, 60_000, 4)
        super().__init__(
            users=users, read_number=PhoneNumbers("CN").read, policy=policy, trunks=TrunkBook(()),
            now_ms=lambda: NOW_MS, entitled=personal,
        )  # fmt: skip


@dataclass
class FakeRounds:
    looked_over: list[str] = field(default_factory=list)

    def soon(self, id: str) -> None:
        self.looked_over.append(id)


@dataclass
class FakeSender:
    """Answers what it was told to, unless it is to send it `through` a real one."""

    answer: Answered = field(default_factory=lambda: Answered(204, "", 12))
    sent: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    through: Sender | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        self.sent.append((url, body, dict(headers)))
        return self.answer if self.through is None else await self.through.post(url, body, headers)

    async def close(self) -> None:
        """Holds nothing."""


@dataclass
class Live:
    call: Call


@dataclass
class FakeEngine:
    live: dict[str, Call] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    told: list[tuple[str, Word]] = field(default_factory=list)
    answer: NotTaken | None = None
    """To what it is told; None: the call as it is."""

    async def tell(self, call_id: str, word: Word) -> Call | NotTaken:
        self.told.append((call_id, word))
        return self.answer or self.live.get(call_id) or NotTaken("no-such-call")

    def mailbox(self, call_id: str) -> Live | None:
        return Live(self.live[call_id]) if call_id in self.live else None

    async def cancel_for_good(self, call_id: str) -> bool:
        self.cancelled.append(call_id)
        return call_id in self.live


@dataclass
class FakeNodes:
    """Whatever was told of them."""

    seen: list[NodeNow] = field(default_factory=list)
    calls_there: dict[str, int] = field(default_factory=dict)

    async def look(self) -> None:
        """As it is."""

    async def drain(self, node: str, is_drained: bool) -> bool:
        self.seen = [replace(one, is_drained=is_drained) if one.node == node else one for one in self.seen]
        return any(one.node == node for one in self.seen)

    async def end_calls(self, node: str) -> int | None:
        is_free = all(one.owner is None for one in self.seen if one.node == node)
        return self.calls_there.pop(node, 0) if is_free else None

    async def forget(self, node: str) -> bool:
        if self.calls_there.get(node):
            return False
        kept = [one for one in self.seen if one.node != node or one.owner is not None]
        is_gone, self.seen = len(kept) < len(self.seen), kept
        return is_gone


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def problem(self) -> Any:
        """The body, after the marks of every error."""
        assert self.headers["content-type"] == "application/problem+json", self.raw
        body = self.json
        assert body["status"] == self.status
        assert body["title"]
        assert body["detail"].endswith((".", "?"))
        assert b"Traceback" not in self.raw
        return body


class Bench:
    def __init__(self) -> None:
        self.service, self.engine, self.nodes = FakeService(), FakeEngine(), FakeNodes()
        self.users, self.keys, self.tenants = MemoryUsers(), MemoryKeys(), MemoryTenants()
        self.ledger, self.calls, self.costs = MemoryLedger(), MemoryCalls(), MemoryCosts()
        self.teams = MemoryTeams()
        self.devices = MemoryDevices()
        self.registered: dict[str, str] = {}  # username → state at pbx1
        self.membership = Membership(self.users, self.teams)
        self.entitlements = Entitlements(self.users, self.membership, MemoryShares(), shipped(), "Asia/Shanghai")
        self.parts = [Part("asterisk", True), Part("redis", True), Part("trunk", True)]
        self.now_ms = NOW_MS
        self.trunks = [TrunkNow("carrier", "up", roundtrip_us=1_250), TrunkNow("other")]
        self.book = TrunkBook([Trunk("carrier", "sip.example.net", max_channels=30), Trunk("other", "192.0.2.7")])
        self.limits = MemoryLimits()
        self.attempts = Attempts(self.limits, AttemptRules((Limit(2, 300),), (Limit(3, 3600),), ("+86139",)))
        self.codes = MemoryVerifications()
        self.proving = Proving(
            self.service, self.codes, self.limits, ProofRules(guesses=(Limit(7, 3600),)),
            users=self.users, verify=self.membership.verify, find=self._find, now_ms=lambda: self.now_ms,
        )  # fmt: skip
        self.notices, self.speech, self.looked_over = MemoryNotices(), MemorySpeech(), FakeRounds()
        desk = CallDesk(self.users)
        self.notice_desk = NoticeDesk(
            self.notices, self.speech, NoticeRules(timezone="Asia/Shanghai"), now_ms=lambda: self.now_ms,
            payer=desk.payer, anyone=desk.anyone,
        )  # fmt: skip
        self.tapes = MemoryTapes()
        self.pins = Pins(MemoryPins(), 600_000, lambda: self.now_ms)
        self.feed = LiveFeed(self.calls)
        self.watching = Watching(self.feed, self.feed, self.feed.news_of)
        self.wall_ahead_ms = 0
        self.hook_feed, self.webhooks, self.sender = MemoryFeed(), MemoryWebhooks(), FakeSender()
        self.sources = Sources(self.calls, self.notices)
        hooks = Hooks(
            self.webhooks, self.hook_feed, Replays(self.webhooks, self.hook_feed, self.sources), self.sender,
            reach_of(LOOPBACK), lambda: time.time_ns() // 1_000_000 + self.wall_ahead_ms,
        )  # fmt: skip
        self.clicks = ClickDesk(
            MemoryClickTokens(lambda: self.now_ms), self.service, himself=desk.himself,
            anyone=desk.anyone, find=self._find, read_number=desk._read, now_ms=lambda: self.now_ms,
        )  # fmt: skip
        self.doors = Doors(
            notices=self.notice_desk, notice_rounds=self.looked_over,
            service=self.service, trunk_tests=self.service, engine=self.engine, nodes=self.nodes,
            users=self.users, keys=self.keys, tenants=self.tenants,
            ledger=self.ledger, imported=MemoryImportedFiles(lambda: self.now_ms), calls=self.calls, costs=self.costs,
            attempts=self.attempts, membership=self.membership, proving=self.proving, tapes=self.tapes,
            teams=self.teams, pins=self.pins, watching=self.watching, hooks=hooks, clicks=self.clicks, plans=shipped(),
            devices=self.devices, device_terms=DeviceTerms(most=3), device_states=self._device_states,
            entitled=self.entitlements.of, read_number=PhoneNumbers("CN").read, parts=self._parts,
            trunks=lambda: self.trunks, book=self.book, lines=lambda: {"carrier": 3},
            metrics=lambda: b"ringbridge_x 1\n",
            now_ms=lambda: self.now_ms, body_max=2_000, connections_max=10, key_cache_ms=0,
        )  # fmt: skip
        self.front = build(self.doors)

    async def notice(self, *recipients: str, **more: Any) -> Notice:
        """One of the user demo, who must be there."""
        ask = NoticeAsk("demo", recipients or ("+8613900000028",), text="The fire drill is at ten.", **more)
        made = await self.notice_desk.create(ask, owner="root", idempotency_key=None)
        assert isinstance(made, Notice), made
        return made

    async def _find(self, call_id: str) -> Call | None:
        return self.engine.live.get(call_id)

    async def _device_states(self, username: str) -> dict[str, str]:
        return {"pbx1": self.registered.get(username, "offline")}

    async def _parts(self) -> list[Part]:
        return self.parts

    async def with_keys(self) -> Bench:
        for name, scopes in KEYS.items():
            await self.keys.add(*described(f"rb_{name}", name, scopes, 1))
        return self

    async def put(self, id: str = "demo", number: str = "+8613900000001") -> None:
        answer = await self.ask("PUT", f"/v1/users/{id}", {"numbers": [number]})
        assert answer.status == 200, answer.raw

    async def unproved(self, id: str, number: str, code: str) -> None:
        """A user with a number to which this code was read out; so will be the next one."""
        await self.users.put(User(id, (OwnedNumber(number),)))
        self.service.answer = replace(a_call(), given={"code": code})
        kept = Code("c9", digest_of("c9", code), self.now_ms, self.now_ms + 1_000, tries=5)
        await self.codes.put(id, number, kept)

    async def charge(self, id: str = "c1", seconds: int = 120, user: str = "demo") -> None:
        """As a call does it that has ended."""
        owner = await self.users.get(user)
        assert owner is not None
        month = (await self.entitlements.of(owner, self.now_ms)).month
        await self.ledger.hold(
            op=f"{id}:h0", payer=user, call=id, want_s=seconds, increment=Increment.parse("1/1"), month=month,
            max_live_calls=9, now_ms=self.now_ms,
        )  # fmt: skip
        await self.ledger.settle(
            op=f"{id}:s", payer=user, call=id, used_s=seconds, rounded_s=seconds, now_ms=self.now_ms
        )

    async def team(self, id: str = "acme", *, members: int = 0, certified: bool = False) -> None:
        """Its members are called `<id>1`, `<id>2`, …, each with a proved number."""
        answer = await self.ask("PUT", f"/v1/teams/{id}", {"name": id.title(), "certified": certified})
        assert answer.status == 200, answer.raw
        for n in range(1, members + 1):
            await self.put(f"{id}{n}", f"+86139{1000 + n}{sum(map(ord, id)):04d}")
            await self.join(f"{id}{n}", id)

    async def join(self, user: str, team: str = "acme") -> None:
        answer = await self.ask("PUT", f"/v1/teams/{team}/members/{user}")
        assert answer.status == 200, answer.raw

    async def store(self, call: Call, *events: str) -> None:
        told = [records.event(call, state) for state in events]
        await self.calls.create(
            call.id,
            records.encode(call),
            node="n",
            user_ids=[call.payer],
            created_at_ms=call.created_at_ms,
            events=told,
            tenant=call.tenant,
        )

    async def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        key: str | None = "root",
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """`headers` by their names with _ for -. A body goes out as JSON unless raw is given."""
        sent = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        if key is not None:
            sent.setdefault("authorization", f"Bearer rb_{key}")
        if body is not None or raw is not None:
            sent.setdefault("content-type", "application/json")
        raw = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        parts = urlsplit(target)
        scope = {
            "type": "http", "asgi": {"spec_version": "2.4"}, "http_version": "1.1", "method": method,
            "path": unquote(parts.path), "raw_path": parts.path.encode(), "query_string": parts.query.encode(),
            "root_path": "", "scheme": "http", "server": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()], "client": ("127.0.0.1", 2),
        }  # fmt: skip
        got: list[Any] = []
        waiting = [{"type": "http.request", "body": raw, "more_body": False}]

        async def receive() -> Any:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            got.append(message)

        await self.front(scope, receive, send)
        told = {name.decode(): value.decode() for name, value in got[0]["headers"]}
        answer = Answer(got[0]["status"], told, b"".join(m.get("body", b"") for m in got[1:]))
        _is_described(scope.get("route"), answer)
        return answer


class Refused(problems.ProblemView, forbid_unknown_fields=True):
    """No member that the description does not name."""


def _is_described(route: Any, answer: Answer) -> None:
    """Whatever a test asks: what is refused is refused with a type that the API's description names there."""
    if answer.status < 400 or route is None or answer.headers.get("content-type") != problems.MEDIA_TYPE:
        return
    takes = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
    body = refusals.BODY if "application/json" in takes else ()
    told = {*refusals.OWN[route.name].split(), *refusals.ANY, *body, "internal-error", "method-not-allowed"}
    assert answer.json["type"] in told, f"{route.name} does not say so: {answer.json}"
    msgspec.convert(answer.json, Refused)
