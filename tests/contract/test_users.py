"""Users and keys: one body of tests over every store."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from ari_app.adapters.memory_users import MemoryKeys, MemoryUsers
from ari_app.adapters.redis.keys import RedisKeys
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.users import RedisUsers
from ari_app.ports.keys import SCOPES, ApiKey, Keys, Scope, described, digest_of, new_secret
from ari_app.ports.users import NumberTaken, OwnedNumber, Put, User, Users
from ari_app.stack import Stack, StackOptions
from ari_app.stack.errors import StackError
from tests.contract.conftest import STORES

N1, N2, N3 = "+8613900000001", "+8613900000002", "+8613900000003"
PROVED = OwnedNumber(N1, "code", 1000)


def user(user_id: str, *numbers: str | OwnedNumber, name: str = "") -> User:
    return User(user_id, tuple(OwnedNumber(n) if isinstance(n, str) else n for n in numbers), name)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own. Where there is none it is skipped, but never on a build server."""
    stack = Stack(StackOptions(state_dir=tmp_path_factory.mktemp("redis"), pbx=False, carrier=False))
    try:
        url = stack.start().redis_url
    except StackError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis here: {error}")
    yield url
    stack.stop()


def _url(request: pytest.FixtureRequest) -> str:
    if request.param == "cluster":
        return str(request.getfixturevalue("cluster").url)
    return str(request.getfixturevalue("redis_url"))


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[Link]:
    link = Link(url)
    await link.start()
    try:
        await link.command("FLUSHALL")
        yield link
    finally:
        await link.close()


@pytest.fixture(params=STORES)
async def users(request: pytest.FixtureRequest) -> AsyncIterator[Users]:
    if request.param == "memory":
        yield MemoryUsers()
        return
    async with emptied(_url(request)) as link:
        yield RedisUsers(link)


@pytest.fixture(params=STORES)
async def keys(request: pytest.FixtureRequest) -> AsyncIterator[Keys]:
    if request.param == "memory":
        yield MemoryKeys()
        return
    async with emptied(_url(request)) as link:
        yield RedisKeys(link)


async def test_a_user_is_found_by_id_and_by_each_number(users: Users) -> None:
    alice = user("alice", N1, N2, name="Alice")

    assert await users.put(alice) == Put(alice)
    assert await users.get("alice") == alice
    assert await users.by_number(N1) == alice
    assert await users.by_number(N2) == alice
    assert await users.by_number(N3) is None
    assert await users.get("bob") is None


async def test_putting_the_same_twice_changes_nothing(users: Users) -> None:
    alice = user("alice", N1)

    assert await users.put(alice) == await users.put(alice) == Put(alice)
    assert await users.get("alice") == alice


async def test_a_number_belongs_to_one_user(users: Users) -> None:
    await users.put(user("alice", N1))
    await users.put(user("bob", N2, name="Bob"))

    assert await users.put(user("bob", N3, N1, name="Robert")) == NumberTaken(N1)
    assert await users.get("bob") == user("bob", N2, name="Bob")
    assert await users.by_number(N1) == user("alice", N1)
    assert await users.put(user("carol", N3)) == Put(user("carol", N3))


async def test_a_number_that_was_dropped_is_free_for_another_user(users: Users) -> None:
    await users.put(user("alice", N1, N2))
    await users.put(user("alice", N2))

    assert await users.by_number(N1) is None
    assert await users.put(user("bob", N1)) == Put(user("bob", N1))
    assert await users.put(user("alice", N1)) == NumberTaken(N1)
    assert (await users.by_number(N1)) == user("bob", N1)


async def test_a_user_may_have_no_number(users: Users) -> None:
    assert await users.put(user("desk")) == Put(user("desk"))
    assert await users.get("desk") == user("desk")


async def test_a_number_named_twice_is_one(users: Users) -> None:
    assert await users.put(user("alice", N1, N1)) == Put(user("alice", N1))


