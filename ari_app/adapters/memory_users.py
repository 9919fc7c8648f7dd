"""Users and keys in this process's memory: the twin of adapters/redis, for tests and laws."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ari_app.ports.keys import ApiKey, Rotated
from ari_app.ports.users import How, NumberTaken, Put, Stale, User, joined, keeping_proofs, left, proved


class MemoryUsers:
    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._owner: dict[str, str] = {}

    async def put(self, user: User, *, expect_rev: int | None = None) -> Put | NumberTaken | Stale:
        for one in user.numbers:
            if self._owner.get(one.number, user.id) != user.id:
                return NumberTaken(one.number)
        old = self._users.get(user.id)
        if expect_rev not in (None, old.rev if old else 0):
            return Stale()
        stored = keeping_proofs(old, user)
        for one in old.numbers if old else ():
            del self._owner[one.number]
        self._owner |= {one.number: user.id for one in stored.numbers}
        return Put(self._write(stored))

    async def verify(self, user_id: str, number: str, how: How, at_ms: int) -> User | None:
        user = self._users.get(user_id)
        if user is None or user.owned(number) is None:
            return None
        return self._write(proved(user, number, how, at_ms))

    async def join(self, user_id: str, team_id: str) -> User | None:
        user = self._users.get(user_id)
        return self._write(joined(user, team_id)) if user else None

    async def leave(self, user_id: str, team_id: str) -> User | None:
        user = self._users.get(user_id)
        return self._write(left(user, team_id)) if user else None

    async def get(self, user_id: str) -> User | None:
        return self._users.get(user_id)

    async def by_number(self, number: str) -> User | None:
        owner = self._owner.get(number)
        return self._users[owner] if owner else None

    def _write(self, user: User) -> User:
        before = self._users.get(user.id)
        self._users[user.id] = replace(user, rev=before.rev + 1 if before else 1)
        return self._users[user.id]


class MemoryKeys:
    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._uses_ms: dict[str, int] = {}

    async def add(self, digest: str, key: ApiKey, most: int | None = None) -> bool:
        if most is not None and digest not in self._keys and len(await self.of(key.tenant)) >= most:
            return False
        self._keys[digest] = key
        return True

    async def find(self, digest: str) -> ApiKey | None:
        return self._keys.get(digest)

    async def all(self) -> list[ApiKey]:
        return sorted(self._keys.values(), key=lambda key: (key.created_at_ms, key.id))

    async def of(self, tenant: str) -> list[ApiKey]:
        return [key for key in await self.all() if key.tenant == tenant]

    async def delete(self, key: ApiKey) -> bool:
        self._uses_ms.pop(key.id, None)
        return self._keys.pop(self._digest(key.id), None) is not None

    async def rotate(self, old: ApiKey, retired: ApiKey, digest: str, new: ApiKey, *, is_over: bool) -> Rotated:
        there = self._keys.get(self._digest(old.id))
        if there is None or there.replaced_by != old.replaced_by:
            return "changed"
        if (lost := self._keys.get(self._digest(old.replaced_by))) is not None:
            if lost.id in self._uses_ms or lost.replaced_by:
                return "used"
            await self.delete(lost)
        elif is_over:
            return "ended"
        self._keys[self._digest(old.id)] = retired
        self._keys[digest] = new
        return "done"

    async def note_use(self, key_id: str, at_ms: int) -> None:
        self._uses_ms[key_id] = at_ms

    async def uses_ms(self, key_ids: Sequence[str]) -> Mapping[str, int]:
        return {key_id: self._uses_ms[key_id] for key_id in key_ids if key_id in self._uses_ms}

    def _digest(self, key_id: str) -> str:
        return next((digest for digest, key in self._keys.items() if key.id == key_id), "")
