"""The claim of a number over several keys: under any order of writers and any crash, nobody shares and nothing is lost.

The store is a dictionary whose every command may wait, and may be a process's last.
"""

import asyncio
from random import Random

import pytest

from ari_app.adapters.redis.users import RedisUsers
from ari_app.ports.users import NumberTaken, OwnedNumber, Put, User

NUMBERS = tuple(f"+861390000000{i}" for i in range(1, 4))
N1, N2, N3 = NUMBERS
NAMES = ("alice", "bob", "carol")


class Crash(Exception):
    """The process died."""


class Cells:
    """One process's commands on the shared dictionary. `dies_at`: the command that is its last."""

    def __init__(self, store: dict[str, bytes], random: Random, dies_at: int = -1, acts: bool = False) -> None:
        self._store = store
        self._random = random
        self._left = dies_at
        self._acts = acts  # whether the last command is still carried out

    async def get(self, key: str) -> bytes | None:
        await self._turn()
        value = self._store.get(key)
        await self._turn()
        return value

    async def swap(self, key: str, expected: bytes | None, new: bytes | None) -> bool:
        await self._turn()
        if self._left == 0 and not self._acts:
            raise Crash
        fits = self._store.get(key) == expected
        if fits and new is not None:
            self._store[key] = new
        elif fits:
            self._store.pop(key, None)
        if self._left == 0:
            self._left = -1
            raise Crash
        self._left -= 1
        await self._turn()
        return fits

    async def _turn(self) -> None:
        """Mostly soon; now and then so late that others have come and gone."""
        for _ in range(self._random.choice((0, 1, 2, 3, 40))):
            await asyncio.sleep(0)


def user(name: str, *numbers: str) -> User:
    return User(name, tuple(OwnedNumber(number) for number in numbers))


async def owners_of(users: RedisUsers, number: str) -> list[str]:
    """Who says that the number is his, by both ways of asking, which must agree."""
    by_id = [name for name in NAMES if (found := await users.get(name)) and found.owned(number)]
    by_number = await users.by_number(number)
    assert by_id == ([by_number.id] if by_number else []), number
    return by_id


@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("dies_at", range(9))
@pytest.mark.parametrize("before", [(), (N1,), (N3,), (N2, N3)])
async def test_a_crash_between_any_two_writes_loses_and_shares_nothing(
    dies_at: int, acts: bool, before: tuple[str, ...]
) -> None:
    store: dict[str, bytes] = {}
    users = RedisUsers(Cells(store, Random(1)))
    await users.put(user("alice", *before))
    await users.put(user("bob", N1) if N1 not in before else user("bob"))
    await users.put(user("bob"))  # N1's claim is left behind by somebody who dropped it

    try:
        await RedisUsers(Cells(store, Random(1), dies_at, acts)).put(user("alice", N1, N2))
        has_died = False
    except Crash:
        has_died = True

    alices = {number for number in NUMBERS if await owners_of(users, number) == ["alice"]}
    if has_died:
        assert alices >= set(before) & {N1, N2}, "what she had and keeps is never away"
    else:
        assert alices == {N1, N2}
    for number in (N1, N2):
        got = await users.put(user("bob", number))
        assert (got == NumberTaken(number)) == (number in alices)
        assert await owners_of(users, number) == ["alice" if number in alices else "bob"]
    await users.put(user("bob"))
    assert await users.put(user("alice", N1, N2)) == Put(user("alice", N1, N2)), "asked again, it is done"


async def live(name: str, store: dict[str, bytes], random: Random) -> tuple[str, User | None]:
    """The last thing this user was granted; None if his last wish died with its process."""
    granted: User | None = None
    for _ in range(random.randrange(1, 6)):
        dies_at = random.randrange(6) if random.random() < 0.3 else -1
        wanted = User(name, user(name, *random.sample(NUMBERS[:2], random.randrange(3))).numbers, str(random.random()))
        try:
            got = await RedisUsers(Cells(store, random, dies_at, random.random() < 0.5)).put(wanted)
            granted = got.user if isinstance(got, Put) else granted
        except Crash:
            granted = None
    return name, granted


@pytest.mark.parametrize("batch", range(12))
async def test_in_any_order_of_writers_and_crashes_what_was_granted_stays(batch: int) -> None:
    for seed in range(batch * 50, batch * 50 + 50):
        random = Random(seed)
        store: dict[str, bytes] = {}
        results = await asyncio.gather(*(live(name, store, random) for name in NAMES))

        users = RedisUsers(Cells(store, random))
        for number in NUMBERS:
            assert len(await owners_of(users, number)) <= 1, seed
        for name, granted in results:
            if granted is not None:
                assert await users.get(name) == granted, seed


