"""A million lines of a bill beside a million legs, in bounded memory; in short 3,000."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.ground import SOAK

ROOT = Path(__file__).parents[3]
LINES = 1_000_000 if SOAK else 3_000
MOST_MB = 300
MOST_CPU_S = 180 if SOAK else 20


def test_a_million_lines_fill_no_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.unit.settling.million", str(tmp_path), str(LINES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1700, check=True)
    took = json.loads(done.stdout)

    few = LINES // 1000
    assert took["classes"] == {"agreed": LINES - 2 * few, "missing_there": few, "rate_differs": few}
    assert took["peak_mb"] <= MOST_MB
    assert took["cpu_s"] <= MOST_CPU_S
    assert len((tmp_path / "disputes.csv").read_text().splitlines()) == 2 * few + 1
    print(f"settled {LINES} lines in {took['seconds']} s: {took['cpu_s']} s of a core, {took['peak_mb']} MB")  # noqa: T201
