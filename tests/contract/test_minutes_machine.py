"""Users, teams, numbers and minutes, moved at random by two processes whose answers get lost: the pure functions and
a real Redis (alone and as a cluster) say the same after every step, and every law holds.

Each step is asked of memory once, and of Redis as often as the dice say: first times whose answer is thrown away, then
several at the same time from both processes. Old requests come back out of their order. More steps with SOAK=1.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_archive import old_part
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.units import Increment
from ari_app.engine.entitlements import Entitled
from ari_app.ports.ledger import Kind, Ledger
from ari_app.ports.users import OwnedNumber, User
from tests.contract.desk import HOUR_MS, NOVEMBER
from tests.contract.office import Office

STEPS = 50
RUNS = {"redis": 1_500, "cluster": 1_500} if os.environ.get("SOAK") else {"redis": 20, "cluster": 5}
SEED = int(os.environ.get("SEED") or 0)  # 0: another run each time
DAY_MS = 24 * HOUR_MS
ASKED_AGAIN_MAX = 10

users = st.sampled_from([f"u{n}" for n in range(8)])
teams = st.sampled_from(["t1", "t2"])
numbers = st.lists(st.sampled_from([f"+861390000000{n}" for n in range(9)]), max_size=2, unique=True)
seconds = st.sampled_from([1, 59, 60, 61, 600, 3600, 5000])
expiry = st.sampled_from([None, *(NOVEMBER.starts_at_ms + day * DAY_MS for day in (2, 12, 31, 45, 90))])
increment = st.sampled_from([Increment(60, 60), Increment(6, 6), Increment(60, 1), Increment(1, 1)])
repeats = st.tuples(st.sampled_from([0, 0, 0, 1, ASKED_AGAIN_MAX]), st.sampled_from([1, 1, 2, 3]))
call = st.sampled_from(["c1", "c2", "c3"])
turn = st.sampled_from(["", "x", "y"])  # makes op ids meet now and then, in other words

Ask = Callable[[Office], Awaitable[Any]]


@dataclass
class Ground:
    """What the runs of one test share: a loop and two processes' links."""

    runner: asyncio.Runner
    links: tuple[Link, Link]
    worlds: itertools.count[int]
    operations: int = 0  # asked of the oracle; of Redis more


