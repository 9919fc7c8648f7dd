"""What the tests of the real PBX do where a tool is not to be had."""

from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.stack import Stack, StackError
from ari_app.stack.tools import Tools
from tests.ground import sipp_command

WITHOUT = Tools(("asterisk",), "22.10.1", Path("m"), Path("d"), ("redis-server",), "8.0.2", sipp=None, espeak=None)


def test_without_sipp_its_tests_skip_at_home_and_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "prepare", lambda _: WITHOUT)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="sipp"):
        sipp_command()
    monkeypatch.setenv("CI", "true")
    with pytest.raises((StackError, pytest.skip.Exception), match="sipp") as why:
        sipp_command()
    assert why.type is StackError


def test_with_sipp_they_get_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stack, "prepare", lambda _: replace(WITHOUT, sipp=("/p/sipp",)))
    assert sipp_command() == ("/p/sipp",)
