"""What a request about webhooks may carry, and what is checked of it before anything is asked for. Knows no store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ari_app.config.mistakes import did_you_mean
from ari_app.domain.reach import URL_MAX
from ari_app.entrypoints.http.bodies import Body
from ari_app.hooks.catalogue import ALL, EVENTS, GROUPS, pattern_of, words

EVENTS_MAX = 50
DESCRIPTION_MAX = 200
REPLAY_IDS_MAX = 500
OVERLAP_S_MAX = 30 * 86_400
OVERLAP_S = 86_400


def _known(word: str) -> str:
    if pattern_of(word) is None:
        meant = did_you_mean(word, words()) or "."
        raise ValueError(f"there is no such event{meant} Known are {', '.join((*EVENTS, *GROUPS))} and {ALL}")
    return word


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of printable characters is expected")
    return text


Url = Annotated[str, StringConstraints(min_length=1, max_length=URL_MAX)]
Event = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_known)]
Description = Annotated[str, StringConstraints(max_length=DESCRIPTION_MAX), AfterValidator(_printable)]
Time = Annotated[str, StringConstraints(max_length=40)]


class NewWebhook(Body):
    url: Url = Field(description="Where events are sent, by POST.", examples=["https://example.com/ringbridge"])
    events: list[Event] = Field(
        default_factory=list, max_length=EVENTS_MAX, description="Which; none: all.", examples=[["call.ended"]]
    )
    description: Description = Field("", description="For people.", examples=["the shop"])


class ChangeWebhook(Body):
    url: Url | None = None
    events: list[Event] | None = Field(None, max_length=EVENTS_MAX, description="Empty: all.")
    description: Description | None = None
    paused: bool | None = Field(None, description="What comes meanwhile waits.", examples=[True])


class RotateSecret(Body):
    overlap_s: int = Field(
        OVERLAP_S, ge=0, le=OVERLAP_S_MAX, description="So long the secret before signs, too; 0: it ends at once."
    )


class Replay(Body):
    """One of these: `dead`, `events`, `call`, `notice`, `since`."""

    dead: Literal[True] | None = Field(None, description="All that were given up.", examples=[True])
    events: list[Annotated[str, StringConstraints(max_length=100)]] | None = Field(
        None, min_length=1, max_length=REPLAY_IDS_MAX, description="By their ids."
    )
    call: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="All of a call."
    )
    notice: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="All of a notice."
    )
    since: Time | None = Field(
        None, description="All since this time, RFC 3339.", json_schema_extra={"format": "date-time"}
    )
    until: Time | None = Field(
        None, description="With `since`: before this time.", json_schema_extra={"format": "date-time"}
    )
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = Field(
        None, description="With `since`: that of the answer before."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Replay:
        given = [name for name in ("dead", "events", "call", "notice", "since") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("one of dead, events, call, notice and since is expected")
        if self.since is None and (self.until is not None or self.cursor is not None):
            raise ValueError("until and cursor go with since")
        return self


def patterns(written: list[str]) -> tuple[str, ...]:
    """As they are kept; all of them: none."""
    found = dict.fromkeys(pattern for one in written if (pattern := pattern_of(one)) is not None)
    return () if ALL in found else tuple(found)