async def test_a_proof_stays_when_the_user_is_put_again(users: Users) -> None:
    await users.put(user("alice", N1))
    assert await users.verify("alice", N1, "code", 1000) == user("alice", PROVED)

    assert await users.put(user("alice", N2, N1)) == Put(user("alice", N2, PROVED))
    assert await users.by_number(N1) == user("alice", N2, PROVED)


async def test_the_operator_s_word_is_a_proof_and_an_older_proof_stays(users: Users) -> None:
    await users.put(user("alice", PROVED))

    assert await users.verify("alice", N1, "admin", 2000) == user("alice", PROVED)


async def test_a_proof_does_not_come_back_with_the_number(users: Users) -> None:
    await users.put(user("alice", PROVED))
    await users.put(user("alice"))
    await users.put(user("bob", N1))
    await users.put(user("bob"))

    assert await users.put(user("alice", N1)) == Put(user("alice", N1))


async def test_a_proof_does_not_move_to_the_next_owner(users: Users) -> None:
    await users.put(user("alice", PROVED))
    await users.put(user("alice"))

    assert await users.put(user("bob", N1)) == Put(user("bob", N1))


async def test_only_one_s_own_number_can_be_proved(users: Users) -> None:
    await users.put(user("alice", N1))
    await users.put(user("bob", N2))

    assert await users.verify("bob", N1, "code", 1) is None
    assert await users.verify("nobody", N1, "code", 1) is None
    assert await users.by_number(N1) == user("alice", N1)


async def test_of_many_who_want_one_number_at_once_one_gets_it(users: Users) -> None:
    names = [f"u{i}" for i in range(8)]
    answers = await asyncio.gather(*(users.put(user(name, N1)) for name in names))

    (winner,) = [answer.user for answer in answers if isinstance(answer, Put)]
    assert [answer for answer in answers if not isinstance(answer, Put)] == [NumberTaken(N1)] * 7
    assert await users.by_number(N1) == winner
    assert [(await users.get(name) or user(name)).numbers for name in names if name != winner.id] == [()] * 7


async def test_changes_of_one_user_at_once_leave_one_of_them_whole(users: Users) -> None:
    wanted = [user("alice", N1, name="1"), user("alice", N2, N1, name="2"), user("alice", N3, name="3")]
    answers = await asyncio.gather(*(users.put(one) for one in wanted))

    assert all(isinstance(answer, Put) for answer in answers)
    now = await users.get("alice")
    assert now in wanted
    for number in (N1, N2, N3):
        assert await users.by_number(number) == (now if now and now.owned(number) else None)


def key(name: str, at_ms: int = 1) -> tuple[str, ApiKey, str]:
    secret = new_secret()
    digest, described_key = described(secret, name, ("call", "read"), at_ms)
    return digest, described_key, secret


async def test_a_key_is_found_by_the_hash_of_its_secret_alone(keys: Keys) -> None:
    digest, web, secret = key("web")
    await keys.add(digest, web)

    assert secret.startswith("rb_")
    assert await keys.find(digest_of(secret)) == web
    assert await keys.find(digest_of(secret + "x")) is None
    assert secret not in repr(await keys.all())


async def test_keys_are_listed_oldest_first_and_deleted_by_id(keys: Keys) -> None:
    for digest, one, _ in (young := key("young", 2000), old := key("old", 1000)):
        await keys.add(digest, one)

    assert await keys.all() == [old[1], young[1]]
    assert await keys.delete(old[1])
    assert not await keys.delete(old[1])
    assert await keys.all() == [young[1]]
    assert await keys.find(old[0]) is None


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (("read",), {"read"}),
        (("call", "read"), {"call", "read"}),
        (("admin",), {"call", "read", "admin"}),
    ],
)
def test_admin_may_everything_and_the_others_what_they_say(scopes: tuple[Scope, ...], may: set[str]) -> None:
    _, one = described("rb_x", "x", scopes, 0)
    assert {scope for scope in SCOPES if one.may(scope)} == may
