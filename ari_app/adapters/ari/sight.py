"""What the PBX lists → a Snapshot of what is ours. Knows whose a channel or bridge is; knows no call.

Two installations may share an Asterisk, each with an application name of its own, and their ids look alike. Left out is
only what surely is another's: a channel that stands in another application with its own id for argument, as a
Ringbridge makes its legs and whispers, and a bridge that bears another name. All else with our ids is listed, also a
channel that is in no application yet, or no longer: a call that is known must not lose a leg out of sight.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.aliases import is_on_its_way
from ari_app.adapters.ari.translate import LEG, PLAYBACK
from ari_app.ports.telephony import ChannelNow, Snapshot


def snapshot(channels: Iterable[m.Channel], bridges: Iterable[m.Bridge], app: str, at_ms: int) -> Snapshot:
    """As seen at that time by the application of this name."""
    ours = [c for c in channels if (LEG.match(c.id) or PLAYBACK.match(c.id)) and not _is_anothers(c, app)]
    return Snapshot(
        at_ms=at_ms,
        channels={c.id: ChannelNow(c.id, _state(c), c.created_ms) for c in ours},
        bridges={b.id: frozenset(b.channels) for b in bridges if b.name in ("", app)},
    )


def _is_anothers(channel: m.Channel, app: str) -> bool:
    named, _, said = channel.dialplan.app_data.partition(",")
    return channel.dialplan.app_name == "Stasis" and said == channel.id and named != app


def _state(channel: m.Channel) -> Literal["coming", "down", "ringing", "up"]:
    """`Ring`: of one that came in, it rings us."""
    if is_on_its_way(channel):
        return "coming"
    return "up" if channel.state == "Up" else "ringing" if channel.state in ("Ringing", "Ring") else "down"
