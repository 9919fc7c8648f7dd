"""Who looks on while things happen: the live streams of this process, all fed by one look at the feed.

The feed is read once for all of them, and what an event says is fetched once, if anybody wants it. A watcher is a place
in the feed: as long as that lies in what was read lately (the window) he is told from memory; before that, and where
he was too slow, he reads the feed by himself, at his own pace. Knows no request and no wire.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.domain.tenants import OPERATOR
from ari_app.hooks.seats import QUEUE_MAX, Batch, Listing, Seat, Told, Watcher
from ari_app.hooks.sources import MOST
from ari_app.ports.feed import Entry, Feed, News, Source, Stories

log = structlog.get_logger()

PAGE = 200
"""Entries that are read at once."""
WINDOW = 2_000
"""Entries that are remembered, with what they say."""
MARKS_KEPT = 200
WAIT_MS = 5_000
GATHER_S = 0.02
"""After each look: where much happens, much is told at once."""
AGAIN_S = 1.0


class Watching:
    """Of one process. `listing`: see Listing."""

    def __init__(self, feed: Feed, stories: Stories, listing: Listing) -> None:
        self.feed = feed
        self.stories = stories
        self.listing = listing
        self._seats: dict[str | Source, set[Seat]] = {}  # by the tenant whose events it is about, or by the one call
        self._joining: set[Seat] = set()
        self._anybody = asyncio.Event()
        self._place, self._first = "", 0
        self._window: deque[tuple[Entry, Told | None]] = deque()
        self._at: dict[str, int] = {}

    # ---- watchers -----------------------------------------------------------------------------------------------

    async def everything(
        self, tenant: str, wants: Callable[[News], bool] = lambda _news: True, after: str | None = None
    ) -> Watcher:
        """All that is this tenant's (OPERATOR: everybody's) and wanted, behind this place; None: from now on."""
        return _OfFeed(self, tenant, wants, await self.feed.last() if after is None else after)

    def one(self, source: Source, after: int = 0) -> Watcher:
        """One call, behind this number."""
        return _OfOne(self, source, after)

    def enter(self, of: str | Source, seat: Seat) -> None:
        self._seats.setdefault(of, set()).add(seat)
        self._anybody.set()

    def leave(self, of: str | Source, seat: Seat) -> None:
        self._joining.discard(seat)
        seats = self._seats.get(of, set())
        seats.discard(seat)
        if not seats:
            self._seats.pop(of, None)
        if not self._seats and not self._joining:
            self._anybody.clear()

    def await_place(self, seat: Seat) -> None:
        """Wakes it when the look has gone on."""
        self._joining.add(seat)
        self._anybody.set()

    def since(self, place: str, wants: Callable[[News], bool]) -> list[Told] | None:
        """What is wanted of the window behind this place. None: that is not in it, or was not kept."""
        at = self._at.get(place, -2)
        if at < self._first - 1:
            return None
        behind = islice(self._window, at + 1 - self._first, None)
        found = [told for entry, told in behind if wants(entry.news)]
        return None if None in found else [told for told in found if told is not None and told.body]

    async def page(self, tenant: str, wants: Callable[[News], bool], after: str, most: int = PAGE) -> Batch:
        """What is his of the next PAGE entries, `most` of it. `place` is `after` where there are none."""
        page = await self.feed.read(after, PAGE)
        wanted = [entry for entry in page.entries if tenant in (OPERATOR, entry.news.tenant) and wants(entry.news)]
        upto, wanted = wanted[most - 1].place if len(wanted) > most else page.upto, wanted[:most]
        bodies = await self.stories.tell([entry.news for entry in wanted]) if wanted else ()
        told = [Told(e.place, e.news, body) for e, body in zip(wanted, bodies, strict=True) if body]
        is_empty = not page.entries and not page.is_gap
        return Batch(told, page.is_gap, after if is_empty else upto)

    @property
    def place(self) -> str:
        """Up to which was looked; "": nobody looks."""
        return self._place

    # ---- the look -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. While nobody watches, nothing is read."""
        while True:
            if not self._anybody.is_set():
                self._forget()
            await self._anybody.wait()
            try:
                await self._look()
            except Unavailable as e:
                log.warning("the feed cannot be read", why=str(e))
                await asyncio.sleep(AGAIN_S)
            except Exception:
                log.exception("the feed cannot be read for a fault, trying again")
                await asyncio.sleep(AGAIN_S)

    async def _look(self) -> None:
        if not self._place:
            self._begin(await self.feed.last())
        page = await self.feed.wait(self._place, PAGE, WAIT_MS)
        if page.is_gap:  # each finds it out by himself, from where he stands
            for seat in self._all():
                seat.lose()
            self._begin(page.upto)
        elif page.entries:
            self._take(page.entries, await self._said(page.entries), page.upto)
            await asyncio.sleep(GATHER_S)

    def _take(self, entries: Sequence[Entry], said: dict[int, Told], upto: str) -> None:
        for n, entry in enumerate(entries):
            told = said.get(n)
            for seat in self._takers(entry.news):
                if told is None or told.body:
                    seat.put(told)
            self._window.append((entry, told))
            self._at[entry.place] = self._first + len(self._window) - 1
            if len(self._window) > WINDOW:
                gone, _ = self._window.popleft()
                self._at.pop(gone.place, None)
                self._first += 1
        self._place = upto
        self._at[upto] = self._first + len(self._window) - 1
        self._wake()

    async def _said(self, entries: Sequence[Entry]) -> dict[int, Told]:
        """Of those that anybody wants now. A body of nothing: it is not kept any more, and told nobody."""
        wanted = [n for n, entry in enumerate(entries) if any(True for _ in self._takers(entry.news))]
        bodies = await self.stories.tell([entries[n].news for n in wanted]) if wanted else ()
        return {n: Told(entries[n].place, entries[n].news, body or b"") for n, body in zip(wanted, bodies, strict=True)}

    def _takers(self, news: News) -> Iterable[Seat]:
        for of in dict.fromkeys((OPERATOR, news.tenant)):
            yield from (seat for seat in self._seats.get(of, ()) if seat.wants(news))
        yield from self._seats.get(news.source, ())

    def _all(self) -> list[Seat]:
        return [seat for seats in self._seats.values() for seat in seats]

    def _begin(self, place: str) -> None:
        self._forget()
        self._place = place
        self._at[place] = -1
        self._wake()

    def _wake(self) -> None:
        joining, self._joining = self._joining, set()
        for seat in joining:
            seat.ready.set()

    def _forget(self) -> None:
        self._place, self._first = "", 0
        self._window.clear()
        self._at.clear()


