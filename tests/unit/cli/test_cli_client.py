"""The commands that talk to the API, against a real one over memory."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ari_app.domain.call import Call, End
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.engine import records
from ari_app.engine.asks import Ask
from ari_app.entrypoints import demo
from ari_app.entrypoints.client import ApiRefused, Client
from ari_app.entrypoints.views import at_ms
from tests.support import until_sync
from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import NOW_MS, Bench, a_call, a_talk

STATES = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")


class Places:
    """A service whose calls are told and over at once."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.over = a_talk()
        self.asked: list[tuple[Ask, str | None]] = []

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call:
        self.asked.append((ask, idempotency_key))
        await self.bench.store(self.over, *STATES)
        return a_call()


@pytest.fixture
def places(served: Served) -> Places:
    made = Places(served.bench)
    served.bench.doors.service.__dict__["place"] = made.place
    return made


def test_call_tells_every_state_with_its_time_and_how_it_ended(run: Run, places: Places) -> None:
    ran = run("call", "demo", "+8613900000004", "--max-duration", "60", "--waiting", "music")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "c1  demo → +8613900000004"
    assert [line.split("s  ")[1] for line in lines[1:-1]] == [state.replace("_", " ") for state in STATES]
    assert lines[1].strip().startswith("+")
    assert lines[-1] == "completed (hung up by callee); 1:00 charged; 0.12 CNY owed to carriers"
    [(ask, once)] = places.asked
    assert (ask.request.max_duration_s, ask.request.waiting, ask.request.confirm_caller) == (60, "music", None)
    assert once, "asked twice by accident, it must be one call"


def test_call_as_json_is_one_line(run: Run, places: Places) -> None:
    call = json.loads(run("call", "demo", "+8613900000004", "--json").out)
    assert (call["state"], call["charged_s"]) == ("ended", 60)


def test_call_without_waiting_tells_the_id_and_leaves(run: Run, places: Places) -> None:
    ran = run("call", "demo", "+8613900000004", "--no-wait", "--json", "--once", "order-7")
    assert json.loads(ran.out)["state"] == "queued"
    assert places.asked[0][1] == "order-7"


@pytest.mark.parametrize(("words", "code"), [((), 3), (("--json",), 3), (("--no-wait",), 0)])
def test_a_call_in_which_nobody_talked_has_an_exit_code_of_its_own(
    run: Run, served: Served, places: Places, words: tuple[str, ...], code: int
) -> None:
    talk = a_talk()
    rang = replace(talk.legs[1].tries[-1], answered_at_ms=None)
    busy = replace(
        talk, legs=(talk.legs[0], replace(talk.legs[1], tries=(rang,))), end=End(Reason.CALLEE_BUSY, HungUpBy.CALLEE, 1)
    )
    places.over = busy
    ran = run("call", "demo", "+8613900000004", *words)
    assert ran.code == code
    if words == ("--json",):
        assert json.loads(ran.out)["reason"] == "callee_busy"
    assert "3 the two never talked" in " ".join(run("call", "--help").out.split())


class Following:
    """`ringbridge call` in a process of its own; its call ends when it is cancelled."""

    def __init__(self, served: Served, monkeypatch: pytest.MonkeyPatch, home: Path, *, nohup: bool = False) -> None:
        self.engine = served.bench.engine
        self.engine.live["c1"] = a_call()
        self.states = ["queued"]
        monkeypatch.setattr(served.bench.calls, "events", self._events)
        monkeypatch.setattr(self.engine, "cancel_for_good", self._cancel)
        self._log = home / "log"
        self.cancelled = 0
        python = [*(["nohup"] if nohup else []), sys.executable]
        hup = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may themselves be run under nohup
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*python, "-m", "ari_app.entrypoints.cli", "call", "demo", "+8613900000004"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=home,
            )  # fmt: skip
        signal.signal(signal.SIGHUP, hup)

    async def _events(self, _call_id: str, after: int = 0) -> list[tuple[int, bytes]]:
        return list(enumerate([records.event(a_talk(), state) for state in self.states], 1))[after:]

    async def _cancel(self, _call_id: str) -> bool:
        self.cancelled += 1
        self.engine.live["c1"] = a_talk()
        self.states.append("ended")
        return True

    def until_it_says(self, words: str) -> None:
        until_sync(lambda: words in self.said or self.process.poll() is not None, 20, words)
        assert words in self.said, self.said

    @property
    def said(self) -> str:
        return self._log.read_text()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("times", [1, 2])
