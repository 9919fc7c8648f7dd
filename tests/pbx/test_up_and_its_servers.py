"""The embedded servers of an `up`: whoever began them, and whether a call could ever be placed, says when they end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ari_app.stack import Stack, StackOptions
from tests.ground import skipping
from tests.ringbridge import Ringbridge

PARTS = ("redis", "carrier", "pbx")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    found = Stack(StackOptions(state_dir=tmp_path / "state", say=lambda _: None))
    with skipping():
        found.prepare()
    (tmp_path / "state").mkdir()
    yield found
    found.stop()


def running(stack: Stack) -> set[str]:
    return {part.part for part in stack.status() if part.state == "running"}


def up_and_ended_by(how: signal.Signals, stack: Stack) -> set[str]:
    """What runs after a `ringbridge up` that was ready, and was told to stop so."""
    app = Ringbridge(stack.options.state_dir).start()
    assert app.process is not None
    try:
        app.process.send_signal(how)
        assert app.process.wait(15) == 0
    finally:
        app.process.kill()
    return running(stack)


def test_servers_outlive_an_app_that_was_ready_and_end_with_ctrl_c_of_the_one_that_began_them(stack: Stack) -> None:
    assert up_and_ended_by(signal.SIGTERM, stack) == set(PARTS)
    assert up_and_ended_by(signal.SIGINT, stack) == set(PARTS), "it found them running"
    stack.stop()
    assert up_and_ended_by(signal.SIGINT, stack) == set()


@pytest.mark.soak("tests/unit/life has a start that fails")
def test_what_the_simulated_carrier_makes_free_is_free_where_we_started_it(stack: Stack) -> None:
    """With the settings as they are shipped, as a newcomer has them."""
    app = Ringbridge(stack.options.state_dir)
    del app.settings["UNLIMITED_PREFIXES"]
    app.start()
    try:
        user = app.user("newcomer", "+8613900000011")

        def counted(number: str) -> list[str]:
            answer = app.ask("GET", f"/v1/users/{user}/limits/{number.replace('+', '%2B')}")
            return [one["of"] for one in answer.body["counted"]]

        assert (counted("+8613900000026"), counted("+8613800000026")) == ([], ["pair", "number", "proof", "prover"])
        assert app.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/"}).status == 201
    finally:
        app.terminate()


def test_servers_of_a_start_that_found_no_redis_are_stopped(stack: Stack) -> None:
    with pytest.raises(AssertionError, match="stopping the embedded servers"):  # with the log of how it ended
        Ringbridge(stack.options.state_dir, REDIS_URL="redis://127.0.0.1:9/0").start()
    assert running(stack) == set()
