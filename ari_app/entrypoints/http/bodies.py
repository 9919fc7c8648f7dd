"""What a request may carry, and reading it. Strict: no unknown field, no 60.0 or "60" for 60."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.requests import Request

from ari_app.config.mistakes import did_you_mean
from ari_app.domain.ledger_types import NOTE_MAX
from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.devices import Transport
from ari_app.ports.keys import OVERLAP_S, OVERLAP_S_MAX, SCOPES, Scope
from ari_app.ports.users import NUMBERS_MAX

METADATA_KEYS_MAX = 20
WORDS_MAX = 500  # characters of one key or value of metadata
GRANT_S_MAX = 10_000_000
JSON = re.compile(r"\s*application/(?:[\w.-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)

Words = Annotated[str, StringConstraints(max_length=WORDS_MAX)]
Who = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _few(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > METADATA_KEYS_MAX:
        raise ValueError(f"at most {METADATA_KEYS_MAX} keys")
    return metadata


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("printable characters are expected")
    return name


Metadata = Annotated[dict[Words, Words], AfterValidator(_few)]
METADATA: Any = Field(
    default_factory=dict,
    description=f"Yours, given back unread: at most {METADATA_KEYS_MAX} keys, {WORDS_MAX} characters each.",
    json_schema_extra={"maxProperties": METADATA_KEYS_MAX},
)


PRIVATE: Any = Field(False, description="Its details are forgotten soon after its end: see `private_minutes`.")


class PlaceCall(Body):
    type: Literal["callback"] = Field("callback", description="The type of call; there are others.")
    caller: Who = Field(description="User id or number. Rung first; pays.", examples=["demo"])
    callee: Who = Field(
        description="User id or number. Rung when the caller has answered.", examples=["+8613900000004"]
    )
    max_duration_s: int | None = Field(None, ge=1, le=86_400, description="Longest talk; the settings may allow less.")
    confirm_caller: bool | None = Field(None, description="The caller must press 1: a guard against voicemail.")
    waiting: Literal["ringback", "music"] | None = Field(None, description="What the caller hears meanwhile.")
    early_media: Literal["all", "none"] | None = Field(
        None, description="Whether the caller hears the callee's network before the answer."
    )
    record: Literal["mixed", "legs"] | None = Field(
        None, description="Recorded from the beginning of the talk: all together, or each phone by itself."
    )
    private: bool = PRIVATE
    metadata: Metadata = METADATA


class StartRecording(Body):
    what: Literal["mixed", "legs"] = Field("mixed", description="All together, or each phone by itself.")


class PutUser(Body):
    numbers: list[Who] = Field(
        max_length=NUMBERS_MAX, description="The first is the one that is rung.", examples=[["+8613900000001"]]
    )
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    locale: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}$")] | None = Field(
        None, examples=["zh-CN"]
    )


class ConfirmNumber(Body):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(
        description="As it was read out.", examples=["302118"]
    )


class AddDevice(Body):
    name: Annotated[str, StringConstraints(max_length=100), AfterValidator(_printable)] = Field(
        "", description="For people.", examples=["desk phone"]
    )
    transport: Transport = Field("udp", description="tls: SIP and sound are encrypted.")


class PutTeam(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(examples=["Acme"])
    certified: bool = Field(False, description="Whether the certified plan applies.")


class PutNode(Body):
    drained: bool = Field(description="Whether new calls go elsewhere.")


class AskTrunkTest(Body):
    number: Who = Field(description="The phone that is rung.", examples=["+8613900000004"])
    seconds: int = Field(10, ge=1, le=60, description="So long it stays up after its answer.")


class Grant(Body):
    kind: Literal["bonus", "bought"]
    seconds: int = Field(ge=1, le=GRANT_S_MAX)
    expires_at: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="RFC 3339, in the future; absent: never.", json_schema_extra={"format": "date-time"}
    )


def _one_line(reason: str) -> str:
    if not reason.isprintable() or not reason.strip():
        raise ValueError("one line of printable characters is expected")
    return reason


class NewKey(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_one_line)] = Field(
        description="Whose it is, for people.", examples=["shop"]
    )
    scopes: list[Scope] = Field(min_length=1, max_length=len(SCOPES), examples=[["call", "read"]])
    expires_at: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="RFC 3339, in the future; absent: never.", json_schema_extra={"format": "date-time"}
    )
    tenant: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None, description="Whose it is; absent: that of the key that asks.", examples=["acme"]
    )


class RotateKey(Body):
    overlap_s: int = Field(
        OVERLAP_S, ge=0, le=OVERLAP_S_MAX, description="So long the key that is replaced goes on, at most."
    )
    expires_at: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="Of the new key; absent: that of the one it replaces.",
        json_schema_extra={"format": "date-time"},
    )  # fmt: skip


class PutTenant(Body):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)] = Field(
        description="For people.", examples=["Acme"]
    )
    requests_per_s: int | None = Field(
        None, ge=1, le=10_000,
        description="Of all its keys together, in each process; absent: the setting `tenant_rate`.",
    )  # fmt: skip
    requests_burst: int | None = Field(
        None, ge=1, le=100_000,
        description="So many at once; absent: twice `requests_per_s`, or the setting `tenant_burst`.",
    )  # fmt: skip


def _not_zero(seconds: int) -> int:
    if seconds == 0:
        raise ValueError("other than 0 is expected")
    return seconds


class Correct(Body):
    seconds: Annotated[int, Field(ge=-GRANT_S_MAX, le=GRANT_S_MAX), AfterValidator(_not_zero)] = Field(
        description="Less than 0: taken away, all or nothing."
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=NOTE_MAX), AfterValidator(_one_line)] = Field(
        description="For the statement: one line.", examples=["goodwill"]
    )


class Refund(Body):
    seconds: int | None = Field(None, ge=1, le=GRANT_S_MAX, description="Absent: all that is left of the charge.")


AnyBody = TypeVar("AnyBody", bound=Body)


async def read(request: Request, model: type[AnyBody], most: int | None = None) -> AnyBody:
    """The body, or a Problem: 413, 415 or 422. `most`: bytes, where it may be larger than others."""
    return await read_as(request, lambda _raw: model, most)


async def read_as(request: Request, of: Callable[[bytes], type[AnyBody]], most: int | None = None) -> AnyBody:
    """The same, where it is the body itself that tells its shape."""
    if not JSON.fullmatch(request.headers.get("content-type", "")):
        raise Problem("unsupported-media-type", "Send the body as JSON, with Content-Type: application/json.")
    raw = await whole(request, most)
    model = of(raw)
    try:
        body = model.model_validate_json(raw)
    except ValidationError as e:
        raise malformed("malformed-body", e.errors(include_url=False, include_context=True), model) from None
    if twice := [{"type": "twice", "loc": place} for place in _twice(json.loads(raw, object_pairs_hook=_Pairs))]:
        raise malformed("malformed-body", twice)
    return body


class _Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object as it was written; a dict would be silent about a field that stands there twice."""


