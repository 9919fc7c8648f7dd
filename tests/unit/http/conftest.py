"""The API over memory, with a key of each scope."""

import pytest

from ari_app.entrypoints.http import connection
from tests.unit.http.http_bench import Bench


@pytest.fixture
async def api() -> Bench:
    return await Bench().with_keys()


@pytest.fixture(autouse=True)
def no_long_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends waits for those who were told to leave."""
    monkeypatch.setattr(connection, "LINGER_S", 0.3)
