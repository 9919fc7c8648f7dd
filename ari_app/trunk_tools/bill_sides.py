"""Goes through both sides, number by number, and says of each leg and each line what became of it."""

from __future__ import annotations

from collections.abc import Callable

from ari_app.domain.billing_match import CONTRADICTS, Class, Ours, Terms, Theirs, Verdict, compare, contradiction
from ari_app.domain.billing_pairs import Group, billed_twice, groups, pairs, without_repeats
from ari_app.domain.plans import Month
from ari_app.trunk_tools.bill_sheet import Sheet
from ari_app.trunk_tools.bill_witness import Witness
from ari_app.trunk_tools.settlement import Difference, Settlement

TELL_EVERY = 2000
Seen = tuple[int | None, int | None]


class Sides:
    def __init__(
        self, sheet: Sheet, witness: Witness | None, terms: Terms, settlement: Settlement,
        differ: Callable[[Difference], None], month: Month,
    ) -> None:  # fmt: skip
        self._sheet = sheet
        self._witness = witness
        self._terms = terms
        self._sums = settlement
        self._differ = differ
        self._month = month
        self._currency = sheet.currency()
        self._contradictions = 0

    def compare(self, advance: Callable[[int], None]) -> None:
        before: Theirs | None = None  # of a group that was cut
        done = 0
        both = self._sheet.ours(), self._sheet.theirs(self._sums.skew_ms)
        for group in groups(*both, self._terms.time_tolerance_ms):
            self._group(group, before)
            before = group.theirs[-1] if group.goes_on and group.theirs else None
            done += len(group.ours) + len(group.theirs)
            if done >= TELL_EVERY:
                advance(done)
                done = 0
        advance(done)
        if self._contradictions * 2 > self._sums.lines:
            what = "more than half of the lines contradict themselves: are rate, rate_per and duration_format right?"
            self._sums.notes.append(what)

    def _group(self, group: Group, before: Theirs | None) -> None:
        ours, theirs = group.ours, group.theirs
        paired = without_repeats(pairs(ours, theirs, self._terms), ours, theirs, before, self._terms)
        for leg, line in paired:
            self._pair(ours[leg], theirs[line])
        if len(paired) < len(theirs):
            taken = frozenset(line for _, line in paired)
            for line in range(len(theirs)):
                if line not in taken:
                    twice = billed_twice(theirs, line, taken, before, self._terms)
                    self._not_here(theirs[line], twice)
        if len(paired) < len(ours):
            legs = {leg for leg, _ in paired}
            for n, one in enumerate(ours):
                if n not in legs and one.is_answered and one.is_counted:
                    self._not_there(one)

    def _pair(self, ours: Ours, theirs: Theirs) -> None:
        verdict = compare(ours, theirs, self._terms)
        self._sums.legs += ours.is_answered
        self._note(verdict, ours, theirs, self._seen(ours))

    def _not_here(self, line: Theirs, twice: int) -> None:
        """On the bill, not with us."""
        seen = None
        if twice:
            verdict = Verdict(Class.DISPUTED, f"billed twice: line {twice} is the same call")
        elif why := contradiction(line, self._terms):
            verdict = Verdict(Class.DISPUTED, f"not with us, and {why}")
        else:
            verdict, seen = self._by_witness(line)
        self._note(verdict, None, line, seen)

    def _by_witness(self, line: Theirs) -> tuple[Verdict, Seen | None]:
        from_ms, until_ms = line.at_ms - self._terms.time_tolerance_ms, line.at_ms + self._terms.time_tolerance_ms
        outside = (
            "" if self._month.starts_at_ms <= line.at_ms < self._month.ends_at_ms else f", not of {self._month.key}"
        )
        if self._witness is None or not line.charged_ms or not self._witness.covers(from_ms, until_ms):
            return Verdict(Class.MISSING_HERE, f"no leg of ours to this number at that time{outside}"), None
        strange = self._sheet.strange_answer(from_ms, until_ms)
        if strange is None:
            why = "no leg of ours, and by Asterisk's record nobody answered on this trunk then but in calls we know"
            return Verdict(Class.DISPUTED, why + outside), (None, None)
        channel, answered_ms, ended_ms = strange
        why = f"no leg of ours, but Asterisk's record has channel {channel}, answered then"
        talk_ms = None if ended_ms is None else max(0, ended_ms - answered_ms)
        return Verdict(Class.MISSING_HERE, why + outside), (answered_ms, talk_ms)

    def _not_there(self, one: Ours) -> None:
        """With us, not on the bill."""
        seen, why = self._seen(one), "no line of the bill to this number at that time"
        if one.is_seen:
            why += (
                "; Asterisk's record has its answer" if one.seen_answered_at_ms else "; Asterisk's record has no answer"
            )
        self._sums.legs += 1
        self._note(Verdict(Class.MISSING_THERE, why), one, None, seen)

    def _seen(self, ours: Ours) -> Seen | None:
        return (ours.seen_answered_at_ms, ours.seen_ms) if ours.is_seen else None

    def _note(self, verdict: Verdict, ours: Ours | None, theirs: Theirs | None, seen: Seen | None) -> None:
        what, why = verdict
        self._contradictions += CONTRADICTS in why
        self._sums.add(what, ours, theirs, self._currency)
        if what is Class.AGREED:
            return
        mine, other = (ours.currency if ours else self._currency), (theirs.currency if theirs else "")
        is_one = not other or mine == other
        micro = (theirs.cost_micro if theirs else 0) - (ours.cost_micro if ours and is_one else 0)
        if theirs:
            theirs = theirs._replace(at_ms=theirs.at_ms + self._sums.skew_ms)
        line = theirs.line if theirs else 0
        self._differ(Difference(what, why, other or mine, micro, ours, theirs, line, witness=seen))
