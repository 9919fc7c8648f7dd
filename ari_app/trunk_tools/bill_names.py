"""What carriers usually call the columns of a bill; by that they are found where no profile names them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

NEEDED = (("number",), ("time",), ("duration", "billed"), ("cost",))
USUAL = {  # the likelier first; letters and digits alone count
    "number": (
        "called number", "called", "callee", "destination number", "dialed number", "dialled number", "dialed",
        "dialled", "b number", "bnumber", "bnum", "dst", "called party", "callee number", "to number", "to", "number",
        "terminating number", "destination", "phone number", "被叫号码", "被叫", "号码",
    ),
    "time": (
        "answer time", "answered at", "answered", "connect time", "connected at", "connect date", "start time",
        "call start", "start", "started at", "begin time", "datetime", "date time", "call date", "calldate",
        "timestamp", "setup time", "time", "date", "接通时间", "应答时间", "开始时间", "通话开始时间",
    ),
    "date": ("date", "day", "call date", "日期"),
    "duration": (
        "duration", "call duration", "talk time", "talk", "duration s", "duration sec", "duration seconds", "seconds",
        "secs", "duration ms", "duration min", "conversation time", "length", "minutes", "时长", "通话时长",
    ),
    "billed": (
        "billed duration", "billsec", "billed seconds", "billed sec", "billed s", "billed", "billable seconds",
        "billable duration", "chargeable duration", "charged duration", "charged seconds", "rated duration",
        "bill seconds", "billed minutes", "计费时长",
    ),
    "cost": (
        "cost", "amount", "charge", "total cost", "total", "net amount", "total charge", "charged amount", "fee",
        "price total", "sum", "费用", "金额", "话费",
    ),
    "rate": (
        "rate", "price per minute", "rate per minute", "per minute", "unit price", "tariff", "price", "费率", "单价",
    ),
    "currency": ("currency", "ccy", "cur", "币种"),
    "direction": (),  # what its values mean, no name tells
}  # fmt: skip


def guess_columns(titles: Sequence[str], said: Collection[str], taken: Collection[int]) -> dict[str, int]:
    """`said`: columns that the profile speaks of, also to say that there is none. No column is taken twice."""
    plain = [_plain(title) for title in titles]
    found: dict[str, int] = {}
    for name, usual in USUAL.items():
        if name in said or (name == "date" and "time" not in found):
            continue
        free = (at for word in usual for at, title in enumerate(plain) if title == _plain(word))
        at = next((at for at in free if at not in taken and at not in found.values()), None)
        if at is not None:
            found[name] = at
    return found


def _plain(title: str) -> str:
    return re.sub(r"[\W_]", "", title.casefold())
