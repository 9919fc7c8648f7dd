"""The laws have teeth: each deliberate break of the core is noticed within a few hundred schedules."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.domain import events as ev
from ari_app.domain import ledger as ledger_rules
from ari_app.domain import step as core
from ari_app.domain.call import LegState
from ari_app.domain.ledger_types import Settled
from ari_app.domain.wishes import Cutoff, Join
from ari_app.engine import forgetting, mailbox, recover
from ari_app.engine.perform import Performer
from ari_app.engine.trunk_gate import TrunkGate
from ari_app.flows import Flow, callback, conversation, flows
from tests.laws.pbx import LawPbx
from tests.laws.world import LawBroken, callback_call, play

Patch = pytest.MonkeyPatch
SCHEDULES = int(os.environ.get("RINGBRIDGE_TEETH_RUNS", "600"))


def stale_leg_events_win(patch: Patch) -> None:
    real = core._observe_try

    def forgetful(call: Any, leg: Any, t: Any, event: Any) -> Any:
        if t.state is LegState.GONE and isinstance(event, ev.Answered | ev.Rang):
            state = LegState.UP if isinstance(event, ev.Answered) else LegState.RINGING
            return replace(t, state=state, ended_at_ms=None, how=None)
        if t.state is LegState.UP and isinstance(event, ev.Rang):
            return replace(t, state=LegState.RINGING, answered_at_ms=None)
        return real(call, leg, t, event)

    patch.setattr(core, "_observe_try", forgetful)


def settles_twice(patch: Patch) -> None:
    async def settle(self: MemoryLedger, *, op: str, payer: str, call: str, used_s: int, **more: Any) -> Settled:
        account = self.accounts[payer]
        before = replace(account, done={}, settlements={c: s for c, s in account.settlements.items() if c != call})
        after, answer = ledger_rules.settle(before, op=op, call=call, used_s=used_s, **more)
        if call in account.settlements and isinstance(answer, Settled):
            totals = replace(after.totals, spent_s=after.totals.spent_s + used_s)
            after = replace(after, totals=totals)
        self.accounts[payer] = after
        assert isinstance(answer, Settled)
        return answer

    patch.setattr(MemoryLedger, "settle", settle)


def dials_without_our_id(patch: Patch) -> None:
    """Each request makes another channel: as if the PBX chose the ids."""
    real = LawPbx.dial

    async def dial(self: LawPbx, request: Any) -> None:
        self.rung[request.channel] = self.rung.get(request.channel, 0) + (request.channel in self.rung)
        await real(self, request)

    patch.setattr(LawPbx, "dial", dial)
    recovery_asks_dials_again(patch)


def recovery_asks_dials_again(patch: Patch) -> None:
    real = core.observe

    def observe(call: Any, event: Any) -> Any:
        after = real(call, event)
        if isinstance(event, ev.Recovered):
            return replace(after, asked=frozenset(k for k in after.asked if not _is_pending_dial(after, k)))
        return after

    patch.setattr(core, "observe", observe)
    patch.setattr(recover, "watched", lambda call: [(leg, leg.n) for leg in call.legs if leg.is_live])


def _is_pending_dial(call: Any, key: str) -> bool:
    kind, _, rest = key.partition(":")
    role, _, n = rest.partition(":")
    return kind == "dial" and int(n) >= len(call.leg(role).tries)


def no_snapshot_after_a_crash(patch: Patch) -> None:
    patch.setattr(recover, "facts", lambda call, snapshot, *_more: [ev.Recovered(snapshot.at_ms)])


def dials_before_it_saves(patch: Patch) -> None:
    patch.setattr(mailbox, "Dial", Join)  # what is held back until the save is no longer the dial


def bills_to_the_moment_of_discovery(patch: Patch) -> None:
    real = recover.facts

    def facts(call: Any, snapshot: Any, *more: Any) -> Any:
        return [replace(e, at_ms=snapshot.at_ms) if isinstance(e, ev.Gone) else e for e in real(call, snapshot, *more)]

    patch.setattr(recover, "facts", facts)


def no_dead_mans_switch(patch: Patch) -> None:
    real = Performer.perform

    async def perform(self: Performer, call: Any, wish: Any) -> Any:
        return [ev.Done(wish.key, self._now_ms())] if isinstance(wish, Cutoff) else await real(self, call, wish)

    patch.setattr(Performer, "perform", perform)
    patch.setattr(callback, "callee_life_ms", lambda _call: 10_000_000)
    patch.setattr(callback, "caller_life_ms", lambda _call: 10_000_000)


def never_joins(patch: Patch) -> None:
    real = Performer.perform

    async def perform(self: Performer, call: Any, wish: Any) -> Any:
        return [ev.Done(wish.key, self._now_ms())] if isinstance(wish, Join) else await real(self, call, wish)

    patch.setattr(Performer, "perform", perform)


def a_failed_wish_is_never_asked_again(patch: Patch) -> None:
    real = core.observe
    patch.setattr(core, "observe", lambda c, e: c if isinstance(e, ev.Failed | ev.NeverSent) else real(c, e))


def forgets_the_bridge(patch: Patch) -> None:
    real = Performer.perform

    async def perform(self: Performer, call: Any, wish: Any) -> Any:
        return [ev.Done(wish.key, self._now_ms())] if wish.key == "unbridge" else await real(self, call, wish)

    patch.setattr(Performer, "perform", perform)


def talks_beyond_what_is_held(patch: Patch) -> None:
    real = conversation.talk_ends_at_ms
    patch.setattr(conversation, "talk_ends_at_ms", lambda c: real(c) + 60_000)


def leaves_strangers_alone(patch: Patch) -> None:
    patch.setattr(recover, "strangers", lambda _known, _snapshot: ([], []))
    patch.setattr("ari_app.engine.engine.Engine.hang_up_stranger", lambda _self, _channel: None)


def forgets_a_call_whose_costs_may_not_be_noted(patch: Patch) -> None:
    """As if the store's "away" were an answer."""
    real = MemoryCosts.note

    async def note(self: MemoryCosts, legs: Any) -> None:
        if len(self.all()) % 2 == 0:
            await real(self, legs)

    patch.setattr(MemoryCosts, "note", note)


