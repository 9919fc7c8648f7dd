"""The laws of the minute ledger, checked on one account. Knows only what an account says, not how it came to be."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from ari_app.domain.ledger_types import OPS_KEPT_MS, Account, Line, Opening, Totals, What

NOTHING_BEFORE = Opening(0, 0, 0, Totals())
_EARNED = {
    "granted": (What.MONTH, What.BONUS), "bought": (What.BOUGHT,), "corrected": (What.CORRECTED,),
    "refunded": (What.REFUNDED,), "spent": (What.SPENT,), "expired": (What.EXPIRED,),
}  # fmt: skip


def check_laws(account: Account) -> list[str]:
    """One sentence for each law that is broken; none: all hold."""
    return [
        *_nothing_is_lost(account),
        *_nothing_is_below_zero(account),
        *_a_month_is_granted_once(account),
        *_everything_happens_once(account),
        *_a_hold_is_resolved_once(account),
        *_an_overrun_is_never_taken(account),
        *_the_statement_replays(account),
    ]


def _nothing_is_lost(account: Account) -> Iterator[str]:
    t = account.totals
    came_s = t.granted_s + t.bought_s + t.corrected_s + t.refunded_s
    went_s = account.available_s + account.held_s + t.spent_s + t.expired_s
    if came_s != went_s:
        yield f"law 1: {came_s} s came in, but available + held + spent + expired is {went_s} s"


def _nothing_is_below_zero(account: Account) -> Iterator[str]:
    for bucket in account.buckets:
        if bucket.left_s < 0:
            yield f"law 2: bucket {bucket.kind} has {bucket.left_s} s left"
    for call, parts in account.holds.items():
        if any(part.seconds <= 0 for part in parts) or not parts:
            yield f"law 2: call {call} holds nothing or less than nothing of a bucket"


def _a_month_is_granted_once(account: Account) -> Iterator[str]:
    buckets = Counter((bucket.kind, bucket.expires_at_ms) for bucket in account.buckets)
    for (kind, expires_at_ms), n in buckets.items():
        if n > 1:
            yield f"law 1: there are {n} buckets of {kind} that expire at {expires_at_ms}"
    months = [line for line in account.lines if line.what is What.MONTH]
    told = [line.seconds for line in months if line.note.partition(" ")[0] == account.month_key]
    is_whole = account.opening is None or account.opening.until_ms < _begins_ms(account.month_key)
    if is_whole and sum(told) != account.month_granted_s:
        yield f"law 1: {account.month_key} granted {account.month_granted_s} s, but the lines tell of {sum(told)} s"
    if any(line.note.partition(" ")[0] > account.month_key for line in months):
        yield f"law 1: a line tells of a later month than {account.month_key or 'none'}"


def _begins_ms(month_key: str) -> int:
    """Not later than the month does anywhere on earth."""
    if not month_key:
        return 0
    year, month = map(int, month_key.split("-"))
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp() - 86_400) * 1000


def _everything_happens_once(account: Account) -> Iterator[str]:
    last_at_ms: dict[tuple[object, ...], int] = {}
    for line in account.lines:
        key = (line.op, line.what, line.kind, line.expires_at_ms)
        if line.op != "calendar" and abs(line.at_ms - last_at_ms.get(key, line.at_ms - OPS_KEPT_MS)) < OPS_KEPT_MS:
            yield f"law 3: operation {line.op} wrote two lines of {line.what} for one bucket"
        last_at_ms[key] = line.at_ms


def _a_hold_is_resolved_once(account: Account) -> Iterator[str]:
    for call in account.holds.keys() & account.settlements.keys():
        yield f"law 4: call {call} is settled and still holds minutes"
    spent_s = _by_call(account.lines, What.SPENT)
    refunded_s = _by_call(account.lines, What.REFUNDED)
    for call in spent_s.keys() - account.settlements.keys():
        yield f"law 4: call {call} was charged without a settlement"
    for call, settlement in account.settlements.items():
        charged_s = settlement.answer.charged_s
        is_here = account.opening is None or settlement.at_ms >= account.opening.until_ms  # with all of its lines
        if -spent_s[call] != charged_s and (is_here or spent_s[call]):
            yield f"law 4: call {call} was charged {-spent_s[call]} s, its settlement says {charged_s} s"
        back_s, told_s = settlement.refunded_s, refunded_s[call]
        if not 0 <= told_s <= back_s <= charged_s or (is_here and told_s != back_s):
            yield f"law 4: call {call} got {told_s} s back, its settlement says {back_s} s of {charged_s} s"


def _an_overrun_is_never_taken(account: Account) -> Iterator[str]:
    settled = [one.answer for one in account.settlements.values()]
    before_s = account.opening.totals.overrun_s if account.opening else 0
    if account.totals.overrun_s != before_s + sum(one.overrun_s for one in settled):
        yield "law 5: the overruns of the settlements do not add up to the account's"
    for call, one in account.settlements.items():
        held_s = one.answer.charged_s + one.answer.returned_s + one.answer.expired_s
        if one.answer.overrun_s != max(0, one.used_s - held_s) or one.answer.charged_s < min(one.used_s, held_s):
            yield f"law 5: call {call} used {one.used_s} s of {held_s} s held, and was settled as {one.answer}"


def _the_statement_replays(account: Account) -> Iterator[str]:
    opening = account.opening or NOTHING_BEFORE
    balance_s = opening.balance_s
    for seq, line in enumerate(account.lines, start=opening.seq + 1):
        balance_s += line.seconds
        if line.seq != seq or line.balance_after_s != balance_s:
            yield f"law 6: line {seq} (its seq: {line.seq}) says {line.balance_after_s} s, the replay {balance_s} s"
    if balance_s != account.available_s + account.held_s:
        yield f"law 6: the statement replays to {balance_s} s, not {account.available_s + account.held_s} s"
    for name, whats in _EARNED.items():
        sign = -1 if name in ("spent", "expired") else 1
        told_s = sum(line.seconds for line in account.lines if line.what in whats)
        told_s += sign * getattr(opening.totals, f"{name}_s")
        total_s = getattr(account.totals, f"{name}_s")
        if told_s != sign * total_s:
            yield f"law 6: the lines tell of {told_s} s {name}, the total is {total_s} s"


def _by_call(lines: tuple[Line, ...], what: What) -> Counter[str]:
    sums: Counter[str] = Counter()
    for line in lines:
        if line.what is what:
            sums[line.call] += line.seconds
    return sums