def test_a_call_command_that_is_killed_ends_its_call(
    how: signal.Signals, times: int, served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    following = Following(served, monkeypatch, tmp_path)
    try:
        following.until_it_says("queued")
        for _ in range(times):
            following.process.send_signal(how)
        assert following.process.wait(10) == 0, following.said
        assert following.cancelled == 1
        assert following.said.splitlines()[-1].startswith("completed (hung up by")
    finally:
        following.process.kill()


def test_a_call_command_under_nohup_goes_on_without_its_terminal(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    following = Following(served, monkeypatch, tmp_path, nohup=True)
    try:
        following.until_it_says("queued")
        following.process.send_signal(signal.SIGHUP)
        following.states.append("talking")
        following.until_it_says("talking")
        assert following.cancelled == 0
    finally:
        following.process.kill()


def test_ctrl_c_ends_the_call_and_shows_how_it_ended(run: Run, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.bench.engine.live["c1"] = a_call()
    pressed: list[float] = []

    def ctrl_c(_s: float) -> None:
        if not pressed:
            pressed.append(1)
            raise KeyboardInterrupt
        served.bench.engine.live.clear()

    stored = a_talk()

    async def events(call_id: str, after: int = 0) -> list[tuple[int, bytes]]:
        from ari_app.engine import records

        told = [records.event(stored, "queued"), *([records.event(stored, "ended")] if pressed else [])]
        return list(enumerate(told, 1))[after:]

    monkeypatch.setattr(served.bench.calls, "events", events)
    monkeypatch.setattr("ari_app.entrypoints.follow.sleep", ctrl_c)

    async def cancel(_call_id: str) -> bool:
        served.bench.engine.live["c1"] = stored
        return True

    monkeypatch.setattr(served.bench.engine, "cancel_for_good", cancel)
    ran = run("call", "demo", "+8613900000004")
    assert pressed
    assert ran.code == 0
    assert "ending the call" in ran.err
    assert ran.out.splitlines()[-1].startswith("completed (hung up by")


def away(monkeypatch: pytest.MonkeyPatch, when: Callable[[str, tuple[str, ...]], bool]) -> None:
    """The API answers these questions, by method and path, as it does while Redis is away."""
    real = Client._ask
    problem = {"type": "no-capacity", "detail": "Redis does not answer right now.", "status": 503}

    def ask(client: Client, method: str, path: tuple[str, ...], *more: Any, **most: Any) -> Any:
        if when(method, path):
            raise ApiRefused(503, problem)
        return real(client, method, path, *more, **most)

    monkeypatch.setattr(Client, "_ask", ask)
    monkeypatch.setattr("ari_app.entrypoints.follow.sleep", lambda _s: None)


def test_a_redis_that_is_away_for_a_moment_ends_no_following(
    run: Run, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[tuple[str, ...]] = Counter()

    def twice_each(method: str, path: tuple[str, ...]) -> bool:
        asked[path] += 1
        return method == "GET" and asked[path] <= 2

    away(monkeypatch, twice_each)
    ran = run("call", "demo", "+8613900000004")
    assert (ran.code, ran.err) == (0, "")
    assert [line.split("s  ")[1] for line in ran.out.splitlines()[1:-1]] == [
        state.replace("_", " ") for state in STATES
    ]
    assert asked[("v1", "calls", "c1", "events")] == asked[("v1", "calls", "c1")] == 3


@pytest.mark.parametrize(("lost", "told"), [("events", "the call goes on"), ("c1", "the call has ended")])
def test_who_gives_a_call_up_says_where_to_look_for_it(
    lost: str, told: str, run: Run, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(monkeypatch, lambda method, path: method == "GET" and path[-1] == lost)
    monkeypatch.setattr("ari_app.entrypoints.follow.AWAY_AT_MOST_S", 0.05)
    ran = run("call", "demo", "+8613900000004")
    assert ran.code == 1
    assert ran.err == f"ringbridge: Redis does not answer right now. (no-capacity); {told}: ringbridge show c1\n"


def test_the_end_is_shown_at_its_own_time_and_not_when_it_was_told(
    run: Run, served: Served, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a server that was away as it ended."""
    real = records.event

    def late(call: Call, state: str) -> bytes:
        return real(replace(call, now_ms=call.now_ms + 30_000) if state == "ended" else call, state)

    monkeypatch.setattr(records, "event", late)
    for words in (("call", "demo", "+8613900000004"), ("show", "c1")):
        told = run(*words).out
        ended_at, created_at = (json.loads(run("show", "c1", "--json").out)[at] for at in ("ended_at", "created_at"))
        after_s = (at_ms(ended_at) - at_ms(created_at)) / 1000
        assert f"  {after_s:+.2f} s  ended\n" in told
    event = Client(served.url, "rb_root").get("v1", "calls", "c1", "events")["events"][-1]
    assert at_ms(event["at"]) > at_ms(ended_at)


def test_ctrl_c_before_the_call_s_id_is_known_ends_it_too(
    run: Run, served: Served, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.bench.engine.live["c1"] = a_call()
    real = Client.post
    pressed: list[str | None] = []

    def post(client: Client, *path: str, body: object, once: str | None = None) -> Any:
        answer = real(client, *path, body=body, once=once)
        if not pressed:
            pressed.append(once)
            raise KeyboardInterrupt
        pressed.append(once)
        return answer

    monkeypatch.setattr(Client, "post", post)
    ran = run("call", "demo", "+8613900000004")
    assert ran.code == 130
    assert "ending the call" in ran.err
    assert len(set(pressed)) == 1
    assert served.bench.engine.cancelled == ["c1"]


def test_calls_show_and_cancel(run: Run, served: Served) -> None:
    assert run("calls").err == "no calls\n"
    served.bench.engine.live["c1"] = a_talk()
    import asyncio

    asyncio.run(served.bench.store(a_talk(), *STATES))
    assert "demo → +8613900000004" in run("calls").out
    assert [c["id"] for c in json.loads(run("calls", "--json").out)["calls"]] == ["c1"]
    shown = run("show", "c1").out
    assert "caller: +8613900000001 saw +864001234567 (to_caller), trunk carrier, cause 16, 0.06 CNY" in shown
    assert "trunk carrier (after broken), cause 16, SIP 200" in shown
    assert json.loads(run("show", "c1", "--json").out)["reason"] == "completed"
    assert run("cancel", "c1").out.startswith("completed")
    assert run("calls", "--state", "sleeping").code == 1


def test_a_long_list_says_how_to_go_on(run: Run, served: Served) -> None:
    import asyncio

    for n in range(3):
        asyncio.run(served.bench.store(a_call(f"c{n}", NOW_MS + n)))
    ran = run("calls", "--limit", "2")
    cursor = ran.err.split("--cursor ")[1].strip()
    assert "c0" in run("calls", "--limit", "2", "--cursor", cursor).out


def test_users_and_their_minutes(run: Run, served: Served) -> None:
    ran = run("user", "put", "li", "--number", "+8613912345601", "--number", "13912345602", "--name", "Li")
    assert ran.out.splitlines() == ["li Li", "  +8613912345601  proved", "  +8613912345602  proved"]
    assert json.loads(run("user", "get", "li", "--json").out)["name"] == "Li"
    assert run("balance", "li").out.splitlines()[0] == "60:00 minutes left (plan personal, 2026-11)"
    granted = run("grant", "li", "600", "--kind", "bought", "--expires", "2027-01-01T00:00:00+08:00")
    assert granted.out.splitlines()[:2] == [
        "granted 10:00 minutes (bought)", "70:00 minutes left (plan personal, 2026-11)",
    ]  # fmt: skip
    assert "bought     10:00 of 10:00  until 2026-12-31T16:00:00.000Z" in granted.out
    assert run("grant", "li", "5", "--kind", "gift").code == 1
    statement = run("statement", "li").out.splitlines()
    assert "bought" in statement[1]
    assert "70:00" in statement[1]
    assert json.loads(run("statement", "li", "--json").out)["lines"][0]["balance_after_s"] == 4200


def test_the_demo_tells_its_story_from_outside(run: Run, served: Served, places: Places) -> None:
    told: list[str] = []
    call = demo.tell(Client(served.url, "rb_root"), None, told.append)
    story = "\n".join(told)
    assert call["reason"] == "completed"
    assert "+8613900000001 sees +864001234567" in story
    assert "+8613900000004 sees +8613900000001, the caller's own number" in story
    assert "ended: completed, hung up by the callee" in story
    assert "charged 1:00; minutes 60:00 → 60:00. Owed to the carrier for both legs: 0.12 CNY." in story
    assert places.asked[0][0].request.caller == "demo"
