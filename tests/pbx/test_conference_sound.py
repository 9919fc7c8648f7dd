"""Who hears whom in a conference, by the tone of each phone and the recording of every one of them; and a conference
whose app is killed in its midst."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ari_app.stack.carrier import CarrierCall
from tests.conferences import Conference, View, legs
from tests.conftest import nothing_is_left
from tests.ground import SOAK, Ground, laid
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync
from tests.who_heard import everybody, heard_table

HALL = {
    "INCREMENT": "1/1", "SLICE_S": "20", "MEDIA_TIMEOUT_S": "0", "CONFERENCE_PERSONAL_MAX": "9", "WARNING_S": "5",
    "MARGIN_S": "2", "CONFERENCE_TONES": "false",
}  # fmt: skip
STRETCH_S, SETTLED_MS = 2 if SOAK else 1, 400
"""So long is listened; and so long after a change until it is heard."""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, Ringbridge]]:
    with laid(tmp_path_factory.mktemp("sound"), media_timeout_s=0) as ground:
        app = Ringbridge(ground.home, **HALL).start()
        try:
            yield ground, app
        finally:
            if app.is_running:
                app.terminate()


def listen(seconds: float = STRETCH_S) -> tuple[int, int]:
    """A stretch of time in which nothing changes, once it is over."""
    from_ms = now_ms() + SETTLED_MS
    until_sync(lambda: now_ms() >= from_ms + 1000 * seconds + SETTLED_MS, seconds + 5, "so long")
    return from_ms, from_ms + int(1000 * seconds)


def recorded(ground: Ground, shown: View) -> dict[str, CarrierCall]:
    return {leg: ground.hung_up(view["number"]) for leg, view in legs(shown).items()}


def test_each_of_nine_hears_each_other_and_a_muted_one_is_silent(hall: tuple[Ground, Ringbridge]) -> None:
    """Two, three (the bridge mixes now), nine; one muted and heard again; one taken out; two again."""
    ground, app = hall
    c = Conference.of(app, 1, 2)
    c.until_in("host", "p1")
    two = listen()
    names = ["host", "p1", c.add(3)]
    c.until_in(*names)
    three = listen()
    names += [c.add(phone) for phone in range(4, 10)]
    c.until_in(*names)
    nine = listen(2)
    c.mute("p4", True)
    muted = listen()
    c.mute("p4", False)
    again = listen()
    c.until(lambda shown: all(view["talking"] for view in legs(shown).values()), "who speaks is told")
    for leg in names[2:]:
        c.remove(leg)
    c.until_in("host", "p1")
    last = listen()
    phones = recorded(ground, c.end())

    def heard(stretch: tuple[int, int], *who: str, muted: str = "") -> None:
        table = heard_table({name: phones[name] for name in who}, *stretch)
        table.must_be(everybody(*who, muted=[muted] if muted else []))

    heard(two, *names[:2])
    heard(three, *names[:3])
    heard(nine, *names)
    heard(muted, *names, muted="p4")
    heard(again, *names)
    heard(last, *names[:2])


@pytest.mark.soak("tests/chaos kills among conferences, too")
def test_killed_in_its_midst_it_is_adopted_and_goes_on(hall: tuple[Ground, Ringbridge]) -> None:
    """Nobody is rung again, all hear each other meanwhile and after, and it is charged to the second."""
    ground, app = hall
    c = Conference.of(app, 1, 2, 3)
    c.until_in("host", "p1", "p2")
    app.kill()
    dead = listen(1)
    app.start()
    c.until_in("host", "p1", "p2")
    names = ["host", "p1", "p2", c.add(4)]
    c.until_in(*names)
    c.mute("p1", True)
    after = listen()
    shown = c.end()
    phones = recorded(ground, shown)
    heard_table({name: phones[name] for name in names[:3]}, *dead).must_be(everybody(*names[:3]))
    heard_table(phones, *after).must_be(everybody(*names, muted=["p1"]))
    for leg, phone in phones.items():
        assert phone.answered_at_ms is not None
        assert phone.ended_at_ms is not None
        talked_s = (phone.ended_at_ms - phone.answered_at_ms) / 1000
        assert legs(shown)[leg]["charged_s"] == pytest.approx(talked_s, abs=1)
    assert (shown["reason"], shown["overrun_s"]) == ("completed", 0)
    nothing_is_left(ground, app)
