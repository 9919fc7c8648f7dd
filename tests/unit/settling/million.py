"""`python -m tests.unit.settling.million FOLDER LINES`: settles so many lines, and prints the seconds that it took and
the most memory that the process had. Every thousandth line is billed at another rate, every thousandth leg is not
billed."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ari_app.domain.costing import LegCost
from ari_app.trunk_tools.bill_profile import parse_profile
from ari_app.trunk_tools.dispute_file import writer
from ari_app.trunk_tools.settling import Asked, settle
from ari_app.whole_files import written_whole
from tests.unit.settling.bills import FROM_MS, MONTH, MONTH_MS, SHANGHAI, Way, leg, line_of

WAY = Way(time="%Y/%m/%d %H:%M:%S", duration="hh:mm:ss")


def legs(count: int) -> Iterator[LegCost]:
    for n in range(count):
        m = n * 7919 % count  # in no order
        at_ms = FROM_MS + m * (MONTH_MS // count)
        yield leg(f"c{m}", f"+86139{m * 31 % (count // 2 + 1):08d}", at_ms, 1000 + m * 997 % 600_000)


def bill(to: Path, count: int) -> Path:
    head, _, _ = WAY.text([]).partition("\n")
    with to.open("w", newline="") as file:
        file.write(head + "\n")
        for n, one in enumerate(legs(count)):
            if n % 1000 == 7:
                continue
            changes = {"cost_micro": one.cost_micro * 11 // 10, "rate_micro": 66_000} if n % 1000 == 3 else {}
            file.write(WAY.text([line_of(one, **changes)]).partition("\n")[2])
    return to


def settle_some(folder: Path, count: int) -> dict[str, Any]:
    path = bill(folder / "bill.csv", count)
    asked = Asked(path, "acme", SHANGHAI, "CN", parse_profile(WAY.profile(), "profile.toml"), MONTH)
    began, cpu_began = time.monotonic(), time.process_time()
    with written_whole(folder / "disputes.csv") as file:
        found = settle(asked, lambda _days: legs(count), writer(file))
    classes = {what.value: sums.lines for (what, _), sums in found.by_class.items()}
    taken: dict[str, Any] = {
        "seconds": round(time.monotonic() - began, 1),
        "cpu_s": round(time.process_time() - cpu_began, 1),
    }
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return taken | {"peak_mb": peak_mb, "lines": found.lines, "classes": classes}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(settle_some(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
