"""/v1/notices and /v1/audio: tell many something by phone, see who confirmed, remind and cancel. Translates only; what
may be is desks/notice_desk.py's business."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ari_app.domain.errors import CallerError
from ari_app.domain.notices import Notice, Now
from ari_app.domain.tenants import may_see, tenant_of
from ari_app.engine.asks import Refusal
from ari_app.entrypoints import views_notice
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import read, takes, whole
from ari_app.entrypoints.http.calls import asked_user
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.notice_bodies import NewNotice, ask_of
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.spoken import spoken
from ari_app.ports.keys import ApiKey
from ari_app.ports.speech import Refused

router = APIRouter(prefix="/v1/notices", tags=["notices"])
audio = APIRouter(prefix="/v1/audio", tags=["notices"])

NOTICE_ID = re.compile(r"n[a-z0-9]{1,63}")
LIMIT, LIMIT_MAX = 50, 200
PEOPLE, PEOPLE_MAX = 100, 500
WORDS_BYTES = 200_000
"""Of a request for a notice, beside its audio."""

Cursor = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


class Notices(msgspec.Struct):
    """Newest first, each without its recipients. `cursor` (of the next page) goes into the next question."""

    notices: list[views_notice.NoticeView]
    cursor: str | None


class NoticeEvents(msgspec.Struct):
    """In order."""

    events: list[views_notice.NoticeEventView]


class AudioView(msgspec.Struct):
    """`id` goes into `audio` of a notice; it takes `ms` to hear it."""

    id: str
    ms: int


@router.post(
    "", status_code=201, summary="Tell many something by phone",
    responses=gives("Notice", 400, 404, 409, 413, 415, status=201), openapi_extra=takes(NewNotice) | IDEMPOTENT,
)  # fmt: skip
async def send(request: Request) -> Response:
    """Rings all of them, and again who does not confirm. Answers at once; all that is wrong is told together."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    d = doors(request)
    body = await read(request, NewNotice, WORDS_BYTES + d.audio_max * 4 // 3)
    made = await d.notices.create(ask_of(body, key.tenant), owner=key.owner, idempotency_key=once)
    if isinstance(made, list):
        raise _mistaken(made)
    view = await _view(request, key, *await _found(d, key, made.id))
    return reply(view, 201, {"Location": f"/v1/notices/{made.id}"})


@router.get("", summary="List notices", responses=gives("Notices"))
async def list_notices(
    request: Request,
    sender: Annotated[str | None, Query(description="Only those of this user.", max_length=100)] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT,
) -> Response:
    """Newest first."""
    key = await allowed(request, "read")
    of_sender = None if sender is None else asked_user(key, sender, "sender")
    d = doors(request)
    try:
        page = await d.notices.notices.list(sender=of_sender, tenant=key.tenant, cursor=cursor, limit=limit)
    except CallerError:
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor") from None
    found = [one for id in page.ids if (one := await d.notices.notices.find(id)) is not None]
    shown = [await _view(request, key, *one, limit=0) for one in found if _sees(key, one[0])]
    return reply(Notices(shown, page.next_cursor))


@router.get("/{id}", summary="Look at a notice", responses=gives("Notice", 404))
async def show_notice(
    request: Request, id: str, cursor: Cursor = None, limit: Annotated[int, Query(ge=1, le=PEOPLE_MAX)] = PEOPLE
) -> Response:
    """With what is known of each recipient, page by page."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    if cursor is not None and not re.fullmatch(r"[0-9]{1,4}", cursor):
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor")
    return reply(await _view(request, key, *await _found(d, key, id), first=int(cursor or 0), limit=limit))


@router.get("/{id}/events", summary="How a notice went", responses=gives("NoticeEvents", 404))
async def notice_events(
    request: Request, id: str, after: Annotated[int, Query(ge=0, description="Only those behind this seq.")] = 0
) -> Response:
    """`notice_not_answered` tells of who did not get it, or did not confirm it: he may be told in another way."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    await _found(d, key, id)
    told = await d.notices.notices.events(id, after)
    return reply(NoticeEvents([views_notice.event_view(id, seq, event, key.tenant) for seq, event in told]))


@router.post(
    "/{id}/remind", summary="Ring again who has not confirmed", responses=gives("Notice", 404, 409),
    openapi_extra=IDEMPOTENT,
)  # fmt: skip
async def remind(request: Request, id: str) -> Response:
    """As soon as the gap and the quiet hours let, and as often as at first."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    d = doors(request)
    _, now = await _found(d, key, id)
    if now.cancelled_at_ms is not None:
        raise Problem("notice-cancelled", "This notice was cancelled: nobody is rung for it again.")
    if await d.notices.remind(id, owner=key.owner, idempotency_key=once) is None:
        raise Problem("too-many-reminders", "This notice was reminded of as often as may be.")
    d.notice_rounds.soon(id)
    return reply(await _view(request, key, *await _found(d, key, id)))


@router.delete("/{id}", summary="Cancel a notice", responses=gives("Notice", 404, also=202))
async def cancel(request: Request, id: str) -> Response:
    """Nobody new is called, and who is just being called is hung up: 202. 200 where all was done already."""
    key = await allowed(request, "call")
    d = doors(request)
    _, now = await _found(d, key, id)
    if not now.open:
        return reply(await _view(request, key, *await _found(d, key, id)))
    await d.notices.cancel(id)
    d.notice_rounds.soon(id)
    return reply(await _view(request, key, *await _found(d, key, id)), 202)


@audio.post(
    "", status_code=201, summary="Send an audio file", responses=gives("Audio", 413, status=201),
    openapi_extra={
        "requestBody": {"required": True, "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}
    },
)  # fmt: skip
async def send_audio(request: Request) -> Response:
    """The body is a WAV file as it is. The same file has the same id, and is kept while it is used."""
    key = await allowed(request, "call")
    d = doors(request)
    raw = await whole(request, d.audio_max)
    taken = await d.notices.speech.take(raw, key.tenant)
    if isinstance(taken, Refused):
        raise Problem("not-audio", _sentence(taken.why))
    return reply(AudioView(taken.id, taken.ms), 201)


async def _found(d: Doors, key: ApiKey, id: str) -> tuple[Notice, Now]:
    """Of those that the key may see. Raises Problem (404)."""
    found = await d.notices.notices.find(id) if NOTICE_ID.fullmatch(id) else None
    if found is None or not _sees(key, found[0]):
        raise Problem("unknown-notice", "There is no such notice.", "id")
    return found


def _sees(key: ApiKey, notice: Notice) -> bool:
    return may_see(key.tenant, tenant_of(notice.sender))


async def _view(
    request: Request, key: ApiKey, notice: Notice, now: Now, first: int = 0, limit: int = PEOPLE
) -> views_notice.NoticeView:
    d = doors(request)
    people = await d.notices.notices.recipients(notice.id, 0, notice.count)
    return views_notice.notice_view(
        notice, now, people, d.now_ms(), first=first, limit=limit, tenant=key.tenant, language=spoken(request.scope)
    )


def _mistaken(mistakes: Sequence[Refusal]) -> Problem:
    """All of them; the first one's type and field stand for the whole."""
    first = mistakes[0]
    said = [{"type": one.type, "field": one.at, "detail": _sentence(one.sentence)} for one in mistakes]
    detail = (
        _sentence(first.sentence)
        if len(said) == 1
        else f"{len(said)} mistakes; the first, {first.at}: {_sentence(first.sentence)}"
    )
    return Problem(first.type, detail, first.at, extra={"errors": said} if len(said) > 1 else None)


def _sentence(words: str) -> str:
    text = words[:1].upper() + words[1:]
    return text if text.endswith((".", "?")) else text + "."
