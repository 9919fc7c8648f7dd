"""A newcomer: a fresh clone in a new folder, a home of its own, nothing cached, no root. Needs package registries."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COLD_S, WARM_S = 240, 20
SERVES = "Ctrl-C"

pytestmark = pytest.mark.soak("fetches everything anew")


class Newcomer:
    """Where this test runs as root, an ordinary user of the machine."""

    def __init__(self, home: Path) -> None:
        self.clone = home / "ringbridge"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(self.clone)], check=True)
        kept = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k in ("LANG", "PATH")}
        self._more: dict[str, Any] = {"cwd": self.clone, "env": {**kept, "HOME": str(home)}, "text": True}
        self._python = "python3"
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody:nogroup", str(home)], check=True)
            self._more |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
            self._python = "/usr/bin/python3"

    def make(self, target: str) -> subprocess.Popen[str]:
        """Of the Makefile; "status" is the command's own."""
        command = ["make", f"PYTHON={self._python}", target]
        if target == "status":
            command = [".venv/bin/ringbridge", "stack", "status"]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **self._more
        )


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    with tempfile.TemporaryDirectory() as home:  # not pytest's own, which only its user may enter
        os.chmod(home, 0o755)
        found = Newcomer(Path(home))
        try:
            yield found
        finally:
            found.make("stop").wait(60)
            shutil.rmtree(found.clone / ".ringbridge", ignore_errors=True)


def test_the_first_call_comes_in_minutes_and_the_next_in_seconds(newcomer: Newcomer) -> None:
    began = time.monotonic()
    said, _ = newcomer.make("demo").communicate(timeout=COLD_S)
    cold_s = time.monotonic() - began
    call = json.loads(said.strip().splitlines()[-1])
    assert (call["reason"], call["charged_s"]) == ("completed", 60), said
    assert cold_s < COLD_S

    for _ in range(2):
        began = time.monotonic()
        running = newcomer.make("run")
        assert running.stdout
        story = []
        for line in running.stdout:
            story.append(line)
            if SERVES in line:
                break
        warm_s = time.monotonic() - began
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(30) in (0, -signal.SIGINT), "make itself says how it was ended"
        said, _ = newcomer.make("status").communicate(timeout=30)
        assert "running" not in said
        assert any("they talk" in line for line in story), story
        assert warm_s < WARM_S
        print(f"make demo, cold, and make run, warm, took {cold_s:.0f} and {warm_s:.1f} s: a fresh clone")  # noqa: T201
