"""check_laws names each law that is broken: a sound account, spoilt in one place at a time."""

from dataclasses import replace

import pytest

from ari_app.domain import ledger
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.units import Increment
from ari_app.ports.ledger import Account, Kind, MonthGrant, What

NOW_MS = 1_794_000_000_000
MONTH = MonthGrant("2026-11", 600, NOW_MS + 1000)
MINUTE = Increment(60, 60)


@pytest.fixture
def account() -> Account:
    """Granted, bought, corrected, held by one call; spent, refunded, expired by others, one with an overrun."""
    a = Account()
    later = {"now_ms": NOW_MS + 2000, "month": replace(MONTH, key="2026-12", ends_at_ms=NOW_MS + 10**9)}
    hold = {"increment": MINUTE, "max_live_calls": 5}
    a, _ = ledger.grant(a, op="g", kind=Kind.BOUGHT, seconds=500, now_ms=NOW_MS)
    a, _ = ledger.correct(a, op="k", seconds=-50, reason="why", now_ms=NOW_MS, month=MONTH)
    a, _ = ledger.hold(a, op="c1:h0", call="c1", want_s=120, now_ms=NOW_MS, month=MONTH, **hold)
    a, _ = ledger.settle(a, op="c1:s", call="c1", used_s=62, rounded_s=62, now_ms=NOW_MS + 2000)
    a, _ = ledger.refund(a, op="r", call="c1", seconds=12, now_ms=NOW_MS + 2000)
    a, _ = ledger.hold(a, op="c2:h0", call="c2", want_s=60, **later, **hold)
    a, _ = ledger.settle(a, op="c2:s", call="c2", used_s=65, rounded_s=120, now_ms=NOW_MS + 2000)
    a, _ = ledger.hold(a, op="c3:h0", call="c3", want_s=60, **later, **hold)
    return a


def test_a_sound_account_breaks_no_law(account: Account) -> None:
    assert check_laws(account) == []
    assert {line.what for line in account.lines} == set(What) - {What.BONUS}
    assert account.held_s == 60
    assert account.totals.overrun_s == 5


def spoilt(account: Account) -> dict[str, Account]:
    first, *others = account.lines
    spent = next(line for line in account.lines if line.what is What.SPENT)
    c1 = account.settlements["c1"]
    bucket = account.buckets[0]
    return {
        "law 1": replace(account, totals=replace(account.totals, granted_s=account.totals.granted_s + 1)),
        "law 2: bucket": replace(account, buckets=(replace(bucket, left_s=-1), *account.buckets[1:])),
        "law 2: call": replace(account, holds={**account.holds, "c9": ()}),
        "law 3": replace(account, lines=(*account.lines, replace(spent, seq=99))),
        "law 4: call c1 is settled and still": replace(
            account, holds={**account.holds, "c1": account.holds["c3"]}
        ),
        "law 4: call c1 was charged without": replace(
            account, settlements={"c2": account.settlements["c2"]}
        ),
        "law 4: call c1 was charged 62 s": replace(
            account, settlements={**account.settlements, "c1": replace(c1, answer=replace(c1.answer, charged_s=61))}
        ),
        "law 4: call c1 got 12 s back": replace(
            account, settlements={**account.settlements, "c1": replace(c1, refunded_s=0)}
        ),
        "law 5: the overruns": replace(account, totals=replace(account.totals, overrun_s=0)),
        "law 5: call c1": replace(
            account, settlements={**account.settlements, "c1": replace(c1, used_s=300)}
        ),
        "law 6: line 1": replace(account, lines=(replace(first, balance_after_s=0), *others)),
        "law 6: line 2": replace(account, lines=(first, *others[1:])),
        "law 6: the statement": replace(account, lines=account.lines[:-1]),
        "law 6: the lines": replace(
            account, totals=replace(account.totals, spent_s=account.totals.spent_s + 1)
        ),
    }  # fmt: skip


@pytest.mark.parametrize("law", [
    "law 1", "law 2: bucket", "law 2: call", "law 3", "law 4: call c1 is settled and still",
    "law 4: call c1 was charged without", "law 4: call c1 was charged 62 s", "law 4: call c1 got 12 s back",
    "law 5: the overruns", "law 5: call c1", "law 6: line 1", "law 6: line 2", "law 6: the statement",
    "law 6: the lines",
])  # fmt: skip
def test_each_broken_law_is_named(account: Account, law: str) -> None:
    broken = spoilt(account)
    assert any(sentence.startswith(law) for sentence in check_laws(broken[law])), check_laws(broken[law])
