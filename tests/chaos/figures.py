"""How much there was to judge in a run, and how it went: for people, and for a soak's record."""

from __future__ import annotations

from collections import Counter

from tests.chaos.auditor import those_who_went_on
from tests.chaos.cases import Case
from tests.chaos.evidence import Evidence
from tests.chaos.judging import judge_of
from tests.chaos.reasons import OURS


def figures(e: Evidence, all_cases: list[Case]) -> str:
    hit = [case for case in all_cases if case.blows]
    talked = {case.id: ms for case in all_cases if (ms := sum(span.ms for span in judge_of(case).spans(case)))}
    quiet = [case for case in all_cases if case.id in talked and not case.hit_by("pbx") and not _was_silent(case)]
    apart_ms = max((abs(case.used_ms - talked[case.id]) for case in quiet), default=0)
    overran = [case.shown["overrun_s"] for case in all_cases if case.shown["overrun_s"]]
    went_on, dropped = those_who_went_on(all_cases, *OURS)
    in_set_up = sum(case.reason == "interrupted" and not judge_of(case).was_up(case) for case in all_cases)
    return (
        f"{len(all_cases)} calls, {len(hit)} of them hit by {len(e.blows)} faults of "
        f"{len({blow.kind for blow in e.blows})} kinds; {len(talked)} talked, "
        f"charged = CEL within {apart_ms} ms; {len(overran)} overruns, {max(overran, default=0)} s at most; "
        f"{len(went_on)} of {len(went_on) + len(dropped)} talks went on through faults of ours; "
        f"{in_set_up} interrupted in set-up; nothing left after {e.left.clear_after_s:.0f} s"
    )


def _was_silent(case: Case) -> bool:
    return any(span.was_silent for span in judge_of(case).spans(case))


def by_kind(e: Evidence) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(blow.kind for blow in e.blows).items()))


def by_reason(all_cases: list[Case]) -> str:
    return ", ".join(f"{count} {why}" for why, count in Counter(case.reason for case in all_cases).most_common())


def by_receiver(e: Evidence) -> str:
    events = sum(map(len, e.events.values()))
    each = ", ".join(
        f"{len({one.id for one in told})} to {name} ({len(told)} requests)" for name, told in e.told.items()
    )
    return f"{events} events on record: {each}"


def by_type(e: Evidence, all_cases: list[Case]) -> str:
    types = ", ".join(f"{count} {type}" for type, count in Counter(case.type for case in all_cases).most_common())
    recipients = [one for notice in e.notices.values() for one in notice.shown["recipients"]]
    states = dict(Counter(one["state"] for one in recipients))
    arrivals = sum(len(rings) for rings in e.arrivals.values())
    return f"{types}; {len(recipients)} recipients of {len(e.notices)} notices: {states}; {arrivals} phones called in"
