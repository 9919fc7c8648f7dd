"""A call that is cancelled before anybody is rung: while its minutes are still being asked for, over a slow Redis."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ari_app.engine.service import call_id
from ari_app.ports.keys import digest_of, id_of
from tests.acceptance.taps import Background
from tests.conftest import nothing_is_left, running
from tests.ground import Ground, laid, number
from tests.proxy import Proxy
from tests.ringbridge import Ringbridge
from tests.support import until_sync

SLOW_MS = 250  # each way


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with laid(tmp_path / "ground") as ground:
        yield ground


@pytest.fixture
def slow_redis(ground: Ground) -> Iterator[tuple[str, Proxy]]:
    """A way to Redis that can be made slow: its address, and the way."""
    at = urlsplit(ground.info.redis_url)
    loop, proxy = Background(), Proxy(at.hostname or "", at.port or 0)
    loop.run(proxy.accept())
    yield f"redis://:{at.password}@127.0.0.1:{proxy.port}/0", proxy
    loop.run(proxy.__aexit__())
    loop.close()


def test_a_call_can_be_cancelled_while_it_is_queued(ground: Ground, slow_redis: tuple[str, Proxy]) -> None:
    url, proxy = slow_redis
    mine, theirs = number(10), number(11)
    with running(ground.home, REDIS_URL=url) as app:
        app.user("slow", mine)
        proxy.slow(delay_ms=SLOW_MS)
        call = call_id(id_of(digest_of(app.key)), "early")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(
                app.ask, "POST", "/v1/calls", {"caller": "slow", "callee": theirs}, Idempotency_Key="early"
            )
            cancelled = until_sync(lambda: cancel(app, call), 10, "the call is there to be cancelled", every_s=0.01)
            assert cancelled == "queued"
            assert asked.result().body["id"] == call
        proxy.resume()
        ended = app.until_ended(call)
        assert (ended["reason"], ended["hung_up_by"], ended["charged_s"]) == ("cancelled", "api", 0)
        until_sync(lambda: app.states(call)[-1] == "ended", 5, "its end is written down")
        assert app.states(call) == ["queued", "ended"]
        assert ground.rings(mine) == ground.rings(theirs) == []
        assert (app.balance("slow")["available_s"], app.balance("slow")["held_s"]) == (3600, 0)
        nothing_is_left(ground, app)


def cancel(app: Ringbridge, call: str) -> str | None:
    """The state in which the call was when it was cancelled; None: there is no such call yet."""
    answer = app.ask("DELETE", f"/v1/calls/{call}")
    return str(answer.body["state"]) if answer.status in (200, 202) else None