def _twice(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a field stands twice, in what is valid otherwise, so that it is not deep."""
    if isinstance(value, _Pairs):
        yield from ((*place, name) for name, count in Counter(name for name, _ in value).items() if count > 1)
        for name, inner in value:
            yield from _twice(inner, (*place, name))


async def whole(request: Request, most: int | None = None) -> bytes:
    limit = max(request.state.doors.body_max, most or 0)
    told = request.headers.get("content-length", "0")
    raw = bytearray()
    if told.isdecimal() and int(told) <= limit:
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > limit:
                break
        else:
            return bytes(raw)
    raise Problem("body-too-large", f"The body is larger than {limit} bytes.", headers={"Connection": "close"})


def takes(model: type[Body]) -> dict[str, Any]:
    """The request body for the API's description (OpenAPI)."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def malformed(type: str, errors: list[Any], model: type[Body] | None = None) -> Problem:
    """Every mistake at once: the first as the field at fault, all in `errors`."""
    said = []
    missing = [str(e["loc"][-1]) for e in errors if e["type"] == "missing"]
    for e in errors:
        place = [str(part) for part in e["loc"] if part not in ("query", "path", "header", "body")]
        said.append({"field": ".".join(place), "detail": _sentence(e, model, missing)})
    first = said[0]
    text = f"{first['field']}: {first['detail']}" if first["field"] else first["detail"]
    return Problem(type, text, first["field"], extra={"errors": said} if len(said) > 1 else None)


JSON_WORDS = {"True": "true", "False": "false"}


def _sentence(e: Any, model: type[Body] | None, missing: Sequence[str]) -> str:
    context = e.get("ctx", {})
    match e["type"]:
        case "json_invalid" if not e["input"]:
            return "The body is empty; a JSON object is expected."
        case "json_invalid":
            return f"The body is no JSON: {context.get('error', 'not readable')}."
        case "model_type" | "model_attributes_type":
            return "A JSON object is expected."
        case "twice":
            return "this field stands there twice."
        case "missing":
            return "this field is needed."
        case "extra_forbidden":
            name = str(e["loc"][-1])  # meant, rather than a field that is there already, is one that is missing
            meant = did_you_mean(name, missing) or did_you_mean(name, model.model_fields if model else ())
            return f"there is no such field{meant}" if meant else "there is no such field."
        case "int_type" | "int_from_float" | "int_parsing":
            return "a whole number is expected, without quotes, point or exponent."
        case "string_type":
            return "text is expected."
        case "bool_type":
            return "true or false is expected."
        case "literal_error":
            return f"expected {JSON_WORDS.get(context['expected'], context['expected'])}."
        case "string_too_short":
            return "this must not be empty."
        case "string_too_long":
            return f"at most {context['max_length']} characters are allowed."
        case "too_long":
            return f"at most {context['max_length']} are allowed."
        case "too_short":
            return f"at least {context['min_length']} is expected."
        case "greater_than_equal":
            return f"at least {context['ge']} is expected."
        case "less_than_equal":
            return f"at most {context['le']} is allowed."
        case "string_pattern_mismatch":
            return f"this does not have the right form{_such_as(e, model)}."
    words = str(e["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{words}."


def _such_as(e: Any, model: type[Body] | None) -> str:
    """An example of what the field takes, where it has one."""
    field = model.model_fields.get(str(e["loc"][0])) if model else None
    if field is None or not field.examples:
        return ""
    example: Any = field.examples[0]
    return f"; expected something such as {example[0] if isinstance(example, list) else example}"
