"""Conferences on the real PBX, all at the same time, each with its own story: who is rung, what is charged, how it
ends. Two seconds stand for a minute (increment 2/2), so that the published examples take twenty. The carrier is the
witness."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from ari_app.domain.ledger_laws import check_laws
from ari_app.stack.carrier import CarrierCall
from tests.conferences import Conference, View, legs
from tests.conftest import nothing_is_left, running
from tests.ear import Ear
from tests.ground import Ground, laid, number
from tests.ringbridge import Ringbridge
from tests.support import until_sync

MINUTE_S, WARNING_S = 2, 5
START_GAP_S = 0.3  # between two stories: twenty-five phones at one moment are a test of the machine
HALL = {
    "INCREMENT": "2/2", "SLICE_S": "12", "WARNING_S": str(WARNING_S), "MARGIN_S": "2", "HOLD_RETRY_S": "0.5",
    "MEDIA_TIMEOUT_S": "0", "CONFERENCE_PERSONAL_MAX": "9", "CONFERENCE_ALONE_S": "3", "CALLEE_RING_TIMEOUT_S": "9",
    "SOUND_MINUTES_ENDING": "vm-youhave,minutes",
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A conference when it was over, and what the carrier wrote down of each leg."""

    shown: View
    phones: dict[str, CarrierCall | None]
    extra: Any = None

    def talked_ms(self, leg: str) -> int:
        phone = self.phones[leg]
        assert phone is not None
        if phone.answered_at_ms is None:
            return 0
        assert phone.ended_at_ms is not None
        return phone.ended_at_ms - phone.answered_at_ms

    @property
    def charged(self) -> dict[str, int]:
        return {name: one["charged_s"] for name, one in legs(self.shown).items()}


# ---- the stories ----------------------------------------------------------------------------------------------------


def thirty_five(ground: Ground, app: Ringbridge) -> Conference:
    """A with B and C for 5 minutes, then D joins for 5 more."""
    c = Conference.of(app, 10, 11, 12)
    c.until_in("host", "p1", "p2")
    c.after(5 * MINUTE_S + 0.1)
    c.add(13)
    c.after(10 * MINUTE_S)
    return c


def thirty_six(ground: Ground, app: Ringbridge) -> Conference:
    """A is called a minute before B and C, and lets it ring a little, so that they are in an eleventh minute when D has
    talked his third."""
    ground.add_phone("41", "Ringing()", "Wait(1.4)", "Answer()", "Wait(60)")
    c = Conference.of(app, 41, dial_in=True)
    until_sync(lambda: c.show()["state"] == "caller_answered", 10, "A has answered")
    c.after(MINUTE_S - 1.4)
    with ThreadPoolExecutor(2) as both:
        list(both.map(c.add, (10, 11)))
    c.after(8.2 * MINUTE_S)
    c.add(12)
    c.after(11.2 * MINUTE_S)
    return c


def some_do_not_come(ground: Ground, app: Ringbridge) -> Conference:
    """Busy, rings for ever, an answering machine, and one who comes. The busy one is rung again."""
    c = Conference.of(app, 14, 22, 23, 29, 15)
    c.until(lambda shown: {"host", "p3", "p4"} <= c.those_in(shown), "two have come, one of them a machine")
    c.until(lambda shown: legs(shown)["p1"]["outcome"] == "busy", "one is busy")
    assert c.ring("p1") == "p5"
    c.until(lambda shown: legs(shown)["p2"]["outcome"] == "no_answer", "nobody is waited for for ever")
    c.until(lambda shown: legs(shown)["p5"]["outcome"] == "busy", "he is busy again")
    c.remove("p3")
    c.until_in("host", "p4")
    return c


def guarded(ground: Ground, app: Ringbridge) -> Conference:
    """Who is called must press 1: phone 28 does, the answering machine does not."""
    c = Conference.of(app, 16, 28, 29, confirm_joining=True)
    c.until_in("host", "p1")
    c.until(lambda shown: legs(shown)["p2"]["state"] == "left", "the machine is hung up")
    return c


def runs_out(ground: Ground, app: Ringbridge) -> Conference:
    """48 seconds for four are twelve. Two of them are silent, so that the others are heard well."""
    mine = number(1)
    user = app.user(f"h{mine[1:]}", mine)
    ground.leave(user, 48)
    return Conference.of(app, 1, 2, 35, 35, user=user)


def host_leaves(ground: Ground, app: Ringbridge) -> Conference:
    return Conference.of(app, 26, 17, 18)


def host_leaves_and_it_goes_on(ground: Ground, app: Ringbridge) -> Conference:
    """Until one is left alone: p2 hangs up by himself."""
    ground.add_phone("42", "Answer()", "Wait(8)", "Hangup()")
    return Conference.of(app, 26, 19, 42, ends_with_host=False)


def nobody_comes(ground: Ground, app: Ringbridge) -> Conference:
    return Conference.of(app, 14, 22, 25)


STORIES: dict[str, tuple[Callable[[Ground, Ringbridge], Conference], bool]] = {
    "35": (thirty_five, True), "36": (thirty_six, True), "some do not come": (some_do_not_come, True),
    "guarded": (guarded, True), "runs out": (runs_out, False), "host leaves": (host_leaves, False),
    "goes on": (host_leaves_and_it_goes_on, False), "nobody comes": (nobody_comes, False),
}  # fmt: skip
"""And whether it is ended by the API."""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, Ringbridge]]:
    with laid(tmp_path_factory.mktemp("hall"), media_timeout_s=0) as ground, running(ground.home, **HALL) as app:
        yield ground, app


