"""The laws of what each call takes from its payer: as CEL says, each leg for itself, once, and no more than was held.

As auditor.py: from the evidence to sentences, one for each breach.
"""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.ledger_types import What
from tests.chaos.cases import Case, Span
from tests.chaos.evidence import Evidence
from tests.chaos.judging import judge_of
from tests.chaos.reasons import OURS

LATE_MS = 150
"""Two records of one moment are so far apart at most, if nothing is wrong."""
WHOLE_S_MS = 1_000
MARK_MS = 1_200
"""Between the last time at which the PBX was seen alive and its death: the mark's period, and a slow machine."""
BLIND_MS = 10_000
OVERRUN_MAX_S = 2


def is_charged_as_cel_says(e: Evidence, case: Case) -> Iterator[str]:
    limits = [charge_limits_ms(e, case, span) for span in judge_of(case).spans(case)]
    least_ms, most_ms = sum(least for least, _ in limits), sum(most for _, most in limits)
    if not least_ms <= case.used_ms <= most_ms:
        yield (
            f"charge: {case} used {case.used_ms} ms; CEL says {_used_ms(case)} ms, so {least_ms} to {most_ms}; "
            f"{case.reason} by {case.shown.get('hung_up_by')}"
        )


def charge_limits_ms(e: Evidence, case: Case, span: Span) -> tuple[int, int]:
    killed_ms = case.killed_at_ms()
    least_ms, most_ms = span.ms - WHOLE_S_MS - LATE_MS, span.ms + LATE_MS
    silent_ms = 1000 * e.media_timeout_s
    if span.may_be_silent:  # to the last sound; the PBX looks for it once a second
        least_ms -= silent_ms + WHOLE_S_MS
    if span.was_silent:
        most_ms = max(0, span.ms - silent_ms) + WHOLE_S_MS
    if killed_ms is not None and killed_ms <= span.until_ms:
        was_blind = any(
            blow.targets & set(OURS) and blow.touches(killed_ms - BLIND_MS, killed_ms) for blow in e.blows
        )  # fmt: skip
        dying_ms = max(blow.struck_ms - blow.from_ms for blow in case.blows if "pbx" in blow.targets)
        least_ms = 0 if was_blind else least_ms - MARK_MS - max(0, dying_ms)  # to the last second seen alive
    return max(0, least_ms), most_ms


def legs_charges_add_up(e: Evidence, case: Case) -> Iterator[str]:
    """Each is charged for its own talk; what was not held for them all is nobody's."""
    charged_s = {role: int(leg["charged_s"]) for role, leg in case.legs.items()}
    if sum(charged_s.values()) != case.shown["charged_s"]:
        yield f"charge: {case} is charged {case.shown['charged_s']} s, its legs {charged_s}"
    spans = {span.role: span for span in judge_of(case).spans(case)}
    for role, charged in charged_s.items():
        least_ms, most_ms = charge_limits_ms(e, case, spans[role]) if role in spans else (0, 0)
        if not (0 if case.shown["overrun_s"] else least_ms) <= 1000 * charged <= most_ms:
            yield f"charge: {case}, {role}: charged {charged} s; by CEL {least_ms} to {most_ms} ms"


def _used_ms(case: Case) -> int:
    return sum(span.ms for span in judge_of(case).spans(case))


def overran_no_more_than_law_5_allows(e: Evidence, case: Case) -> Iterator[str]:
    """A timer that was not set anew since its leg's birth, as we were away, lets it talk its ring time-out; of what is
    held for one of several legs the others burn, too."""
    overrun_s, spans = case.shown["overrun_s"], judge_of(case).spans(case)
    most_s = OVERRUN_MAX_S * max(1, len(spans))
    for span in spans:
        near = (span.from_ms - 1_000, span.from_ms + 4_000)
        if any(blow.targets & set(OURS) and blow.touches(*near) for blow in e.blows):
            held_s = case.shown["charged_s"] if len(spans) == 1 else 0  # of an overrun all that was held was charged
            most_s += max(0, e.ring_timeout_s - held_s)
    if overrun_s > most_s:
        yield f"law 5: {case} overran by {overrun_s} s, {most_s} s at most are allowed"


def is_charged_once(e: Evidence, case: Case) -> Iterator[str]:
    if not case.shown["payer"]:  # nobody pays for it
        if case.used_ms:
            yield f"ledger: {case} is charged {case.used_ms} ms, to nobody"
        return
    account = e.accounts.get(case.shown["payer"])
    if account is None:
        yield f"ledger: {case} is paid by {case.shown['payer']}, who has no account"
        return
    lines = [line for line in account.lines if line.call == case.id and line.what is What.SPENT]
    if -sum(line.seconds for line in lines) != case.shown["charged_s"]:
        yield f"ledger: {case} is charged {case.shown['charged_s']} s, its lines say {[line.seconds for line in lines]}"
    if len({line.op for line in lines}) > 1:
        yield f"law 4: {case} was charged by {sorted({line.op for line in lines})}"
    if case.id not in account.settlements:
        yield f"law 4: {case} was never settled"


CHARGE_LAWS = (is_charged_as_cel_says, legs_charges_add_up, overran_no_more_than_law_5_allows, is_charged_once)
