"""Applies a file again and again, each time in a child that is killed a moment later than the one before, and says what
was left each time and what the next apply made of it. A program of its own: it has no thread, so it can fork.

    python -m tests.unit.trunks.killed_applies HOME ARI_URL
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from ari_app import trunk_versions, whole_files
from ari_app.config import Settings
from ari_app.operator_files import load_carriers
from ari_app.trunk_tools import applying, asking
from ari_app.trunk_tools.applying import Wanted, apply
from ari_app.trunk_versions import Versions

OLD = "[main]\nhost = 127.0.0.1\npriority = 1\n"
NEW = "[main]\nhost = 127.0.0.1\nport = 5070\npriority = 2\n[spare]\nhost = 127.0.0.1\n"
MOMENTS_MAX = 60


class Steps:
    """Counts what leaves a trace, a file made safe or a request to Asterisk, and dies at the one that is asked for."""

    def __init__(self, die_at: int) -> None:
        self.done = 0
        self._die_at = die_at

    def before(self, work: Any) -> Any:
        def step(*args: Any, **more: Any) -> Any:
            self.done += 1
            if self.done == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*args, **more)

        return step

    def count(self) -> None:
        whole_files.os.fsync = self.before(os.fsync)  # type: ignore[attr-defined]
        Path.replace = self.before(Path.replace)  # type: ignore[method-assign]
        Path.unlink = self.before(Path.unlink)  # type: ignore[method-assign]
        asking.Ari._ask = self.before(asking.Ari._ask)  # type: ignore[method-assign]


def put_in_force(settings: Settings, text: str) -> None:
    file = Path(settings.trunks_file)
    file.write_text(text)
    trunks = load_carriers(settings, str(file))
    apply(settings, Wanted(trunks, text, "test", "me"), lambda _: None)


def killed(settings: Settings, die_at: int) -> bool:
    """In a child. False: it came to its end."""
    if (child := os.fork()) == 0:
        steps = Steps(die_at)
        steps.count()
        put_in_force(settings, NEW)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def main(home: Path, ari_url: str) -> None:
    for die_at in range(1, MOMENTS_MAX, 1 if os.environ.get("SOAK") == "1" else 3):
        state = home / "state"
        shutil.rmtree(state, ignore_errors=True)
        settings = Settings(
            ari_url=ari_url, ari_password="of-the-told-pbx", pjsip_trunks_file=str(home / "pjsip_trunks.conf"),
            trunks_file=str(home / "trunks.conf"), state_dir=str(state),
        )  # fmt: skip
        (home / "pjsip_trunks.conf").write_text("")
        put_in_force(settings, OLD)
        was_killed = killed(settings, die_at)
        left = Versions(state).in_force()
        assert left is not None
        versions = Versions(state)
        with versions.locked():
            applying.undo_interrupted(settings, versions, lambda _: None)
        say(die_at, was_killed, left, versions, settings)
        put_in_force(settings, NEW)
        assert Versions(state).in_force().trunks == load_carriers(settings, settings.trunks_file)  # type: ignore[union-attr]
        if not was_killed:
            return


def say(die_at: int, was_killed: bool, left: trunk_versions.InForce, versions: Versions, settings: Settings) -> None:
    ari = asking.Ari(settings.ari_url, settings.ari_user, settings.ari_password)
    seen = {name: ari.shown("aor", name) for name in ("main", "spare")}
    told = {
        "moment": die_at,
        "killed": was_killed,
        "in_force": [trunk.name for trunk in left.trunks],
        "after": [trunk.name for trunk in versions.in_force().trunks],  # type: ignore[union-attr]
        "told": {name: aor["contact"] for name, aor in seen.items() if aor},
        "is_applying": versions.is_applying(),
        "halves": [str(one) for one in Path(settings.state_dir).parent.rglob(".*")],
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
