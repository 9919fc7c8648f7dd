"""Which of an account's lines and settlements are old enough to leave it, and what the account keeps of them: sums.

Pure. Where they go, and that they are safe there before they leave here: ledger_tools.py. The script that does the
same in Redis: adapters/redis/lua/forget-3.lua.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ari_app.domain.ledger_types import OPS_KEPT_MS, Account, Line, Opening, Settlement, Totals, What

AGE_MS_MIN = 2 * OPS_KEPT_MS
"""Younger lines stay: an operation of theirs may still be asked again."""
LINES_MAX = 2_000
"""Of one step: what is left goes in the next."""
_TOTAL = {
    What.MONTH: ("granted_s", 1), What.BONUS: ("granted_s", 1), What.BOUGHT: ("bought_s", 1),
    What.CORRECTED: ("corrected_s", 1), What.REFUNDED: ("refunded_s", 1), What.SPENT: ("spent_s", -1),
    What.EXPIRED: ("expired_s", -1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Old:
    """The oldest lines of an account, and the settlements that no other line tells of. `opening`: their sums and all
    that went before."""

    before_seq: int  # of the last line that went before these
    lines: tuple[Line, ...]
    settlements: Mapping[str, Settlement]
    opening: Opening


def old_part(account: Account, before_ms: int) -> Old | None:
    """What is from before that moment, LINES_MAX lines at most; None: nothing is."""
    opening = account.opening or Opening(0, 0, 0, Totals())
    lines = []
    for line in account.lines[:LINES_MAX]:
        if line.at_ms >= before_ms:
            break  # a later line may be older, by a clock that was late: it stays, too
        lines.append(line)
    still_told = {line.call for line in account.lines[len(lines) :]}
    settlements = {
        call: one for call, one in account.settlements.items()
        if 0 < one.at_ms < before_ms and call not in still_told
    }  # fmt: skip
    if not lines and not settlements:
        return None
    return Old(opening.seq, tuple(lines), settlements, _opening_after(opening, lines, settlements, before_ms))


def without(account: Account, old: Old) -> Account | None:
    """The account after that; None: it does not begin with exactly this."""
    before_seq = account.opening.seq if account.opening else 0
    count = len(old.lines)
    are_there = all(account.settlements.get(call) == one for call, one in old.settlements.items())
    if before_seq != old.before_seq or account.lines[:count] != old.lines or not are_there:
        return None
    settlements = {call: one for call, one in account.settlements.items() if call not in old.settlements}
    return replace(account, lines=account.lines[count:], settlements=settlements, opening=old.opening)


def _opening_after(
    opening: Opening, lines: list[Line], settlements: Mapping[str, Settlement], before_ms: int
) -> Opening:
    sums = {name: getattr(opening.totals, name) for name in Totals.__slots__}
    for line in lines:
        name, sign = _TOTAL[line.what]
        sums[name] += sign * line.seconds
    sums["overrun_s"] += sum(one.answer.overrun_s for one in settlements.values())
    last = lines[-1] if lines else None
    return Opening(
        last.seq if last else opening.seq, max(before_ms, opening.until_ms),
        last.balance_after_s if last else opening.balance_s, Totals(**sums),
    )  # fmt: skip
