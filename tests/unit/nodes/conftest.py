"""Stories of nodes are told in a calm world, or in a house with short waits; their log is not worth reading."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ari_app.engine import node as node_module
from ari_app.engine import nodes as lease_module
from tests.laws.conftest import _quiet  # noqa: F401 - a fixture of these tests, too
from tests.laws.stories import calm_world
from tests.laws.world import World
from tests.unit.nodes.houses import House


@pytest.fixture
def world() -> Iterator[World]:
    world = calm_world()
    yield world
    world.check_ledger()


def make_waits_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "TELL_S", 0.02)
    monkeypatch.setattr(node_module, "AGAIN_S", 0.02)
    monkeypatch.setattr(node_module, "TOLD_FOR_MS", 1_000)
    monkeypatch.setattr(lease_module, "AGAIN_S", 0.02)


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    make_waits_short(monkeypatch)
    house = House()
    yield house
    await house.torn_down()
