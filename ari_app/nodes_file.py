"""nodes.conf: the PBXes of an installation that has several, one section a node; every mistake told at once with its
line. One file for all processes, which share them out among themselves. Knows no PBX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ari_app.config import Mistake, Mistakes, Settings
from ari_app.config.kinds import Option, text
from ari_app.config.options import table
from ari_app.config.sections import Section, in_order, missing, read_sections, text_of, values_of


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """How to reach one Asterisk. Named as the settings are; secrets never appear in its repr."""

    name: str
    ari_url: str
    ari_user: str
    ari_password: str = field(repr=False)
    ari_app: str
    ami_url: str
    ami_user: str
    ami_password: str = field(repr=False)
    cel_file: str
    max_calls: int
    pjsip_trunks_file: str = ""


OWN = ("ari_url", "ami_url", "cel_file", "pjsip_trunks_file")
"""No two nodes have these in common; of all others, what a section does not give is as the settings say."""
OPTIONS: Mapping[str, Option] = {one.name: table()[one.name][1] for one in fields(NodeSpec) if one.name != "name"} | {
    "ari_url": replace(table()["ari_url"][1], kind=text("an address such as http://127.0.0.1:8088", r"https?://\S+"))
}


def the_one(settings: Settings) -> NodeSpec:
    """Of an installation with one PBX: what the settings say."""
    return NodeSpec(name=settings.node, **{name: getattr(settings, name) for name in OPTIONS})


def load_nodes(path: str | Path, common: Settings) -> tuple[NodeSpec, ...]:
    """In the file's order. Raises Mistakes, also where the file cannot be read."""
    return parse_nodes(text_of(path), common, str(path))


def parse_nodes(content: str, common: Settings, file: str = "nodes.conf") -> tuple[NodeSpec, ...]:
    """Raises Mistakes."""
    found: list[Mistake] = []
    sections = read_sections(content, file, found, word="node", known=OPTIONS)
    nodes = [_node(section, common, file, found) for section in sections]
    found += _twice(sections, common, file)
    if found:
        raise Mistakes(in_order(found))
    if not nodes:
        raise Mistakes([Mistake(file, "no node here; expected at least one section such as [pbx1]")])
    return tuple(nodes)


def _node(section: Section, common: Settings, file: str, found: list[Mistake]) -> NodeSpec:
    values: dict[str, Any] = {name: "" if name in OWN else getattr(common, name) for name in OPTIONS}
    values |= values_of(section, OPTIONS, file, found)
    if "ari_url" not in section.values:
        found.append(missing(section, "ari_url", OPTIONS["ari_url"].kind, file))
    for url, password in (("ari_url", "ari_password"), ("ami_url", "ami_password")):
        if values[url] and not values[password]:
            what = f"{url}: needs {password} too, here or in the settings"
            found.append(Mistake(f"{file}:{section.lines.get(url, section.line)}", what))
    return NodeSpec(name=section.name, **values)


def _twice(sections: list[Section], common: Settings, file: str) -> list[Mistake]:
    """Two nodes on one application of one Asterisk would take it away from each other. And of a channel that one
    Asterisk had, another one's record seems to say that it was never made: its phone would be rung again."""
    found, first, records = [], dict[tuple[str, str], str](), dict[str, Section]()
    for section in sections:
        url, record = section.values.get("ari_url", "").rstrip("/"), section.values.get("cel_file", "")
        at = url, section.values.get("ari_app", common.ari_app)
        if url and at in first:
            what = f"ari_url: [{first[at]}] has this PBX already"
            found.append(Mistake(f"{file}:{section.lines['ari_url']}", what))
        first.setdefault(at, section.name)
        other = records.setdefault(record, section)
        if record and url != other.values.get("ari_url", "").rstrip("/"):
            what = f"cel_file: it is the record of [{other.name}], another Asterisk"
            found.append(Mistake(f"{file}:{section.lines['cel_file']}", what))
    return found
