"""Every sound that a flow asks for is one that callers can be told: a name of the table of prompts, or what the port
knows. A misspelt name would be heard as "please try your call later"."""

from __future__ import annotations

import re

from ari_app.config.prompts import PROMPTS

NAMES = {prompt.name: "{n}" in "".join((*prompt.english, prompt.mandarin, prompt.spoken)) for prompt in PROMPTS}
"""Name → whether a number belongs to it."""
OTHERS = re.compile(r"beep|ringback|music|number:[0-9]+|digits:[0-9*#]+|text:[A-Za-z0-9_-]+")


def check_sound(sound: str) -> None:
    """Raises AssertionError."""
    for part in sound.split("&"):
        name, has_more, more = part.partition(":")
        is_name = name in NAMES and (NAMES[name] == bool(has_more)) and (more.isdecimal() or more in ("", "*", "#"))
        assert is_name or OTHERS.fullmatch(part), f"there is no such sound: {part}"
