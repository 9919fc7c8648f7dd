"""A new version at noon: the running process is told to leave, nobody is there for a while, and a new one goes on.

One call talks, one has its next minutes due while nobody is there, one has a phone that answers while nobody is there,
one a phone that still rings. None of them notices.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import redis

from ari_app.entrypoints.views import at_ms
from tests.acceptance.drive import settled_down
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import Shown, phone_of
from tests.ringbridge import Ringbridge, now_ms

SLICE_S = 14
SETTINGS = {"SLICE_S": str(SLICE_S), "WARNING_S": "4", "MARGIN_S": "4"}
DUE_MS = 6_000
"""So long after the answer the next slice is due; the first one ends eight seconds later."""


def test_a_new_version_takes_the_calls_up(house: House) -> None:
    app = house.have(**SETTINGS)
    late = house.place("10", "31")  # answers after 20 s
    early = house.place("10", "21")  # after 3 s
    talk = house.place("01", "02")
    began_ms = at_ms(app.until_state(talk.id, "talking")["talking_at"])
    for call in (late, early):
        house.until(lambda call=call: phone_of(house.ground, call.callee), 5, "the phone rings")  # type: ignore[misc]

    assert app.terminate() == 0
    assert now_ms() < began_ms + DUE_MS, "it was to be gone by the time that minutes are due"
    house.until(lambda: is_up(house, early.callee), 10, "a phone answers while nobody is there")
    house.until(lambda: now_ms() > began_ms + DUE_MS + 500, 5, "minutes are due while nobody is there")
    app = house.again()

    assert app.until_state(early.id, "talking", within_s=5)["state"] == "talking"
    assert app.show(late.id)["state"] == "ringing_callee"
    house.until(lambda: now_ms() > began_ms + 1000 * SLICE_S + 1_500, 20, "what was held first is used up")
    assert app.show(talk.id)["state"] == "talking"
    assert app.show(talk.id)["held_s"] > SLICE_S
    for call in (talk, early):
        ends(house, call)
    heard_all_the_time(house, talk)
    app.until_state(late.id, "talking", within_s=20)
    ends(house, late)
    assert not app.complaints()


def test_damaged_records_keep_nobody_from_being_taken_up(house: House) -> None:
    """One whose head is damaged, one that cannot be read, one of a call without phones, one of another call."""
    app = house.have(**SETTINGS)
    talk = house.place("01", "02")
    app.until_state(talk.id, "talking")
    app.kill()
    damaged = [f"c{letter * 26}" for letter in "abde"]
    with redis.Redis.from_url(house.ground.info.redis_url) as store:
        [live] = [key for key in store.keys("{n:*}:live") if store.sismember(key, talk.id)]
        head, _, record = store.get(f"{{c:{talk.id}}}:r").partition(b"\n")
        bare = msgspec.json.encode(msgspec.json.decode(record) | {"legs": []})
        for call, data in zip(damaged, (record, record[:-9], bare, record), strict=True):
            store.set(f"{{c:{call}}}:r", (head if call != damaged[0] else b"not a head") + b"\n" + data)
            store.sadd(live, call)

        app = house.again()

        house.until(lambda: left_alone(app) == sorted(damaged), 10, "all that cannot be read have been looked at")
        assert app.show(talk.id)["state"] == "talking"
        assert store.smembers(live) >= {one.encode() for one in (talk.id, *damaged)}, "they are left as they are"
        for call in damaged:
            assert app.ask("GET", f"/v1/calls/{call}").body["type"] == "unreadable-record"
            store.srem(live, call)
            store.delete(f"{{c:{call}}}:r")
    ends(house, talk)


def left_alone(app: Ringbridge) -> list[str]:
    """The calls that its log says so of."""
    told = [json.loads(line) for line in app.complaints()]
    return sorted(line["call"] for line in told if line["event"] == "call left alone")


def is_up(house: House, number: str) -> bool:
    phone = phone_of(house.ground, number)
    return phone is not None and phone.answered_at_ms is not None


def ends(house: House, call: Placed) -> None:
    house.app.hang_up(call.id)
    shown: Shown = house.app.until_ended(call.id)
    assert settled_down(house, call, shown).reason == "completed"


def heard_all_the_time(house: House, call: Placed) -> None:
    """Each phone hears the other one in every second of its recording."""
    for number, hz in ((call.caller, 400.0), (call.callee, 350.0)):
        [phone] = house.ground.rings(number, with_tones=True)
        heard = {second: tones for second, tones in phone.heard if any(abs(one - hz) < 10 for one in tones)}
        whole: Any = range(max(heard) if heard else 0)
        assert len(heard) > SLICE_S
        assert all(second in heard for second in whole if second > 1), (number, sorted(heard))
