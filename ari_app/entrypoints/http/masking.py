"""Phone numbers in an answer to somebody who may not see them whole: the one place where they are masked, whatever view
they stand in. Knows no view; looks at every text that leaves.

A number is a text that is one as a whole, however it is written, or one within a text that has its country code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.types import Message, Scope, Send

from ari_app.logs import masked
from ari_app.ports.keys import ApiKey

MASKED = "ringbridge.masked"
"""In the scope: what is answered is masked."""
NOT_NUMBERS = frozenset({"cursor", "seq", "op", "version"})
"""Fields whose digits are no phone's, and which are given back to us as they are."""
WHOLE = re.compile(r"[+(]?[0-9][0-9 ()/-]{5,28}[0-9]")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
DIGITS_MIN = 7
JSON_TYPES = ("application/json", "application/problem+json")
LINE_TYPES = ("text/event-stream", "application/x-ndjson", "application/jsonl")
TEXT_TYPES = ("text/csv",)


def mask_for(scope: Scope, key: ApiKey) -> None:
    """Who may only look sees no number whole, if the operator wants it so."""
    if set(key.scopes) == {"read"} and scope["state"]["doors"].mask_numbers_for_read:
        scope[MASKED] = True


def mask(text: str) -> str:
    """+8613800000001 is +86138****0001; so is one that is written otherwise."""
    digits = re.sub(r"[^0-9]", "", text)
    if len(digits) < DIGITS_MIN or not WHOLE.fullmatch(text) or DATE.fullmatch(text):
        return masked(text)
    return f"{'+' * text.startswith('+')}{digits[: max(0, len(digits) - 8)]}****{digits[-4:]}"


def without_numbers(value: Any) -> Any:
    """Of what JSON can say: every text in it, the names of fields among them."""
    match value:
        case str():
            return mask(value)
        case dict():
            return {mask(name): one if name in NOT_NUMBERS else without_numbers(one) for name, one in value.items()}
        case list():
            return [without_numbers(one) for one in value]
    return value


class Masking:
    """Of one answer. A JSON body is masked as a whole, so its head waits for it; of a stream each whole line."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._kind = ""
        self._kept = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._kind = _type_of(message)
            if self._kind in JSON_TYPES:
                self._head = message
            else:
                await self._send(_of_any_length(message) if self._kind in (*LINE_TYPES, *TEXT_TYPES) else message)
        elif message["type"] == "http.response.body" and self._kind in (*JSON_TYPES, *LINE_TYPES, *TEXT_TYPES):
            await self._body(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            await self._send(message)

    async def _body(self, chunk: bytes, *, is_last: bool) -> None:
        self._kept += chunk
        if self._head is not None:
            if is_last:
                body = _json(self._kept)
                length = [(b"content-length", str(len(body)).encode())]
                await self._send({**self._head, "headers": [*_without_length(self._head), *length]})
                await self._send({"type": "http.response.body", "body": body})
            return
        whole, newline, rest = self._kept.rpartition(b"\n")
        whole, self._kept = (self._kept, b"") if is_last else (whole + newline, rest)
        if whole or is_last:
            said = b"".join(_lines(self._kind, whole))
            await self._send({"type": "http.response.body", "body": said, "more_body": not is_last})


def _lines(kind: str, whole: bytes) -> Iterator[bytes]:
    for line in whole.splitlines(keepends=True):
        name, colon, value = line.partition(b": ") if kind == "text/event-stream" else (b"", b"", line)
        end = value[len(value.rstrip(b"\r\n")) :]
        if kind in TEXT_TYPES or not value.strip().startswith((b"{", b"[", b'"')):
            yield masked(line.decode()).encode() if name not in (b"id",) else line
        else:
            yield name + colon + _json(value.rstrip(b"\r\n")) + end


def _json(body: bytes) -> bytes:
    return msgspec.json.encode(without_numbers(msgspec.json.decode(body))) if body else body


def _type_of(head: Message) -> str:
    told = dict(head.get("headers", ())).get(b"content-type", b"")
    return bytes(told).decode("latin-1").partition(";")[0].strip().lower()


def _without_length(head: Message) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in head.get("headers", ()) if name.lower() != b"content-length"]


def _of_any_length(head: Message) -> Message:
    return {**head, "headers": _without_length(head)}
