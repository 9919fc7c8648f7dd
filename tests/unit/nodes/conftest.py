"""Stories of nodes are told in a calm world; its log is not worth reading."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.laws.conftest import _quiet  # noqa: F401 - a fixture of these tests, too
from tests.laws.stories import calm_world
from tests.laws.world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = calm_world()
    yield world
    world.check_ledger()
