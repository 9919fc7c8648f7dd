"""A fake Asterisk for the tests of this folder, and what no test of a link may leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.unit.ari.fake import FakeAsterisk


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as asterisk:
        yield asterisk


@pytest.fixture
async def leaves_nothing_behind() -> AsyncIterator[None]:
    """No task of the client is alive when it is over."""
    yield
    mine = [task for task in asyncio.all_tasks() if task.get_name().startswith("ari-")]
    assert mine == []