class _OfFeed:
    """Reads the feed by himself until he stands in the window; from then on he is told."""

    def __init__(self, watching: Watching, tenant: str, wants: Callable[[News], bool], after: str) -> None:
        self._watching = watching
        self._tenant = tenant
        self._place = after
        self._seat = Seat(wants)
        self._is_in = False
        self._has_left = False

    async def next(self, idle_s: float) -> Batch:
        if self._is_in:
            if not self._seat.queue and not self._seat.is_lost:
                await self._seat.wait(idle_s)
            if not self._seat.is_lost:
                return self._put_before_him()
            self._step_out()
        return await self._read(idle_s)

    def leave(self) -> None:
        self._has_left = True
        self._step_out()
        self._seat.ready.set()

    def _put_before_him(self) -> Batch:
        told = self._seat.taken()
        self._place = told[-1].place if told else self._watching.place or self._place
        return Batch(told, place=self._place)

    async def _read(self, idle_s: float) -> Batch:
        watching = self._watching
        if self._step_in():
            return Batch(place=self._place) if not self._seat.queue else self._put_before_him()
        last = await watching.feed.last()
        batch = await watching.page(self._tenant, self._seat.wants, self._place)
        if batch.place == self._place and not batch.is_gap:
            self._place = last  # nothing is behind us: we stand there, and the look at the feed comes by
            if not self._step_in() and not self._has_left:
                watching.await_place(self._seat)
                await self._seat.wait(idle_s)
            return Batch(place=self._place)
        self._place = batch.place
        return batch

    def _is_his(self, news: News) -> bool:
        return self._tenant in (OPERATOR, news.tenant) and self._seat.wants(news)

    def _step_in(self) -> bool:
        missed = None if self._has_left else self._watching.since(self._place, self._is_his)
        if missed is None or len(missed) > QUEUE_MAX:
            return False
        self._seat.queue = deque(missed)
        self._seat.is_lost = False
        self._watching.enter(self._tenant, self._seat)
        self._is_in = True
        return True

    def _step_out(self) -> None:
        self._is_in = False
        self._watching.leave(self._tenant, self._seat)


class _OfOne:
    """Everything in the call's list, then what the feed tells of it. Whatever is out of turn, or does not come, is
    looked for in the list; so is what stands there in place of what the store has lost again."""

    def __init__(self, watching: Watching, source: Source, after: int) -> None:
        self._watching = watching
        self._source = source
        self._after = self._seq = after
        self._marks: dict[int, str] = {}  # of the last that were told
        self._seat = Seat(lambda _news: True)
        self._must_look = True
        watching.enter(source, self._seat)

    async def next(self, idle_s: float) -> Batch:
        if not self._must_look:
            if not self._seat.queue and not self._seat.is_lost:
                await self._seat.wait(idle_s)
            told = self._in_turn()
            if told:
                return Batch(told)
            self._must_look = True
        return await self._look()

    def leave(self) -> None:
        self._watching.leave(self._source, self._seat)
        self._seat.ready.set()

    def _in_turn(self) -> list[Told]:
        told: list[Told] = []
        for one in self._seat.taken():
            if one.news.seq == self._seq + 1:
                self._note(one.news)
                told.append(one)
            elif not self._is_known(one.news):
                self._seat.lose()
        return told

    def _note(self, news: News) -> None:
        self._seq = news.seq
        self._marks[news.seq] = news.mark
        self._marks.pop(news.seq - MARKS_KEPT, None)

    def _is_known(self, news: News) -> bool:
        return news.seq <= self._seq and self._marks.get(news.seq, news.mark) == news.mark

    async def _look(self) -> Batch:
        self._seat.is_lost = False
        news, self._must_look = await self._new()
        bodies = await self._watching.stories.tell(news) if news else ()
        told = [Told("", one, body) for one, body in zip(news, bodies, strict=True) if body]
        for one in news:
            self._note(one)
        return Batch(told)

    async def _new(self) -> tuple[Sequence[News], bool]:
        """What the list has that was not told, and whether there is more. The last that was told is read, too: another
        one in its place, or none, and the store has lost some."""
        last = self._marks.get(self._seq)
        news = await self._watching.listing(self._source, self._seq - (last is not None))
        is_more = len(news) >= MOST
        if last is None:
            return news, is_more
        if news and news[0].mark == last:
            return news[1:], is_more
        after = self._after
        while True:
            news = await self._watching.listing(self._source, after)
            new = [one for one in news if not self._is_known(one)]
            if new or len(news) < MOST:
                return new, len(news) >= MOST
            after = news[-1].seq
