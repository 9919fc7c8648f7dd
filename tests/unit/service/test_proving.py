"""A user proves that a number is his: the code is read out twice by a call that nobody pays, he gives it back, and all
the ways in which that goes wrong. The real engine on virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.adapters.memory_teams import MemoryTeams
from ari_app.adapters.memory_verifications import MemoryVerifications
from ari_app.desks.proving import Begun, ProofRules, Proving, drawn
from ari_app.domain.call import Call
from ari_app.domain.limits import Limit
from ari_app.engine.abuse import Abuse
from ari_app.engine.asks import Refusal
from ari_app.engine.attempts import AttemptRules, Attempts
from ari_app.engine.membership import Membership
from ari_app.engine.spending import Spending, SpendRules
from ari_app.flows import asked_flows, open_flows
from ari_app.ports.limits import of_guess
from ari_app.ports.users import OwnedNumber, User
from tests.laws import phones
from tests.laws.pbx import Chan, LawPbx
from tests.laws.stories import let_phones_be, stored, until, until_settled
from tests.laws.world import PAYER
from tests.support import callback_ask
from tests.unit.service import test_asking_again as desks

MINE, OTHER, HERS = "+8613900000011", "+8613900000012", "+8613900000077"
RULES = AttemptRules(proof=(Limit(3, 3600),), prover=(Limit(4, 3600),), partner=(Limit(3, 3600),))
PROOF = ProofRules(life_ms=600_000, tries=5, guesses=(Limit(7, 3600),))


class ProvingDesk(desks.Desk):
    """Alice has a proved number, and two that are not; Eve claims none of hers."""

    async def open(self, minutes_s: int) -> None:
        await super().open(minutes_s)
        numbers = (OwnedNumber("+8613900000001", "admin", 1), OwnedNumber(MINE), OwnedNumber(OTHER))
        await self.users.put(User("alice", numbers))
        await self.users.put(User("eve", (OwnedNumber(HERS),)))
        self.teams = MemoryTeams()
        self.membership = Membership(self.users, self.teams)
        self.limits, self.codes = MemoryLimits(), MemoryVerifications()
        self.attempts = Attempts(self.limits, RULES)
        spending = Spending(self.world.costs, SpendRules(), unnoted=lambda: (), now_ms=self.world.loop.now_ms)
        self.abuse = Abuse(self.attempts, spending)
        assert self.world.engine is not None
        self.world.engine.forgetting.over = self.abuse.ended
        self.service._abuse = self.abuse
        self.proving = self.another()
        self.sounds: list[str] = []
        play = self.world.pbx.play

        async def heard(channel: str, playback: str, sound: str, language: str = "") -> None:
            self.sounds.append(sound)
            await play(channel, playback, sound, language)

        self.world.pbx.play = heard  # type: ignore[method-assign]

    def another(self) -> Proving:
        """Another process: all that they have in common is in the stores."""
        return Proving(
            self.service, self.codes, self.limits, PROOF, users=self.users, verify=self.membership.verify,
            find=self.service._fleet.find, now_ms=self.world.loop.now_ms,
        )  # fmt: skip

    async def user(self, name: str = "alice") -> User:
        found = await self.users.get(name)
        assert found is not None
        return found

    async def asks(self, number: str = MINE, key: str | None = None, user: str = "alice") -> Begun | Refusal:
        return await self.proving.begin(await self.user(user), number, owner="shop", idempotency_key=key)

    async def begun(self, number: str = MINE, key: str | None = None, user: str = "alice") -> Begun:
        answer = await self.asks(number, key, user)
        assert isinstance(answer, Begun), answer
        return answer

    async def gives(self, code: str, number: str = MINE, user: str = "alice") -> str:
        """`ok`, or why not."""
        answer = await self.proving.confirm(await self.user(user), number, code)
        return answer.type if isinstance(answer, Refusal) else "ok"

    def code_of(self, begun: Begun) -> str:
        return stored(self.world, begun.call.id).given["code"]


async def puts_down(pbx: LawPbx, chan: Chan, ring_ms: int) -> None:
    """As he hears a voice that he does not know."""
    await phones.patient(pbx, chan, ring_ms)
    await asyncio.sleep(1)
    pbx._end(chan.id, 16, None, True)


def at_the_desk(story: Callable[[ProvingDesk], Awaitable[None]]) -> None:
    desk = ProvingDesk()

    async def told() -> None:
        await desk.open(3600)
        let_phones_be(desk.world)
        await story(desk)

    desks.run(desk.world.loop, told())


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


# ---- the call -------------------------------------------------------------------------------------------------------


def test_the_phone_rings_hears_the_code_twice_and_goodbye_and_nobody_pays() -> None:
    async def story(desk: ProvingDesk) -> None:
        before = desk.world.account()
        begun = await desk.begun()
        code, call = desk.code_of(begun), await until_settled(desk.world, begun.call.id)
        assert desk.sounds == [f"your_code_is&digits:{code}", f"your_code_is&digits:{code}", "goodbye"]
        assert call.end is not None
        assert (call.end.reason.value, call.end.by.value) == ("completed", "system")
        assert (call.legs[0].number, call.legs[0].user, call.payer) == (MINE, "alice", "")
        assert call.legs[0].routes[0].shown == "+864001234567", "not the number that is to be proved"
        assert desk.world.account() == before
        assert desk.world.pbx.channels == {}

    at_the_desk(story)


@pytest.mark.parametrize(
    ("phone", "verdict"),
    [(phones.busy, "callee_busy"), (phones.rings_for_ever, "callee_no_answer"), (puts_down, "completed")],
)
def test_a_phone_that_is_busy_rings_on_or_is_put_down_ends_the_call_as_any_other(phone: Any, verdict: str) -> None:
    async def story(desk: ProvingDesk) -> None:
        let_phones_be(desk.world, callee=phone)
        call = await until_settled(desk.world, (await desk.begun()).call.id)
        assert call.end is not None
        assert call.end.reason.value == verdict
        assert desk.world.pbx.channels == {}

    at_the_desk(story)


def test_whoever_dies_while_it_is_read_out_the_next_one_reads_it_again() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun(key="k")
        await until(desk.world, lambda: bool(desk.sounds), 20)
        await desk.world.crash()
        await asyncio.sleep(1)
        await desk.world.boot()
        await until_settled(desk.world, begun.call.id)
        sound = f"your_code_is&digits:{desk.code_of(begun)}"
        assert desk.sounds.count(sound) == 3, "the one that was broken off counts for nothing"
        assert list(desk.world.pbx.rung.values()) == [1]
        assert await desk.gives(desk.code_of(begun)) == "ok"

    at_the_desk(story)


# ---- the same key ---------------------------------------------------------------------------------------------------


def test_the_same_key_is_the_same_call_and_the_same_code_also_when_it_is_proved() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun(key="k")
        again = await desk.begun(key="k")
        assert (again.call.id, again.expires_at_ms) == (begun.call.id, begun.expires_at_ms)
        await until_settled(desk.world, begun.call.id)
        assert await desk.gives(desk.code_of(begun)) == "ok"
        assert (await desk.begun(key="k")).call.id == begun.call.id
        assert list(desk.world.pbx.rung.values()) == [1]
        fresh = await desk.asks()
        assert isinstance(fresh, Refusal)
        assert fresh.type == "number-verified"

    at_the_desk(story)


def test_asked_twice_at_once_the_code_that_is_read_out_is_the_one_that_counts() -> None:
    async def story(desk: ProvingDesk) -> None:
        one, two = await asyncio.gather(desk.begun(key="k"), desk.begun(key="k"))
        assert one.call.id == two.call.id
        await until_settled(desk.world, one.call.id)
        [sound] = set(desk.sounds) - {"goodbye"}
        assert await desk.gives(sound.partition(":")[2]) == "ok"

    at_the_desk(story)


def test_killed_before_the_code_was_kept_it_is_kept_by_asking_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(desk: ProvingDesk) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(desk.proving, "_begun", _killed)
            with pytest.raises(asyncio.CancelledError):
                await desk.asks(key="k")
        begun = await desk.begun(key="k")
        await until_settled(desk.world, begun.call.id)
        assert await desk.gives(desk.code_of(begun)) == "ok"
        assert list(desk.world.pbx.rung.values()) == [1]

    at_the_desk(story)


async def _killed(*_: object) -> Begun:
    raise asyncio.CancelledError


def test_a_key_that_stood_for_another_number_is_a_conflict() -> None:
    async def story(desk: ProvingDesk) -> None:
        await desk.begun(MINE, "k")
        answer = await desk.asks(OTHER, "k")
        assert isinstance(answer, Refusal)
        assert answer.type == "idempotency-conflict"

    at_the_desk(story)


# ---- giving it back -------------------------------------------------------------------------------------------------


def test_the_right_code_proves_the_number_once_and_tells_so_again() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun()
        code = desk.code_of(begun)
        assert await desk.gives(code) == "ok"
        owned = (await desk.user()).owned(MINE)
        assert owned is not None
        assert (owned.how, owned.verified_at_ms) == ("code", desk.world.loop.now_ms())
        assert await desk.gives(code) == "ok", "the answer was lost"
        alice = await desk.user()
        await desk.users.put(User("alice", tuple(one for one in alice.numbers if one.number != MINE)))
        assert await desk.gives(code) == "unknown-number"
        await desk.users.put(User("alice", (*alice.numbers[:1], OwnedNumber(MINE))))
        assert await desk.gives(code) == "no-code", "it was good once"

    at_the_desk(story)


def test_before_he_is_no_caller_and_afterwards_he_is_and_shows_it() -> None:
    async def story(desk: ProvingDesk) -> None:
        ask = callback_ask(MINE, "+8613900000005")
        refused = await desk.place(ask, key=None)
        assert isinstance(refused, Refusal)
        assert refused.type == "number-not-verified"
        begun = await desk.begun()
        await until_settled(desk.world, begun.call.id)
        assert await desk.gives(desk.code_of(begun)) == "ok"
        call = await desk.place(ask, key=None)
        assert isinstance(call, Call), call
        assert (call.legs[1].routes[0].shown, call.legs[1].routes[0].why) == (MINE, "verified")

    at_the_desk(story)


def test_a_code_is_guessed_five_times_and_then_not_even_the_right_one_will_do() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun()
        code = desk.code_of(begun)
        assert [await desk.gives(wrong(code)) for _ in range(5)] == ["wrong-code"] * 5
        answer = await desk.proving.confirm(await desk.user(), MINE, code)
        assert isinstance(answer, Refusal)
        assert (answer.type, answer.rule) == ("too-many-codes", "code-5-tries")
        assert answer.retry_after_s is not None
        assert 500 < answer.retry_after_s <= 600
        again = await desk.begun()
        assert await desk.gives(desk.code_of(again)) == "ok", "a new one has tries of its own"

    at_the_desk(story)


def test_a_user_who_gives_too_many_wrong_ones_waits_whatever_the_number() -> None:
    async def story(desk: ProvingDesk) -> None:
        codes = {number: desk.code_of(await desk.begun(number)) for number in (MINE, OTHER)}
        for number in (MINE, MINE, MINE, MINE, OTHER, OTHER, OTHER):
            assert await desk.gives(wrong(codes[number]), number) == "wrong-code"
        answer = await desk.proving.confirm(await desk.user(), OTHER, codes[OTHER])
        assert isinstance(answer, Refusal)
        assert (answer.type, answer.rule, answer.retry_after_s) == ("too-many-codes", "guess-7-in-3600s", 3600)
        hers = desk.code_of(await desk.begun(HERS, user="eve"))
        assert await desk.gives(hers, HERS, "eve") == "ok", "another one has guesses of his own"

    at_the_desk(story)


def test_right_codes_are_no_guesses() -> None:
    async def story(desk: ProvingDesk) -> None:
        code = desk.code_of(await desk.begun())
        for _ in range(4):
            assert await desk.gives(code) == "ok"
        assert await desk.limits.marks(of_guess("alice")) == {}

    at_the_desk(story)


def test_many_who_guess_at_once_have_no_more_tries() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun()
        code = desk.code_of(begun)
        answers = await asyncio.gather(*(desk.gives(wrong(code)) for _ in range(20)))
        assert sorted(set(answers)) == ["too-many-codes", "wrong-code"]
        assert answers.count("wrong-code") == 5

    at_the_desk(story)


def test_a_code_runs_out() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun()
        await asyncio.sleep(601)
        assert await desk.gives(desk.code_of(begun)) == "no-code"

    at_the_desk(story)


def test_a_later_code_takes_the_earlier_ones_place() -> None:
    async def story(desk: ProvingDesk) -> None:
        first = await desk.begun()
        await asyncio.sleep(20)
        second = await desk.begun()
        if desk.code_of(first) != desk.code_of(second):
            assert await desk.gives(desk.code_of(first)) == "wrong-code"
        assert await desk.gives(desk.code_of(second)) == "ok"

    at_the_desk(story)


def test_a_number_that_went_to_somebody_else_meanwhile_is_his() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun()
        code, stale = desk.code_of(begun), await desk.user()
        await desk.users.put(User("alice", stale.numbers[:1]))
        await desk.users.put(User("eve", (OwnedNumber(MINE),)))
        answer = await desk.proving.confirm(stale, MINE, code)
        assert isinstance(answer, Refusal)
        assert answer.type == "unknown-number"
        assert await desk.gives(code, MINE, "eve") == "no-code", "it was read out on behalf of another"
        eve = (await desk.user("eve")).owned(MINE)
        assert eve is not None
        assert not eve.is_verified

    at_the_desk(story)


def test_two_processes_take_one_code_for_one_proof() -> None:
    async def story(desk: ProvingDesk) -> None:
        begun = await desk.begun()
        code, other = desk.code_of(begun), desk.another()
        alice = await desk.user()
        answers = await asyncio.gather(*(one.confirm(alice, MINE, code) for one in (desk.proving, other)))
        assert all(isinstance(answer, User) for answer in answers)

    at_the_desk(story)


def test_a_proved_number_lets_the_team_grow_at_once() -> None:
    async def story(desk: ProvingDesk) -> None:
        await desk.teams.put("acme", name="Acme", is_certified=False)
        await desk.users.put(User("li", (OwnedNumber("+8613900000055"),)))
        await desk.membership.join("acme", "li")
        assert await sizes(desk) == (1, 0)
        begun = await desk.begun("+8613900000055", user="li")
        assert await desk.gives(desk.code_of(begun), "+8613900000055", "li") == "ok"
        assert await sizes(desk) == (1, 1)

    at_the_desk(story)


async def sizes(desk: ProvingDesk) -> tuple[int, int]:
    """How many are in the team, and how many count."""
    team = await desk.teams.get("acme")
    assert team is not None
    return team.members, team.size


# ---- how often ------------------------------------------------------------------------------------------------------


def test_a_number_is_rung_so_often_whoever_asks() -> None:
    async def story(desk: ProvingDesk) -> None:
        let_phones_be(desk.world, callee=phones.busy)
        for _ in range(3):
            await until_settled(desk.world, (await desk.begun()).call.id)
        answer = await desk.asks()
        assert isinstance(answer, Refusal)
        assert (answer.type, answer.rule, answer.at) == ("too-many-calls", "proof-3-in-3600s", "number")
        assert answer.retry_after_s
        assert await desk.asks(OTHER), "another number may be"

    at_the_desk(story)


def test_a_user_has_so_many_codes_read_out_whatever_the_number() -> None:
    async def story(desk: ProvingDesk) -> None:
        for number in (MINE, OTHER, MINE, OTHER):
            await until_settled(desk.world, (await desk.begun(number)).call.id)
        answer = await desk.asks(OTHER)
        assert isinstance(answer, Refusal)
        assert answer.rule == "prover-4-in-3600s"

    at_the_desk(story)


def test_a_tenant_has_so_many_codes_read_out_whatever_the_user() -> None:
    """Nobody's minutes pay for them, and he may make as many users as he likes."""

    async def story(desk: ProvingDesk) -> None:
        for n, whose in enumerate(("acme", "acme", "acme", "acme", "beta")):
            await desk.users.put(User(f"{n}@{whose}", (OwnedNumber(f"+861390000010{n}"),)))
        for n in range(3):
            begun = await desk.begun(f"+861390000010{n}", user=f"{n}@acme")
            await until_settled(desk.world, begun.call.id)
        answer = await desk.asks("+8613900000103", user="3@acme")
        assert isinstance(answer, Refusal)
        assert answer.rule == "partner-3-in-3600s"
        assert not isinstance(await desk.asks("+8613900000104", user="4@beta"), Refusal)
        assert await desk.attempts.lift("3@acme", "+8613900000103", of_all=False) == 0, "it is not this user's alone"

    at_the_desk(story)


