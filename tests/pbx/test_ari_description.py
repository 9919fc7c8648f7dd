"""Our operations, events and models against the API description that the running Asterisk ships."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import msgspec
import pytest

from ari_app.adapters.ari import channels, events, media, models, system
from ari_app.adapters.ari.operations import Operation, Resource

RESOURCES: dict[str, type[Resource]] = {
    "channels": channels.Channels,
    "bridges": media.Bridges,
    "playbacks": media.Playbacks,
    "recordings": media.Recordings,
    "sounds": media.Sounds,
    "applications": system.Applications,
    "endpoints": system.Endpoints,
    "asterisk": system.Asterisk,
    "events": system.Events,
    "deviceStates": system.DeviceStates,
    "mailboxes": system.Mailboxes,
}
WEBSOCKET = "eventWebsocket"  # connecting, not an operation
OURS_ALONE = {"Model", "Event"}


@pytest.fixture(scope="module")
def description(stack: Any) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        headers = {"Authorization": aiohttp.encode_basic_auth(stack.ari_user, stack.ari_password)}
        found = {}
        async with aiohttp.ClientSession(headers=headers) as session:
            for name in RESOURCES:
                async with session.get(f"{stack.ari_url}/api-docs/{name}.json") as response:
                    assert response.status == 200, name
                    found[name] = await response.json(content_type=None)
        return found

    return asyncio.run(read())


def operations_of(described: dict[str, Any]) -> dict[str, tuple[dict[str, Any], str]]:
    return {
        operation["nickname"]: (operation, api["path"])
        for api in described["apis"]
        for operation in api["operations"]
        if operation["nickname"] != WEBSOCKET
    }


@pytest.mark.parametrize("name", RESOURCES)
def test_every_operation_has_the_described_method_path_and_parameters(description: dict[str, Any], name: str) -> None:
    described = operations_of(description[name])
    ours = RESOURCES[name].operations()
    assert ours.keys() == described.keys()
    for nickname, operation in ours.items():
        theirs, path = described[nickname]
        assert (operation.method, f"/{operation.path}") == (theirs["httpMethod"], path), nickname
        assert places(operation) == {p["name"]: p["paramType"] for p in theirs.get("parameters", [])}, nickname
        required = {p["name"] for p in theirs.get("parameters", []) if p.get("required")}
        # what stands in the path is always needed, whatever the description says of it
        assert {parameter.rstrip("_") for parameter in operation.required} == required | {*operation.path_names}, (
            nickname
        )


def places(operation: Operation[Any]) -> dict[str, str]:
    return {
        **dict.fromkeys(operation.path_names, "path"),
        **{name.rstrip("_"): "query" for name in operation.query_names()},
        **dict.fromkeys(operation.body_names, "body"),
    }


@pytest.mark.parametrize("name", RESOURCES)
def test_every_reply_is_decoded_as_what_is_described(description: dict[str, Any], name: str) -> None:
    ours = RESOURCES[name].operations()
    for nickname, (theirs, _) in operations_of(description[name]).items():
        described = theirs["responseClass"]
        if described in ("void", "binary"):
            continue
        many = re.fullmatch(r"List\[(\w+)\]", described)
        model = getattr(models, many[1] if many else described)
        decoder = getattr(ours[nickname].decode, "__self__", None)
        assert isinstance(decoder, msgspec.json.Decoder), nickname
        assert decoder.type == (tuple.__class_getitem__((model, ...)) if many else model), nickname


def all_models(description: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: model for part in description.values() for name, model in part["models"].items()}


def test_every_described_event_type_is_known_and_no_other(description: dict[str, Any]) -> None:
    described = set(description["events"]["models"]["Event"]["subTypes"])
    ours = {kind.__name__ for kind in events.EVENT_TYPES}
    assert described - ours == {"RESTResponse"}  # the link's own business
    assert ours - described <= {"MissingParams"}  # a Message, says the description, but it comes like an event


def test_every_field_of_ours_is_described_with_a_type_that_fits(description: dict[str, Any]) -> None:
    described = all_models(description)
    ours = [kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, models.Model)]
    checked = 0
    for struct in [*ours, *events.EVENT_TYPES]:
        if struct.__name__ in OURS_ALONE:
            continue
        fields = {**described["Message"]["properties"], **described["Event"]["properties"]}
        fields |= described[struct.__name__]["properties"]
        for field in msgspec.structs.fields(struct):
            place = f"{struct.__name__}.{field.encode_name}"
            assert field.encode_name in fields, place
            theirs = fields[field.encode_name]
            assert fits(theirs["type"], field.type), f"{place}: {theirs['type']} against {field.type}"
            if field.required:
                assert theirs.get("required"), f"{place} may be absent, says the description"
            checked += 1
    assert checked > 200


def test_every_described_field_of_an_event_is_had(description: dict[str, Any]) -> None:
    for kind in events.EVENT_TYPES:
        described = description["events"]["models"][kind.__name__]["properties"]
        assert described.keys() <= {field.encode_name for field in msgspec.structs.fields(kind)}, kind


_FITTING = {"string": "str", "Date": "str", "int": "int", "long": "int", "double": "float", "boolean": "bool"}


def fits(described: str, ours: Any) -> bool:
    spelled = ours.__name__ if isinstance(ours, type) and not hasattr(ours, "__args__") else str(ours)
    if described in _FITTING:
        return _FITTING[described] in spelled
    if described in ("object", "List[object]"):
        return "dict" in spelled or "Any" in spelled
    inner = re.fullmatch(r"List\[(\w+)\]", described)
    if inner:
        return spelled.startswith("tuple[") and (_FITTING.get(inner[1], inner[1]) in spelled or "dict" in spelled)
    return re.search(rf"\b{described}\b", spelled) is not None
