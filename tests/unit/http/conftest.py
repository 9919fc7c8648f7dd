"""The API over memory, with a key of each scope."""

import pytest

from tests.unit.http.http_bench import Bench


@pytest.fixture
async def api() -> Bench:
    return await Bench().with_keys()
