"""sip_trunks.conf: the telecom admin's file, read into trunks, every mistake told at once with its line.

One table of options gives the checks, the example file and the reference page. Knows no PBX.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any

from ari_app.config.kinds import Kind, Option, Unfit, one_of, price, rounding, text, whole
from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.config.sections import Section, in_order, missing, read_sections, text_of, values_of
from ari_app.domain.numbers import CallerId
from ari_app.domain.trunks import PLATFORM, Trunk

TAKEN = frozenset({"global", "general", "system", "default", "transport"})  # sections that pjsip.conf has already
EMBEDDED = "carrier"  # the simulated carrier's trunk
E164 = re.compile(r"\+[1-9][0-9]{5,14}")


def caller_id() -> Kind:
    words = "platform, verified, fixed +NUMBER, or pool +NUMBER, +NUMBER"

    def parse(raw: Any) -> CallerId:
        policy, _, rest = str(raw).strip().partition(" ")
        numbers = tuple(part.strip() for part in rest.split(",") if part.strip())
        if not all(E164.fullmatch(number) for number in numbers):
            raise Unfit
        match policy, len(numbers):
            case "platform", 0:
                return CallerId("platform")
            case "verified", 0:
                return CallerId("verified")
            case "fixed", 1:
                return CallerId("fixed", numbers)
            case "pool", n if n:
                return CallerId("pool", numbers)
        raise Unfit

    def show(value: CallerId) -> str:
        return " ".join([value.policy, ", ".join(value.numbers)]).strip()

    return Kind(words, parse, show)


@dataclass(frozen=True, slots=True)
class TrunkOption:
    field: str  # of domain.trunks.Trunk
    kind: Kind
    help: str
    default: object = None  # None: must be given


OPTIONS: Mapping[str, TrunkOption] = {
    "host": TrunkOption(
        "host", text("a host name or an IPv4 address", r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"),
        "The carrier's SIP address. Must be given."),
    "port": TrunkOption("port", whole(1, 65535), "Its port.", 5060),
    "transport": TrunkOption("transport", one_of("udp"), "How SIP travels.", "udp"),
    "caller_id": TrunkOption(
        "caller_id", caller_id(),
        "What the called person sees: always the platform's number; the user's own number if he has proved it "
        "(and the platform's if not); one fixed number; or one of a pool, the same for the same pair.", PLATFORM),
    "priority": TrunkOption("priority", whole(1, 1000), "The smaller goes first; the others when it fails.", 10),
    "price": TrunkOption("price_micro_per_min", price(), "What the carrier takes for a minute.", 0),
    "increment": TrunkOption("price_increment", rounding(), "How the carrier rounds: initial/next seconds.", "60/60"),
    "currency": TrunkOption("currency", text("three capital letters", r"[A-Z]{3}"), "Of the price.", "CNY"),
}  # fmt: skip


EXAMPLE_HEAD = """\
# Ringbridge's carriers: one section a trunk. The section's name is the trunk's name in calls, reports and logs.
# Every option is shown with its default; take the ; away to change it. After a space, ; or # begins a comment.
# Copy this file to sip_trunks.conf and name it in trunks_file; docs/trunks.md explains more.
"""


def example() -> str:
    """sip_trunks.example.conf."""
    lines = [EXAMPLE_HEAD, "[telco]"]
    for name, option in OPTIONS.items():
        lines += [f"; {line}" for line in wrap(option.help, 108)] + [f"; Expected: {option.kind.words}."]
        given = "host = sip.example.net" if option.default is None else f";{name} = {option.kind.show(option.default)}"
        lines += [given, ""]
    return "\n".join(lines)


def reference() -> str:
    """The table of options in docs/trunks.md."""
    lines = ["| option | default | expected | what it does |", "| --- | --- | --- | --- |"]
    for name, option in OPTIONS.items():
        default = "" if option.default is None else f"`{option.kind.show(option.default)}`"
        lines.append(f"| `{name}` | {default} | {option.kind.words} | {option.help} |")
    return "\n".join(lines) + "\n"


def load_trunks(path: str | Path, *, embedded: bool = False) -> tuple[Trunk, ...]:
    """Raises Mistakes, also where the file cannot be read. `embedded`: the simulated carrier is there beside them."""
    return parse_trunks(text_of(path), str(path), embedded=embedded)


def parse_trunks(content: str, file: str = "sip_trunks.conf", *, embedded: bool = False) -> tuple[Trunk, ...]:
    """Trunks in the file's order. Raises Mistakes."""
    found: list[Mistake] = []
    sections = read_sections(content, file, found, word="trunk", taken=_taken)
    if embedded:
        what = f"[{EMBEDDED}]: the embedded carrier has this name; call the trunk otherwise"
        found += [Mistake(f"{file}:{one.line}", what) for one in sections if one.name.lower() == EMBEDDED]
    trunks = [_trunk(section, file, found) for section in sections]
    if found:
        raise Mistakes(in_order(found))
    if not trunks:
        raise Mistakes([Mistake(file, "no trunk here; expected at least one section such as [telco]")])
    return tuple(trunk for trunk in trunks if trunk)


def _taken(name: str) -> str:
    return "Asterisk uses this name itself" if name.lower() in TAKEN else ""


def _trunk(section: Section, file: str, found: list[Mistake]) -> Trunk | None:
    before = len(found)
    kinds = {name: Option(option.kind, option.help) for name, option in OPTIONS.items()}
    given = values_of(section, kinds, file, found)
    for name, option in OPTIONS.items():
        if option.default is None and name not in section.values:
            found.append(missing(section, name, option.kind, file))
    if len(found) > before:
        return None
    values: dict[str, Any] = {OPTIONS[name].field: value for name, value in given.items()}
    return Trunk(name=section.name, **values)
