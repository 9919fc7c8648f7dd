"""What people and programs see of an account: balance and statement. Pure; seconds as they are, times as RFC 3339."""

from __future__ import annotations

import msgspec

from ari_app.domain.ledger_types import NEVER_MS, Balance, Bucket, Line
from ari_app.entrypoints.views import Time, rfc3339


class BucketView(msgspec.Struct):
    """Minutes of one kind (month, bonus, bought) and expiry; null: they do not expire."""

    kind: str
    remaining_s: int
    granted_s: int
    expires_at: Time | None


class BalanceView(msgspec.Struct):
    """Soonest expiry first: the order in which they are spent. `held_s` is set aside for calls that go on."""

    available_s: int
    held_s: int
    buckets: list[BucketView]
    plan: str
    period: str


class LineView(msgspec.Struct):
    """A line of the statement. All `seconds` up to a line add up to its `balance_after_s` (available + held)."""

    seq: int
    op: str
    at: Time
    what: str
    seconds: int
    balance_after_s: int
    kind: str
    expires_at: Time | None
    call: str | None
    note: str


def balance_view(balance: Balance, *, plan: str, period: str) -> BalanceView:
    buckets = [_bucket(one) for one in balance.buckets]
    return BalanceView(balance.available_s, balance.held_s, buckets, plan, period)


def _bucket(bucket: Bucket) -> BucketView:
    return BucketView(str(bucket.kind), bucket.left_s, bucket.granted_s, _expiry(bucket.expires_at_ms))


def line_view(line: Line) -> LineView:
    return LineView(
        seq=line.seq, op=line.op, at=rfc3339(line.at_ms), what=str(line.what), seconds=line.seconds,
        balance_after_s=line.balance_after_s, kind=str(line.kind), expires_at=_expiry(line.expires_at_ms),
        call=line.call or None, note=line.note,
    )  # fmt: skip


def _expiry(at_ms: int) -> str | None:
    return None if at_ms == NEVER_MS else rfc3339(at_ms)
