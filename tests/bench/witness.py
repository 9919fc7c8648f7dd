"""What the two Asterisks wrote down of each call (CEL, microseconds): the only source of latencies and of success.

Knows the first four columns of both CEL files; knows neither the app nor its ids but how a leg's channel is named.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ari_app.stack import StackInfo
from ari_app.stack.carrier import CEL_FILE
from tests.bench.sides import Attempt

CLOCK_SLACK_US = 1_000


@dataclass(slots=True)
class Channel:
    started_us: int = 0
    answered_us: int = 0
    bridged_us: int = 0
    ended_us: int = 0


class Record:
    """One CEL file, read on from where the last reading ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0
        self.channels: dict[str, Channel] = {}
        self.under: defaultdict[str, list[str]] = defaultdict(list)
        """The fourth column (the linked id on the PBX, the dialled number at the carrier) → channels begun with it."""

    def read(self) -> None:
        for event, time, id, fourth in self._rows():
            at_us = _micro(time)
            if event == "CHAN_START":
                self.channels[id] = Channel(at_us)
                self.under[fourth].append(id)
            elif (channel := self.channels.get(id)) is not None:
                if event == "ANSWER":
                    channel.answered_us = channel.answered_us or at_us
                elif event == "BRIDGE_ENTER":
                    channel.bridged_us = channel.bridged_us or at_us
                elif event == "CHAN_END":
                    channel.ended_us = at_us

    def _rows(self) -> Iterator[list[str]]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        for row in csv.reader(io.StringIO(whole.decode(errors="replace"))):
            yield row[:4]


def _micro(seconds: str) -> int:
    whole, _, micro = seconds.partition(".")
    return int(whole) * 1_000_000 + int(micro.ljust(6, "0")[:6])


@dataclass(frozen=True)
class SetUp:
    """The three latencies of one call, and their whole. `bridged`: both legs in the bridge and answered."""

    to_caller_ms: float
    to_callee_ms: float
    to_bridge_ms: float
    whole_ms: float


class Witness:
    def __init__(self, info: StackInfo) -> None:
        assert info.cel_path is not None
        assert info.carrier_dir is not None
        self.pbx = Record(info.cel_path)
        self.carrier = Record(info.carrier_dir / "records" / CEL_FILE)

    def read(self) -> None:
        self.pbx.read()
        self.carrier.read()

    def legs(self, attempt: Attempt) -> list[Channel]:
        """The call's channels on the PBX, the caller's first."""
        ours = [f"{attempt.id}.caller.0", f"{attempt.id}.callee.0"]
        ids = ours if ours[0] in self.pbx.channels else [attempt.id, *(self.pbx.under[attempt.id])]
        return [self.pbx.channels[id] for id in dict.fromkeys(ids) if id in self.pbx.channels]

    def is_over(self, attempt: Attempt) -> bool:
        legs = self.legs(attempt)
        if attempt.failure and not legs:
            return True
        return bool(legs) and all(leg.ended_us for leg in legs)

    def set_up(self, attempt: Attempt) -> SetUp | None:
        """None: the call did not get as far as both legs in the bridge."""
        legs = self.legs(attempt)
        caller, callee = self._phone(attempt.caller, attempt), self._phone(attempt.callee, attempt)
        if len(legs) != 2 or caller is None or callee is None or not callee.answered_us:
            return None
        if not all(leg.answered_us and leg.bridged_us for leg in legs):
            return None
        bridged_us = max(max(leg.answered_us, leg.bridged_us) for leg in legs)
        return SetUp(
            to_caller_ms=(caller.started_us - attempt.asked_at_us) / 1000,
            to_callee_ms=(callee.started_us - caller.answered_us) / 1000,
            to_bridge_ms=(bridged_us - callee.answered_us) / 1000,
            whole_ms=(bridged_us - attempt.asked_at_us) / 1000,
        )

    def _phone(self, number: str, attempt: Attempt) -> Channel | None:
        """The carrier's side of a leg: the first INVITE to this number since the call was asked for."""
        rung = (self.carrier.channels[id] for id in self.carrier.under[number])
        return next((c for c in rung if c.started_us >= attempt.asked_at_us - CLOCK_SLACK_US), None)
