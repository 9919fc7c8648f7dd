"""A single Redis, or the one that the sentinels call the master: every key is there. Knows no slot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import hiredis

from ari_app.adapters.redis.address import Address, Where, ask
from ari_app.adapters.redis.master import Habits, Master
from ari_app.adapters.redis.wire import Arg, Reply
from ari_app.domain.errors import Unavailable


class One:
    """See Masters in link.py."""

    is_one = True

    def __init__(self, where: Where, habits: Habits, on_change: Callable[[bool], None]) -> None:
        self._told = False
        self._on_change = on_change
        is_found = where.kind == "sentinel"
        find = Sentinels(where, habits.timeout_ms).master if is_found else _always(where.addresses[0])
        self._master = Master(habits, find, must_be_master=is_found, on_change=self._changed)

    @property
    def is_up(self) -> bool:
        return self._master.is_up

    async def start(self, within_s: float) -> None:
        await self._master.start(within_s)

    async def close(self) -> None:
        await self._master.close()

    def at(self, _key: Arg) -> Master:
        return self._master

    def of(self, _command: Sequence[Arg]) -> Master:
        return self._master

    def all(self) -> list[Master]:
        return [self._master]

    def turns(self, commands: Sequence[Sequence[Arg]]) -> list[Sequence[Sequence[Arg]]]:
        return [commands]  # one connection carries them out in the order in which they are sent

    async def follow(self, _error: hiredis.ReplyError, _unit: Sequence[Sequence[Arg]]) -> None:
        return None

    def _changed(self) -> None:
        if (is_up := self._master.main.is_up) != self._told:
            self._told = is_up
            self._on_change(is_up)


class Sentinels:
    """Whoever answers is believed; that it is a master is asked of itself."""

    def __init__(self, where: Where, timeout_ms: int) -> None:
        self._all = list(where.addresses)
        self._service = where.service
        self._timeout_ms = max(50, timeout_ms // (len(self._all) + 1))

    async def master(self) -> Address:
        """Where it is now. Raises Unavailable."""
        why = ""
        for sentinel in list(self._all):
            try:
                found = await self._ask(sentinel)
            except (OSError, TimeoutError, Unavailable) as e:
                found, why = None, f"{sentinel!r}: {str(e) or 'no answer in time'}"
            self._all.append(self._all.pop(0))  # another one is asked next time: this one may be behind
            if found is not None:
                return sentinel.at(*found)
            why = why or f"{sentinel!r} knows no {self._service}"
        raise Unavailable(f"no sentinel says where {self._service} is; {why}")

    async def _ask(self, sentinel: Address) -> tuple[str, int] | None:
        login = [command for command in sentinel.greeting if command[0] == "AUTH"]  # it may have no password: no harm
        asked: list[Sequence[Arg]] = [*login, ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._service)]
        reply: Reply = (await ask(sentinel, self._timeout_ms, asked))[-1]
        if isinstance(reply, hiredis.ReplyError):
            raise Unavailable(str(reply))
        return None if reply is None else (reply[0].decode(), int(reply[1]))


def _always(address: Address) -> Callable[[], Awaitable[Address]]:
    async def find() -> Address:
        return address

    return find
