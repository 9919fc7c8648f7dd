"""What is shown of each node: of those that are ours, and of no other, however it went."""

from __future__ import annotations

from ari_app.metrics import Metrics


def shown(metrics: Metrics) -> dict[str, float]:
    return {one.labels["node"]: one.value for family in metrics.link.collect() for one in family.samples}


def test_a_node_whose_pbx_was_never_seen_is_shown_as_out_of_sight_and_one_that_was_given_away_is_not_shown() -> None:
    metrics = Metrics()
    metrics.links({"pbx1": True, "pbx2": False})
    assert shown(metrics) == {"pbx1": 1, "pbx2": 0}
    metrics.watch().link(False)  # said while it was being given away
    metrics.links({"pbx1": True})
    assert shown(metrics) == {"pbx1": 1}
