"""What a request for a notice may carry, and what of it becomes an ask. As bodies.py; knows no store."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from ari_app.desks.notice_desk import NoticeAsk
from ari_app.domain.notices import RECIPIENTS_MAX, TRIES_MAX
from ari_app.domain.quiet import quiet
from ari_app.entrypoints import views
from ari_app.entrypoints.http.bodies import METADATA_KEYS_MAX, Body, Who, Words, _few
from ari_app.entrypoints.http.problems import Problem

ConfirmDigit = Literal["0", "1", "4", "5", "6", "7", "8", "9"]
AUDIO_ID = re.compile(r"[ta][0-9a-f]{40}")


def _is_quiet(written: str) -> str:
    if quiet(written) is None:
        raise ValueError("hours such as 22:00-08:00 are expected")
    return written


class Confirm(Body):
    digit: ConfirmDigit = Field(
        "1", description="The key that confirms; 2 says it again, 3 connects to the sender.", examples=["1"]
    )


class Retry(Body):
    tries: int | None = Field(None, ge=1, le=TRIES_MAX, description="How often who does not confirm is rung.")
    gap_s: int | None = Field(None, ge=1, le=86_400, description="Between two rings; at least `notice_gap_s`.")


class NewNotice(Body):
    sender: Who = Field(description="User id or number. Pays; reached by who presses 3.", examples=["demo"])
    recipients: list[Who] = Field(
        min_length=1, max_length=RECIPIENTS_MAX, description="User ids or numbers, each once.",
        examples=[["+8613900000028"]],
    )  # fmt: skip
    text: Annotated[str, StringConstraints(min_length=1, max_length=5_000)] | None = Field(
        None, description="Spoken in English or Mandarin. This or `audio`.", examples=["The fire drill is at ten."]
    )
    audio: str | None = Field(None, description="The id that `POST /v1/audio` gave, or a WAV file in base64.")
    confirm: Confirm | None = Field(
        Confirm(digit="1"), description="null: no key is asked for, and to have heard it is enough."
    )
    retry: Retry = Retry(tries=None, gap_s=None)
    quiet_hours: Annotated[str, AfterValidator(_is_quiet)] | None = Field(
        None, description="Nobody is rung then, nor in those of the operator, by his clock.", examples=["22:00-08:00"]
    )
    at: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="RFC 3339: nobody is rung before; absent: now.", json_schema_extra={"format": "date-time"}
    )
    language: Literal["en", "zh"] | None = Field(
        None, description="What the text is read in, and is said around it to who has no locale of his own."
    )
    metadata: Annotated[dict[Words, Words], AfterValidator(_few)] = Field(
        default_factory=dict, description="Yours, given back unread; on each call, too.",
        json_schema_extra={"maxProperties": METADATA_KEYS_MAX},
    )  # fmt: skip


def ask_of(body: NewNotice, tenant: str) -> NoticeAsk:
    """Raises Problem (422)."""
    if (body.text is None) == (body.audio is None):
        raise Problem("malformed-body", "text: either this or audio is needed, and not both.", "text")
    gap_s = body.retry.gap_s
    audio_id, audio = _audio(body.audio or "")
    return NoticeAsk(
        sender=body.sender, recipients=tuple(body.recipients), text=body.text or "", audio=audio, audio_id=audio_id,
        confirm="" if body.confirm is None else body.confirm.digit, tries=body.retry.tries,
        gap_ms=None if gap_s is None else 1000 * gap_s,
        quiet=None if body.quiet_hours is None else quiet(body.quiet_hours), at_ms=_at_ms(body.at),
        language=body.language or "", metadata=body.metadata, tenant=tenant,
    )  # fmt: skip


def _audio(written: str) -> tuple[str, bytes]:
    if not written or AUDIO_ID.fullmatch(written):
        return written, b""
    try:
        return "", base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        sentence = "audio: an id that POST /v1/audio gave, or a WAV file in base64 is expected."
        raise Problem("malformed-body", sentence, "audio") from None


def _at_ms(written: str | None) -> int | None:
    if written is None:
        return None
    try:
        return views.at_ms(written)
    except ValueError:
        sentence = "at: a time such as 2026-11-23T08:33:12.123Z is expected."
        raise Problem("malformed-body", sentence, "at") from None
