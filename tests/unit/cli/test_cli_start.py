"""`ringbridge start` and `POST /v1/calls` for whatever call type there is: one that this test brings along, in one
file, is found, described, asked for and held to the laws as those that are shipped; the engine knows none by name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.domain.call import Call
from ari_app.engine.asks import Ask
from ari_app.entrypoints import cli_start
from ari_app.flows import flows, open_flows
from tests import toy
from tests.laws.conftest import _quiet  # noqa: F401 - a fixture of these tests, too
from tests.laws.test_laws import hold_over_random_schedules
from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import Answer, Bench, a_call

ARI_APP = Path(__file__).parents[3] / "ari_app"


@pytest.fixture(autouse=True)
def _toy(tmp_path: Path) -> Iterator[None]:
    with toy.in_this_process(toy.laid(tmp_path)):
        yield


def posted(body: Any) -> tuple[Answer, list[tuple[Ask, str, str | None]]]:
    async def story() -> tuple[Answer, list[tuple[Ask, str, str | None]]]:
        bench = Bench()
        await bench.with_keys()
        return await bench.ask("POST", "/v1/calls", body), bench.service.asked

    return asyncio.run(story())


# ---- found ----------------------------------------------------------------------------------------------------------


def test_one_file_is_a_call_type() -> None:
    assert "toy" in flows()
    assert "toy" in open_flows()
    written = [line for line in toy.FLOW.splitlines() if line.startswith("    ")]
    assert len(written) <= 25, "and a small one"


def test_the_laws_hold_for_it_over_random_schedules() -> None:
    hold_over_random_schedules("toy", toy.MAKER)


@pytest.mark.parametrize("folder", ["engine", "domain/step.py"])
def test_the_engine_knows_no_call_type_by_name(folder: str) -> None:
    """Neither its module nor the word; what is about one type is a desk, or the flow itself."""
    shared = {"Flow", "flows", "asked_flows", "open_flows", "DEFAULT_TYPE", "moves"}
    types = "|".join(sorted(flows()))
    paths = sorted((ARI_APP / folder).rglob("*.py")) if folder == "engine" else [ARI_APP / folder]
    for path in paths:
        text = path.read_text("utf-8")
        imported = re.findall(r"^from ari_app\.flows import (.*)$", text, re.MULTILINE)
        names = {name.strip() for line in imported for name in line.split(",")}
        names |= set(re.findall(r"^from ari_app\.flows\.(\w+) import", text, re.MULTILINE))
        assert names <= shared, f"{path.name} imports {sorted(names - shared)}"
        assert not re.search(rf"""["']({types})["']""", text), path.name


# ---- asked for ------------------------------------------------------------------------------------------------------


def test_it_is_asked_for_by_its_type_with_the_fields_of_its_request() -> None:
    answer, asked = posted({"type": "toy", "phone": "+8613900000004", "metadata": {"order": "7"}})
    assert answer.status == 201
    [(ask, _, _)] = asked
    assert (ask.type, ask.request.phone, ask.request.seconds) == ("toy", "+8613900000004", 10)
    assert ask.metadata == {"order": "7"}


@pytest.mark.parametrize("body", [{"caller": "demo", "callee": "+8613900000004"},
                                  {"type": "callback", "caller": "demo", "callee": "+8613900000004"}])  # fmt: skip
def test_a_callback_is_meant_where_no_type_is_named(body: dict[str, str]) -> None:
    answer, asked = posted(body)
    assert answer.status == 201
    [(ask, _, _)] = asked
    assert (ask.type, ask.request.caller) == ("callback", "demo")
    assert ask.fingerprint == posted({"caller": "demo", "callee": "+8613900000004"})[1][0][0].fingerprint


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ({"type": "toy"}, "phone", "needed"),
        ({"type": "toy", "phone": 7}, "phone", "text"),
        ({"type": "toy", "phone": "+861", "seconds": "9"}, "seconds", "a whole number"),
        ({"type": "toy", "phone": "+861", "second": 9}, "second", 'did you mean "seconds"'),
        ({"type": "toy", "phone": "x" * 501}, "phone", "at most 500"),
        ({"type": "toy", "phone": "+861", "caller": "demo"}, "caller", "no such field"),
        ({"type": "tooy", "phone": "+861"}, "type", "callback"),
        ({"type": 7, "phone": "+861"}, "type", "toy"),
        ({"type": "trunk_test", "phone": "+861"}, "type", "toy"),
        ({"type": "callback", "phone": "+861"}, "caller", "needed"),
    ],
)
def test_what_is_no_such_request_is_told_with_the_field(body: dict[str, Any], field: str, detail: str) -> None:
    answer, asked = posted(body)
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (422, "malformed-body", field)
    assert detail in answer.problem["detail"]
    assert asked == []


def test_the_description_of_the_api_has_the_form_of_every_type() -> None:
    async def story() -> Any:
        return (await Bench().ask("GET", "/openapi.json")).json

    told = asyncio.run(story())
    schema = told["paths"]["/v1/calls"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["discriminator"]["mapping"].keys() == open_flows().keys()
    assert {"$ref": "#/components/schemas/PlaceToy"} in schema["oneOf"]
    form = told["components"]["schemas"]["PlaceToy"]
    assert set(form["required"]) == {"type", "phone"}
    assert form["properties"]["type"]["const"] == "toy"
    assert form["additionalProperties"] is False


# ---- from the command line ------------------------------------------------------------------------------------------


class Placed:
    def __init__(self, served: Served) -> None:
        self.asked: list[tuple[Ask, str | None]] = []
        served.bench.doors.service.__dict__["place"] = self.place

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call:
        self.asked.append((ask, idempotency_key))
        return a_call()


def test_start_asks_for_it(run: Run, served: Served) -> None:
    placed = Placed(served)
    ran = run("start", "toy", "phone=+8613900000004", "seconds=3", "--once", "k", "--json")
    assert ran.code == 0, ran.err
    assert '"id": "c1"' in ran.out
    [(ask, once)] = placed.asked
    assert (ask.type, ask.request.phone, ask.request.seconds, once) == ("toy", "+8613900000004", 3, "k")


def test_its_help_has_the_fields_of_every_type() -> None:
    told = cli_start._help()
    assert "toy:\n  phone=TEXT\n  seconds=NUMBER  (may be left out)" in told
    assert "waiting=ringback|music" in told
    assert "participants=TEXT (one for each)" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tooy", "phone=1"], 'did you mean "toy"'),
        (["toy"], "toy needs phone too"),
        (["toy", "phone"], "FIELD=VALUE is expected"),
        (["toy", "phone=1", "fone=2"], 'did you mean "phone"'),
        (["toy", "phone=1", "seconds=soon"], "a whole number"),
        (["callback", "caller=a", "callee=b", "confirm_caller=yes"], "true or false"),
    ],
)
def test_a_wrong_word_is_told_before_anything_is_asked(run: Run, served: Served, words: list[str], said: str) -> None:
    placed = Placed(served)
    ran = run("start", *words)
    assert ran.code == 2
    assert said in ran.err
    assert placed.asked == []


def test_a_list_is_the_field_once_for_each(run: Run, served: Served) -> None:
    assert cli_start.asked("conference", ["host=a", "participants=b", "participants=c"]) == {
        "host": "a", "participants": ["b", "c"]
    }  # fmt: skip
