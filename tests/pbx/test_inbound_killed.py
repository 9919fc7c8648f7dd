"""Calls to the platform while nobody is there to take them, and while whoever takes them is killed: nobody who calls
ever hears nothing, nothing hangs, and what was begun goes on. One app on a stack of its own, which dies often."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.callers import Caller, dial_in
from tests.ground import Ground, laid, number
from tests.heard_digits import core_prompts, heard_prompts, speech_ms
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync

PLATFORM = "+864001234567"
ASKED = "vm-enter-num-to-call"
SAID_MS = 1_000


@pytest.fixture(scope="module")
def lonely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A stack that is up without its app."""
    with laid(tmp_path_factory.mktemp("lonely")) as ground:
        core_prompts(ground.stack, ASKED)
        yield ground


@pytest.fixture(scope="module")
def app(lonely: Ground) -> Iterator[Ringbridge]:
    app = Ringbridge(lonely.home, INCREMENT="1/1", LEASE_TTL_S="1.5", LEASE_MARGIN_S="0.5")
    yield app
    if app.is_running:
        app.kill()


def was_told(caller: Caller, within_s: float = 20) -> bool:
    """Before any answer, and it is over."""
    record = caller.until_ended(within_s)
    assert record.answered_at_ms is None
    assert record.hung_up_by == "platform"
    return speech_ms(Path(record.recording or "")) > SAID_MS


def is_asked(ground: Ground, caller: Caller) -> bool:
    record = caller.until_seen()
    prompts = core_prompts(ground.stack, ASKED)
    return bool(heard_prompts(Path(record.recording or ""), prompts))


def test_while_nobody_is_there_the_dialplan_says_so(lonely: Ground) -> None:
    assert was_told(dial_in(lonely, number(3), PLATFORM))
    until_sync(lambda: not lonely.on_the_pbx(), 5, "nothing is left")


@pytest.mark.soak("tests/chaos kills the app among those who call in, too")
def test_who_is_in_the_menu_or_talks_when_the_app_is_killed_goes_on_and_pays_what_was_said(
    lonely: Ground, app: Ringbridge
) -> None:
    app.start()
    his, callee = number(3), number(4)
    user = app.user("in-killed", his)
    caller = dial_in(lonely, his, PLATFORM, hang_up_after_s=60)
    caller.until_answered()
    app.kill()  # he has hardly been greeted
    app.start()
    until_sync(lambda: is_asked(lonely, caller), 20, "the menu goes on, and he is asked for a number", 0.5)
    caller.press_now(callee.removeprefix("+86") + "#")
    caller.press_now("1")
    [call] = [one["id"] for one in app.ask("GET", f"/v1/calls?user={user}").body["calls"]]
    app.until_state(call, "talking")
    phone = until_sync(lambda: next((c for c in lonely.rings(callee) if c.answered_at_ms), None), 5, "it is answered")

    app.kill()  # in the midst of the talk; then he hangs up, and nobody of ours sees it
    until_sync(lambda: now_ms() - (phone.answered_at_ms or 0) > 2_500, 5, "they have talked for a while")
    ended = caller.hang_up_now()
    app.start()
    shown = app.until_ended(call)

    assert shown["reason"] == "completed"
    assert shown["hung_up_by"] == "caller"
    talked_s = ((ended.ended_at_ms or 0) - (phone.answered_at_ms or 0)) / 1000
    assert abs(shown["charged_s"] - talked_s) <= 1, (shown["charged_s"], talked_s)
    assert app.balance(user)["held_s"] == 0
    assert len(lonely.rings(callee)) == 1, "rung once"
    until_sync(lambda: not app.live() and not lonely.on_the_pbx(), 5, "nothing is left")
    assert not [line for line in lonely.complaints() if "AGI" not in line and "agi" not in line]


def test_who_calls_while_the_app_hangs_or_is_killed_over_his_very_call_is_told(lonely: Ground, app: Ringbridge) -> None:
    if not app.is_running:
        app.start()
    assert app.process is not None
    os.kill(app.process.pid, signal.SIGSTOP)
    hanging, killed = dial_in(lonely, number(3), PLATFORM), dial_in(lonely, number(4), PLATFORM)
    killed.until_seen()
    until_sync(lambda: len(lonely.ari("GET", "channels")) == 2, 5, "both are asked about")
    assert was_told(hanging), "by the dialplan, which does not wait for ever"

    late = dial_in(lonely, number(5), PLATFORM)
    until_sync(lambda: len(lonely.ari("GET", "channels")) == 1, 10, "one more is asked about")
    app.kill()
    assert was_told(late)
    assert was_told(killed)
    until_sync(lambda: not lonely.on_the_pbx(), 5, "nothing is left")
