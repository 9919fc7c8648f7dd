"""Users, teams, numbers and minutes together, over memory or a real Redis: what a test of them asks, in few words."""

from __future__ import annotations

from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.memory_teams import MemoryShares, MemoryTeams
from ari_app.adapters.memory_users import MemoryUsers
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.teams import RedisShares, RedisTeams
from ari_app.adapters.redis.users import RedisUsers
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.plans import Entitlement
from ari_app.engine.entitlements import Entitlements
from ari_app.engine.membership import Membership
from ari_app.plans_file import shipped
from ari_app.ports.ledger import Held, Increment, Ledger
from ari_app.ports.teams import Shares, TeamInfo, Teams
from ari_app.ports.users import NumberTaken, OwnedNumber, Put, User, Users
from tests.contract.desk import NOW_MS, ZONE


class Office:
    """`at_ms` may be moved. `again()` is another process on the same store."""

    def __init__(self, users: Users, teams: Teams, shares: Shares, ledger: Ledger, zone: str = ZONE) -> None:
        self.users, self.teams, self.shares, self.ledger, self.zone = users, teams, shares, ledger, zone
        self.membership = Membership(users, teams)
        self.entitlements = Entitlements(users, self.membership, shares, shipped(), zone)
        self.at_ms = NOW_MS

    @classmethod
    def in_memory(cls) -> Office:
        return cls(MemoryUsers(), MemoryTeams(), MemoryShares(), MemoryLedger())

    @classmethod
    def in_redis(cls, link: Link) -> Office:
        return cls(RedisUsers(link), RedisTeams(link), RedisShares(link), RedisLedger(link))

    def again(self) -> Office:
        other = Office(self.users, self.teams, self.shares, self.ledger, self.zone)
        other.at_ms = self.at_ms
        return other

    async def put(self, user_id: str, *numbers: str, proved: bool = True) -> Put | NumberTaken:
        proof = ("admin", NOW_MS) if proved else (None, None)
        return await self.membership.put_user(User(user_id, tuple(OwnedNumber(one, *proof) for one in numbers)))

    async def team(self, team_id: str, *user_ids: str, certified: bool = False) -> TeamInfo:
        await self.teams.put(team_id, name=team_id, is_certified=certified)
        for user_id in user_ids:
            assert isinstance(await self.membership.join(team_id, user_id), User)
        info = await self.teams.get(team_id)
        assert info is not None
        return info

    async def crew(self, team_id: str, members: int, *, certified: bool = False) -> list[str]:
        """A team of so many new users with a proved number each."""
        names = [f"{team_id}{n}" for n in range(members)]
        start = sum(map(ord, team_id)) * 1000
        for n, name in enumerate(names):
            await self.put(name, f"+86139{start + n:08d}")
        await self.team(team_id, *names, certified=certified)
        return names

    async def size(self, team_id: str) -> int:
        info = await self.teams.get(team_id)
        return info.size if info else 0

    async def minutes_s(self, user_id: str) -> int:
        """What he has available when he looks now, with every law of the ledger checked."""
        user = await self.users.get(user_id) or User(user_id)
        entitled = await self.entitlements.of(user, self.at_ms)
        balance = await self.ledger.touch(payer=user_id, now_ms=self.at_ms, month=entitled.month)
        assert check_laws(await self.ledger.read_account(user_id)) == []
        return balance.available_s

    async def entitlement(self, user_id: str) -> Entitlement:
        user = await self.users.get(user_id)
        assert user is not None
        return (await self.entitlements.of(user, self.at_ms)).to

    async def spend(self, user_id: str, seconds: int, call: str) -> None:
        month = await self.entitlements.month(user_id, self.at_ms)
        held = await self.ledger.hold(
            op=f"{call}:h0", payer=user_id, call=call, want_s=seconds, increment=Increment(1, 1), month=month,
            max_live_calls=9, now_ms=self.at_ms,
        )  # fmt: skip
        assert isinstance(held, Held)
        await self.ledger.settle(
            op=f"{call}:s", payer=user_id, call=call, used_s=seconds, rounded_s=seconds, now_ms=self.at_ms
        )
