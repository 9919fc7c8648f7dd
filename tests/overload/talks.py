"""Calls that talk while the storm goes on, and whether it did them harm: what their phones hear, and the PBX counts.

The phones are the carrier's: 10-19 play a tone, 01-09 record as well what they hear."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.ear import Ear
from tests.ground import Ground, number
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync

PACKETS_PER_S = 50  # of 20 ms each
LOST_MAX = 0.05
"""Of what a phone should have been sent: the carrier's own clock stumbles too on a machine that is full."""
SILENT_MS_MAX = 500
LEG_HZ = {4: 500, 5: 550}


@dataclass(frozen=True)
class _Talk:
    id: str
    caller: str
    callee: str


class Talks:
    def __init__(self, ground: Ground, app: Ringbridge) -> None:
        self._ground, self._app = ground, app
        self._talks: list[_Talk] = []
        self._counted: dict[str, tuple[float, int, int]] = {}
        self._heard_from_ms = 0

    def begin(self, phones: list[tuple[int, int]]) -> None:
        """By the last two digits of the caller's and the callee's phone. All talk when this returns."""
        for n, (caller, callee) in enumerate(phones):
            its, to = number(caller), number(callee)
            user = self._app.user(f"talks-{n}", its)
            self._talks.append(_Talk(self._app.call(user, to), its, to))
        for talk in self._talks:
            self._app.until_state(talk.id, "talking", within_s=10)
        self._heard_from_ms = now_ms() + 500
        until_sync(self._all_counted, 5, "sound in every leg")

    def harm(self) -> list[str]:
        """What became worse for anybody since they began; as a sentence each."""
        return [*self._ended(), *self._unsent(), *self._unheard()]

    def end(self) -> None:
        """And what was charged is what the phones talked."""
        for talk in self._talks:
            self._app.hang_up(talk.id)
        for talk in self._talks:
            shown = self._app.until_ended(talk.id)
            phone = self._ground.hung_up(talk.callee)
            assert shown["reason"] == "completed", shown
            assert phone.talked_ms is not None
            assert abs(1000 * shown["charged_s"] - phone.talked_ms) <= 1_500, (shown, phone.talked_ms)

    def _ended(self) -> list[str]:
        shown = [self._app.show(talk.id) for talk in self._talks]
        return [f"ended: {one['id']} {one.get('reason')}" for one in shown if one["state"] != "talking"]

    # ---- what the PBX counts ------------------------------------------------------------------------------------

    def _all_counted(self) -> bool:
        self._counted = self._count()
        return all(received > 0 and sent > 0 for _, received, sent in self._counted.values())

    def _count(self) -> dict[str, tuple[float, int, int]]:
        """Channel → when, and how many packets came from the phone and went to it."""
        found = {}
        for channel in (f"{talk.id}.{leg}.0" for talk in self._talks for leg in ("caller", "callee")):
            said = self._ground.ari("GET", f"channels/{channel}/rtp_statistics")
            found[channel] = (time.monotonic(), said["rxcount"], said["txcount"])
        return found

    def _unsent(self) -> list[str]:
        harm = []
        for channel, (at_s, received, sent) in self._count().items():
            then_s, had_received, had_sent = self._counted[channel]
            due = PACKETS_PER_S * (at_s - then_s)
            for way, more in (("from", received - had_received), ("to", sent - had_sent)):
                if more < due * (1 - LOST_MAX):
                    harm.append(f"{more} packets {way} {channel}, and not {due:.0f}")
        return harm

    # ---- what the phones hear -----------------------------------------------------------------------------------

    def _unheard(self) -> list[str]:
        harm = []
        to_ms = now_ms() - 1_500  # what is recorded is written a moment later
        for talk in self._talks:
            for ear, other in ((talk.caller, talk.callee), (talk.callee, talk.caller)):
                if int(ear[-2:]) not in LEG_HZ:
                    continue
                hz = LEG_HZ[int(other[-2:])]
                gaps = Ear(self._ground.phone(ear)).gaps(hz, self._heard_from_ms, to_ms)
                if any(end - begin > SILENT_MS_MAX for begin, end in gaps):
                    harm.append(f"{ear} did not hear {hz} Hz at {gaps} ms")
        return harm
