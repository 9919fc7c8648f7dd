"""In which language somebody is told something: by what his program accepts, or his terminal is set to. No words."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ari_app.entrypoints.words import LANGUAGES, Language

RANGES_MAX = 50
"""Languages that one Accept-Language may name; what follows is not read."""
QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
LOCALES = ("LC_ALL", "LC_MESSAGES", "LANG")


def language_of(accepted: str, default: Language) -> Language:
    """By an Accept-Language (RFC 9110, section 12.5.4): the one with the highest q, of several the first. Any Chinese
    is Chinese. What makes no sense in it is passed over; `default` where nothing fits."""
    wants: dict[str, float] = {}
    for written in accepted.split(",")[:RANGES_MAX]:
        tag, _, rest = written.partition(";")
        name, quality = tag.strip().lower().replace("_", "-").partition("-")[0], _quality(rest)
        if name and quality is not None:
            wants[name] = max(quality, wants.get(name, 0.0))
    others = wants.get("*", 0.0)
    offered = sorted(LANGUAGES, key=lambda one: one != default)
    named = [(wants[one], -list(wants).index(one), one) for one in offered if wants.get(one)]
    left = [(others, -list(wants).index("*"), one) for one in offered if others and one not in wants][:1]
    return max([*named, *left], key=lambda one: one[:2], default=(0.0, 0, default))[2]


def language_of_locale(environment: Mapping[str, str], default: Language = "en") -> Language:
    """By LC_ALL, LC_MESSAGES or LANG, the first that is set: zh_CN.UTF-8 is Chinese; C and POSIX are `default`."""
    written = next((said for name in LOCALES if (said := environment.get(name))), "")
    return language_of(re.split(r"[.@]", written)[0], default)


def _quality(parameters: str) -> float | None:
    """None: it is none."""
    name, is_set, value = parameters.strip().partition("=")
    if not parameters.strip():
        return 1.0
    fits = is_set and name.strip().lower() == "q" and QUALITY.fullmatch(value.strip())
    return float(value) if fits else None
