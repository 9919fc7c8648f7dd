"""Users in Redis, a record under `{u:<id>}` and a claim under `{n:<number>}` for each number. One key a command.

Record and claim lie in different slots, so no script can change both; a crash may fall between any two writes.
What holds it together:

- a number is a user's when the claim names him AND his record lists it. A claim has one value, so nobody shares.
- a claim whose owner's record does not list it is nobody's: anybody may take it over. So nothing is ever released
  and no crash can lock a number away; dropping a number is one write, of the record.
- to gain numbers: (1) claim each, pending; (2) write the record with the old numbers and the new; (3) seal each
  claim; (4) write the record without what was dropped. Every claim's value is new each time (a nonce), and changes
  only by compare-and-swap: who took a claim over before (3) makes the seal fail, and who is late finds that his own
  swap fails. So of two who want one number exactly one seals it, and nothing is dropped before that is known.

Every step asked again does no harm.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from random import uniform
from secrets import token_hex
from typing import Protocol

import msgspec

from ari_app.domain.errors import Unavailable
from ari_app.ports.users import How, NumberTaken, Put, Stale, User, joined, keeping_proofs, left, proved

TURNS_MAX = 20  # losing so often in a row to others who change the same user or number is a fault


class Contended(Unavailable):
    """Too many changes of one user or number at once; ask again."""


class Link(Protocol):
    """What is needed of the connection: single-key commands."""

    async def get(self, key: str) -> bytes | None: ...

    async def swap(self, key: str, expected: bytes | None, new: bytes | None) -> bool:
        """Set the key if it still has the expected value; None: it does not exist, or shall not."""


class RedisUsers:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, user: User, *, expect_rev: int | None = None) -> Put | NumberTaken | Stale:
        for turn in range(TURNS_MAX):
            done = await self._try_put(user, expect_rev)
            if done is not None:
                return done
            await asyncio.sleep(uniform(0, 0.002 * turn))  # two in lockstep would undo each other again
        raise Contended(f"user {user.id}")

    async def verify(self, user_id: str, number: str, how: How, at_ms: int) -> User | None:
        def change(user: User) -> User | None:
            return proved(user, number, how, at_ms) if user.owned(number) else None

        if await self._owner(number) != user_id:
            return None
        return await self._amend(user_id, change)

    async def join(self, user_id: str, team_id: str) -> User | None:
        return await self._amend(user_id, lambda user: joined(user, team_id))

    async def leave(self, user_id: str, team_id: str) -> User | None:
        return await self._amend(user_id, lambda user: left(user, team_id))

    async def get(self, user_id: str) -> User | None:
        raw = await self._link.get(_record_key(user_id))
        return await self._without_lost(_decode(raw)) if raw else None

    async def by_number(self, number: str) -> User | None:
        owner = await self._owner(number)
        user = await self.get(owner) if owner else None
        return user if user and user.owned(number) else None

    async def _try_put(self, user: User, expect_rev: int | None) -> Put | NumberTaken | Stale | None:
        """None: somebody changed the same record or claim meanwhile; look again."""
        raw = await self._link.get(_record_key(user.id))
        old = _decode(raw) if raw else User(user.id)
        if expect_rev not in (None, old.rev):
            return Stale()
        claims = await self._claims(user)
        his = {number for number, claim in claims.items() if claim and _named(claim) == user.id}
        new = keeping_proofs(replace(old, numbers=tuple(one for one in old.numbers if one.number in his)), user)
        new = replace(new, rev=old.rev + 1)

        fresh: dict[str, bytes] = {}
        for number, claim in claims.items():
            if claim and number in his and _is_sealed(claim) and old.owned(number):
                continue
            if claim and number not in his and await self._is_used(claim, number):
                return NumberTaken(number)
            fresh[number] = _claim(user.id, PENDING)
            if not await self._link.swap(_claim_key(number), claim, fresh[number]):
                return None
        done = await self._write(raw, old, new, fresh)
        return None if done is None else Put(done)

    async def _write(self, raw: bytes | None, old: User, new: User, fresh: dict[str, bytes]) -> User | None:
        """Steps 2 to 4: the record in the end. None: a swap failed, and what was written is undone."""
        dropped = tuple(one for one in old.numbers if not new.owned(one.number)) if fresh else ()
        joint = _encode(replace(new, numbers=new.numbers + dropped))
        if not await self._link.swap(_record_key(new.id), raw, joint):
            return None
        for number, pending in fresh.items():
            if not await self._link.swap(_claim_key(number), pending, _claim(new.id, SEALED)):
                # If somebody wrote the record since, this does nothing, and the reader's look at the claims does.
                undone = _encode(replace(old, rev=new.rev + 1)) if raw else None
                await self._link.swap(_record_key(new.id), joint, undone)
                return None
        if not dropped:
            return new
        new = replace(new, rev=new.rev + 1)
        return new if await self._link.swap(_record_key(new.id), joint, _encode(new)) else None

    async def _claims(self, user: User) -> dict[str, bytes | None]:
        numbers = list(dict.fromkeys(one.number for one in user.numbers))
        claims = await asyncio.gather(*(self._link.get(_claim_key(number)) for number in numbers))
        return dict(zip(numbers, claims, strict=True))

    async def _is_used(self, claim: bytes, number: str) -> bool:
        raw = await self._link.get(_record_key(_named(claim)))
        return raw is not None and _decode(raw).owned(number) is not None

    async def _amend(self, user_id: str, change: Callable[[User], User | None]) -> User | None:
        for _ in range(TURNS_MAX):
            raw = await self._link.get(_record_key(user_id))
            before = _decode(raw) if raw else None
            changed = change(before) if before else None
            if raw is None or before is None or changed is None:
                return None
            changed = replace(changed, rev=before.rev + 1)
            if await self._link.swap(_record_key(user_id), raw, _encode(changed)):
                return await self._without_lost(changed)
        raise Contended(f"user {user_id}")

    async def _owner(self, number: str) -> str | None:
        claim = await self._link.get(_claim_key(number))
        return _named(claim) if claim else None

    async def _without_lost(self, user: User) -> User:
        """The user with the numbers that are his; one that a crash left listed may be somebody else's by now."""
        claims = await self._claims(user)
        kept = tuple(one for one in user.numbers if (claim := claims[one.number]) and _named(claim) == user.id)
        return user if len(kept) == len(user.numbers) else replace(user, numbers=kept)


PENDING, SEALED = "p", "s"
_decoder = msgspec.json.Decoder(User)
_decode = _decoder.decode
_encode = msgspec.json.encode


def _record_key(user_id: str) -> str:
    return f"{{u:{user_id}}}:user"


def _claim_key(number: str) -> str:
    return f"{{n:{number}}}:owner"


def _claim(user_id: str, state: str) -> bytes:
    """`<user>|<state>|<nonce>`; a user's id has no bar."""
    return f"{user_id}|{state}|{token_hex(8)}".encode()


def _named(claim: bytes) -> str:
    return claim.decode().split("|")[0]


def _is_sealed(claim: bytes) -> bool:
    return claim.decode().split("|")[1] == SEALED
