"""No number leaves whole for whoever may only look, whatever it stands in."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from ari_app.entrypoints.http.masking import Masking, mask, without_numbers


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("+8613800000001", "+86138****0001"), ("13800000001", "138****0001"), ("+86 138 0000 0001", "+86138****0001"),
        ("138-0000-0001", "138****0001"), ("(010) 8888 8888", "010****8888"), ("010 8888 8888", "010****8888"),
        ("call +8613800000001 back", "call +86138****0001 back"),
        ("2026-11-23", "2026-11-23"), ("2026-11-23T08:33:12.123Z", "2026-11-23T08:33:12.123Z"), ("10086", "10086"),
        ("demo", "demo"), ("192.0.2.7", "192.0.2.7"), ("cabc2345672345672345672345", "cabc2345672345672345672345"),
        ("60/60", "60/60"),
    ],
)  # fmt: skip
def test_a_number_is_known_however_it_is_written_and_nothing_else_is_taken_for_one(text: str, seen: str) -> None:
    assert mask(text) == seen


def test_whatever_is_in_an_answer_is_looked_at() -> None:
    body = {"a": ["+8613800000001", {"+8613800000001": 13_800_000_001}], "cursor": "1795422792123.c1", "n": None}
    assert without_numbers(body) == {
        "a": ["+86138****0001", {"+86138****0001": 13_800_000_001}], "cursor": "1795422792123.c1", "n": None
    }  # fmt: skip


def sent(kind: str, *chunks: bytes) -> tuple[dict[bytes, bytes], list[bytes]]:
    got: list[Any] = []

    async def send(message: Any) -> None:
        got.append(message)

    async def answer() -> None:
        masking = Masking(send)
        headers = [(b"content-type", kind.encode()), (b"content-length", b"999")]
        await masking({"type": "http.response.start", "status": 200, "headers": headers})
        for n, chunk in enumerate(chunks, 1):
            await masking({"type": "http.response.body", "body": chunk, "more_body": n < len(chunks)})

    asyncio.run(answer())
    return dict(got[0]["headers"]), [one["body"] for one in got[1:]]


def test_json_is_masked_as_a_whole_and_its_length_is_told_anew() -> None:
    headers, chunks = sent("application/json; charset=utf-8", b'{"number": "+861380', b'0000001"}')
    assert json.loads(b"".join(chunks)) == {"number": "+86138****0001"}
    assert int(headers[b"content-length"]) == len(b"".join(chunks))


def test_a_stream_is_masked_line_by_line_wherever_it_is_cut() -> None:
    whole = b'id: 1795422792123-0\nevent: notice.recipient_confirmed\ndata: {"number": "+8613800000001"}\n\n'
    for at in range(1, len(whole)):
        headers, chunks = sent("text/event-stream", whole[:at], whole[at:])
        assert b"".join(chunks) == whole.replace(b'{"number": "+8613800000001"}', b'{"number":"+86138****0001"}')
        assert b"content-length" not in headers


def test_a_line_is_sent_as_soon_as_it_is_whole() -> None:
    _, chunks = sent("application/x-ndjson", b'{"a":"+8613800000001"}\n{"a"', b':"x"}\n', b"")
    assert chunks == [b'{"a":"+86138****0001"}\n', b'{"a":"x"}\n', b""]


def test_a_table_is_masked_and_a_sound_is_left_alone() -> None:
    assert sent("text/csv", b"number,s\n+8613800000001,60\n")[1] == [b"number,s\n+86138****0001,60\n"]
    headers, chunks = sent("audio/wav", b"+8613800000001")
    assert chunks == [b"+8613800000001"]
    assert headers[b"content-length"] == b"999"
