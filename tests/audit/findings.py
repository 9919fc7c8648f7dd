"""What pip-audit answered, and what follows from it. Asks nobody.

pip-audit takes a source that knows none of the packages for one that knows nothing against them: here that is told as
what it is, nobody was asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

CLEAN, WEAK, UNASKED = 0, 1, 3
"""Exit codes; 2 is a wrong command line's, and make's own."""


@dataclass(frozen=True)
class Weakness:
    package: str
    version: str
    id: str
    fixed_in: str


@dataclass
class Findings:
    """`unknown`: packages that the source does not know. `why`: nobody answered at all."""

    asked: int = 0
    weak: list[Weakness] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    why: str = ""

    @property
    def code(self) -> int:
        if self.weak:
            return WEAK
        return CLEAN if self.asked else UNASKED

    def lines(self) -> Iterator[str]:
        rows = [("package", "version", "weakness", "fixed in")]
        rows += [(one.package, one.version, one.id, one.fixed_in) for one in self.weak]
        if self.weak:
            widths = [max(len(row[n]) for row in rows) for n in range(4)]
            yield from ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        if not self.asked:
            yield f"audit: nobody could be asked about the packages: {self.why or 'the index has no advisories'}"
            return
        if self.why:
            yield f"audit: not all could be asked about: {self.why}"
        if self.unknown:
            yield f"audit: not known there, and so not asked about: {', '.join(self.unknown)}"
        yield f"audit: {self.asked} packages asked about, {len(self.weak)} known weaknesses"


def findings(said: str, complaint: str = "") -> Findings:
    """Of what pip-audit printed (JSON), and of its complaint where that is none."""
    try:
        answered = json.loads(said)["dependencies"]
    except (ValueError, KeyError, TypeError):
        words = [line for line in complaint.splitlines() if line.strip()]
        return Findings(why=words[-1][:300] if words else "pip-audit said nothing")
    found = Findings()
    for one in answered:
        if "skip_reason" in one:
            found.unknown.append(one["name"])
            continue
        found.asked += 1
        found.weak += _weaknesses(one)
    return found


def together(several: Iterable[Findings]) -> Findings:
    """Of several lock files; what stands in two of them counts once."""
    each = list(several)
    return Findings(
        asked=sum(one.asked for one in each),
        weak=list(dict.fromkeys(weak for one in each for weak in one.weak)),
        unknown=list(dict.fromkeys(name for one in each for name in one.unknown)),
        why=next((one.why for one in each if one.why), ""),
    )


def _weaknesses(one: dict[str, Any]) -> list[Weakness]:
    return [
        Weakness(one["name"], one["version"], _name(found), ", ".join(found["fix_versions"]) or "not yet")
        for found in one["vulns"]
    ]


def _name(found: dict[str, Any]) -> str:
    """Its own, and the one that everybody knows it by."""
    return " ".join([found["id"], *(alias for alias in found["aliases"] if alias.startswith("CVE-"))])
