"""Who carries what waits for a webhook to its receiver: one courier each. Knows patience; no wire and no store's keys.

A lane's events go one at a time, in order; several lanes go at once, few at first and more as the receiver takes them.
A receiver that took nothing of several lanes is rested: one request now and then asks for it, however much waits; when
it takes one, all is due. Nothing is held here but what is on its way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.ports.feed import Source, Stories
from ari_app.ports.sender import Answer, Sender
from ari_app.ports.webhooks import Attempt, Outcome, Waiting, Webhook, Webhooks

log = structlog.get_logger()

LOOK_MS = 30_000
"""Without a word a courier looks at its lanes so often."""
AGAIN_MS = 1_000
SWEEP_MS = 60_000
REST_AFTER = 3
"""Lanes of which nothing was taken, one after the other."""
HEADS = 8
"""Of a rested one, among so many is chosen what is asked with: best what was not tried before."""
RETRY_AFTER_MAX_MS = 3_600_000
FAR_MS = 2**52
SET_BACK_MS = 5_000
GONE = "it answered 410 Gone"


@dataclass(frozen=True, slots=True)
class CourierRules:
    """`first_ms`, `factor`, `most_ms`: of the waits between tries. `probe_ms`: a rested receiver is asked that often at
    least. `lanes`: of one webhook at once; `at_once`: of all, beyond the first of each."""

    first_ms: int = 5_000
    factor: int = 3
    most_ms: int = 6 * 3_600_000
    probe_ms: int = 300_000
    give_up_ms: int = 72 * 3_600_000
    lanes: int = 8
    at_once: int = 400

    def wait_ms(self, tries: int, most_ms: int) -> int:
        """After so many tries in vain; with jitter, so that not all come back at one moment."""
        ms: int = min(self.first_ms * self.factor ** min(tries - 1, 20), most_ms)
        return max(1, round(ms * random.uniform(0.8, 1.0)))


Sign = Callable[[str, int, bytes, Sequence[str]], Mapping[str, str]]
"""Id, time of the try, body, secrets → headers."""


class CourierWatch(Protocol):
    """Told, not asked. Used for metrics."""

    def attempted(self, attempt: Attempt) -> None: ...

    def rested(self, id: str, is_rested: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Means:
    """What all couriers work with. `may_send`: whether this is still ours to do."""

    webhooks: Webhooks
    stories: Stories
    sender: Sender
    sign: Sign
    rules: CourierRules
    now_ms: Callable[[], int]
    may_send: Callable[[], bool]
    watch: CourierWatch | None
    beyond_first: asyncio.Semaphore


class Courier:
    def __init__(self, webhook: Webhook, means: Means) -> None:
        self.webhook = webhook
        self._means = means
        self._rules = means.rules
        self._flying: dict[Source, asyncio.Task[bool]] = {}
        self._woken = asyncio.Event()
        self._window = 1
        self._failed: set[Source] = set()  # lanes, since anything was taken last
        self._probes = 0
        self._not_before_ms = 0
        self._swept_ms = 0
        self._had_all = False  # nothing more was due when it was looked last
        self._has_own = True  # the place beside those that all share is free
        self._seen_ms = 0

    @property
    def is_rested(self) -> bool:
        return len(self._failed) >= REST_AFTER

    def wake(self) -> None:
        self._woken.set()

    def begin_anew(self) -> None:
        """Its receiver is another one, or was put right: what is known of the one before says nothing."""
        if self.is_rested:
            self._tell_rest(False)
        self._failed.clear()
        self._probes = self._not_before_ms = 0

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._woken.clear()
                try:
                    wait_ms = await self._turn()
                except Unavailable:
                    wait_ms = AGAIN_MS
                except Exception:
                    log.exception("webhook not served for a fault, trying again", webhook=self.webhook.id)
                    wait_ms = AGAIN_MS
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_ms / 1000):
                        await self._woken.wait()
        finally:
            for task in tuple(self._flying.values()):
                task.cancel()

    async def _turn(self) -> int:
        """Send what may be sent; in how many ms to look again."""
        now_ms = self._means.now_ms()
        self._had_all = False
        await self._heed_clock(now_ms)
        if now_ms - self._swept_ms >= SWEEP_MS:
            self._swept_ms = now_ms
            while await self._means.webhooks.give_up(self.webhook.id, now_ms - self._rules.give_up_ms, now_ms):
                pass
        room = (1 if self.is_rested else self._window) - len(self._flying)
        if self.webhook.is_paused or room <= 0 or not (self._has_own or self._is_shared_free):
            return LOOK_MS
        if now_ms < self._not_before_ms:
            return min(LOOK_MS, self._not_before_ms - now_ms)
        due = await self._means.webhooks.due(
            self.webhook.id, FAR_MS if self.is_rested else now_ms, HEADS if self.is_rested else room, [*self._flying]
        )
        heads = sorted(due.heads, key=lambda one: one.tries)[:1] if self.is_rested else due.heads
        self._had_all = not self.is_rested and len(heads) < room
        bodies = await self._means.stories.tell([one.news for one in heads]) if heads else ()
        for head, body in zip(heads, bodies, strict=True):
            if not self._has_own and not self._is_shared_free:
                self._had_all = False  # goes when one of ours that flies has come back
                break
            is_own, self._has_own = self._has_own, False
            if not is_own:
                await self._means.beyond_first.acquire()  # at once, as one is free
            self._flying[head.news.source] = task = asyncio.create_task(self._fly(head, body))
            task.add_done_callback(partial(self._landed, head.news.source, is_own))
        return LOOK_MS if due.next_ms is None else max(1, min(LOOK_MS, due.next_ms - now_ms))

    async def _heed_clock(self, now_ms: int) -> None:
        """What is due by a clock that was set back since is due now."""
        back_ms = self._seen_ms - now_ms
        if back_ms > SET_BACK_MS:
            log.warning("the clock was set back: what waits is sent now", webhook=self.webhook.id, ms=back_ms)
            self._not_before_ms = self._swept_ms = 0
            await self._means.webhooks.hurry(self.webhook.id, now_ms)
        self._seen_ms = now_ms

    # ---- one event ----------------------------------------------------------------------------------------------

    @property
    def _is_shared_free(self) -> bool:
        return not self._means.beyond_first.locked()

    async def _fly(self, head: Waiting, body: bytes | None) -> bool:
        """Whether there may be more to be done now that this is."""
        try:
            return await self._deliver(head, body)
        except Exception:
            log.exception("event not sent for a fault, trying again", webhook=self.webhook.id, id=head.news.id)
            self._not_before_ms = self._means.now_ms() + AGAIN_MS
            return True

    def _landed(self, source: Source, is_own: bool, task: asyncio.Task[bool]) -> None:
        """However it ended, also of one that was never begun. `is_own`: it had the place that no other receiver can
        hold; else one of those that all share."""
        del self._flying[source]
        if is_own:
            self._has_own = True
        else:
            self._means.beyond_first.release()
        if task.cancelled() or task.result() or not self._had_all:
            self.wake()

    async def _deliver(self, head: Waiting, body: bytes | None) -> bool:
        """As _fly."""
        now_ms = self._means.now_ms()
        if body is None:
            return await self._note(Attempt(head.news, now_ms, "forgotten", head.tries + 1))
        hook = self.webhook
        if hook.is_paused:
            return True
        if not self._means.may_send():
            self._not_before_ms = now_ms + AGAIN_MS
            return True
        headers = self._means.sign(head.news.id, now_ms, body, hook.signing(now_ms))
        answer = await self._means.sender.post(hook.url, body, headers)
        attempt = self._judged(head, answer, now_ms, self._means.now_ms())
        is_more = await self._note(attempt)
        if answer.is_good:
            return await self._taken() or is_more
        await self._refused(hook, head, answer)
        return True

    def _judged(self, head: Waiting, answer: Answer, at_ms: int, now_ms: int) -> Attempt:
        tries, outcome, again_ms = head.tries + 1, "delivered", None
        ends_ms = head.since_ms + self._rules.give_up_ms
        if not answer.is_good:
            wait_ms = max(self._rules.wait_ms(tries, self._rules.most_ms), _asked_ms(answer))
            again_ms = min(now_ms + wait_ms, max(ends_ms, now_ms + self._rules.first_ms))
            outcome = "dead" if now_ms >= ends_ms else "failed"
        of: Outcome = outcome  # type: ignore[assignment]  # one of three words
        return Attempt(
            head.news, at_ms, of, tries, answer.status, answer.why, answer.took_ms,
            again_ms if outcome == "failed" else None,
        )  # fmt: skip

    async def _note(self, attempt: Attempt) -> bool:
        """Until the store has it: an event that was taken is not sent once more for that. Whether more waits there."""
        while True:
            try:
                is_more = await self._means.webhooks.attempted(self.webhook.id, attempt)
                break
            except Unavailable:
                await asyncio.sleep(AGAIN_MS / 1000)
        if self._means.watch is not None:
            self._means.watch.attempted(attempt)
        return is_more

    # ---- what the receiver is like ------------------------------------------------------------------------------

    async def _taken(self) -> bool:
        """Whether it was rested, and all is due now."""
        was_rested = self.is_rested
        self._failed.clear()
        self._probes = 0
        self._window = min(self._rules.lanes, self._window * 2)
        if was_rested:
            self._not_before_ms = 0
            log.info("the receiver of a webhook takes events again", webhook=self.webhook.id)
            self._tell_rest(False)
            with suppress(Unavailable):  # each lane's own time comes, too
                await self._means.webhooks.hurry(self.webhook.id, self._means.now_ms())
        return was_rested

    async def _refused(self, hook: Webhook, head: Waiting, answer: Answer) -> None:
        now_ms = self._means.now_ms()
        was_rested = self.is_rested
        self._window = 1
        self._failed.add(head.news.source)
        if answer.status == 410:
            await self._pause(hook)
        if self.is_rested and now_ms >= self._not_before_ms:
            self._probes += 1
            self._not_before_ms = now_ms + self._rules.wait_ms(self._probes, self._rules.probe_ms)
        self._not_before_ms = max(self._not_before_ms, now_ms + _asked_ms(answer))
        if self.is_rested and not was_rested:
            said = answer.why or f"answered {answer.status}"
            log.warning("the receiver of a webhook takes nothing: asked now and then", webhook=hook.id, why=said)
            self._tell_rest(True)

    def _tell_rest(self, is_rested: bool) -> None:
        if self._means.watch is not None:
            self._means.watch.rested(self.webhook.id, is_rested)

    async def _pause(self, hook: Webhook) -> None:
        """What it says is for good. Not where somebody has changed the webhook meanwhile: it was another one's word.
        First where all see it: what is paused here alone nobody would take up again."""
        paused = replace(hook, is_paused=True, why_paused=GONE)
        try:
            is_done = await self._means.webhooks.change(paused, was=hook)
        except Unavailable:  # asked once more, it will say so again
            return
        if is_done and self.webhook == hook:
            self.webhook = paused
            log.warning("webhook paused: its receiver says that it is gone", webhook=hook.id)


class Couriers:
    """Of all webhooks."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._each: dict[str, tuple[Courier, asyncio.Task[None]]] = {}

    def serve(self, webhooks: Iterable[Webhook]) -> None:
        """These, as they are now, and no others."""
        hooks = {one.id: one for one in webhooks}
        for id in self._each.keys() - hooks.keys():
            self._each.pop(id)[1].cancel()
        for id, hook in hooks.items():
            if id not in self._each:
                courier = Courier(hook, self._means)
                self._each[id] = courier, asyncio.create_task(courier.run(), name=f"webhook {id}")
            elif self._each[id][0].webhook != hook:
                self._changed(self._each[id][0], hook)
        self.wake_all()  # it may be that what waits was hurried

    def _changed(self, courier: Courier, hook: Webhook) -> None:
        is_elsewhere = courier.webhook.url != hook.url or courier.webhook.is_paused
        courier.webhook = hook
        if is_elsewhere:
            courier.begin_anew()
        courier.wake()

    def wake(self, id: str) -> None:
        if id in self._each:
            self._each[id][0].wake()

    def wake_all(self) -> None:
        for courier, _ in self._each.values():
            courier.wake()

    def close(self) -> None:
        for _, task in self._each.values():
            task.cancel()
        self._each.clear()


def _asked_ms(answer: Answer) -> int:
    return min(RETRY_AFTER_MAX_MS, 1000 * (answer.retry_after_s or 0))
