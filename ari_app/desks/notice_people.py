"""One recipient of a notice: what is done about him now, and what came of his call. Told of him by the queue
(notice_rounds.py), or of his call by its end; his record says the rest, so that it does no harm to be told twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from ari_app.desks.notice_desk import NoticeRules, quiet_of
from ari_app.desks.notice_tries import try_of
from ari_app.domain import notices as rules_of
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.notices import Notice, Now, Recipient
from ari_app.domain.quiet import after_quiet
from ari_app.domain.tenants import tenant_of
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.service import call_id
from ari_app.flows import callback, notice
from ari_app.ports.notices import Due, Happened, Notices
from ari_app.ports.speech import Refused, Speech

log = structlog.get_logger()

OWNER = "notice"
PUT_OFF_MS = 5_000
HELD_UP_MS = 60_000
"""How long nobody of a notice is rung where its sender is the reason: he has no minutes, say."""
BEGINS_WITHIN_MS = 5_000
"""So long after it was written down that he is called, his call may be on its way to be placed."""
RECALL_WITHIN_MS = 120_000
"""Later than that he does not wait for it any more."""
CHANGES_MAX = 20
AGAIN_ROUNDS, AROUND_S = 2, 20
"""What the longest call is made of: repetitions that he asks for, and what is said around each."""
SAID_MAX_S = 180
"""Of an audio file whose length is not known any more."""
ABOUT_HIM = ("invalid-number", "unknown-user", "destination-blocked", "emergency-number")
"""Refusals that another try would meet again."""


class Service(Protocol):
    """Of engine.service.CallService."""

    is_draining: bool

    async def place(
        self, ask: Ask, *, owner: str, idempotency_key: str | None = None, is_beside: bool = False
    ) -> Call | Refusal: ...


class LiveCalls(Protocol):
    """Of engine.fleet.Fleet."""

    async def find(self, call_id: str) -> Call | None: ...

    async def cancel_for_good(self, call_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class NoticeWatch:
    """Told, not asked. Used for metrics."""

    tried: Callable[[str], None] = lambda _outcome: None
    put_off: Callable[[str], None] = lambda _why: None
    counted: Callable[[int, int], None] = lambda _open, _under_way: None


class Recipients:
    def __init__(
        self, notices: Notices, speech: Speech, rules: NoticeRules, *, service: Service, live: LiveCalls,
        now_ms: Callable[[], int], watch: NoticeWatch,
    ) -> None:  # fmt: skip
        self._notices = notices
        self._speech = speech
        self._rules = rules
        self._service = service
        self._live = live
        self._now_ms = now_ms
        self._watch = watch

    async def look_at(self, one: Due) -> None:
        """What is to be done about him now is done. Raises Unavailable."""
        found, r = await self._notices.find(one.notice), await self._notices.recipient(one.notice, one.n)
        if found is None or r is None:
            return await self._notices.take_out(one)
        told, now = found
        if r.call:
            return await self._follow(told, now, r)
        at_ms = self._now_ms()
        if r.round < now.round and now.cancelled_at_ms is None:
            again = rules_of.reopened(told, r, now.round)
            if again is not r:
                again = replace(again, due_ms=self._due_ms(told, now, again)) if again.is_open else again
                await self._saved(told, again, [])
                return None
        if r.recall == "due":
            return await self._recall(told, r, at_ms)
        if not r.is_open:
            return await self._notices.take_out(one)
        if now.cancelled_at_ms is not None:
            return await self._save(told, replace(r, state="cancelled"))
        if at_ms > rules_of.gives_up_at_ms(told, now):
            return await self._save(told, rules_of.given_up(r))
        due_ms = after_quiet(max(r.due_ms, now.held_up_until_ms), quiet_of(told, self._rules), self._rules.timezone)
        if due_ms > at_ms:
            return await self._notices.put_back(one, due_ms)
        if self._service.is_draining:
            return await self._notices.put_back(one, at_ms)
        return await self._begin(told, now, r)

    async def _follow(self, told: Notice, now: Now, r: Recipient) -> None:
        """His call is under way, or was to be."""
        call = await self._live.find(r.call)
        if call is None:
            if now.cancelled_at_ms is None:
                return await self._begin(told, now, r)
            until_ms = r.call_at_ms + BEGINS_WITHIN_MS
            if self._now_ms() < until_ms:  # another task, or process, may be placing it just now
                return await self._notices.look_again(Due(told.id, r.n), until_ms)
            return await self._save(told, replace(rules_of.put_off(r, "cancelled"), state="cancelled"))
        if call.settled is not None:
            return await self.over(call)
        if now.cancelled_at_ms is not None:
            await self._live.cancel_for_good(call.id)
        return None

    async def _begin(self, told: Notice, now: Now, r: Recipient) -> None:
        """His call, for the first time or once more: of one id there is one call. That he is called is written down
        just before: whoever cancels meanwhile waits for it."""
        said = await self._said(told)
        if not said:
            return await self._put_off(told, r, "audio_gone", HELD_UP_MS)
        at_ms = self._now_ms()
        calling = rules_of.calling(r, r.call or _call_id(told, r), at_ms)
        if await self._notices.put(told.id, calling, [], _done(at_ms)) is not None:
            await self._ring(told, now, replace(calling, rev=calling.rev + 1), said)
        return None

    async def _ring(self, told: Notice, now: Now, r: Recipient, said: str) -> None:
        ask = Ask(
            notice.TYPE, _request(told, r, said, self._rules), dict(told.metadata), tenant=tenant_of(told.sender)
        )  # fmt: skip
        answer = await self._service.place(
            ask, owner=OWNER, idempotency_key=rules_of.key_of(told.id, r.n, r.serial), is_beside=True
        )
        if isinstance(answer, Refusal):
            return await self._refused(told, r, answer)
        if now.held_up:
            await self._notices.hold_up(told.id, "", 0)
        if answer.settled is not None:
            await self.over(answer)
        elif (found := await self._notices.find(told.id)) is not None and found[1].cancelled_at_ms is not None:
            await self._live.cancel_for_good(answer.id)
        return None

    async def _said(self, told: Notice) -> str:
        """The sound. A text is spoken again should it be gone; an audio file that is gone cannot be had again."""
        if not told.text:
            return f"text:{told.said}" if await self._speech.find(told.said) is not None else ""
        said = await self._speech.say(told.text, told.language)
        return "" if isinstance(said, Refused) else f"text:{said.id}"

    async def _refused(self, told: Notice, r: Recipient, why: Refusal) -> None:
        """A refusal is never a failure of his: he is put off; only what another try would meet again is the end."""
        log.info("recipient not rung", notice=told.id, n=r.n, why=why.rule or why.type)
        if why.type == "idempotency-conflict":  # begun, by another's settings, or long ago: what is known of it counts
            if (there := await self._live.find(r.call)) is not None:
                return await self.over(there) if there.settled is not None else None
            r = replace(r, serial=r.serial + 1)
        if why.call and (there := await self._live.find(why.call)) is not None and there.settled is not None:
            return await self.over(there)
        if why.call:
            return None  # it ends: then it is told
        if why.type in ABOUT_HIM and why.at == "recipient":
            return await self._save(told, replace(rules_of.put_off(r, why.type), state="refused"))
        again_ms = 1000 * (why.retry_after_s or 0) or PUT_OFF_MS
        is_of_sender = why.at in ("sender", "caller") or why.type in ("balance-empty", "draining")
        if is_of_sender:
            again_ms = max(again_ms, self._held_up_ms(told))
            await self._notices.hold_up(told.id, why.rule or why.type, self._now_ms() + again_ms)
        return await self._put_off(told, r, why.rule or why.type, again_ms)

    async def _put_off(self, told: Notice, r: Recipient, why: str, for_ms: int) -> None:
        self._watch.put_off(why)
        later = rules_of.put_off(r, why)
        await self._save(told, replace(later, due_ms=self._now_ms() + _about(for_ms)))

    def _held_up_ms(self, told: Notice) -> int:
        return min(HELD_UP_MS, told.retry.gap_ms)

    async def _recall(self, told: Notice, r: Recipient, at_ms: int) -> None:
        """The sender is rung, and then he."""
        asked_at_ms = max((t.key_at_ms or 0 for t in r.tries), default=0)
        if at_ms > asked_at_ms + RECALL_WITHIN_MS:
            await self._saved(told, replace(r, recall="!too_late"), [])
            return None
        answer = await self._service.place(
            Ask(
                callback.TYPE, callback.Request(told.sender, r.number), {"notice": told.id},
                tenant=tenant_of(told.sender),
            ),
            owner=OWNER, idempotency_key=f"recall {told.id} {r.n} {len(r.tries)}",
        )  # fmt: skip
        is_for_now = isinstance(answer, Refusal) and answer.retry_after_s is not None and not answer.call
        if is_for_now:
            return await self._notices.put_back(Due(told.id, r.n), at_ms + 1_000)
        said = f"!{answer.type}" if isinstance(answer, Refusal) else answer.id
        facts = {"call": said} if not said.startswith("!") else {"why": said[1:]}
        await self._saved(told, replace(r, recall=said), [Happened("notice_recall", at_ms, r.n, facts)])
        return None

    # ---- what came of a call ------------------------------------------------------------------------------------

    async def over(self, call: Call) -> None:
        """Of any call that is over; asked again it does no harm. Raises Unavailable."""
        id, n = call.given.get("notice", ""), call.given.get("n", "")
        if call.type != notice.TYPE or not id:
            return
        for _ in range(CHANGES_MAX):
            found, r = await self._notices.find(id), await self._notices.recipient(id, int(n))
            if found is None or r is None:
                return
            if r.call == call.id:
                done = await self._over(found[0], found[1], r, call)
            else:  # told before
                done = True
            if done:
                return
        raise Unavailable(f"too many changes of recipient {n} of notice {id}")

    async def _over(self, told: Notice, now: Now, r: Recipient, call: Call) -> bool:
        this, at_ms = try_of(call), self._now_ms()
        new = rules_of.reopened(told, rules_of.tried(told, r, this), now.round)
        if this.was_sent:
            self._watch.tried(this.outcome)
        else:
            self._watch.put_off(this.outcome)
        if now.cancelled_at_ms is not None and new.is_open:
            new = replace(new, state="cancelled")
        if new.is_open:
            new = replace(new, due_ms=self._due_ms(told, now, new))
        if not this.was_sent and new.is_open:
            wait_ms = self._held_up_ms(told) if this.outcome == "balance_empty" else PUT_OFF_MS
            new = replace(new, due_ms=max(new.due_ms, at_ms + _about(wait_ms)))
            if this.outcome == "balance_empty":
                await self._notices.hold_up(told.id, "balance-empty", at_ms + wait_ms)
        return await self._saved(told, new, [] if new.is_open else _of_final(told, new, this.ended_at_ms or at_ms))

    def _due_ms(self, told: Notice, now: Now, r: Recipient) -> int:
        return rules_of.first_due_ms(told, now, r, self._rules.quiet, self._rules.timezone)

    async def _save(self, told: Notice, r: Recipient) -> None:
        """As he is from now on; told, if that is the end for him."""
        await self._saved(told, r, [] if r.is_open else _of_final(told, r, self._now_ms()))

    async def _saved(self, told: Notice, r: Recipient, events: Sequence[Happened]) -> bool:
        """First his record, then his place in the queue: should that be lost, he is looked at again. False: somebody
        changed him meanwhile, and so he is looked at anew."""
        at_ms, one = self._now_ms(), Due(told.id, r.n)
        left = await self._notices.put(told.id, r, events, _done(at_ms))
        if left is None:
            await self._notices.look_again(one, at_ms + PUT_OFF_MS)
            return False
        if r.is_open:
            await self._notices.put_back(one, r.due_ms)
        elif r.recall == "due":
            await self._notices.put_back(one, 0)  # before everybody else
        else:
            await self._notices.take_out(one)
        if not left:
            await self._notices.close(told.id, self._rules.keep_s)
        return True


def _call_id(told: Notice, r: Recipient) -> str:
    return call_id(OWNER, rules_of.key_of(told.id, r.n, r.serial), is_beside=True)


def _request(told: Notice, r: Recipient, said: str, rules: NoticeRules) -> notice.Request:
    said_s = -(-told.said_ms // 1000) or SAID_MAX_S
    lasts_s = (rules.rounds + AGAIN_ROUNDS) * (said_s + AROUND_S)
    return notice.Request(
        sender=told.sender, recipient=r.number, said=said, confirm=told.confirm, language=r.language or told.language,
        rounds=rules.rounds, lasts_s=lasts_s, notice=told.id, n=r.n,
    )  # fmt: skip


def _of_final(told: Notice, r: Recipient, at_ms: int) -> list[Happened]:
    """`notice_not_answered`: he did not get it, or did not confirm it: there are other channels."""
    last = r.tries[-1].outcome if r.tries else r.put_off
    facts = {"recipient": r.who, "number": r.number, "state": r.state, "outcome": last, "tries": len(r.tries)}
    if r.state == "cancelled":
        return [Happened("notice_recipient_cancelled", at_ms, r.n, facts)]
    word = f"notice_{r.state}" if rules_of.is_reached(told, r) else "notice_not_answered"
    return [Happened(word, at_ms, r.n, facts)]


def _done(at_ms: int) -> Happened:
    return Happened("notice_done", at_ms)


def _about(ms: int) -> int:
    """Not all at the same moment."""
    return round(ms * random.uniform(1, 1.2))
