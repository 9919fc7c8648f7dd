"""The sounds that have no recording of their own: what the operator's table of sounds is completed with."""

from __future__ import annotations

RINGBACK, MUSIC = "ringback", "music"
TONES = {RINGBACK: ["tone:ring"]}