def machine_on(ground: Ground) -> type[RuleBasedStateMachine]:
    class Minutes(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.oracle = Office.in_memory()
            self.processes = [Office.in_redis(link) for link in ground.links]
            self.world = f"w{next(ground.worlds)}"
            self.at_ms = NOVEMBER.starts_at_ms
            self.past: list[tuple[str, Ask]] = []

        # ---- time -----------------------------------------------------------------------------------------------

        @rule(more_ms=st.sampled_from([1000, HOUR_MS, DAY_MS, 9 * DAY_MS, 31 * DAY_MS, -HOUR_MS]))
        def time_goes_on(self, more_ms: int) -> None:
            self.at_ms += more_ms

        @rule()
        def a_process_is_killed_and_started_again(self) -> None:
            self.processes = [process.again() for process in self.processes]

        # ---- people ---------------------------------------------------------------------------------------------

        @rule(user=users, numbers=numbers, proved=st.booleans())
        def numbers_come_go_and_move(self, user: str, numbers: list[str], proved: bool) -> None:
            proof: tuple[Any, Any] = ("admin", 1) if proved else (None, None)
            owned = tuple(OwnedNumber(self.mine(one), *proof) for one in numbers)
            self.step(user, lambda office: office.membership.put_user(User(self.mine(user), owned)))

        @rule(team=teams, certified=st.booleans())
        def a_team_is_made_or_certified(self, team: str, certified: bool) -> None:
            self.step("", lambda office: office.teams.put(self.mine(team), name="A", is_certified=certified))

        @rule(team=teams, who=st.lists(users, min_size=1, max_size=8, unique=True))
        def some_join(self, team: str, who: list[str]) -> None:
            for user in who:
                self.step(user, lambda office, u=user: office.membership.join(self.mine(team), self.mine(u)))

        @rule(team=teams, user=users)
        def one_leaves(self, team: str, user: str) -> None:
            async def leave(office: Office) -> None:  # its answer tells who was first, and may differ when repeated
                await office.membership.leave(self.mine(team), self.mine(user))

            self.step(user, leave)

        # ---- minutes --------------------------------------------------------------------------------------------

        @rule(user=users)
        def he_looks(self, user: str) -> None:
            async def look(office: Office) -> Any:
                entitled = await self.entitled(office, user)
                seen = await office.ledger.touch(payer=self.mine(user), now_ms=self.at_ms, month=entitled.month)
                return entitled.to, seen

            self.step(user, look)

        @rule(user=users, call=call, n=st.sampled_from([0, 1]), want_s=seconds, increment=increment)
        def minutes_are_held(self, user: str, call: str, n: int, want_s: int, increment: Increment) -> None:
            async def hold(office: Office) -> Any:
                month = (await self.entitled(office, user)).month
                return await office.ledger.hold(
                    op=f"{call}:h{n}", payer=self.mine(user), call=call, want_s=want_s, increment=increment,
                    month=month, max_live_calls=2, now_ms=self.at_ms,
                )  # fmt: skip

            self.step(user, hold)

        @rule(user=users, call=call, used_s=st.sampled_from([0, 1, 60, 61, 700]), again=turn)
        def a_call_is_settled(self, user: str, call: str, used_s: int, again: str) -> None:
            self.ledger_step(
                user, "settle", op=f"{call}:s{again}", call=call, used_s=used_s, rounded_s=-(-used_s // 60) * 60
            )

        @rule(user=users, call=call, again=turn)
        def a_call_is_voided(self, user: str, call: str, again: str) -> None:
            self.ledger_step(user, "void", op=f"{call}:s{again}", call=call)

        @rule(user=users, call=call, seconds=st.sampled_from([None, 1, 60]), again=turn)
        def a_call_is_refunded(self, user: str, call: str, seconds: int | None, again: str) -> None:
            self.ledger_step(user, "refund", op=f"r{again}", call=call, seconds=seconds)

        @rule(user=users, kind=st.sampled_from([Kind.BONUS, Kind.BOUGHT]), seconds=seconds, expires=expiry, again=turn)
        def minutes_are_given(self, user: str, kind: Kind, seconds: int, expires: int | None, again: str) -> None:
            self.ledger_step(user, "grant", op=f"g{again}", kind=kind, seconds=seconds, expires_at_ms=expires)

        @rule(user=users, seconds=seconds, sign=st.sampled_from([-1, 1]), again=turn)
        def the_operator_corrects(self, user: str, seconds: int, sign: int, again: str) -> None:
            async def correct(office: Office) -> Any:
                month = (await self.entitled(office, user)).month
                return await office.ledger.correct(
                    op=f"k{again}", payer=self.mine(user), seconds=sign * seconds, reason="a test", month=month,
                    now_ms=self.at_ms,
                )  # fmt: skip

            self.step(user, correct)

        @rule(user=users, age_ms=st.sampled_from([0, DAY_MS, 35 * DAY_MS]))
        def old_lines_go_to_the_archive(self, user: str, age_ms: int) -> None:
            account = self.run(self.oracle.ledger.read_account(self.mine(user)))
            old = old_part(account, self.at_ms - age_ms)
            if old is not None:
                for office in (self.oracle, self.processes[0]):
                    assert self.run(office.ledger.forget(payer=self.mine(user), old=old))
            self.agree(user)

        @rule(which=st.integers(0, 1_000_000), asked=repeats)
        def an_old_request_comes_again(self, which: int, asked: tuple[int, int]) -> None:
            if self.past:
                user, ask = self.past[which % len(self.past)]
                self.step(user, ask, asked, is_new=False)

        # ---- how it is done -------------------------------------------------------------------------------------

        async def entitled(self, office: Office, user: str) -> Entitled:
            """Looked up anew: what a process remembers differs between them."""
            him = await office.users.get(self.mine(user)) or User(self.mine(user))
            return await office.entitlements.of(him, self.at_ms)

        def ledger_step(self, user: str, method: str, **args: Any) -> None:
            def ask(ledger: Ledger) -> Awaitable[Any]:
                done: Awaitable[Any] = getattr(ledger, method)(payer=self.mine(user), now_ms=self.at_ms, **args)
                return done

            self.step(user, lambda office: ask(office.ledger))

        def step(self, user: str, ask: Ask, asked: tuple[int, int] | None = None, *, is_new: bool = True) -> None:
            lost, together = asked or self.dice()
            ground.operations += 1
            expected = self.run(told(ask, self.oracle))
            for n in range(lost):
                self.run(told(ask, self.processes[n % 2]))
            answers = self.run(all_told([told(ask, self.processes[n % 2]) for n in range(together)]))
            assert answers == [expected] * together
            if is_new:
                self.past.append((user, ask))
            if user:
                self.agree(user)

        def dice(self) -> tuple[int, int]:
            """From how far the run is, so that a failure is played again by hypothesis as it was."""
            n = len(self.past)
            return (ASKED_AGAIN_MAX if n % 11 == 10 else n % 3 == 2), 1 + n % 3

        def agree(self, user: str) -> None:
            account = self.run(self.processes[0].ledger.read_account(self.mine(user)))
            assert account == self.run(self.oracle.ledger.read_account(self.mine(user)))
            assert check_laws(account) == []

        def mine(self, name: str) -> str:
            """Every run has names of its own in the one Redis; a number stays one."""
            return f"{name}9{self.world[1:]}" if name.startswith("+") else f"{self.world}-{name}"

        def run(self, what: Awaitable[Any]) -> Any:
            return ground.runner.run(what)  # type: ignore[arg-type]

        def teardown(self) -> None:
            for team in ("t1", "t2"):
                here, there = (self.run(o.teams.get(self.mine(team))) for o in (self.oracle, self.processes[0]))
                assert here == there
            for n in range(8):
                self.agree(f"u{n}")

    return Minutes


async def told(ask: Ask, office: Office) -> Any:
    try:
        return without_rev(await ask(office))
    except CallerError as error:
        return str(error)


def without_rev(answer: Any) -> Any:
    return replace(answer, rev=0) if isinstance(answer, User) else answer


async def all_told(asked: list[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*asked))


@pytest.mark.timeout(1_700 if os.environ.get("SOAK") else 120)
@pytest.mark.parametrize("store", RUNS)
def test_memory_and_redis_agree_whatever_happens(store: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("redis_server" if store == "redis" else "cluster").url
    with asyncio.Runner() as runner:
        ground = Ground(runner, (Link(url), Link(url)), itertools.count())
        for link in ground.links:
            runner.run(link.start())
        runner.run(ground.links[0].command("FLUSHALL"))
        try:
            machine = machine_on(ground)
            run_state_machine_as_test(  # type: ignore[no-untyped-call]
                seed(SEED)(machine) if SEED else machine,
                settings=settings(
                    max_examples=RUNS[store], stateful_step_count=STEPS, deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )  # fmt: skip
        finally:
            print(f"random minutes on {store}: {ground.operations} operations")  # noqa: T201
            for link in ground.links:
                runner.run(link.close())
