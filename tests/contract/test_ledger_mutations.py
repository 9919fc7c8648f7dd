"""Do the tests of the ledger have teeth? Each rule is broken on purpose, in the pure functions and in the scripts
alike, and the tests of the ledger must notice every break."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ari_app.adapters import memory_ledger
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.scripts import script_of, shipped, with_includes
from ari_app.domain import ledger as pure_ledger
from ari_app.domain import ledger_archive as pure_archive
from ari_app.domain import ledger_book
from ari_app.ports.ledger import Ledger
from tests.contract import (
    test_ledger_archive,
    test_ledger_calendar,
    test_ledger_holds,
    test_ledger_numbers,
    test_ledger_office,
    test_ledger_operations,
)
from tests.contract.ledger_breaks import BREAKS, Break, Edit
from tests.contract.redis_server import RedisServer

TESTS = {
    name: test
    for module in (
        test_ledger_holds,
        test_ledger_operations,
        test_ledger_calendar,
        test_ledger_office,
        test_ledger_numbers,
        test_ledger_archive,
    )
    for name, test in vars(module).items()
    if name.startswith("test_") and list(inspect.signature(test).parameters) == ["ledger"]
}


@pytest.mark.parametrize("broken", BREAKS, ids=str)
async def test_a_broken_ledger_in_memory_is_noticed(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        edited(ledger_book, broken.book) as book,
        edited(pure_ledger, broken.pure) as ledger,
        edited(pure_archive, broken.archive) as archive,
    ):
        ledger.opened = book.opened  # type: ignore[attr-defined]
        monkeypatch.setattr(memory_ledger, "ledger", ledger)
        monkeypatch.setattr(memory_ledger, "ledger_archive", archive)
        assert await noticed_by(MemoryLedger)


@pytest.mark.parametrize("broken", BREAKS, ids=str)
async def test_a_broken_script_is_noticed(broken: Break, redis_server: RedisServer) -> None:
    link = Link(redis_server.url, scripts=edited_scripts(broken.lua))
    await link.start()

    async def fresh() -> Ledger:
        await link.command("FLUSHALL")
        return RedisLedger(link)

    try:
        assert await noticed_by(fresh)
    finally:
        await link.close()


async def test_a_ledger_in_memory_that_is_not_broken_is_not_complained_of() -> None:
    assert await noticed_by(MemoryLedger) == []


# ---- how it is done -------------------------------------------------------------------------------------------------

Made = Ledger | Coroutine[Any, Any, Ledger]


async def noticed_by(make: Callable[[], Made]) -> list[str]:
    """The first test that fails on such a ledger, if one does."""
    for name, test in TESTS.items():
        made = make()
        try:
            await test(await made if inspect.iscoroutine(made) else made)
        except (Exception, pytest.fail.Exception):  # noqa: BLE001  # any failure at all is a notice
            return [name]
    return []


@contextmanager
def edited(module: ModuleType, edits: Sequence[Edit]) -> Iterator[ModuleType]:
    """A module of its own from the edited source."""
    assert module.__file__ is not None
    name = f"{module.__name__}_edited"
    spec = importlib.util.spec_from_loader(name, loader=None)
    assert spec is not None
    copy = importlib.util.module_from_spec(spec)
    sys.modules[name] = copy  # dataclasses look their module up
    try:
        exec(compile(_apply(Path(module.__file__).read_text(), edits), name, "exec"), vars(copy))
        yield copy
    finally:
        del sys.modules[name]


def edited_scripts(edits: dict[str, Sequence[Edit]]) -> dict[str, Any]:
    """`edits` by the name of a script, or of an include (which changes every script)."""
    scripts = {}
    used = set()
    for script in shipped().values():
        file = f"{script.name}-{script.keys_count}.lua"
        source = (files("ari_app.adapters.redis") / "lua" / file).read_text()
        whole = with_includes(source)
        for name, changes in edits.items():
            if name == script.name or f"--@include {name}\n" in source:
                whole = _apply(whole, changes)
                used.add(name)
        scripts[script.name] = script_of(file, whole)
    assert used == edits.keys(), "an edit that goes nowhere proves nothing"
    return scripts


def _apply(source: str, edits: Sequence[Edit]) -> str:
    for stands, shall in edits:
        assert stands in source, f"there is no {stands!r} to break"
        source = source.replace(stands, shall)
    return source
