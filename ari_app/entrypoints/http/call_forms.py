"""What `POST /v1/calls` takes: one form for each type of call that may be asked for by its type, made of what its flow
calls a Request. Found by discovery; knows no type by name but the one that is meant where none is named."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, replace
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import Field, create_model
from starlette.requests import Request

from ari_app.engine.asks import Ask, ask_of
from ari_app.entrypoints.http.bodies import METADATA, PRIVATE, WORDS_MAX, Body, Metadata, PlaceCall, read_as
from ari_app.entrypoints.http.problems import Problem
from ari_app.flows import DEFAULT_TYPE, open_flows

LIST_MAX = 500
LASTS: dict[str, Any] = {"ge": 1, "le": 86_400}
"""Of a field that several types have, and that no one of them should have to think of."""


async def read_ask(request: Request, tenant: str) -> Ask:
    """The call as asked for by this tenant, or a Problem: 413, 415 or 422."""
    body: Any = await read_as(request, _form_of)
    asked = body.model_dump(exclude={"metadata", "type", "private"})
    return replace(ask_of(asked, type=body.type, metadata=body.metadata, private=body.private), tenant=tenant)


def forms() -> dict[str, type[Body]]:
    """Type → its form."""
    return {name: PlaceCall if name == DEFAULT_TYPE else form(name) for name in open_flows()}


def takes_any_form() -> dict[str, Any]:
    """For the API's description (OpenAPI): one of the forms, told apart by `type`."""
    refs = {name: f"#/components/schemas/{form.__name__}" for name, form in forms().items()}
    schema = {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "type", "mapping": refs},
    }
    return {"required": True, "content": {"application/json": {"schema": schema}}}


@cache
def form(name: str) -> type[Body]:
    request = open_flows()[name].Request
    hints = get_type_hints(request)
    shape: dict[str, Any] = {"type": (Literal[name], Field(description="The type of call."))}
    for one in fields(request):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        longest = LASTS if one.name == "max_duration_s" else {}
        most = _most(hints[one.name])
        shape[one.name] = (hints[one.name], Field(... if default is MISSING else default, max_length=most, **longest))
    shape["private"] = (bool, PRIVATE)
    shape["metadata"] = (Metadata, METADATA)
    title = "Place" + "".join(part.capitalize() for part in name.split("_"))
    return create_model(title, __base__=Body, __doc__=request.__doc__, **shape)


def _most(hint: Any) -> int | None:
    """Texts and lists are of a length that a request may have."""
    if get_origin(hint) in (tuple, list):
        return LIST_MAX
    return WORDS_MAX if hint is str or str in get_args(hint) else None


def _form_of(raw: bytes) -> type[Body]:
    """Of what cannot be read, and of what names no type, the usual one says what is wrong."""
    if b'"type"' not in raw:
        return PlaceCall
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError):
        return PlaceCall
    name = read.get("type", DEFAULT_TYPE) if isinstance(read, dict) else DEFAULT_TYPE
    if not isinstance(name, str) or name not in open_flows():
        raise Problem("malformed-body", f"type: expected one of {', '.join(sorted(open_flows()))}.", "type")
    return forms()[name]
