"""A million lines of a bill beside a million legs, in bounded memory; in short 3,000."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.ground import SOAK
from tests.unit.settling.million import settle_some

ROOT = Path(__file__).parents[3]
LINES = 1_000_000 if SOAK else 3_000
MOST_MB = 300
MOST_CPU_S = 180


def in_a_process(folder: Path) -> dict[str, Any]:
    """Of its own, whose memory is nobody else's."""
    command = [sys.executable, "-m", "tests.unit.settling.million", str(folder), str(LINES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1700, check=True)
    took: dict[str, Any] = json.loads(done.stdout)
    return took


def test_a_million_lines_fill_no_memory(tmp_path: Path) -> None:
    took = in_a_process(tmp_path) if SOAK else settle_some(tmp_path, LINES)

    few = LINES // 1000
    assert took["classes"] == {"agreed": LINES - 2 * few, "missing_there": few, "rate_differs": few}
    if SOAK:  # else it is this process's own
        assert took["peak_mb"] <= MOST_MB
        assert took["cpu_s"] <= MOST_CPU_S
    assert len((tmp_path / "disputes.csv").read_text().splitlines()) == 2 * few + 1
    print(f"settled {LINES} lines in {took['seconds']} s: {took['cpu_s']} s of a core, {took['peak_mb']} MB")  # noqa: T201
