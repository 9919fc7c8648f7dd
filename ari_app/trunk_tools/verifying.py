"""Whether a running Asterisk has taken in what its trunk files say, and has nothing else of ours. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from ari_app.stack.marks import MARK, PjsipSection
from ari_app.stack.trunks import LOGIN
from ari_app.trunk_tools.asking import Ami, Ari

HIDDEN = "********"
SECRET = frozenset({"password", "md5_cred", "password_digest", "oauth_secret", "refresh_token", LOGIN})
PLAIN = frozenset(
    {
        "transport", "context", "aors", "from_user", "from_domain", "outbound_auth", "username", "password", "endpoint",
        "server_uri", "client_uri", "contact_user", "media_encryption", "direct_media", "identify_by",
    }
)  # fmt: skip
"""Options that Asterisk shows as they were written. Of the others it changes the form (durations, addresses)."""
REGISTERED = "Registered"
FAILED = ("Rejected", "Stopped")
REGISTERS_WITHIN_S = 2.2
"""A registrar on the other side of the world answers two requests within half of it; and a change that is wrong must be
taken back within five seconds, all in all."""


def untaken(ari: Ari, told: Iterable[PjsipSection], gone: Iterable[tuple[str, str]]) -> list[str]:
    """What Asterisk has not, or still has; each in words. Raises Silent."""
    found = [line for section in told for line in _untaken(ari, section)]
    return found + [f"{kind} {name} is still there" for kind, name in gone if ari.shown(kind, name) is not None]


def _untaken(ari: Ari, told: PjsipSection) -> list[str]:
    shown = ari.shown(told.kind, told.name)
    what = f"{told.kind} {told.name}"
    if shown is None:
        return [f"{what} is not there"]
    different = _different(told, shown)
    if told.mark and MARK not in shown:
        return [f"{what} is not Ringbridge's there: it stands in another file, such as pjsip.conf. Take it out there"]
    if told.mark and shown.get(MARK) != told.mark:
        return [f"{what} stayed as it was" + (f" ({'; '.join(different)})" if different else "")]
    return [f"{what}: {one}" for one in different if one.split(" ", 1)[0] in PLAIN]


def unsigned(ari: Ari, profiles: Iterable[PjsipSection]) -> list[str]:
    """Of the STIR/SHAKEN profiles: whose trunk would place its calls without a signature. Raises Silent."""
    found: list[str] = []
    for one in profiles:
        shown = ari.shown(one.kind, one.name, of="res_stir_shaken")
        if shown is None:
            found.append(f"profile {one.name} is not there: is res_stir_shaken.so loaded, can it read the key?")
        else:
            found += [f"profile {one.name}: {wrong}" for wrong in _different(one, shown)]
    return found


def _different(told: PjsipSection, shown: Mapping[str, str]) -> list[str]:
    values: dict[str, str] = dict(told.values)  # the last one counts, as for Asterisk
    return [
        f"{name} is {_said(name, shown[name])}, told was {_said(name, value)}"
        if name in shown
        else f"{name} is not known there"
        for name, value in values.items()
        if name != "disallow" and _plain(shown.get(name)) != _plain(value)
    ]


def _plain(value: str | None) -> object:
    """yes and true, 1.5 and 1.500000, a,b and (a|b) are the same."""
    if value is None:
        return None
    word = value.strip().lower()
    word = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(word, word)
    if word.startswith("(") and word.endswith(")"):
        word = word[1:-1]
    try:
        return float(word)
    except ValueError:
        return tuple(part.strip() for part in word.replace("|", ",").split(","))


def _said(name: str, value: str) -> str:
    return HIDDEN if name in SECRET else value or "empty"


def unregistered(
    ami: Ami, before: Mapping[str, str], told: Sequence[PjsipSection], marks_before: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """(wrong, not known) of the registrations that are new or changed. Wrong: the carrier rejects it, or one that was
    registered before is not any more. Not known: the carrier has not answered yet. `before`: their states then.
    `marks_before`: the mark of each that was there. Raises Silent."""
    changed = [one.name for one in told if one.kind == "registration" and _is_changed(one, told, marks_before)]
    if not changed:
        return [], []
    open_still = not_registered(ami, changed, REGISTERS_WITHIN_S, until_rejected=True)
    states = ami.registrations()
    rejected = [name for name in open_still if states.get(name) in FAILED]
    open_still = [name for name in open_still if name not in rejected]
    lost = [name for name in open_still if before.get(name) == REGISTERED]
    wrong = [f"the carrier of {name} rejects the registration" for name in rejected]
    wrong += [f"{name} was registered before, and is not within {REGISTERS_WITHIN_S} s" for name in lost]
    silent = [
        f"{name} is not registered yet: its carrier has not answered for {REGISTERS_WITHIN_S} s"
        for name in open_still
        if name not in lost
    ]
    return wrong, silent


def not_registered(ami: Ami, names: Sequence[str], within_s: float, *, until_rejected: bool = False) -> list[str]:
    """Those that are not registered after this time, or, where that is asked for, when the first was rejected."""
    deadline = time.monotonic() + within_s
    while True:
        states = ami.registrations()
        missing = [name for name in names if states.get(name) != REGISTERED]
        is_rejected = until_rejected and any(states.get(name) in FAILED for name in missing)
        if not missing or is_rejected or time.monotonic() > deadline:
            return missing
        time.sleep(0.1)


def _is_changed(one: PjsipSection, told: Sequence[PjsipSection], before: Mapping[str, str]) -> bool:
    """Or what it proves itself with."""
    auths = set(dict(one.values).get("outbound_auth", "").split(","))
    parts = [one, *(other for other in told if other.kind == "auth" and other.name in auths)]
    return any(before.get(f"{part.kind} {part.name}") != part.mark for part in parts)
