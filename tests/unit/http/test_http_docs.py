"""docs/api.md and docs/metrics.md know every route, every field, every kind of problem and every metric."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from ari_app.domain.causes import REASONS
from ari_app.entrypoints import views, views_account, views_plan, views_recording
from ari_app.entrypoints.http import bodies, numbers
from ari_app.entrypoints.http.app import BODIES, routes
from ari_app.entrypoints.http.front import HttpMetrics
from ari_app.entrypoints.http.problems import KINDS
from ari_app.flows import callback
from ari_app.metrics import Metrics

DOCS = Path(__file__).parents[3] / "docs"
API = (DOCS / "api.md").read_text("utf-8")


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_is_in_the_docs(method: str, path: str) -> None:
    assert f"`{method} {path}`" in API


def test_the_table_of_problems_is_the_one_that_is_used() -> None:
    told = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| (.*) \|$", API, re.MULTILINE)
    assert told == [(str(kind.status), type, kind.meaning) for type, kind in KINDS.items()]


@pytest.mark.parametrize(
    "shape", [views.CallView, views.LegView, views.EventView, views.UserView, views_account.BalanceView,
              views_account.BucketView, views_account.LineView, views_plan.TeamView, views_plan.MemberView,
              views_plan.TeamOfUserView, views_recording.RecordingView, numbers.VerificationView,
              views_plan.PlanView, views_plan.MinutesView, views_plan.SourceView]
)  # fmt: skip
def test_every_field_of_an_answer_is_in_the_docs(shape: type) -> None:
    fields = shape.__struct_encode_fields__  # type: ignore[attr-defined]
    missing = [name for name in fields if not re.search(rf'[`"]{name}\??[`"]', API)]
    assert missing == []


@pytest.mark.parametrize("body", BODIES)
def test_every_field_of_a_body_is_in_the_docs(body: type[bodies.Body]) -> None:
    assert [name for name in body.model_fields if not re.search(rf'[`"]{name}\??[`"]', API)] == []


def test_every_state_and_every_reason_is_in_the_docs() -> None:
    assert [word for word in (*callback.STATES, *REASONS) if f"`{word}`" not in API] == []


@pytest.mark.parametrize("registry", [HttpMetrics().registry, Metrics().registry])
def test_every_metric_has_a_heading(registry: CollectorRegistry) -> None:
    text = (DOCS / "metrics.md").read_text("utf-8")
    names = [metric.name for metric in registry.collect()]
    assert names
    assert [name for name in names if f"\n### `{name}`\n" not in text] == []
