"""docs/nodes.md: its sample is a nodes.conf that knows every option, and the times that it names are true."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from ari_app.config import Settings
from ari_app.engine.beginnings import DOUBTFUL_S
from ari_app.engine.engine import CANCEL_WITHIN_S
from ari_app.nodes_file import OPTIONS, parse_nodes

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "nodes.md").read_text("utf-8")
(SAMPLE,) = (dedent(block) for block in re.findall(r"^ *```ini\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL))


def test_the_sample_is_read_without_a_mistake_and_what_it_leaves_out_is_as_the_settings_say() -> None:
    first, second = parse_nodes(SAMPLE, Settings(ari_password="of-all", ami_password="of-all"))
    assert (first.name, first.ari_url, first.ari_password, first.max_calls) == (
        "pbx1", "http://10.0.0.11:8088", "change-me", 200,
    )  # fmt: skip
    assert (second.name, second.ari_password, second.ari_app, second.max_calls) == ("pbx2", "of-all", "ringbridge", 80)


def test_the_sample_shows_every_option_with_a_word_about_it() -> None:
    first = SAMPLE.split("[pbx2]")[0]
    shown = re.findall(r"^(\w+) = \S+", first, re.MULTILINE)
    assert shown == list(OPTIONS)


def test_the_times_that_it_names_are_the_defaults() -> None:
    told = dict(re.findall(r"`(lease_\w+)`\s\((\d+) s\)", TEXT))
    assert told == {
        "lease_ttl_s": str(Settings.lease_ttl_ms // 1000), "lease_margin_s": str(Settings.lease_margin_ms // 1000),
    }  # fmt: skip
    assert f"nobody has carried out within {CANCEL_WITHIN_S:g} s" in TEXT
    assert DOUBTFUL_S == 20
    assert "twenty seconds after it was asked for" in TEXT


def test_it_is_found_from_where_an_operator_begins() -> None:
    for page in (DOCS.parent / "README.md", DOCS / "operating.md", DOCS / "cli.md", DOCS / "api.md"):
        assert "nodes.md" in page.read_text("utf-8"), page.name
