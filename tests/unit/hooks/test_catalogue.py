"""The catalogue of events is what calls and notices can tell, and what the docs list."""

import re
from pathlib import Path
from typing import get_args

from ari_app.entrypoints.views import LegWhat
from ari_app.flows import flows
from ari_app.hooks.catalogue import EVENTS, TEST, pattern_of

ROOT = Path(__file__).parents[3]


def test_every_event_that_can_be_told_is_in_the_catalogue_and_no_other() -> None:
    states = {f"call.{state}" for flow in flows().values() for state in flow.STATES}
    legs = {f"call.{what}" for what in get_args(LegWhat)}
    desks = "".join(path.read_text("utf-8") for path in (ROOT / "ari_app" / "desks").glob("notice_*.py"))
    said = {f"notice.{word}" for word in re.findall(r'"notice_([a-z_]+)"', desks)}
    reached = {f"notice.{word}" for word in ("confirmed", "heard")}  # the states that count as reached
    assert set(EVENTS) == states | legs | said | reached


def test_the_docs_list_the_catalogue() -> None:
    told = re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", (ROOT / "docs" / "webhooks.md").read_text("utf-8"), re.MULTILINE)
    listed = [(name, when) for name, when in told if name.startswith(("call.", "notice."))]
    assert listed == list(EVENTS.items())
    assert TEST in (ROOT / "docs" / "webhooks.md").read_text("utf-8")


def test_a_name_is_understood_without_its_group() -> None:
    assert [pattern_of(word) for word in ("ended", "call.ended", "confirmed", "call.*", "*")] == [
        "call.ended", "call.ended", "notice.confirmed", "call.*", "*",
    ]  # fmt: skip
    assert [pattern_of(word) for word in ("", "call", "call.", "Ended", "webhook.test", "call.endet")] == [None] * 6
