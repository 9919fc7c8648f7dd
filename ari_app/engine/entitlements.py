"""What a user is entitled to now: his plan, and what the month grants him. Looked up when he is touched; nothing runs
at the turn of the month, and nothing fans out when a team changes.

What was looked up once stays good for further minutes of calls that go on: lifting an account to it again does nothing.
A new call, a look at the balance, and minutes that came short look anew.
"""

from collections import OrderedDict
from dataclasses import dataclass, replace

from ari_app.domain.plans import Entitlement, Month, Plans, month_of
from ari_app.engine.membership import Membership
from ari_app.ports.ledger import MonthGrant
from ari_app.ports.teams import Shares
from ari_app.ports.users import User, Users

REMEMBERED_MAX = 20_000
LATE_MS = 7 * 86_400_000
"""A number's shares outlive their month by this: for processes whose clock is late."""


@dataclass(frozen=True, slots=True)
class Entitled:
    to: Entitlement
    month: MonthGrant
    numbers: tuple[str, ...]  # proved; through which it was granted


class Entitlements:
    def __init__(self, users: Users, membership: Membership, shares: Shares, plans: Plans, timezone: str) -> None:
        self._users = users
        self._membership = membership
        self._shares = shares
        self._plans = plans
        self._timezone = timezone
        self._remembered: OrderedDict[str, Entitled] = OrderedDict()

    async def of(self, user: User, now_ms: int) -> Entitled:
        """As it is at this moment. May raise Unavailable."""
        to = self._plans.best(await self._membership.teams_of(user))
        numbers = tuple(one.number for one in user.numbers if one.is_verified)
        month = month_of(now_ms, self._timezone)
        known = self._remembered.get(user.id)
        if known is not None and known.month.key == month.key and (known.to, known.numbers) == (to, numbers):
            return known
        grant = replace(month.grant(to.allowance_s), why=f"{to.why}, plans {self._plans.version}")
        grant = replace(grant, counted_s=await self._counted_s(user.id, numbers, month, to.allowance_s))
        entitled = Entitled(to, grant, numbers)
        if grant.counted_s is not None:  # else he may have proved a number while this was looked up
            self._remember(user.id, entitled)
        return entitled

    async def month(self, payer: str, now_ms: int) -> MonthGrant:
        """For minutes of a call: what was looked up when it was placed, if that was this month."""
        known = self._remembered.get(payer)
        if known is not None and known.month.key == month_of(now_ms, self._timezone).key:
            return known.month
        return (await self.of(await self._users.get(payer) or User(payer), now_ms)).month

    def came_short(self, payer: str) -> None:
        """There were fewer minutes than asked for: next time it is looked up anew, as his team may have grown."""
        self._remembered.pop(payer, None)

    def forget(self) -> None:
        """The store may have lost its last second, and with it what was counted there."""
        self._remembered.clear()

    async def _counted_s(self, user_id: str, numbers: tuple[str, ...], month: Month, allowance_s: int) -> int | None:
        """What others were granted through his numbers. Each number stands for one person, so it is the one through
        which least was granted; and through this one alone he is granted his."""
        if not numbers:
            return None
        until_ms = month.ends_at_ms + LATE_MS

        async def claim(number: str, seconds: int) -> int:
            return await self._shares.claim(
                number, month=month.key, user_id=user_id, allowance_s=seconds, until_ms=until_ms
            )

        looked = [await claim(number, 0) for number in numbers] if len(numbers) > 1 else [0]
        return await claim(numbers[looked.index(min(looked))], allowance_s)

    def _remember(self, payer: str, entitled: Entitled) -> None:
        self._remembered[payer] = entitled
        self._remembered.move_to_end(payer)
        if len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
