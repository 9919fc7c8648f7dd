"""/v1/calls/{call_id}/recording and /v1/recordings: what is said, kept where it was asked for. Who may place calls may
record and hear them; who may only read may not."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Request, Response
from starlette.responses import StreamingResponse

from ari_app.domain.call import Call
from ari_app.domain.events import Told
from ari_app.domain.recordings import may_hear
from ari_app.engine.telling import NotTaken
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import StartRecording, read, takes
from ari_app.entrypoints.http.calls import CALL_ID, find_call
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.spoken import spoken
from ari_app.flows import flows
from ari_app.flows.recording import RECORD, ROUNDS_MAX, UNRECORD, asked_for, rounds
from ari_app.ports.keys import ApiKey

router = APIRouter(tags=["recordings"])
log = structlog.get_logger()

RecordingId = Annotated[str, Path(description="As the call tells it.", max_length=100)]
SOUND: dict[int | str, dict[str, Any]] = {
    200: {"description": "WAV", "content": {"audio/wav": {"schema": {"type": "string", "format": "binary"}}}}
}
NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "It is gone."}}
GONE = "There is no such recording (any more)."


@router.post(
    "/v1/calls/{call_id}/recording", status_code=202, summary="Record a call from now on",
    responses=gives("Call", 404, 409, 413, 415, status=202), openapi_extra=takes(StartRecording) | IDEMPOTENT,
)  # fmt: skip
async def start_recording(request: Request, call_id: str) -> Response:
    """202: it begins as soon as all who are there have heard that it does; `recordings` of the call tells."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    body = await read(request, StartRecording)
    d = doors(request)
    call = await _call(d, key, call_id)
    ask = _ask(key.owner, call_id, once)
    if ask not in call.asks:
        if asked_for(call):
            raise Problem("recorded-already", f"This call is recorded already ({asked_for(call)}).")
        if len(rounds(call)) >= ROUNDS_MAX:
            raise Problem("recorded-already", f"This call was recorded {ROUNDS_MAX} times, as often as may be.")
    return await _told(request, key, call_id, f"{RECORD} {body.what}", ask)


@router.delete(
    "/v1/calls/{call_id}/recording", status_code=202, summary="Stop recording",
    responses=gives("Call", 404, 409, status=202),
)  # fmt: skip
async def stop_recording(request: Request, call_id: str) -> Response:
    """The call goes on. What was recorded is kept."""
    key = await allowed(request, "call")
    d = doors(request)
    call = await _call(d, key, call_id)
    if not asked_for(call):
        raise Problem("not-recorded", "This call is not recorded now.")
    return await _told(request, key, call_id, UNRECORD, _ask(key.owner, call_id, None))


@router.get("/v1/recordings/{id}", summary="Fetch a recording", responses=gives("Problem", 404, 409) | SOUND)
async def fetch(request: Request, id: RecordingId) -> Response:
    """A WAV file: one channel, 8000 Hz, 16 bit."""
    key = await allowed(request, "call")
    tape = await doors(request).tapes.fetch(id) if may_hear(key.tenant, id) else None
    if tape is None:
        raise Problem("unknown-recording", GONE, "id")
    if tape == "running":
        raise Problem("still-recorded", "It is still being recorded.", "id", 5)
    log.info("recording fetched", recording=id, key=key.id)
    headers = {"Content-Disposition": f'attachment; filename="{id}.wav"', "Cache-Control": "no-store"}
    if tape.size is not None:
        headers["Content-Length"] = str(tape.size)
    return StreamingResponse(tape.chunks, 200, headers, "audio/wav")


@router.delete(
    "/v1/recordings/{id}", status_code=204, summary="Throw a recording away",
    responses=gives("Problem", 404, status=204) | NOTHING,
)  # fmt: skip
async def delete(request: Request, id: RecordingId) -> Response:
    """For good. The call still tells that it was there."""
    key = await allowed(request, "admin")
    if not (may_hear(key.tenant, id) and await doors(request).tapes.delete(id)):
        raise Problem("unknown-recording", GONE, "id")
    log.info("recording thrown away", recording=id, key=key.id)
    return Response(status_code=204)


async def _call(d: Doors, key: ApiKey, call_id: str) -> Call:
    call = await find_call(d, key, call_id) if CALL_ID.fullmatch(call_id) else None
    if call is None:
        raise Problem("not-found", "There is no such call.", "call_id")
    if not (getattr(flows()[call.type], "CAN_BE_RECORDED", False) and call.secret):
        raise Problem("not-recordable", f"A call of type {call.type} is not recorded.")
    return call


async def _told(request: Request, key: ApiKey, call_id: str, word: str, ask: str) -> Response:
    answer = await doors(request).engine.tell(call_id, Told("", word, ask, 0))
    if isinstance(answer, NotTaken):
        why = {"over": "This call has ended.", "full": "It has been told all that it can be."}
        raise Problem("call-over", why.get(answer.why, "This call is gone."), "call_id")
    return reply(views.call_view(answer, key.tenant, spoken(request.scope)), 202)


def _ask(owner: str, call_id: str, once: str | None) -> str:
    """The command's id: the same request counts once."""
    if once is None:
        return secrets.token_hex(12)
    return hashlib.sha256(f"{owner}\0{call_id}\0{once}".encode()).hexdigest()[:24]