@pytest.fixture(scope="module")
def told(hall: tuple[Ground, Ringbridge]) -> dict[str, Told]:
    ground, app = hall

    def tell(story: Callable[[Ground, Ringbridge], Conference], is_ended_by_us: bool) -> View:
        c = story(ground, app)
        return c.end() if is_ended_by_us else c.until_ended()

    with ThreadPoolExecutor(len(STORIES)) as pool:
        going_on = {}
        for name, story in STORIES.items():
            going_on[name] = pool.submit(tell, *story)
            time.sleep(START_GAP_S)
        over = {name: one.result() for name, one in going_on.items()}
    # in one thread alone: the carrier's record is read on from where it was read last
    return {
        name: Told(shown, {leg: phone_of(ground, shown, leg) for leg in legs(shown)}) for name, shown in over.items()
    }


def phone_of(ground: Ground, shown: View, leg: str) -> CarrierCall | None:
    """What the carrier wrote down of this leg, once it is final; None: it never heard of it."""
    mine = legs(shown)[leg]
    same = [one["leg"] for one in shown["participants"] if one["number"] == mine["number"]]
    rings = ground.rings(mine["number"])
    if len(rings) <= same.index(leg):
        return None
    until_sync(lambda: ground.rings(mine["number"])[same.index(leg)].ended_at_ms, 5, "the carrier knows the end")
    return ground.rings(mine["number"])[same.index(leg)]


# ---- what came of them ----------------------------------------------------------------------------------------------


def test_a10_b10_c10_d5_are_35(told: dict[str, Told]) -> None:
    one = told["35"]
    assert one.charged == {leg: m * MINUTE_S for leg, m in {"host": 10, "p1": 10, "p2": 10, "p3": 5}.items()}
    assert one.shown["charged_s"] == 35 * MINUTE_S


def test_a11_b11_c11_d3_are_36(told: dict[str, Told]) -> None:
    one = told["36"]
    assert one.charged == {leg: m * MINUTE_S for leg, m in {"host": 11, "p1": 11, "p2": 11, "p3": 3}.items()}
    assert one.shown["charged_s"] == 36 * MINUTE_S


@pytest.mark.parametrize("name", STORIES)
def test_every_leg_is_charged_what_the_carrier_saw(told: dict[str, Told], name: str) -> None:
    """Whole seconds of talk, ± 1 s, in whole increments; nothing for who never answered, nor beyond what was held."""
    one = told[name]
    for leg, phone in one.phones.items():
        talked_s = 0 if phone is None else one.talked_ms(leg) / 1000
        least, most = max(0, int(talked_s) - 1), talked_s + 1
        assert least <= one.charged[leg] <= -(-most // MINUTE_S) * MINUTE_S, (leg, talked_s, one.charged)
    assert sum(one.charged.values()) == one.shown["charged_s"] <= one.shown["held_s"]
    assert one.shown["overrun_s"] == 0


def test_who_does_not_come_keeps_nobody_from_coming(told: dict[str, Told]) -> None:
    one = told["some do not come"]
    outcomes = {leg: view["outcome"] or view["state"] for leg, view in legs(one.shown).items()}
    assert outcomes == {"host": "left", "p1": "busy", "p2": "no_answer", "p3": "left", "p4": "left", "p5": "busy"}
    assert one.charged["p1"] == one.charged["p2"] == one.charged["p5"] == 0


def test_a_machine_does_not_join_where_one_must_press_a_key(told: dict[str, Told]) -> None:
    shown = told["guarded"].shown
    assert shown["reason"] == "completed"
    assert {leg: view["state"] for leg, view in legs(shown).items()} == {"host": "left", "p1": "left", "p2": "left"}


def test_the_minutes_end_on_time_and_the_host_alone_is_warned(
    told: dict[str, Told], hall: tuple[Ground, Ringbridge]
) -> None:
    ground, app = hall
    one = told["runs out"]
    assert (one.shown["reason"], one.shown["hung_up_by"]) == ("balance_empty", "system")
    assert sum(one.talked_ms(leg) for leg in one.phones) / 1000 <= 48 + 2 * len(one.phones), "2 s a leg at most"
    assert min(one.talked_ms(leg) for leg in one.phones) >= 11_000, "and not too early"
    host = one.phones["host"]
    assert host is not None
    assert host.ended_at_ms is not None
    for leg, phone in one.phones.items():
        assert phone is not None
        if phone.recording is not None:
            spoken_ms = Ear(phone).other_ms(
                host.ended_at_ms - 1000 * WARNING_S - 500, host.ended_at_ms - 1000, 350, 400
            )
            # A frame or two that came late under load sounds like nothing known; a warning is seconds of speech.
            assert spoken_ms > 500 if leg == "host" else spoken_ms <= 200, (leg, spoken_ms)
    account = ground.account(one.shown["payer"])
    assert (account.available_s, check_laws(account)) == (0, [])
    assert app.balance(one.shown["payer"])["available_s"] == 0


def test_it_ends_with_the_host_or_goes_on_by_setting(told: dict[str, Told]) -> None:
    assert (told["host leaves"].shown["reason"], told["host leaves"].shown["hung_up_by"]) == ("completed", "caller")
    on = told["goes on"]
    assert (on.shown["reason"], on.shown["hung_up_by"]) == ("completed", "system"), "the last one alone"
    assert on.talked_ms("p1") > on.talked_ms("p2") > on.talked_ms("host")
    assert 1800 <= on.talked_ms("p1") - on.talked_ms("p2") <= 5500, "after conference_alone_s"


def test_nobody_came(told: dict[str, Told]) -> None:
    shown = told["nobody comes"].shown
    assert shown["reason"] in ("callee_busy", "callee_unreachable"), "whoever was the last to be tried"
    assert "talking_at" not in shown


def test_nothing_is_left_of_them(told: dict[str, Told], hall: tuple[Ground, Ringbridge]) -> None:
    nothing_is_left(*hall)
