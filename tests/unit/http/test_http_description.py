"""The API's description: valid OpenAPI 3.1, with an example of every request, every answer and every problem, each of
which is as its schema says."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from ari_app.entrypoints.http.app import api
from ari_app.entrypoints.http.description import TAGS
from ari_app.entrypoints.http.problems import KINDS
from ari_app.entrypoints.http.refusals import OWN

DOCUMENT = api().openapi()
OPERATIONS = [(f"{method.upper()} {path}", operation) for path, all_of_path in DOCUMENT["paths"].items()
              for method, operation in all_of_path.items()]  # fmt: skip


def shapes_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Of all that there are, what this schema is made of: to look through all of them takes long."""
    found: dict[str, Any] = {}
    wanted = re.findall(r"#/components/schemas/(\w+)", str(schema))
    while wanted:
        if (name := wanted.pop()) not in found:
            found[name] = DOCUMENT["components"]["schemas"][name]
            wanted += re.findall(r"#/components/schemas/(\w+)", str(found[name]))
    return {**schema, "components": {"schemas": found}}


def test_it_is_valid_openapi() -> None:
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)


def examples(operation: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """(where, schema, example), one at least of all that is JSON."""
    parts = {"body": operation.get("requestBody", {}), **operation["responses"]}
    for where, part in parts.items():
        for media, content in part.get("content", {}).items():
            if media in ("application/json", "application/problem+json"):
                found = [content["example"]] if "example" in content else []
                for one in content.get("examples", {}).values():
                    name = one["$ref"].rpartition("/")[2]
                    found.append(DOCUMENT["components"]["examples"][name]["value"])
                assert found, f"{where}: no example"
                yield from ((where, content["schema"], one) for one in found)


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_example_is_as_its_schema_says(name: str, operation: dict[str, Any]) -> None:
    for where, schema, example in examples(operation):
        for e in jsonschema_rs.Draft202012Validator(shapes_of(schema)).iter_errors(example):
            raise AssertionError(f"{name} {where}: {e.message} at {list(e.instance_path)}")
    for status in operation["responses"]:
        types = (
            operation["responses"][status].get("content", {}).get("application/problem+json", {}).get("examples", {})
        )
        assert all(KINDS[type].status == int(status) for type in types)


def test_webhooks_are_described_as_they_are_sent() -> None:
    for one in DOCUMENT["webhooks"].values():
        body = one["post"]["requestBody"]["content"]["application/json"]
        jsonschema_rs.Draft202012Validator(shapes_of(body["schema"])).validate(body["example"])
        assert [p["name"] for p in one["post"]["parameters"]] == [
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
        ]


def test_every_tag_and_every_header_is_described_and_nothing_is_told_of_operations_that_are_none() -> None:
    assert {tag["name"] for tag in DOCUMENT["tags"]} <= TAGS.keys()
    place = DOCUMENT["paths"]["/v1/calls"]["post"]
    assert {"RateLimit", "RateLimit-Policy"} <= place["responses"]["201"]["headers"].keys()
    assert "Retry-After" in place["responses"]["503"]["headers"]
    assert {"invalid-number", "balance-empty", "idempotency-conflict"} <= DOCUMENT["components"]["examples"].keys()
    assert OWN.keys() <= {operation["operationId"] for _, operation in OPERATIONS}
    assert {type for types in OWN.values() for type in types.split()} <= KINDS.keys()