def test_a_refused_one_leaves_the_code_of_before_good() -> None:
    async def story(desk: ProvingDesk) -> None:
        let_phones_be(desk.world, callee=phones.busy)
        for _ in range(3):
            begun = await desk.begun()
            await until_settled(desk.world, begun.call.id)
        assert isinstance(await desk.asks(), Refusal)
        assert await desk.gives(desk.code_of(begun)) == "ok"

    at_the_desk(story)


def test_asked_again_with_its_key_it_is_no_call_more() -> None:
    async def story(desk: ProvingDesk) -> None:
        for _ in range(9):
            assert isinstance(await desk.asks(key="k"), Begun)

    at_the_desk(story)


# ---- what may not be ------------------------------------------------------------------------------------------------


def test_only_a_number_of_the_users_is_rung() -> None:
    async def story(desk: ProvingDesk) -> None:
        for number in (HERS, "+8613900000999", "110"):
            answer = await desk.asks(number)
            assert isinstance(answer, Refusal)
            assert answer.type == "unknown-number"
        assert desk.world.pbx.rung == {}

    at_the_desk(story)


def test_where_calls_do_not_go_no_code_is_read_out() -> None:
    async def story(desk: ProvingDesk) -> None:
        await desk.users.put(User("alice", (OwnedNumber("+85291230001"),)))
        answer = await desk.asks("+85291230001")
        assert isinstance(answer, Refusal)
        assert answer.type == "destination-blocked"
        assert desk.world.pbx.rung == {}

    at_the_desk(story)


def test_codes_are_six_digits_and_drawn_each_time() -> None:
    codes = [drawn() for _ in range(2_000)]
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
    assert len(set(codes)) > 1_950
    assert {code[0] for code in codes} == set("0123456789")


def test_nobody_may_ask_for_one_by_its_type() -> None:
    assert "verification" in asked_flows()
    assert "verification" not in open_flows()


def test_the_payer_of_the_other_tests_is_the_user_of_these() -> None:
    assert PAYER == "alice"
