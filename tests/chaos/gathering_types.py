"""As gathering.py, of what only some call types have: notices and their queue, PINs. Believes none and judges none."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import redis

from ari_app.adapters.redis.notices import DUE, UNDER_WAY
from tests.chaos.evidence import Notice, Shown
from tests.support import until_sync

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse
    from tests.chaos.run import Book

WITHIN_S = 60.0
NOTICE_MARK = "n"


def gather_notices(house: ChaosHouse, book: Book) -> dict[str, Notice]:
    found = {}
    for id in sorted(id for asked in book.asked for id in asked.ids if id.startswith(NOTICE_MARK)):
        shown = until_sync(partial(got, house, f"/v1/notices/{id}?limit=500"), WITHIN_S, f"{id} is shown", every_s=0.2)
        events = until_sync(partial(got, house, f"/v1/notices/{id}/events"), WITHIN_S, f"{id} tells", every_s=0.2)
        found[id] = Notice(shown, events["events"])
    return found


def got(house: ChaosHouse, path: str) -> Shown | None:
    answer = house.api.ask("GET", path)
    if answer is not None and answer.status == 404:
        return {"state": "not there", "recipients": [], "events": []}
    return dict(answer.body) if answer is not None and answer.status == 200 else None


def gather_pins(house: ChaosHouse) -> dict[str, str]:
    with redis.Redis.from_url(house.ground.info.redis_url) as store:
        return {key.decode()[5:-1]: _call(store.hgetall(key)) for key in store.scan_iter("{pin:*}")}


def _call(fields: Any) -> str:
    return bytes(fields.get(b"call", b"")).decode()


def things_of_types(store: Any) -> Iterator[str]:
    """What is still to be done, or under way."""
    for queue in (DUE, UNDER_WAY):
        for entry in store.zrange(queue, 0, -1):
            yield f"in {queue}: {entry.decode()}"
