"""How long a key is believed, how often it may ask, and how often a wrong one may be tried."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from starlette.requests import Request

from ari_app.adapters.memory_tenants import MemoryTenants
from ari_app.adapters.memory_users import MemoryKeys
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.auth import REMEMBERED_MAX, Gate, address_of
from ari_app.entrypoints.http.limits import S_NS, Buckets, Limits, Rate
from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import ApiKey, described
from ari_app.ports.tenants import Tenant
from tests.unit.http.http_bench import Bench

CACHE_MS = 5_000


class CountingKeys(MemoryKeys):
    asked = 0
    takes_no_write = False

    async def find(self, digest: str) -> ApiKey | None:
        self.asked += 1
        return await super().find(digest)

    async def note_use(self, key_id: str, at_ms: int) -> None:
        if self.takes_no_write:
            raise Unavailable("full disk")
        await super().note_use(key_id, at_ms)


@dataclass
class Door:
    """A gate of one process, with clocks that the test moves."""

    keys: CountingKeys = field(default_factory=CountingKeys)
    tenants: MemoryTenants = field(default_factory=MemoryTenants)
    limits: Limits = field(default_factory=Limits)
    ns: int = 100 * S_NS

    def __post_init__(self) -> None:
        self.gate = Gate(
            self.keys, self.tenants, CACHE_MS, lambda: self.ns // 1_000_000, self.limits, clock_ns=lambda: self.ns
        )  # fmt: skip

    def later(self, seconds: float) -> None:
        self.ns += int(seconds * S_NS)

    async def ask(self, secret: str, address: str = "192.0.2.1", forwarded: str = "") -> str:
        """Who it is, or the type of the problem, with the rule."""
        headers = [(b"authorization", f"Bearer {secret}".encode())]
        headers += [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
        request = Request({"type": "http", "headers": headers, "client": (address, 1)})
        try:
            return (await self.gate.who(request)).name
        except Problem as e:
            return " ".join([e.type, *map(str, (e.extra or {}).values())])


@pytest.fixture
async def door() -> Door:
    found = Door()
    await found.keys.add(*described("rb_x", "x", ("read",), 1))
    return found


# ---- how long a key is believed -------------------------------------------------------------------------------------


async def test_a_good_key_is_believed_for_a_while_and_one_revoked_elsewhere_no_longer_than_that(door: Door) -> None:
    assert await door.ask("rb_x") == "x"
    [key] = await door.keys.all()
    await door.keys.delete(key)  # by another process
    door.later(CACHE_MS / 1000 - 0.1)
    assert await door.ask("rb_x") == "x"
    assert door.keys.asked == 1
    door.later(0.2)
    assert await door.ask("rb_x") == "unauthorized"
    assert await door.ask("rb_x") == "unauthorized"
    assert door.keys.asked == 3, "a bad key is never remembered"


async def test_a_key_that_is_revoked_here_ends_at_once(door: Door) -> None:
    assert await door.ask("rb_x") == "x"
    [key] = await door.keys.all()
    await door.keys.delete(key)
    door.gate.forget(key.id)
    assert await door.ask("rb_x") == "unauthorized"


async def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(door: Door) -> None:
    [key] = await door.keys.all()
    find = door.keys.find

    async def revoked_meanwhile(digest: str) -> ApiKey | None:
        found = await find(digest)
        await door.keys.delete(key)
        door.gate.forget(key.id)
        return found

    door.keys.find = revoked_meanwhile  # type: ignore[method-assign]
    await door.ask("rb_x")
    assert await door.ask("rb_x") == "unauthorized"


async def test_a_key_ends_when_it_was_said_to_though_it_is_believed(door: Door) -> None:
    await door.keys.add(*described("rb_short", "short", ("read",), 1, door.ns // 1_000_000 + 1_000))
    assert await door.ask("rb_short") == "short"
    door.later(1)
    assert await door.ask("rb_short") == "unauthorized"


async def test_use_is_noted_once_a_minute_and_keeps_nobody_waiting_where_it_cannot_be(door: Door) -> None:
    [key] = await door.keys.all()
    began_ms = door.ns // 1_000_000
    for _ in range(3):
        await door.ask("rb_x")
        door.later(CACHE_MS / 1000 + 1)
    assert await door.keys.uses_ms([key.id]) == {key.id: began_ms}
    door.keys.takes_no_write = True
    door.later(60)
    assert await door.ask("rb_x") == "x"


# ---- how often a key may ask ----------------------------------------------------------------------------------------


async def test_a_key_may_ask_its_burst_at_once_and_then_as_often_as_its_rate_says(door: Door) -> None:
    limits = door.limits
    for _ in range(limits.key_burst):
        assert await door.ask("rb_x") == "x"
    assert await door.ask("rb_x") == "too-many-requests key"
    door.later(0.5)
    told = [await door.ask("rb_x") for _ in range(limits.key_rate)]
    assert (told.count("x"), told.count("too-many-requests key")) == (limits.key_rate // 2,) * 2
    door.later(3600)
    told = [await door.ask("rb_x") for _ in range(2 * limits.key_burst)]
    assert told.count("x") == limits.key_burst, "an hour of silence is no credit"


async def test_one_key_does_not_spend_what_another_may_ask_and_an_admin_may_ask_ten_times_as_often(door: Door) -> None:
    await door.keys.add(*described("rb_y", "y", ("call",), 1))
    await door.keys.add(*described("rb_root", "root", ("admin",), 1))
    for _ in range(door.limits.key_burst + 1):
        await door.ask("rb_x")
    assert await door.ask("rb_x") == "too-many-requests key"
    assert await door.ask("rb_y") == "y"
    told = [await door.ask("rb_root") for _ in range(10 * door.limits.key_burst + 1)]
    assert (told.count("root"), told[-1]) == (10 * door.limits.key_burst, "too-many-requests key")


async def test_without_a_limit_there_is_none() -> None:
    door = Door(limits=Limits(key_rate=0, wrong_keys_max=0))
    await door.keys.add(*described("rb_x", "x", ("read",), 1))
    assert {await door.ask("rb_x") for _ in range(5_000)} == {"x"}
    assert {await door.ask("rb_wrong") for _ in range(500)} == {"unauthorized"}


async def test_an_answer_says_how_often_may_be_asked_and_a_429_when_again(api: Bench) -> None:
    front = build(replace(api.doors, limits=Limits(key_rate=1, key_burst=2)))
    api.front = front
    first = await api.ask("GET", "/v1/trunks", key="viewer")
    assert (first.headers["ratelimit-policy"], first.headers["ratelimit"]) == ('"key";q=2;w=2', '"key";r=1;t=1')
    await api.ask("GET", "/v1/trunks", key="viewer")
    refused = await api.ask("GET", "/v1/trunks", key="viewer")
    assert (refused.status, refused.problem["type"], refused.problem["rule"]) == (429, "too-many-requests", "key")
    assert (refused.headers["retry-after"], refused.problem["retry_after_s"]) == ("1", 1)
    assert refused.headers["ratelimit"] == '"key";r=0;t=2'
    for path in ("/healthz", "/readyz", "/metrics"):
        answer = await api.ask("GET", path, key="viewer")
        assert (answer.status, "ratelimit" in answer.headers) == (200, False), path


# ---- keys of tenants ------------------------------------------------------------------------------------------------


async def a_tenant(door: Door, *secrets: str, **more: int) -> None:
    await door.tenants.put(Tenant("acme", "Acme", 1, **more))
    for secret in secrets:
        await door.keys.add(*described(secret, secret, ("admin",), 1, tenant="acme"))


async def test_a_closed_tenants_keys_end_at_once_here_and_elsewhere_within_the_cache_s_time(door: Door) -> None:
    await a_tenant(door, "rb_a", "rb_b")
    elsewhere = Door(door.keys, door.tenants, ns=door.ns)
    assert [await one.ask("rb_a") for one in (door, elsewhere)] == ["rb_a", "rb_a"]
    asked = door.keys.asked
    await door.tenants.close("acme", 5)
    door.gate.forget_tenant("acme")
    assert [await one.ask("rb_a") for one in (door, elsewhere)] == ["unauthorized", "rb_a"]
    assert await door.ask("rb_b") == "unauthorized"
    elsewhere.later(CACHE_MS / 1000)
    assert await elsewhere.ask("rb_a") == "unauthorized"
    assert [await door.ask("rb_a") for _ in range(9)] == ["unauthorized"] * 9
    assert door.keys.asked == asked + 3, "who asks on and on does not reach the store"
    await a_tenant(door)
    door.gate.forget_tenant("acme")
    assert await door.ask("rb_a") == "rb_a"
    assert await door.ask("rb_x") == "x", "the operator's own are never closed"


async def test_a_tenant_that_is_closed_while_its_key_is_looked_up_is_not_believed_to_be_open(door: Door) -> None:
    await a_tenant(door, "rb_a")
    get = door.tenants.get

    async def closed_meanwhile(id: str) -> Tenant | None:
        found = await get(id)
        await door.tenants.close(id, 5)
        door.gate.forget_tenant(id)
        return found

    door.tenants.get = closed_meanwhile  # type: ignore[method-assign]
    assert await door.ask("rb_a") == "rb_a"
    assert await door.ask("rb_a") == "unauthorized"


async def test_a_key_of_a_tenant_that_is_not_there_is_refused(door: Door) -> None:
    await door.keys.add(*described("rb_stray", "stray", ("read",), 1, tenant="gone"))
    assert await door.ask("rb_stray") == "unauthorized"


async def test_all_keys_of_a_tenant_together_ask_as_often_as_it_may_and_no_other_pays_for_it(door: Door) -> None:
    await a_tenant(door, "rb_a", "rb_b", requests_per_s=10)
    told = [await door.ask(secret) for _ in range(10) for secret in ("rb_a", "rb_b")]
    assert "too-many-requests tenant" not in told
    assert [await door.ask(secret) for secret in ("rb_a", "rb_b")] == ["too-many-requests tenant"] * 2
    assert await door.ask("rb_x") == "x"
    door.later(0.1)
    assert [await door.ask(secret) for secret in ("rb_b", "rb_a")] == ["rb_b", "too-many-requests tenant"]


async def test_a_tenants_admin_is_not_the_operator_and_asks_as_often_as_any_key(door: Door) -> None:
    await a_tenant(door, "rb_a")
    told = [await door.ask("rb_a") for _ in range(door.limits.key_burst + 1)]
    assert told.index("too-many-requests key") == door.limits.key_burst


async def test_a_tenant_that_was_given_more_than_a_key_may_ask_that_often_with_one(door: Door) -> None:
    await a_tenant(door, "rb_a", requests_per_s=1_000)
    told = [await door.ask("rb_a") for _ in range(2_001)]
    assert (set(told[:-1]), told[-1].split()[0]) == ({"rb_a"}, "too-many-requests")


async def test_who_is_held_back_by_one_rule_uses_up_no_other(door: Door) -> None:
    await a_tenant(door, "rb_a", "rb_b")
    for _ in range(1_000):
        await door.ask("rb_a")
    told = [await door.ask("rb_b") for _ in range(door.limits.key_burst)]
    assert set(told) == {"rb_b"}, "refused requests of one key took from what all of them have"


async def test_both_rules_are_in_one_header_and_retry_after_is_true_for_the_longer_wait(api: Bench) -> None:
    api.front = build(replace(api.doors, limits=Limits(key_rate=2, key_burst=2)))
    await api.tenants.put(Tenant("acme", "Acme", 1, requests_per_s=1, requests_burst=1))
    await api.keys.add(*described("rb_a", "a", ("admin",), 1, tenant="acme"))
    first = await api.ask("GET", "/v1/keys", key="a")
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=1, "tenant";q=1;w=1'
    assert first.headers["ratelimit"] == '"key";r=1;t=1, "tenant";r=0;t=1'
    refused = await api.ask("GET", "/v1/keys", key="a")
    assert (refused.status, refused.problem["rule"], refused.headers["retry-after"]) == (429, "tenant", "1")
    assert refused.headers["ratelimit"] == '"key";r=1;t=1, "tenant";r=0;t=1'


# ---- how often a wrong one may be tried -----------------------------------------------------------------------------


async def test_who_guesses_is_not_looked_up_any_more_whether_he_is_right_or_wrong(door: Door) -> None:
    for guess in range(door.limits.wrong_keys_max):
        assert await door.ask(f"rb_{guess}") == "unauthorized"
    asked = door.keys.asked
    assert await door.ask("rb_wrong") == "too-many-requests wrong-keys"
    assert await door.ask("rb_x") == "too-many-requests wrong-keys", "a guess that is right tells nothing either"
    assert door.keys.asked == asked
    assert await door.ask("rb_x", address="192.0.2.2") == "x"
    door.later(60 / door.limits.wrong_keys_max)
    assert [await door.ask("rb_wrong"), await door.ask("rb_wrong")] == ["unauthorized", "too-many-requests wrong-keys"]


async def test_a_key_that_was_good_lately_is_served_whatever_its_neighbours_try(door: Door) -> None:
    assert await door.ask("rb_x") == "x"
    for _ in range(2 * door.limits.wrong_keys_max):
        await door.ask("rb_wrong")
    door.later(CACHE_MS / 1000 + 1)
    for _ in range(5):
        await door.ask("rb_wrong")
    assert await door.ask("rb_wrong") == "too-many-requests wrong-keys"
    assert await door.ask("rb_x") == "x"


async def test_behind_a_proxy_of_ours_the_one_who_guesses_is_told_apart() -> None:
    door = Door(limits=Limits(proxies=("127.0.0.1",)))
    await door.keys.add(*described("rb_x", "x", ("read",), 1))
    for _ in range(2 * door.limits.wrong_keys_max):
        await door.ask("rb_wrong", "127.0.0.1", "10.9.9.9, 198.51.100.7")
    assert await door.ask("rb_x", "127.0.0.1", "198.51.100.7") == "too-many-requests wrong-keys"
    assert await door.ask("rb_x", "127.0.0.1", "198.51.100.8") == "x"


@pytest.mark.parametrize(
    ("client", "forwarded", "who"),
    [
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("127.0.0.1", "198.51.100.7, 127.0.0.1", "198.51.100.7"),
        ("127.0.0.1", "drop table;", "unknown"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
    ],
)
def test_whom_to_hold_to_account(client: str, forwarded: str, who: str) -> None:
    """A stranger's word about himself counts for nothing; of IPv6 a whole network is one."""
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert address_of(Request({"type": "http", "headers": headers, "client": (client, 1)}), ("127.0.0.1",)) == who


async def test_nothing_that_strangers_send_makes_it_grow(door: Door) -> None:
    buckets, rate = Buckets(most=100), Rate(2, S_NS)
    for n in range(1_000):
        buckets.take(f"192.0.2.{n}", rate, door.ns)
    assert len(buckets) == 100
    for n in range(REMEMBERED_MAX + 100):
        await door.keys.add(*described(f"rb_{n}", "many", ("read",), 1))
        assert await door.ask(f"rb_{n}") == "many"
    assert len(door.gate._good) == REMEMBERED_MAX
    assert len(door.gate._used_ms) == REMEMBERED_MAX
