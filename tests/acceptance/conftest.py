"""One stack for all tests of this folder; the app lives and dies on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.house import House
from tests.ground import Ground, laid
from tests.support import until_sync


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with laid(tmp_path_factory.mktemp("house")) as ground:
        house = House(ground)
        try:
            yield house
        finally:
            house.close()


@pytest.fixture(scope="session")
def silent_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A stack on which a silent phone is never hung up, and no app of the session lives."""
    with laid(tmp_path_factory.mktemp("silent"), media_timeout_s=0) as ground:
        yield ground


@pytest.fixture
def house(standing: House) -> Iterator[House]:
    """Empty before and after: no call of one test is another's."""
    standing.calm()
    yield standing
    standing.calm()
    until_sync(lambda: not standing.ground.on_the_pbx(), 5, "nothing is left on the PBX")
