"""The soak's: minutes of bytes that are chosen by what code they reach, over the decoder, `step` and the records."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.runs import SEED

TARGETS = ("decoder", "frames", "call", "facts", "batches", "records")
SECONDS = 45
HAS_WHEELS = (platform.system(), platform.machine()) == ("Linux", "x86_64") and sys.version_info < (3, 15)


@pytest.mark.soak("minutes long")
@pytest.mark.skipif(not HAS_WHEELS, reason="atheris is not built for this machine")
@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_find_a_fault(target: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hostile.fuzzing", target, "--seconds", str(SECONDS), "--seed", str(SEED)]
    done = subprocess.run(
        [*command, "--keep", str(tmp_path)], capture_output=True, text=True, timeout=SECONDS * 4 + 120, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-2_000:]}\n{done.stderr[-6_000:]}\nkept: {list(tmp_path.iterdir())}"
    runs = re.search(r"Done (\d+) runs", done.stderr)
    assert runs is not None, done.stderr[-2_000:]
    assert int(runs[1]) > 100
    print(f"fuzzed {target} for {SECONDS} s: {runs[1]} inputs, seed {SEED}")  # noqa: T201 - a figure of the soak
