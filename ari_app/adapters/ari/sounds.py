"""Which recordings each named sound is made of. Names are the flows'; the files are Asterisk's core sounds."""

from __future__ import annotations

RINGBACK, MUSIC = "ringback", "music"

MEDIA: dict[str, list[str]] = {
    "prompt": ["sound:one-moment-please"],
    "confirm": ["sound:if-correct-press", "sound:digits/1"],
    RINGBACK: ["tone:ring"],
    "minutes_ending": ["sound:beep", "sound:vm-youhave", "sound:digits/1", "sound:minute"],
    "busy": ["sound:vm-theperson", "sound:vm-isonphone"],
    "no_answer": ["sound:number-not-answering"],
    "unavailable": ["sound:vm-theperson", "sound:vm-isunavail"],
    "not_in_service": ["sound:ss-noservice"],
    "trunk_failed": ["sound:all-circuits-busy-now"],
}
