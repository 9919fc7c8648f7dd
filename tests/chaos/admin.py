"""A telecom admin at work: writes the trunks file in ever new versions, and puts them in force with `ringbridge
trunks`, in a shell of his own. Every version has prices of its own, so that a price tells which one a call went by.

Writes down what each command said. Judges nothing.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ari_app.trunk_versions import Versions
from tests.chaos.carriers import CUSTOMER
from tests.ringbridge import now_ms
from tests.support import until_sync

WITHIN_S = 60.0
AGAIN_S = 1.0
TIMES_MAX = 20
RINGBRIDGE = (sys.executable, "-m", "ari_app.entrypoints.cli")
PRICES = {"carrier": 60_000, "north": 50_000, "south": 40_000}
NONSENSE = "endpoint/dtmf_mode = nonsense"
"""Passes every check of ours, and no Asterisk takes it."""


FIRST = 0
"""The seed of the version at the first start."""


def trunks_text(
    ports: Mapping[str, int], seed: int, number: int, *, without: str = "", nonsense_at: str = ""
) -> str:  # fmt: skip
    """Priorities, shares, limits and codecs by the seed, prices by the number of the version. All trunks take every
    number, and those that are not `south` have lines without end."""
    rng = random.Random(seed)
    sections = {name: _section(name, ports[name], rng, number) for name in ports}
    if nonsense_at:
        sections[nonsense_at] += f"{NONSENSE}\n"
    return "\n".join(text for name, text in sections.items() if name != without)


def _section(name: str, port: int, rng: random.Random, number: int) -> str:
    options = {
        "host": "127.0.0.1", "port": port, "caller_id": "verified",
        "priority": rng.choice((1, 1, 1, 2)), "weight": rng.choice((1, 2, 4)) * (2 if name == "south" else 1),
        "price": f"{(PRICES[name] + number) / 1e6:.6f}", "increment": rng.choice(("60/60", "6/6", "1/1")),
        "codecs": rng.choice(("alaw, ulaw", "ulaw, alaw")),
    }  # fmt: skip
    expires_s, channels, cps = rng.choice((60, 600, 3600)), rng.randint(3, 8), rng.randint(2, 5)
    if name == "north":
        login = {"username": CUSTOMER.username, "password": CUSTOMER.password}
        options |= {**login, "register": "yes", "expires": expires_s}
    if name == "south":
        options |= {"max_channels": channels, "max_cps": cps}
    return f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())


@dataclass
class Command:
    """`said`: what it printed; None: it was killed, or had no answer but a sentence."""

    words: tuple[str, ...]
    from_ms: int
    until_ms: int | None = None
    code: int | None = None
    said: Mapping[str, Any] | None = None
    is_killed: bool = False
    is_nonsense: bool = False
    why: str = ""

    def __str__(self) -> str:
        return " ".join(self.words)


@dataclass
class Admin:
    home: Path
    ports: Mapping[str, int]
    settings: Mapping[str, str]
    """Of the app, without their prefix."""
    commands: list[Command] = field(default_factory=list)
    _files: int = 0
    _remembered: list[int] = field(default_factory=list)

    @property
    def versions(self) -> Versions:
        return Versions(self.home)

    # ---- the file -----------------------------------------------------------------------------------------------

    def write(self, seed: int, *, without: str = "", nonsense_at: str = "") -> None:
        """The next version."""
        self._files += 1
        text = trunks_text(self.ports, seed, self._files, without=without, nonsense_at=nonsense_at)
        (self.home / "trunks.conf").write_text(text)

    # ---- commands -----------------------------------------------------------------------------------------------

    def begin(self, *words: str, is_nonsense: bool = False) -> Running:
        env = {k: v for k, v in os.environ.items() if not k.startswith("RINGBRIDGE_") or k == "RINGBRIDGE_CACHE_DIR"}
        env |= {f"RINGBRIDGE_{name}": value for name, value in self.settings.items()}
        env["RINGBRIDGE_STATE_DIR"] = str(self.home)
        command = Command(words, now_ms(), is_nonsense=is_nonsense)
        self.commands.append(command)
        process = subprocess.Popen(
            [*RINGBRIDGE, "trunks", *words, "--json"], env=env, cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return Running(command, process)

    def remember(self) -> None:
        """What is in force now, for `take_back`."""
        version = self.versions.index().in_force
        assert version is not None
        self._remembered.append(version)

    def take_back(self) -> None:
        self.until_it_is_done(("rollback", str(self._remembered.pop())))

    def until_it_is_done(self, words: Iterable[str]) -> None:
        """Again and again: what it needs may be away for a while."""
        for _ in range(TIMES_MAX):
            running = self.begin(*words)
            running.wait()
            if running.command.code == 0:
                return
            time.sleep(AGAIN_S)
        raise AssertionError(f"{running.command} comes to nothing: {running.command.why}")


@dataclass
class Running:
    command: Command
    process: subprocess.Popen[str]

    def wait(self) -> None:
        if self.command.until_ms is not None:
            return
        out, err = self.process.communicate(timeout=WITHIN_S)
        self.command.until_ms, self.command.code = now_ms(), self.process.returncode
        self.command.said = json.loads(out) if out.startswith("{") else None
        self.command.why = err[-500:]

    def kill_in_the_midst(self, versions: Versions, after_ms: int) -> None:
        """So long after it has begun to change something; not at all, where it changes nothing."""
        until_sync(
            lambda: versions.is_applying() or self.process.poll() is not None, WITHIN_S, f"{self.command} begins",
            every_s=0.003,
        )  # fmt: skip
        time.sleep(after_ms / 1000)  # the moment itself is what was drawn
        self.process.kill()
        self.wait()
        self.command.is_killed = self.command.code == -9
