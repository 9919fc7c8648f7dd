"""Recordings on the real PBX: both tones are in the mixed one, one in each leg's; both phones hear the beep before, and
no gap; stopped is stopped; nothing is recorded that nobody asked for. And the app is killed in a recorded call."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.entrypoints.views import at_ms
from ari_app.stack import tones
from tests.conftest import nothing_is_left, running
from tests.ear import Ear
from tests.ground import Ground, laid, number
from tests.heard_digits import digit_prompts, heard_digits
from tests.ringbridge import Ringbridge, now_ms
from tests.stories import Board, Shown, tell
from tests.support import until_sync

A, B = 350, 400  # Hz, of the phones 01 and 02
RECORDED_MS = 2_000


@dataclass(frozen=True)
class Story:
    """A call between the phones 01 and 02 as it ended, and what its phones heard."""

    shown: Shown
    caller: Ear
    callee: Ear
    stopped_ms: int = 0

    @property
    def recordings(self) -> list[dict[str, Any]]:
        return list(self.shown.get("recordings", ()))


def fetched(app: Ringbridge, id: str, into: Path) -> Path:
    request = urllib.request.Request(f"{app.api}/v1/recordings/{id}", headers={"Authorization": f"Bearer {app.key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        sound = answer.read()
    assert sound[:4] == b"RIFF"
    assert len(sound) == int(answer.headers["content-length"])
    path = into / f"{id}.wav"
    path.write_bytes(sound)
    return path


def length_ms(sound: Path) -> int:
    return (sound.stat().st_size - 44) // 16


def is_running(shown: Shown) -> bool:
    return any(one["state"] == "running" for one in shown.get("recordings", ()))


def recorded_for(board: Board, call: str, ms: int) -> None:
    board.until(call, is_running, 15, "it is recorded")
    board.until(call, lambda one: now_ms() - at_ms(one["recordings"][-1]["started_at"]) > ms, 10, f"{ms} ms of it")


@pytest.fixture(scope="module")
def told(ground: Ground, ringbridge: Ringbridge) -> Mapping[str, Story]:
    def story(name: str, **asked: str) -> Callable[[Board], Story]:
        def go(board: Board) -> Story:
            a, b = number(1), number(2)
            call = ringbridge.call(ringbridge.user(f"rec-{name}", a), b, **asked)
            stopped_ms = 0
            if asked:
                recorded_for(board, call, RECORDED_MS)
            if name == "mixed":
                assert ringbridge.ask("DELETE", f"/v1/calls/{call}/recording").status == 202
                board.until(call, lambda one: not is_running(one), 5, "it is stopped")
                stopped_ms = now_ms()
                board.until(call, lambda _: now_ms() - stopped_ms > 1_000, 5, "the talk goes on")
            shown = board.hang_up(call, 1)
            return Story(shown, Ear(ground.phone(a)), Ear(ground.phone(b)), stopped_ms)

        return go

    return tell(
        ringbridge,
        {"mixed": story("mixed", record="mixed"), "legs": story("legs", record="legs"), "unasked": story("unasked")},
    )


def test_both_are_in_the_mixed_one_and_it_ends_where_it_was_stopped(
    ringbridge: Ringbridge, told: Mapping[str, Story], tmp_path: Path
) -> None:
    [one] = told["mixed"].recordings
    assert (one["what"], one["state"], "leg" in one) == ("mixed", "done", False)
    sound = fetched(ringbridge, one["id"], tmp_path)
    assert RECORDED_MS - 300 < length_ms(sound) <= told["mixed"].stopped_ms - at_ms(one["started_at"]) + 300
    assert abs(length_ms(sound) - one["duration_ms"]) < 300
    for hz in (A, B):
        assert tones.heard(sound, hz, 200, length_ms(sound) - 100) > 0.95
        assert tones.gaps(sound, hz, 200, length_ms(sound) - 100) == []


def test_each_leg_is_alone_in_its_own(ringbridge: Ringbridge, told: Mapping[str, Story], tmp_path: Path) -> None:
    legs = {one["leg"]: one for one in told["legs"].recordings}
    assert {one["what"] for one in legs.values()} == {"leg"}
    for role, own, other in (("caller", A, B), ("callee", B, A)):
        sound = fetched(ringbridge, legs[role]["id"], tmp_path)
        assert tones.heard(sound, own, 200, RECORDED_MS - 200) > 0.95, role
        assert tones.heard(sound, other, 200, RECORDED_MS - 200) < 0.05, role


def test_both_hear_a_beep_before_anything_is_recorded_and_no_gap(told: Mapping[str, Story]) -> None:
    for name in ("mixed", "legs"):
        story = told[name]
        began_ms = min(at_ms(one["started_at"]) for one in story.recordings)
        talking_ms = at_ms(story.shown["talking_at"])
        for ear in (story.caller, story.callee):
            assert ear.other_ms(talking_ms, began_ms + 100, A, B) >= 50, f"{name}: no beep"
        assert story.caller.gaps(B, talking_ms + 600, at_ms(story.shown["ended_at"]) - 300) == []
        assert story.callee.gaps(A, talking_ms + 600, at_ms(story.shown["ended_at"]) - 300) == []


def test_nothing_is_recorded_that_nobody_asked_for(ground: Ground, told: Mapping[str, Story]) -> None:
    story = told["unasked"]
    assert "recordings" not in story.shown
    talking_ms, ended_ms = at_ms(story.shown["talking_at"]), at_ms(story.shown["ended_at"])
    assert story.caller.other_ms(talking_ms + 500, ended_ms - 300, A, B) == 0, "no beep either"
    ours = {one["id"] for other in told.values() for one in other.recordings}
    stored = {one["name"] for one in ground.ari("GET", "recordings/stored")}
    assert {one for one in stored if one.startswith("rb")} >= ours
    mine = story.shown["id"]
    assert not any(mine in one for one in stored), "a name from which the call could be guessed, or the other way"
    files = [path for path in ground.home.rglob("rb*.wav") if path.stem in ours]
    assert len(files) == len(ours) == 3
    assert {path.stat().st_mode & 0o077 for path in files} == {0}, "for nobody else on this machine"


def test_thrown_away_it_is_gone_by_whoever_may(ringbridge: Ringbridge, told: Mapping[str, Story]) -> None:
    [one] = told["mixed"].recordings
    path = f"/v1/recordings/{one['id']}"
    viewer = ringbridge.ask("POST", "/v1/keys", {"name": "viewer", "scopes": ["read"]}).body["secret"]
    assert ringbridge.ask("GET", path, Authorization=f"Bearer {viewer}").status == 403
    assert ringbridge.ask("DELETE", path).status == 204
    assert ringbridge.ask("GET", path).body["type"] == "unknown-recording"
    assert ringbridge.ask("DELETE", path).body["type"] == "unknown-recording"
    assert ringbridge.ask("GET", f"/v1/calls/{told['mixed'].shown['id']}").body["recordings"] == [one]


# ---- killed ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with laid(tmp_path_factory.mktemp("alone")) as ground:
        yield ground


@pytest.fixture
def app(alone: Ground) -> Iterator[Ringbridge]:
    settings = {"RECORDING_CONSENT": "announcement", "LEASE_TTL_S": "2", "LEASE_MARGIN_S": "0.5"}
    with running(alone.home, **settings) as app:
        yield app
        nothing_is_left(alone, app)


def test_killed_in_a_recorded_call_it_goes_on_without_a_gap(alone: Ground, app: Ringbridge, tmp_path: Path) -> None:
    """Its end is known, and no snoop is left."""
    a, b = number(1), number(2)
    call = app.call(app.user("u", a), b, record="mixed")
    until_sync(lambda: is_running(app.show(call)), 30, "it is recorded")
    [first] = app.show(call)["recordings"]
    until_sync(lambda: now_ms() - at_ms(first["started_at"]) > 500, 5, "some of it")
    app.kill()
    app.start()
    until_sync(lambda: is_running(app.show(call)), 10, "it is recorded still")
    [one] = app.show(call)["recordings"]
    assert one == first
    app.hang_up(call)
    app.until_ended(call)
    until_sync(lambda: not is_running(app.show(call)), 5, "the PBX has said that it is whole")
    [ended] = app.show(call)["recordings"]
    assert (ended["id"], ended["state"]) == (one["id"], "done")
    sound = fetched(app, one["id"], tmp_path)
    for hz in (A, B):
        # A new process takes seconds to come; a busy machine's late frames are no gap.
        assert tones.gaps(sound, hz, 200, length_ms(sound) - 200, at_least_ms=300) == []
    assert abs(length_ms(sound) - ended["duration_ms"]) < 300
    talking_ms = at_ms(app.show(call)["talking_at"])
    for phone in (a, b):
        words_ms = Ear(alone.phone(phone)).other_ms(talking_ms, at_ms(one["started_at"]) + 100, A, B)
        assert words_ms > 700, "words, not a beep"


@pytest.mark.soak("half a minute of reading")
def test_killed_while_a_code_is_read_out_it_is_read_on_and_counts(alone: Ground, app: Ringbridge) -> None:
    his, user = number(5), app.user("v")
    shop = app.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call"]}).body["secret"]
    app.ask("PUT", f"/v1/users/{user}", {"numbers": [his]}, Authorization=f"Bearer {shop}")
    path = f"/v1/users/{user}/numbers/%2B{his[1:]}"
    reading = app.ask("POST", f"{path}/verify", Idempotency_Key="k").body["call"]
    until_sync(lambda: alone.rings(his) and alone.phone(his).answered_at_ms, 10, "the code is being read out")
    until_sync(lambda: now_ms() - (alone.phone(his).answered_at_ms or 0) > 2_000, 10, "some of it")
    app.kill()
    app.start()
    assert app.ask("POST", f"{path}/verify", Idempotency_Key="k").body["call"] == reading
    app.until_ended(reading)
    phone = until_sync(lambda: alone.phone(his) if alone.phone(his).recording else None, 10, "it was recorded")
    digits = heard_digits(Path(str(phone.recording)), digit_prompts(alone.stack))
    assert digits.count(digits[-6:]) >= 2, digits
    for _ in range(2):
        assert app.ask("POST", f"{path}/confirm", {"code": digits[-6:]}).body["verified"] == [his]


@pytest.mark.soak("purging without a PBX is in tests/unit")
def test_what_is_too_old_is_thrown_away_and_where_nothing_can_be_written_the_talk_goes_on(alone: Ground) -> None:
    """The last one here: the PBX complains of it."""
    folder = alone.home / "pbx" / "spool" / "recording"
    folder.mkdir(parents=True, exist_ok=True)
    old, other = folder / f"rb20200101-{'0' * 32}.wav", folder / "of-somebody-else.wav"
    for file in (old, other):
        file.write_bytes(b"RIFF" + bytes(40))
    with running(alone.home) as app:
        until_sync(lambda: not old.exists(), 10, "it is thrown away")
        assert other.exists(), "it is not ours"
        folder.rename(folder.with_name("away"))
        folder.write_text("no folder")
        call = app.call(app.user("w", number(10)), number(11), record="legs")
        until_sync(
            lambda: [one["state"] for one in app.show(call).get("recordings", ())] == ["failed"] * 2, 15, "failed"
        )
        assert app.show(call)["state"] == "talking"
        app.hang_up(call)
        assert app.until_ended(call)["reason"] == "completed"
        until_sync(lambda: not alone.on_the_pbx(), 5, "no snoop is left")
