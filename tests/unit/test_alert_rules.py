"""The alert rules name metrics that there are, and each alert has its section in the runbook, and the reverse."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ari_app.entrypoints.cli import app
from ari_app.entrypoints.http.front import HttpMetrics
from ari_app.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
RUNBOOK = (DOCS / "runbook.md").read_text("utf-8")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(files("ari_app").joinpath("deploy/alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]  # fmt: skip
NAMES = [rule["alert"] for rule in RULES]
BY_PROMETHEUS = {"up"}
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))


def scraped(*registries: CollectorRegistry) -> dict[str, set[str]]:
    """Metric (as Prometheus stores it) → names of its labels, of those that have been seen with one."""
    found: dict[str, set[str]] = {}
    for registry in registries:
        described = {
            name for one in registry.collect() for name in (one.name, f"{one.name}_total", f"{one.name}_count")
        }
        found |= {name: set() for name in described}
        for family in text_string_to_metric_families(generate_latest(registry).decode()):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
    return found


METRICS = scraped(Metrics().registry, HttpMetrics().registry)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_an_alert_says_what_it_is_how_grave_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["alert"].startswith("Ringbridge")
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert len(rule["annotations"]["summary"]) > 20
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_metric_of_an_alert_is_one_that_the_app_has(rule: dict[str, Any]) -> None:
    named = set(re.findall(r"\b(ringbridge_\w+|up)\b(?=[\s{\[=<>]|$)", rule["expr"]))
    assert named, "an alert is about a metric"
    assert named - METRICS.keys() - BY_PROMETHEUS == set()
    counters = {name for name in named if name.endswith("_total")}
    assert all(re.search(rf"(increase|rate)\({name}\b", rule["expr"]) for name in counters), "a counter only grows"


def test_reasons_and_parts_that_alerts_ask_for_are_those_that_there_are() -> None:
    expressions = " ".join(rule["expr"] for rule in RULES)
    reasons = set(re.findall(r'reason="(\w+)"', expressions))
    told = {sample.labels["reason"] for one in Metrics().calls.collect() for sample in one.samples}
    assert reasons
    assert reasons <= told
    operating = (DOCS / "operating.md").read_text("utf-8")
    for part in re.findall(r'part=~?"(\w+)', expressions):
        assert re.search(rf"^\| `{part}` \|", operating, re.MULTILINE), part


def test_every_alert_has_its_section_in_the_runbook_and_no_section_is_of_another() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert SECTIONS.keys() == set(NAMES)


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_what_it_means_what_users_notice_where_to_look_what_to_do_and_when_it_is_over(name: str) -> None:
    section = SECTIONS[name]
    said = re.findall(r"^- \*\*([\w ]+)\*\*:", section, re.MULTILINE)
    assert said == ["Means", "Users notice", "Look", "Do", "Over when"]
    assert re.findall(r"^  (\d)\. ", section, re.MULTILINE) == ["1", "2", "3"]


def test_every_command_and_metric_that_the_runbook_names_is_there() -> None:
    known = set(paths(typer.main.get_command(app)))
    for words in re.findall(r"`ringbridge ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", RUNBOOK):
        assert words in known or words.split()[0] in known, words
    named = set(re.findall(r"\bringbridge_\w+", RUNBOOK))
    assert named - METRICS.keys() == set()


def paths(found: Any, path: tuple[str, ...] = ()) -> list[str]:
    inner = getattr(found, "commands", None)
    if inner is None:
        return [" ".join(path)]
    return [one for name, command in inner.items() for one in paths(command, (*path, name))]


def test_what_the_runbook_points_at_is_there() -> None:
    for file, anchor in re.findall(r"\]\(([\w.-]*)#?([\w-]*)\)", RUNBOOK):
        text = (DOCS / file).read_text("utf-8") if file else RUNBOOK
        headings = [re.sub(r"[^\w -]", "", line.lower()).strip().replace(" ", "-")
                    for line in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]  # fmt: skip
        assert not anchor or anchor in headings, (file, anchor)
