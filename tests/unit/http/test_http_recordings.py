"""Recordings over the API. What the engine makes of it: tests/unit/flows/test_recorded_talks.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import Call
from ari_app.domain.events import Told
from ari_app.domain.recordings import Recording
from ari_app.engine.purging import Purging
from ari_app.engine.telling import NotTaken
from tests.unit.http.http_bench import NOW_MS, Bench, a_call, a_talk, a_test

FILE = f"rb20261123-{'0' * 31}a"
MIXED = Recording("rec0_caller_0", FILE, "mixed", "caller", NOW_MS + 500)
PATH = "/v1/calls/c1/recording"


def live(api: Bench, call: Call | None = None) -> None:
    api.engine.live["c1"] = call or a_call()


async def test_a_call_is_recorded_by_a_word_and_stopped_by_another(api: Bench) -> None:
    live(api)
    answer = await api.ask("POST", PATH, {"what": "legs"}, key="dialler")
    assert (answer.status, answer.json["id"]) == (202, "c1")
    live(api, replace(a_call(), words=("record legs",)))
    assert (await api.ask("DELETE", PATH, key="dialler")).status == 202
    [(_, first), (_, second)] = api.engine.told
    assert isinstance(first, Told)
    assert isinstance(second, Told)
    assert (first.leg, first.word, second.word) == ("", "record legs", "unrecord")
    assert first.ask != second.ask


async def test_the_same_key_is_the_same_word_and_all_together_is_meant_where_nothing_is_said(api: Bench) -> None:
    live(api)
    for _ in range(2):
        assert (await api.ask("POST", PATH, {}, idempotency_key="k")).status == 202
    words: list[Any] = [word for _, word in api.engine.told]
    assert [word.word for word in words] == ["record mixed"] * 2
    assert words[0].ask == words[1].ask
    live(api, replace(a_call(), words=("record mixed",), asks=frozenset({words[0].ask})))
    assert (await api.ask("POST", PATH, {}, idempotency_key="k")).status == 202, "asked again, it is done"


@pytest.mark.parametrize(
    ("call", "method", "problem"),
    [
        (replace(a_call(), words=("record mixed",)), "POST", "recorded-already"),
        (replace(a_call(), given={"record": "legs"}), "POST", "recorded-already"),
        (replace(a_call(), words=("record mixed", "unrecord") * 20), "POST", "recorded-already"),
        (a_call(), "DELETE", "not-recorded"),
        (replace(a_call(), words=("record mixed", "unrecord")), "DELETE", "not-recorded"),
        (a_test("c1"), "POST", "not-recordable"),
    ],
)
async def test_what_cannot_be_is_409(api: Bench, call: Call, method: str, problem: str) -> None:
    live(api, call)
    answer = await api.ask(method, PATH, {"what": "mixed"} if method == "POST" else None)
    assert (answer.status, answer.problem["type"]) == (409, problem)
    assert api.engine.told == []


async def test_of_a_call_of_an_older_version_nothing_is_recorded(api: Bench) -> None:
    live(api, replace(a_call(), secret=""))
    assert (await api.ask("POST", PATH, {})).problem["type"] == "not-recordable"


async def test_a_call_that_ends_this_instant_and_one_that_is_none(api: Bench) -> None:
    live(api)
    api.engine.answer = NotTaken("over")
    assert (await api.ask("POST", PATH, {})).problem["type"] == "call-over"
    assert (await api.ask("POST", "/v1/calls/c9/recording", {})).status == 404
    assert (await api.ask("POST", PATH, {"what": "both"})).status == 422
    assert (await api.ask("POST", PATH, {}, key="viewer")).status == 403


async def test_the_call_tells_of_its_recordings(api: Bench) -> None:
    talk = a_talk()
    leg = replace(
        MIXED, name="rec1_callee_0", file=FILE[:-1] + "b", what="leg", leg="callee", ended_at_ms=NOW_MS + 1_500
    )
    failed = replace(leg, file=FILE[:-1] + "c", why="no room")
    api.engine.live["c1"] = replace(talk, recordings=(MIXED, leg, failed))
    told = (await api.ask("GET", "/v1/calls/c1")).json["recordings"]
    assert told == [
        {"id": FILE, "what": "mixed", "state": "running", "started_at": "2026-11-23T08:33:12.623Z"},
        {
            "id": FILE[:-1] + "b", "what": "leg", "leg": "callee", "state": "done",
            "started_at": "2026-11-23T08:33:12.623Z", "ended_at": "2026-11-23T08:33:13.623Z", "duration_ms": 1_000,
        },
        {**told[1], "id": FILE[:-1] + "c", "state": "failed"},
    ]  # fmt: skip
    api.engine.live["c1"] = talk
    assert "recordings" not in (await api.ask("GET", "/v1/calls/c1")).json


async def test_a_recording_is_fetched_whole_by_who_may_place_calls(api: Bench) -> None:
    api.tapes.kept[FILE] = b"RIFF" + bytes(5_000)
    answer = await api.ask("GET", f"/v1/recordings/{FILE}", key="dialler")
    assert (answer.status, answer.raw) == (200, api.tapes.kept[FILE])
    assert (answer.headers["content-type"], answer.headers["content-length"]) == ("audio/wav", "5004")
    assert answer.headers["cache-control"] == "no-store"
    assert (await api.ask("GET", f"/v1/recordings/{FILE}", key="viewer")).problem["type"] == "forbidden"


async def test_one_that_goes_on_is_not_whole(api: Bench) -> None:
    api.tapes.running.add(FILE)
    answer = await api.ask("GET", f"/v1/recordings/{FILE}")
    assert (answer.status, answer.problem["type"], answer.headers["retry-after"]) == (409, "still-recorded", "5")


@pytest.mark.parametrize("id", ["nonsense", "..%2F..%2Fetc%2Fpasswd", FILE, FILE.upper(), f"{FILE}%0A", "rb20261123-"])
async def test_what_is_no_recording_of_ours_is_404_and_nobody_is_asked_for_it(api: Bench, id: str) -> None:
    asked: list[str] = []

    async def fetch(file: str) -> None:
        asked.append(file)

    api.tapes.fetch = fetch  # type: ignore[method-assign, assignment]
    for method in ("GET", "DELETE"):
        answer = await api.ask(method, f"/v1/recordings/{id}")
        assert answer.status == 404
    assert asked == ([FILE] if id == FILE else [])


async def test_thrown_away_by_the_operator_alone(api: Bench) -> None:
    api.tapes.kept[FILE] = b"RIFF"
    assert (await api.ask("DELETE", f"/v1/recordings/{FILE}", key="dialler")).problem["type"] == "forbidden"
    answer = await api.ask("DELETE", f"/v1/recordings/{FILE}")
    assert (answer.status, answer.raw) == (204, b"")
    assert (await api.ask("DELETE", f"/v1/recordings/{FILE}")).problem["type"] == "unknown-recording"


async def test_what_is_older_than_it_is_kept_goes_and_nothing_else(api: Bench) -> None:
    """The bench's day is the 23rd of November."""
    kept = [
        f"rb20261022-{'0' * 32}",
        f"rb20261024-{'0' * 32}",
        "rb20200101-short",
        "of-somebody-else",
        f"rb20209999-{'0' * 32}",
    ]
    api.tapes.kept = dict.fromkeys(kept, b"RIFF")
    purging = Purging(api.tapes, 30, lambda: NOW_MS)
    assert await purging.look() == 1
    assert list(api.tapes.kept) == kept[1:]
    assert await purging.look() == 0