def notes_a_leg_again_when_it_is_asked_again(patch: Patch) -> None:
    async def note(self: MemoryCosts, legs: Any) -> None:
        for leg in legs:
            self._legs.setdefault((leg.trunk, ""), {})[f"{leg.leg} {len(self.all())}"] = leg

    patch.setattr(MemoryCosts, "note", note)


def notes_only_what_was_answered(patch: Patch) -> None:
    real = forgetting.leg_costs
    patch.setattr(forgetting, "leg_costs", lambda call: [leg for leg in real(call) if leg.answered_at_ms is not None])


def lines_are_not_given_back(patch: Patch) -> None:
    async def free(self: TrunkGate, trunk: str, channel: str) -> None:
        """Nothing."""

    patch.setattr(TrunkGate, "_free", free)


def dials_though_all_lines_are_taken(patch: Patch) -> None:
    async def taken(self: TrunkGate, *_: object, **__: object) -> str:
        return ""

    patch.setattr(TrunkGate, "_line", taken)


def lines_of_the_dead_never_go_stale(patch: Patch) -> None:
    """As if they were counted: what died with its process is counted for ever."""
    patch.setattr("ari_app.adapters.memory_lines._since", lambda times_ms, _after_ms: dict(times_ms))


BREAKS: list[Callable[[Patch], None]] = [
    stale_leg_events_win, settles_twice, dials_without_our_id, recovery_asks_dials_again, no_snapshot_after_a_crash,
    dials_before_it_saves, bills_to_the_moment_of_discovery, no_dead_mans_switch, never_joins,
    a_failed_wish_is_never_asked_again, forgets_the_bridge,
    talks_beyond_what_is_held, leaves_strangers_alone,
    forgets_a_call_whose_costs_may_not_be_noted, notes_a_leg_again_when_it_is_asked_again, notes_only_what_was_answered,
    lines_are_not_given_back, dials_though_all_lines_are_taken, lines_of_the_dead_never_go_stale,
]  # fmt: skip


FIRST = {
    stale_leg_events_win: 30, no_snapshot_after_a_crash: 13, leaves_strangers_alone: 87, no_dead_mans_switch: 141,
    dials_without_our_id: 18, recovery_asks_dials_again: 18, dials_before_it_saves: 30,
    dials_though_all_lines_are_taken: 36,
}  # fmt: skip
"""The schedule that shows it, where many do not: there the search begins."""


@pytest.mark.parametrize("broken", BREAKS, ids=lambda b: b.__name__)
def test_the_laws_notice(broken: Callable[[Patch], None], monkeypatch: Patch) -> None:
    broken(monkeypatch)
    assert noticed(flows()["callback"], callback_call, FIRST.get(broken, 0)), (
        f"{SCHEDULES} schedules, and nobody noticed"
    )


def noticed(flow: Flow, make: Callable[..., Any], first: int = 0) -> bool:
    """Whether any of the schedules breaks a law."""
    for seed in range(first, first + SCHEDULES):
        try:
            play(seed, flow, make)
        except (LawBroken, AssertionError):
            return True
    return False
