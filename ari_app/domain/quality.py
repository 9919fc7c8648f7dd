"""How good a trunk is, by the figures that carriers talk of: ASR, ACD, PDD, NER (ITU-T E.425), and what failed. Pure.

They are made of sums that can be added over legs, processes and days; so PDD is counted in steps, and its percentiles
are as fine as these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ari_app.domain.causes import Outcome

PDD_STEPS_MS = (50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 10_000)
OUTCOME, FAILED, PDD = "end:", "failed:", "pdd:"
BY_THE_USER = (
    Outcome.ANSWERED, Outcome.MEDIA_LOST, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.UNREACHABLE
)  # fmt: skip
"""The network did its part. So it did where we gave up a phone that rang."""


@dataclass(frozen=True, slots=True)
class Quality:
    """`asr`: answered of all that were dialled; `ner`: those that the network brought as far as the called side;
    None where nothing was dialled. `acd_s`: talk of an answered one. PDD: from the dial to the first sign."""

    legs: int = 0
    answered: int = 0
    asr: float | None = None
    ner: float | None = None
    acd_s: int | None = None
    pdd_ms: int | None = None
    pdd_p50_ms: int | None = None
    pdd_p95_ms: int | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    """Of those that ended as trunk_failed: `SIP 503`, `cause 38`, `silence`."""


def sums(outcome: str, pdd_ms: int | None, cause: int | None, sip_status: int | None) -> dict[str, int]:
    """What one dialled leg adds. `pdd_ms` None: there never was a sign."""
    is_effective = outcome in BY_THE_USER or (outcome == Outcome.CANCELLED and pdd_ms is not None)
    found = {f"{OUTCOME}{outcome}": 1, "effective": int(is_effective)}
    if pdd_ms is not None:
        step = next((step for step in PDD_STEPS_MS if pdd_ms <= step), "more")
        found |= {"signs": 1, "pdd_ms": pdd_ms, f"{PDD}{step}": 1}
    if outcome == Outcome.TRUNK_FAILED:
        found[f"{FAILED}{_why(cause, sip_status)}"] = 1
    return found


def _why(cause: int | None, sip_status: int | None) -> str:
    if sip_status:
        return f"SIP {sip_status}"
    return f"cause {cause}" if cause else "silence"


def quality_of(found: Mapping[str, int]) -> Quality:
    """Of added sums, those of the day's costs among them (`legs`, `answered`, `talk_s`). Days that were counted before
    there were these figures have none."""
    legs, answered, signs = found.get("legs", 0), found.get("answered", 0), found.get("signs", 0)
    return Quality(
        legs=legs, answered=answered, asr=_share(answered, legs),
        ner=_share(found.get("effective", 0), legs) if _named(found, OUTCOME) else None,
        acd_s=round(found.get("talk_s", 0) / answered) if answered else None,
        pdd_ms=round(found.get("pdd_ms", 0) / signs) if signs else None,
        pdd_p50_ms=_percentile(found, 0.5), pdd_p95_ms=_percentile(found, 0.95),
        outcomes=_named(found, OUTCOME), failures=_named(found, FAILED),
    )  # fmt: skip


def _share(part: int, of: int) -> float | None:
    return round(part / of, 4) if of else None


def _percentile(found: Mapping[str, int], share: float) -> int | None:
    """The upper end of the step in which it lies; of those beyond the last step, that one."""
    wanted, seen = share * found.get("signs", 0), 0
    for step in PDD_STEPS_MS:
        seen += found.get(f"{PDD}{step}", 0)
        if wanted and seen >= wanted:
            return step
    return PDD_STEPS_MS[-1] if wanted else None


def _named(found: Mapping[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): count for name, count in sorted(found.items()) if name.startswith(prefix)}
