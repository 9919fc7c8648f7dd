"""nodes.conf: the PBXes of an installation that has several, one section a node; every mistake told at once with its
line. One file for all processes, which share them out among themselves. Knows no PBX."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ari_app.config import Settings


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """How to reach one Asterisk. Named as the settings are, and with their defaults; `max_calls` 0: as they say."""

    name: str
    ari_url: str
    ari_user: str
    ari_password: str
    ari_app: str
    ami_url: str
    ami_user: str
    ami_password: str
    cel_file: str
    max_calls: int = 0


def the_one(settings: Settings) -> NodeSpec:
    """Of an installation with one PBX: what the settings say."""
    given = {one.name: getattr(settings, one.name) for one in fields(NodeSpec) if one.name != "name"}
    return NodeSpec(name=settings.node, **given)
