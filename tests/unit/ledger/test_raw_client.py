"""The benchmark's raw client is worth something only while it sends what the ledger sends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.scripts import shipped
from tests.bench import ledger as bench


class Recorder:
    """In the place of a link: notes what would be sent, and answers as Redis does."""

    def __init__(self) -> None:
        self.sent: list[tuple[object, ...]] = []
        self.disk = self

    async def script(self, name: str, *args: object, write: str | None = None) -> bytes:
        self.sent.append(("EVALSHA", shipped()[name].sha, shipped()[name].keys_count, *args))
        return b"H 60 60 0" if name == "hold" else b"S 60 0 0 0"

    async def wait(self, _of: str) -> None:
        pass


async def test_the_raw_client_sends_what_the_ledger_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    stands_still: Any = SimpleNamespace(time=lambda: 1_794_000_000.0, perf_counter=iter(range(9)).__next__)
    monkeypatch.setattr(bench, "time", stands_still)
    monkeypatch.setattr(bench, "_round", iter([1]))
    link: Any = Recorder()

    await bench._ours(RedisLedger(link), 3)

    assert sorted(link.sent) == sorted(bench._commands(1, 3))
