"""What an apply would change, before it does: Asterisk's text against what is in force, and our own routes and prices
in words. Shows no secret, and asks no Asterisk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import unified_diff

from ari_app.config import Settings
from ari_app.domain.trunks import Trunk
from ari_app.stack.marks import MARK, PjsipSection, sections
from ari_app.trunk_changes import Change, changes, for_routes, routes_of_new
from ari_app.trunk_tools.pbxes import pbxes_of, rendered
from ari_app.trunk_tools.verifying import HIDDEN, SECRET
from ari_app.trunk_versions import Versions


@dataclass(frozen=True, slots=True)
class Difference:
    """`version`: the one in force, None before the first. `pjsip`: lines of a unified diff; `lasting`: what a running
    Asterisk would not take in, and must be started anew for."""

    version: int | None
    pjsip: list[str]
    changes: list[Change]
    lasting: list[str] = field(default_factory=list)

    @property
    def routes(self) -> list[Change]:
        return for_routes(self.changes)

    @property
    def is_any(self) -> bool:
        return bool(self.pjsip or self.changes)


def difference(settings: Settings, trunks: Sequence[Trunk]) -> Difference:
    """Raises Mistakes, StackError and OSError."""
    now = Versions(settings.state_dir).in_force()
    old = now.trunks if now else ()
    name = f"in force (version {now.version})" if now else "in force (nothing yet)"
    lasting = {one for pbx in pbxes_of(settings) if pbx.is_running for one in pbx.told(trunks).lasting}
    return Difference(
        version=now.version if now else None,
        pjsip=text_difference(rendered(settings, old), rendered(settings, trunks), name),
        changes=changes(old, trunks) + routes_of_new(old, trunks),
        lasting=sorted(lasting),
    )


def text_difference(old: str, new: str, name: str) -> list[str]:
    """Passwords are hidden, and one that is another is told to be one."""
    secrets = _secrets(sections(old))
    lines = unified_diff(
        _shown(sections(old), secrets), _shown(sections(new), secrets), name, "new", lineterm="", n=2
    )  # fmt: skip
    return list(lines)


def _secrets(found: Sequence[PjsipSection]) -> dict[tuple[str, str, str], str]:
    return {(*one.key, name): value for one in found for name, value in one.values if name in SECRET}


def _shown(found: Sequence[PjsipSection], before: dict[tuple[str, str, str], str]) -> list[str]:
    lines: list[str] = []
    for one in found:
        lines += [f"[{one.name}]", f"type = {one.kind}"]
        lines += [f"{name} = {_value(one, name, value, before)}" for name, value in one.values if name != MARK]
        lines.append("")
    return lines


def _value(one: PjsipSection, name: str, value: str, before: dict[tuple[str, str, str], str]) -> str:
    if name not in SECRET:
        return value
    is_another = before.get((*one.key, name), value) != value
    return f"{HIDDEN} (another)" if is_another else HIDDEN
