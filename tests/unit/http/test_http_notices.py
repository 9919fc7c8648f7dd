"""Notices over HTTP: what is taken, all that is wrong with it at once, and what is told of each recipient."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ari_app.domain.notices import Try
from ari_app.entrypoints import views
from ari_app.ports.notices import Happened
from tests.unit.http.http_bench import NOW_MS, Bench, a_tone

ASK = {"sender": "demo", "recipients": ["+8613900000028", "u2"], "text": "The fire drill is at ten."}


@pytest.fixture
async def api(api: Bench) -> Bench:
    await api.put()
    await api.put("u2", "+8613900000029")
    return api


async def test_a_notice_is_taken_and_shown(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/notices", ASK | {"metadata": {"drill": "7"}}, idempotency_key="k1")

    assert answer.status == 201
    told = answer.json
    assert answer.headers["location"] == f"/v1/notices/{told['id']}"
    at = views.rfc3339(NOW_MS)
    assert told | {"recipients": []} == {
        "id": told["id"], "state": "running", "sender": "demo", "language": "en", "confirm": {"digit": "1"},
        "retry": {"tries": 3, "gap_s": 300}, "quiet_hours": None, "at": at, "created_at": at, "reminders": 0,
        "count": 2, "counts": {"pending": 2}, "metadata": {"drill": "7"}, "recipients": [], "cursor": None,
        "text": "The fire drill is at ten.",
    }  # fmt: skip
    first, second = told["recipients"]
    assert first == {
        "n": 0, "recipient": "+8613900000028", "number": "+8613900000028", "state": "pending", "tries": [],
        "due_at": at,
    }  # fmt: skip
    assert (second["recipient"], second["number"], second["user"]) == ("u2", "+8613900000029", "u2")
    assert (await api.ask("GET", f"/v1/notices/{told['id']}")).json == told


async def test_the_same_key_is_the_same_notice_and_another_body_is_refused(api: Bench) -> None:
    first, again = [await api.ask("POST", "/v1/notices", ASK, idempotency_key="k1") for _ in range(2)]
    assert first.json["id"] == again.json["id"]
    other = await api.ask("POST", "/v1/notices", ASK | {"text": "At eleven."}, idempotency_key="k1")
    assert (other.status, other.problem["type"]) == (409, "idempotency-conflict")
    free = await api.ask("POST", "/v1/notices", ASK)
    assert free.json["id"] != first.json["id"]


async def test_all_that_is_wrong_with_the_recipients_is_told_at_once_with_its_place(api: Bench) -> None:
    people = ["+8613900000028", "nobody", "110", "+8613900000029", "u2", "+1"]
    answer = await api.ask("POST", "/v1/notices", ASK | {"recipients": people, "retry": {"gap_s": 299}})

    assert (answer.status, answer.problem["field"]) == (422, "retry.gap_s")
    assert [(one["field"], one["type"]) for one in answer.problem["errors"]] == [
        ("retry.gap_s", "malformed-body"), ("recipients.1", "unknown-user"), ("recipients.2", "emergency-number"),
        ("recipients.4", "invalid-number"), ("recipients.5", "invalid-number"),
    ]  # fmt: skip
    assert "recipients.3" in answer.problem["errors"][3]["detail"], "the same phone"
    assert (await api.ask("GET", "/v1/notices")).json == {"notices": [], "cursor": None}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": None}, "text"),
        ({"audio": "QUJD"}, "text"),
        ({"recipients": []}, "recipients"),
        ({"recipients": ["+8613900000028"] * 501}, "recipients"),
        ({"sender": "nobody"}, "sender"),
        ({"confirm": {"digit": "2"}}, "confirm.digit"),
        ({"retry": {"tries": 11}}, "retry.tries"),
        ({"quiet_hours": "8-22"}, "quiet_hours"),
        ({"quiet_hours": "08:00-08:00"}, "quiet_hours"),
        ({"at": "soon"}, "at"),
        ({"at": "2026-11-23T08:00:00Z"}, "at"),
        ({"at": "2027-11-23T08:00:00Z"}, "at"),
        ({"language": "fr"}, "language"),
        ({"text": "?!"}, "text"),
        ({"text": None, "audio": "no base64!"}, "audio"),
        ({"text": None, "audio": base64.b64encode(b"RIFF").decode()}, "audio"),
        ({"text": None, "audio": "a" + "0" * 40}, "audio"),
    ],
)
async def test_what_is_wrong_is_told_with_its_field(api: Bench, change: dict[str, object], field: str) -> None:
    answer = await api.ask("POST", "/v1/notices", ASK | change)
    assert answer.status in (404, 422), answer.raw
    assert answer.problem["field"] == field
    said = str(answer.problem["detail"])
    assert not any(raw in said for raw in ("List should", "right form")), f"no sentence for a person: {said}"


async def test_audio_is_taken_as_it_is_or_in_the_notice(api: Bench) -> None:
    sent = await api.ask("POST", "/v1/audio", raw=a_tone(seconds=0.3))
    assert (sent.status, sent.json["ms"]) == (201, 300)
    no_text = {"sender": "demo", "recipients": ["+8613900000028"]}
    for audio in (sent.json["id"], base64.b64encode(a_tone(seconds=0.3)).decode()):
        made = await api.ask("POST", "/v1/notices", no_text | {"audio": audio, "confirm": None})
        assert (made.status, made.json["audio"], made.json["confirm"]) == (201, sent.json["id"], None)
    refused = await api.ask("POST", "/v1/audio", raw=b"ID3")
    assert (refused.status, refused.problem["type"]) == (422, "not-audio")
    within = await api.ask("POST", "/v1/notices", no_text | {"audio": base64.b64encode(b"ID3").decode()})
    assert (within.status, within.problem["type"], within.problem["field"]) == (422, "not-audio", "audio")
    assert (await api.ask("POST", "/v1/audio", raw=b"RIFF" * 3_000_000)).problem["type"] == "body-too-large"


async def test_a_text_is_read_in_the_language_it_is_written_in_unless_told_otherwise(api: Bench) -> None:
    for text, language, read_in in (("Ten.", None, "en"), ("十点消防演习", "en", "zh"), ("Ten.", "zh", "zh")):
        made = await api.ask("POST", "/v1/notices", ASK | {"text": text, "language": language})
        assert made.json["language"] == read_in


async def test_what_came_of_each_is_shown_page_by_page(api: Bench) -> None:
    people = [f"+86139000{n:05d}" for n in range(120)]
    notice = await api.notice(*people)
    [first, *_] = await api.notices.recipients(notice.id)
    tried = Try("c1", NOW_MS, "confirmed", NOW_MS + 1, NOW_MS + 2, NOW_MS + 9, is_heard=True, key="1", key_at_ms=NOW_MS)
    await api.notices.put(
        notice.id, replace(first, state="confirmed", tries=(tried,), recall="!too_late"), [], Happened("x", NOW_MS)
    )
    await api.notices.hold_up(notice.id, "balance-empty", NOW_MS + 60_000)

    page = (await api.ask("GET", f"/v1/notices/{notice.id}")).json
    assert (page["counts"], len(page["recipients"]), page["cursor"]) == ({"pending": 119, "confirmed": 1}, 100, "100")
    assert page["held_up"] == {"why": "balance-empty", "until": views.rfc3339(NOW_MS + 60_000)}
    [one] = page["recipients"][0]["tries"]
    assert (one["outcome"], one["key"], one["heard"], one["call"]) == ("confirmed", "1", True, "c1")
    assert one["answered_at"] == views.rfc3339(NOW_MS + 2)
    assert page["recipients"][0]["recall"] == "too_late"
    rest = (await api.ask("GET", f"/v1/notices/{notice.id}?cursor=100")).json
    assert ([one["n"] for one in rest["recipients"]], rest["cursor"]) == ([*range(100, 120)], None)
    listed = (await api.ask("GET", "/v1/notices?sender=demo&limit=1")).json
    assert (listed["notices"][0]["recipients"], listed["notices"][0]["count"]) == ([], 120)
    assert (await api.ask("GET", f"/v1/notices/{notice.id}?cursor=x")).problem["field"] == "cursor"


async def test_it_is_reminded_of_once_for_each_who_asks_and_cancelled(api: Bench) -> None:
    notice = await api.notice()
    path = f"/v1/notices/{notice.id}"
    for key, count in (("r1", 1), ("r1", 1), ("r2", 2)):
        assert (await api.ask("POST", path + "/remind", idempotency_key=key)).json["reminders"] == count
    for _ in range(18):
        await api.ask("POST", path + "/remind")
    assert (await api.ask("POST", path + "/remind")).problem["type"] == "too-many-reminders"
    cancelled = await api.ask("DELETE", path)
    assert (cancelled.status, cancelled.json["state"]) == (202, "cancelled")
    assert (await api.ask("POST", path + "/remind")).problem["type"] == "notice-cancelled"
    assert api.looked_over.looked_over[0] == notice.id
    events = (await api.ask("GET", path + "/events?after=19")).json["events"]
    assert [(one["seq"], one["type"]) for one in events] == [(20, "notice_reminded"), (21, "notice_reminded"),
                                                             (22, "notice_cancelled")]  # fmt: skip
    for method, path in (("GET", "/v1/notices/nope"), ("DELETE", "/v1/notices/../x"), ("GET", "/v1/notices/n1/events")):
        assert (await api.ask(method, path)).status == 404
