"""What travels: bytes from the socket -> one event or reply, and one request -> the bytes of its frame.

`decode` never raises on what a peer may send: a type or shape that is not described passes through as UnknownEvent,
what is not JSON at all is None, for the reader to count. Must not know sockets or who waits for what.
"""

from __future__ import annotations

from typing import Any, TypeVar, Union

import msgspec

from ari_app.adapters.ari.errors import UndecodableReply, error_of
from ari_app.adapters.ari.events import EVENT_TYPES, Event
from ari_app.adapters.ari.operations import Param, Request
from ari_app.adapters.ari.timestamps import epoch_ms

R = TypeVar("R")


class UnknownEvent(msgspec.Struct, frozen=True):
    """A type that we do not know, or a known one of another shape: the whole message is in `raw`."""

    type: str
    raw: dict[str, Any]

    @property
    def at_ms(self) -> int:
        return epoch_ms(str(self.raw.get("timestamp", "")))


class RESTResponse(msgspec.Struct, frozen=True, tag_field="type", tag=True, gc=False):
    """The reply to a request made over the WebSocket; the link keeps these to itself."""

    request_id: str = ""
    status_code: int = 0
    reason_phrase: str = ""
    uri: str = ""
    message_body: str = ""


AnyEvent = Event | UnknownEvent

_typed = msgspec.json.Decoder(Union[(RESTResponse, *EVENT_TYPES)])
_untyped = msgspec.json.Decoder()


def decode(data: bytes | str) -> Event | RESTResponse | UnknownEvent | None:
    """None: `data` is not a JSON object with a `type`. Never raises on what a peer may send."""
    try:
        known: Event | RESTResponse = _typed.decode(data)
        return known
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        raw = _untyped.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(raw, dict) and isinstance(raw.get("type"), str):
        return UnknownEvent(raw["type"], raw)
    return None


# --- requests and replies over the WebSocket --------------------------------------------------------------------------
class RESTRequest(msgspec.Struct, tag=True, tag_field="type", omit_defaults=True, gc=False):
    request_id: str
    method: str
    uri: str
    query_strings: list[Param] = []
    content_type: str = ""
    message_body: str = ""


_encode = msgspec.json.Encoder().encode


def frame_of(request: Request[R], request_id: str) -> bytes:
    body = request.body.decode()
    content_type = "application/json" if body else ""
    return _encode(RESTRequest(request_id, request.method, request.uri, request.query, content_type, body))


def reply_of(request: Request[R], status: int, reason: str, body: str | bytes) -> R:
    """The decoded reply, or AriError for a status of 400 or more."""
    if status >= 400:
        raise error_of(status, _message(body) or reason, request.line)
    try:
        return request.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UndecodableReply(f"{request.line}: {fault}") from fault


def _message(body: str | bytes) -> str:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    if not isinstance(said, dict):
        return ""
    return str(said.get("message") or said.get("error") or "")