async def test_a_refused_wish_changes_nothing_even_if_it_was_refused_late() -> None:
    for seed in range(300):
        random = Random(seed)
        store: dict[str, bytes] = {}
        users = RedisUsers(Cells(store, random))
        await users.put(User("alice", user("alice", N2, N3).numbers, "before"))

        wishes = [User("alice", user("alice", N1, N2).numbers, "after"), user("bob", N1), user("carol", N1)]
        refused, *_ = await asyncio.gather(*(RedisUsers(Cells(store, random)).put(wish) for wish in wishes))
        await users.put(user("carol", N3))  # whoever wants what she only would have dropped

        if refused == NumberTaken(N1):
            assert await users.get("alice") == User("alice", user("alice", N2, N3).numbers, "before"), seed
            assert await owners_of(users, N3) == ["alice"], seed


async def test_a_proof_and_a_change_of_the_same_user_at_once_are_both_kept() -> None:
    for seed in range(300):
        random = Random(seed)
        store: dict[str, bytes] = {}
        one, other = RedisUsers(Cells(store, random)), RedisUsers(Cells(store, random))
        await one.put(user("alice", N1))

        await asyncio.gather(one.verify("alice", N1, "code", 5), other.put(user("alice", N2, N1)))

        assert await one.get("alice") == User("alice", (OwnedNumber(N2), OwnedNumber(N1, "code", 5))), seed


async def test_a_record_that_a_crash_left_lists_nothing_that_became_another_s_and_proves_nothing() -> None:
    store: dict[str, bytes] = {}
    users = RedisUsers(Cells(store, Random(1)))
    await users.put(User("alice", (OwnedNumber(N1, "code", 5),)))
    left = store["{u:alice}:user"]
    await users.put(user("alice"))
    await users.put(user("bob", N1))
    store["{u:alice}:user"] = left  # written late by a process that then died before it sealed

    assert await owners_of(users, N1) == ["bob"]
    assert await users.get("alice") == user("alice")
    assert await users.verify("alice", N1, "admin", 6) is None

    await users.put(user("bob"))
    assert await users.put(user("alice", N1)) == Put(user("alice", N1))


class Held(Cells):
    """Waits before the n-th swap of the named key until it is let go."""

    def __init__(self, store: dict[str, bytes], key: str, nth: int = 1) -> None:
        super().__init__(store, Random(1))
        self._key = key
        self._before = nth
        self.is_waiting = asyncio.Event()
        self._may_go = asyncio.Event()
        self._dies_after = False

    async def swap(self, key: str, expected: bytes | None, new: bytes | None) -> bool:
        self._before -= key == self._key
        if key == self._key and self._before == 0:
            self.is_waiting.set()
            await self._may_go.wait()
        done = await super().swap(key, expected, new)
        if key == self._key and self._dies_after:
            raise Crash
        return done

    def let_go(self) -> None:
        self._may_go.set()

    def die_after(self) -> None:
        self._dies_after = True
        self._may_go.set()


async def test_a_claim_that_was_never_sealed_is_made_afresh() -> None:
    """Else bob, who looked before alice's record was written, could still take what alice was granted since."""
    store: dict[str, bytes] = {}
    alice, bob = Held(store, "{u:alice}:user"), Held(store, f"{{n:{N1}}}:owner")
    first = asyncio.create_task(RedisUsers(alice).put(user("alice", N1)))
    await alice.is_waiting.wait()  # claimed, not written
    thief = asyncio.create_task(RedisUsers(bob).put(user("bob", N1)))
    await bob.is_waiting.wait()  # has seen that her record does not list it
    alice.die_after()  # her record is written, and no claim is sealed any more
    with pytest.raises(Crash):
        await first

    users = RedisUsers(Cells(store, Random(1)))
    assert isinstance(await users.put(user("alice", N1)), Put)
    bob.let_go()

    assert await thief == NumberTaken(N1)
    assert await owners_of(users, N1) == ["alice"]


async def test_nothing_is_dropped_before_what_is_wanted_instead_is_sure() -> None:
    store: dict[str, bytes] = {}
    users = RedisUsers(Cells(store, Random(1)))
    await users.put(user("alice", N3))
    alice = Held(store, f"{{n:{N1}}}:owner", nth=2)
    change = asyncio.create_task(RedisUsers(alice).put(user("alice", N1)))
    await alice.is_waiting.wait()  # claimed and written, not sealed

    assert await users.put(user("carol", N3)) == NumberTaken(N3)
    bobs: dict[str, bytes] = {}
    await RedisUsers(Cells(bobs, Random(1))).put(user("bob", N1))
    store |= bobs  # bob, who looked before she wrote, takes her claim over
    alice.let_go()

    assert await change == NumberTaken(N1)
    assert await owners_of(users, N3) == ["alice"]
    assert await owners_of(users, N1) == ["bob"]
