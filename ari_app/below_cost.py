"""Which trunks sell minutes below their cost: a warning for whoever checks the configuration. Knows the settings and
the carriers; no call and no minute that was sold."""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.config import Settings
from ari_app.config.kinds import money
from ari_app.config.mistakes import Mistake
from ari_app.domain.trunks import Trunk
from ari_app.operator_files import load_carriers

LEGS = 2


def sold_below_cost(s: Settings) -> Iterator[Mistake]:
    """Of the trunks file, where `minute_worth` is set: a callback has two legs, and each may be the dearest. Prices in
    another currency cannot be compared. Raises Mistakes."""
    if not (s.minute_worth_micro and s.trunks_file):
        return
    for trunk in load_carriers(s, s.trunks_file):
        cost = LEGS * _dearest(trunk)
        if trunk.currency == s.currency and cost > s.minute_worth_micro:
            show = money().show
            yield Mistake(
                f"{s.trunks_file}: [{trunk.name}]",
                f"a minute may cost {show(cost)} {s.currency}, both legs at its dearest price, and is worth "
                f"{show(s.minute_worth_micro)} (minute_worth)",
            )


def _dearest(trunk: Trunk) -> int:
    return max(trunk.price_micro_per_min, *(rate.price_micro_per_min for rate in trunk.rates), 0)
