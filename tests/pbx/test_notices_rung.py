"""Notices on the real PBX: who presses the key confirms and is left in peace, who does not is rung again after the gap;
what is heard is the text, and what is on record of each try is what the carrier saw."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_app.entrypoints.views import at_ms, rfc3339
from ari_app.stack import tones
from tests.ground import SOAK, Ground, number
from tests.heard_digits import speech_ms
from tests.notices import Sender, Shown, outcomes
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync
from tests.unit.http.http_bench import a_tone

GAP_S = 2
CONFIRMS, VOICEMAIL, BUSY, RINGS, RECORDS, HANGS_UP, UNKNOWN = 28, 29, 22, 23, 5, 26, 99
AGAIN, CONNECT = "+8613988201008", "+8613988300009"
"""Phones that press keys: 2 after 6 s and 1 after 12; 3 after 3 s."""
LONG = "The meeting was moved from Monday to Wednesday, and from the small room to the large hall upstairs."
MISSED = (BUSY, UNKNOWN, *((RINGS,) if SOAK else ()))


@pytest.fixture(scope="module")
def sender(ground: Ground, ringbridge: Ringbridge) -> Sender:
    return Sender(ringbridge, ground)


@dataclass(frozen=True)
class Told:
    """Notices to phones of each kind, all sent at the same time, when they were done."""

    people: Mapping[str, Shown]
    counts: Mapping[str, Mapping[str, int]]
    events: list[Shown]
    phones: Mapping[int, str]
    short: str
    long: str
    audio: str
    before: Shown
    after: Shown
    talk_s: int

    def person(self, phone: int) -> Shown:
        return self.people[self.phones[phone]]


@pytest.fixture(scope="module")
def told(sender: Sender) -> Told:
    phones = {one: number(one) for one in (CONFIRMS, VOICEMAIL, HANGS_UP, *MISSED)}
    short, long, audio = (number(RECORDS) for _ in range(3))
    before, once = sender.app.balance(sender.user), {"tries": 1}
    keyed = sender.sends(AGAIN, CONNECT, text="Ten.", retry=once)
    notices = {
        "usual": sender.sends(
            *(phones[one] for one in (CONFIRMS, *MISSED)), text=LONG, retry={"tries": 2}, metadata={"x": "7"}
        ),
        "voicemail": sender.sends(phones[VOICEMAIL], retry=once),
        "cut short": sender.sends(phones[HANGS_UP], text=LONG, retry=once),
        "long": sender.sends(long, text="The meeting was moved to Wednesday.", retry=once),
        "short": sender.sends(short, text="Ten.", retry=once),
        "audio": sender.sends(audio, audio=base64.b64encode(a_tone(700, 3)).decode(), confirm=None),
        "keyed": keyed,
    }
    talk_s = connected(sender, keyed)
    shown = {name: sender.until_done(id, within_s=90) for name, id in notices.items()}
    people = {one["number"]: one for notice in shown.values() for one in notice["recipients"]}
    counts = {name: notice["counts"] for name, notice in shown.items()}
    events = [event for id in notices.values() for event in sender.events(id)]
    after = until_sync(
        lambda: b if not (b := sender.app.balance(sender.user))["held_s"] else None, 10, "nothing is held"
    )
    return Told(people, counts, events, phones, short, long, audio, before, after, talk_s)


def connected(sender: Sender, notice: str) -> int:
    """Who asked for it talks to the sender, for a moment; what is charged for that: nothing for less than a second."""
    sender.until(notice, lambda shown: any("recall" in one for one in shown["recipients"]), 40, "he is called back")
    recall = until_sync(lambda: sender.people(notice)[CONNECT].get("recall", "due").removeprefix("due"), 10, "the call")
    call = sender.app.until_state(recall, "talking")
    assert (call["type"], call["caller"], call["legs"][1]["number"]) == ("callback", sender.user, CONNECT)
    sender.app.hang_up(recall)
    return int(sender.app.until_ended(recall)["charged_s"])


def test_who_presses_the_key_has_confirmed_and_is_never_called_again(told: Told, ground: Ground) -> None:
    person = told.person(CONFIRMS)
    assert (person["state"], outcomes(person)) == ("confirmed", ["confirmed"])
    [evidence] = person["tries"]
    assert evidence["key"] == "1"
    [seen] = ground.rings(told.phones[CONFIRMS])
    assert abs(at_ms(evidence["answered_at"]) - (seen.answered_at_ms or 0)) < 1_000
    assert 1_500 < at_ms(evidence["key_at"]) - at_ms(evidence["answered_at"]) < 6_000, "3 s after its answer"
    assert evidence["heard"] is False, "he did not wait for the end of it"


def test_a_voicemail_hears_all_of_it_and_has_not_confirmed(told: Told) -> None:
    person = told.person(VOICEMAIL)
    assert (person["state"], outcomes(person)) == ("heard", ["heard"])
    [evidence] = person["tries"]
    assert (evidence["key"], evidence["heard"]) == (None, True)


def test_who_was_not_reached_is_rung_again_after_the_gap_and_then_no_more(told: Told, ground: Ground) -> None:
    for phone, outcome in {BUSY: "busy", UNKNOWN: "unreachable", RINGS: "no_answer"}.items():
        if phone in MISSED:
            person = told.person(phone)
            assert (person["state"], outcomes(person)) == ("not_answered", [outcome] * 2)
            first, second = ground.rings(told.phones[phone])
            waited_ms = second.invited_at_ms - (first.ended_at_ms or first.invited_at_ms)
            assert 1000 * GAP_S - 300 < waited_ms < 1000 * GAP_S + 5_000, phone


def test_who_hangs_up_in_the_middle_of_it_has_not_heard_it(told: Told) -> None:
    """The PBX tells a sound that was broken off by a hang-up from one that was played to its end."""
    [evidence] = told.person(HANGS_UP)["tries"]
    assert (evidence["outcome"], evidence["heard"]) == ("unheard", False)
    assert 3_000 < at_ms(evidence["ended_at"]) - at_ms(evidence["answered_at"]) < 9_000
    assert [one["outcome"] for one in told.people[told.long]["tries"]] == ["heard"]


def test_each_who_did_not_confirm_is_told_of_for_another_channel(told: Told) -> None:
    missed = {one["number"]: one for one in told.events if one["type"] == "notice_not_answered"}
    phones = [told.phones[one] for one in (VOICEMAIL, HANGS_UP, *MISSED)]
    assert missed.keys() == {*phones, told.short, told.long}
    assert missed[told.phones[BUSY]]["outcome"] == "busy"
    assert missed[told.phones[VOICEMAIL]]["state"] == "heard"
    assert told.counts["usual"] == {"confirmed": 1, "not_answered": len(MISSED)}
    of_one = [one for one in told.events if one["notice"] == told.events[0]["notice"]]
    assert [one["seq"] for one in of_one] == [*range(1, len(of_one) + 1)]
    assert [one["type"] for one in of_one if "n" not in one] == ["notice_created", "notice_done"]


def test_the_sender_pays_for_each_answered_leg_from_its_answer(told: Told, sender: Sender) -> None:
    """Eight phones were answered, each for less than a minute; beside them there is the talk with the sender."""
    assert told.before["available_s"] - told.after["available_s"] == 60 * 8 + told.talk_s
    [evidence] = told.person(CONFIRMS)["tries"]
    call = sender.app.show(evidence["call"])
    assert (call["type"], call["payer"], call["charged_s"], call["metadata"]) == (
        "notice", sender.user, 60, {"x": "7"}
    )  # fmt: skip
    assert (call["legs"][0]["shown"], call["legs"][0]["why"]) == (sender.number, "verified")


# ---- what is heard --------------------------------------------------------------------------------------------------


def recording(ground: Ground, its: str) -> Path:
    """Of the one call to a number."""

    def recorded() -> Path | None:
        [call] = ground.rings(its)
        return Path(call.recording) if call.recording and call.ended_at_ms else None

    return until_sync(recorded, 10, "the phone has recorded it")


def test_the_text_is_really_heard_and_as_long_as_it_is(told: Told, ground: Ground) -> None:
    """A long one is heard for longer than a short one, by about what the voice takes for it; the rest is the same."""
    more_ms = speech_ms(recording(ground, told.long)) - speech_ms(recording(ground, told.short))
    assert 1_000 < more_ms < 3_500, more_ms


def test_an_audio_file_is_played_as_it_is(told: Told, sender: Sender, ground: Ground) -> None:
    """A tone of 3 s; no key is asked for, and to have heard it is enough."""
    by_id = sender.app.ask_raw("POST", "/v1/audio", a_tone(700, 3))
    assert (by_id.status, by_id.body["ms"]) == (201, 3_000), by_id
    assert told.counts["audio"] == {"heard": 1}
    sound = recording(ground, told.audio)
    heard = tones.stretches(sound, 700)
    since, until = heard[0][0], heard[-1][1]
    assert 2_800 < until - since < 3_300
    assert tones.gaps(sound, 700, since, until) == []


def test_a_key_says_it_again_and_another_one_connects_to_the_sender(told: Told, ground: Ground) -> None:
    [again] = told.people[AGAIN]["tries"]
    assert (again["outcome"], again["key"], again["heard"]) == ("confirmed", "1", True)
    [connect] = told.people[CONNECT]["tries"]
    assert (connect["outcome"], connect["key"], told.people[CONNECT]["state"]) == ("connect", "3", "confirmed")
    first, second = ground.rings(CONNECT)
    assert (first.ended_at_ms or 0) <= second.invited_at_ms, "he is called back when his phone was hung up"


# ---- when -----------------------------------------------------------------------------------------------------------


def test_nobody_is_rung_before_the_time_nor_in_quiet_hours(sender: Sender, ground: Ground) -> None:
    later, quiet, reminded = number(CONFIRMS), number(CONFIRMS), number(BUSY)
    at = now_ms() + 3_000
    here = datetime.now(UTC) + timedelta(hours=8)  # of the operator's clock
    hours = f"{here - timedelta(hours=1):%H:%M}-{here + timedelta(hours=1):%H:%M}"
    scheduled = sender.sends(later, at=rfc3339(at))
    assert sender.shown(scheduled)["state"] == "scheduled"
    held = sender.sends(quiet, quiet_hours=hours)
    [rung] = until_sync(lambda: ground.rings(later), 10, "his phone rings")
    assert rung.invited_at_ms >= at - 50
    [waiting] = sender.shown(held)["recipients"]
    assert ground.rings(quiet) == []
    assert 3_000_000 < at_ms(waiting["due_at"]) - now_ms() < 3_700_000, "when they end"
    assert sender.app.ask("DELETE", f"/v1/notices/{held}").status == 202
    sender.until(held, lambda shown: shown["counts"] == {"cancelled": 1})

    id = sender.sends(reminded, retry={"tries": 1})
    sender.until_done(id)
    for _ in range(2):  # the same reminder twice counts once
        answer = sender.app.ask("POST", f"/v1/notices/{id}/remind", Idempotency_Key="r1")
        assert (answer.status, answer.body["reminders"]) == (200, 1), answer
    sender.until(id, lambda shown: len(shown["recipients"][0]["tries"]) == 2)
    sender.until_done(id)
    until_sync(lambda: len(ground.rings(reminded)) >= 2, 5, "the carrier has written it down")
    first, second = ground.rings(reminded)
    assert second.invited_at_ms - (first.ended_at_ms or 0) > 1000 * GAP_S - 300, "the gap holds for a reminder, too"


def test_a_cancelled_notice_hangs_up_who_is_being_called_and_calls_nobody_new(sender: Sender, ground: Ground) -> None:
    ringing, later = number(RINGS), number(CONFIRMS)
    id = sender.sends(ringing)
    until_sync(lambda: ground.rings(ringing), 10, "it rings")
    at = now_ms() + 3_000
    other = sender.sends(later, at=rfc3339(at))
    for notice in (other, id):
        assert sender.app.ask("DELETE", f"/v1/notices/{notice}").status == 202
    sender.until(id, lambda shown: shown["counts"] == {"cancelled": 1})
    assert sender.shown(id)["state"] == "cancelled"
    assert sender.app.ask("POST", f"/v1/notices/{id}/remind").body["type"] == "notice-cancelled"
    until_sync(lambda: ground.rings(ringing)[0].ended_at_ms, 5, "the phone has ceased to ring")
    until_sync(lambda: now_ms() > at + 1_000, 5, "its time has passed")
    assert ground.rings(later) == []
