"""What was sent under the name of an import, over memory, Redis and a cluster."""

from __future__ import annotations

import pytest

from ari_app.adapters.memory_imports import MemoryImportedFiles
from ari_app.adapters.redis.imports import RedisImportedFiles
from ari_app.ports.imports import ImportedFiles
from tests.support import until


@pytest.fixture(params=["memory", "redis", "cluster"])
def files(request: pytest.FixtureRequest) -> ImportedFiles:
    if request.param == "memory":
        return MemoryImportedFiles()
    return RedisImportedFiles(request.getfixturevalue("cluster_link" if request.param == "cluster" else "link"))


async def test_the_first_file_of_a_name_stays_its_own(files: ImportedFiles) -> None:
    asked = [("i1", "a"), ("i1", "b"), ("i1", "a"), ("i2", "b")]
    assert [await files.first(*one, 60_000) for one in asked] == ["a", "a", "a", "b"]


async def test_it_runs_out(files: ImportedFiles) -> None:
    assert await files.first("i1", "a", 50) == "a"

    async def is_free() -> bool:
        return await files.first("i1", "b", 60_000) == "b"

    await until(is_free, 3)
