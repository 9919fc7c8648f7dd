"""Runs pip-audit, in a place of its own, over every lock file, and ends with what follows from its answer. In CI a
network that is closed is a warning, a known weakness a fault."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.audit.findings import UNASKED, Findings, findings, together

HERE = Path(__file__).parents[2]
TOOL = HERE / ".venv/audit"
LOCK = HERE / "requirements-audit.lock"
WITHIN_S = 300


def run() -> Findings:
    try:
        _have_the_tool()
        words = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--desc", "off", "-f", "json"]
        tool = str(TOOL / "bin/pip-audit")
        ran = [_run(tool, *words, "-r", str(lock)) for lock in sorted(HERE.glob("requirements*.lock"))]
    except subprocess.CalledProcessError as e:
        return Findings(why=f"pip-audit cannot be installed: {_last(e.stderr)}")
    except (OSError, subprocess.TimeoutExpired) as e:
        return Findings(why=f"pip-audit does not run: {e}")
    return together(findings(one.stdout, one.stderr) for one in ran)


def _have_the_tool() -> None:
    """Again where its lock file has changed since."""
    stamp = TOOL / LOCK.name
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    _run(sys.executable, "-m", "venv", "--clear", str(TOOL)).check_returncode()
    pip = (str(TOOL / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "-r", str(LOCK)).check_returncode()
    stamp.write_bytes(LOCK.read_bytes())


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=HERE, capture_output=True, text=True, timeout=WITHIN_S)


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no word of why")[:300]


def main() -> int:
    found = run()
    is_warning = found.code == UNASKED and bool(os.environ.get("CI"))
    for line in found.lines():
        sys.stderr.write(("warning: " if is_warning else "") + line + "\n")
    return 0 if is_warning else found.code


if __name__ == "__main__":
    sys.exit(main())
