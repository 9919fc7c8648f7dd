"""One stack for all tests of this folder; the app lives and dies on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.house import House
from tests.support import until_sync


@pytest.fixture(scope="session")
def _standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    try:
        yield house
    finally:
        house.close()


@pytest.fixture
def house(_standing: House) -> Iterator[House]:
    """Empty before and after: no call of one test is another's."""
    _standing.calm()
    yield _standing
    _standing.calm()
    until_sync(lambda: not _standing.on_the_pbx(), 5, "nothing is left on the PBX")
