"""The client is what the API's description says, and both clients are the same."""

import ast
import inspect
import sys
from pathlib import Path

import pytest

import ari_app.client
from ari_app.client import AsyncRingbridge, Ringbridge
from tests.unit.client.make import CLIENT, made, method_of, operations


@pytest.mark.parametrize("file", ["answers.py", "operations.py", "methods.py"])
def test_the_client_is_made_from_the_description_as_it_is_now(file: str) -> None:
    assert (CLIENT / file).read_text("utf-8") == made()[file], "run: python -m tests.unit.client.make"


def test_both_clients_have_every_operation_and_what_else_one_has_the_other_has() -> None:
    for _, _, operation in operations():
        assert hasattr(Ringbridge, method_of(operation))
        assert hasattr(AsyncRingbridge, method_of(operation))
    sync, later = ({name for name in dir(one) if not name.startswith("_")} for one in (Ringbridge, AsyncRingbridge))
    assert sync - later == {"opened"}
    assert later - sync == {"close"}
    for name in sync & later:
        one, other = getattr(Ringbridge, name), getattr(AsyncRingbridge, name)
        assert list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters), name


def test_the_client_needs_nothing_else_of_this_package() -> None:
    for file in Path(ari_app.client.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            assert all(not (name or "").startswith("ari_app.") or name.startswith("ari_app.client") for name in names)
    assert (Path(ari_app.client.__file__).parents[1] / "py.typed").exists()
    assert sys.modules["ari_app.client"] is ari_app.client
