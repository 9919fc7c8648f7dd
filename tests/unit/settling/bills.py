"""Legs of ours, and bills of a carrier over them, written in whatever way carriers write. Knows no rule of the
settlement."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from ari_app.domain.costing import LegCost
from ari_app.domain.units import Increment, cost_micro
from ari_app.trunk_tools.bill_profile import parse_profile
from ari_app.trunk_tools.settlement import Difference, Settlement
from ari_app.trunk_tools.settling import Asked, settle

MONTH = "2026-11"
SHANGHAI = "Asia/Shanghai"
FROM_MS = 1_793_462_400_000  # 1 November 2026, 00:00 in Shanghai
MONTH_MS = 30 * 86_400_000
DECKS = ((60_000, "60/60"), (45_000, "6/6"), (12_345, "1/1"), (100_000, "60/1"))


def leg(
    name: str = "c1", number: str = "+8613900000001", at_ms: int = FROM_MS + 3_600_000, talk_ms: int = 61_000,
    price: int = 60_000, increment: str = "6/6", *, is_answered: bool = True, currency: str = "CNY",
) -> LegCost:  # fmt: skip
    talk_ms = talk_ms if is_answered else 0
    return LegCost(
        leg=f"{name}.callee.0", trunk="acme", number=number, dialled=number, payer="li", team="",
        dialled_at_ms=at_ms - 7000 if is_answered else at_ms, rang_at_ms=at_ms - 5000,
        answered_at_ms=at_ms if is_answered else None, ended_at_ms=at_ms + talk_ms if is_answered else at_ms + 20_000,
        outcome="answered" if is_answered else "no_answer", cause=16, sip_status=None, price_micro_per_min=price,
        increment=increment, currency=currency,
        cost_micro=cost_micro(talk_ms, price, Increment.parse(increment)) if is_answered else 0,
        charged_s=0,
    )  # fmt: skip


def some_legs(count: int, seed: int) -> list[LegCost]:
    """A month of them: numbers that are called again, now and then within the same two minutes."""
    chance = random.Random(seed)
    legs: list[LegCost] = []
    for n in range(count):
        at_ms = FROM_MS + 600_000 + chance.randrange(MONTH_MS - 1_200_000)
        number = f"+86139{chance.randrange(max(2, count // 3)):08d}"
        if legs and chance.random() < 0.02:
            before = legs[-1]
            at_ms, number = before.at_ms + chance.randrange(40_000, 110_000), before.number
        price, increment = chance.choice(DECKS)
        talk_ms = chance.choice((chance.randrange(500, 20_000), chance.randrange(20_000, 900_000)))
        legs.append(leg(f"c{n}", number, at_ms, talk_ms, price, increment, is_answered=chance.random() < 0.9))
    return legs


@dataclass(frozen=True)
class Line:
    """What a bill says of a call. `raw`: a line that is written as it stands."""

    number: str
    at_ms: int
    talk_ms: int
    cost_micro: int
    rate_micro: int
    currency: str = "CNY"
    direction: str = "out"
    raw: str = ""


def line_of(one: LegCost, **changes: int | str) -> Line:
    made = Line(one.number, one.at_ms, one.talk_ms, one.cost_micro, one.price_micro_per_min, one.currency)
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Way:
    """How a carrier writes its bill."""

    number: str = "e164"
    time: str = "iso"
    zone: str = SHANGHAI
    duration: str = "s"
    decimal: str = "point"
    separator: str = ";"
    encoding: str = "utf-8"
    rate_per: str = "min"

    def profile(self) -> str:
        separator = "tab" if self.separator == "\t" else self.separator
        return (
            f'number = "B-Number"\ntime = "When"\nduration = "How long"\ncost = "Money"\nrate = "Rate"\n'
            f'currency = "Cur"\ndirection = "Dir"\ndirection_is = ["OUT"]\nnumber_format = "{self.number}"\n'
            f'time_format = "{self.time}"\ntimezone = "{self.zone}"\nduration_format = "{self.duration}"\n'
            f'decimal = "{self.decimal}"\nseparator = "{separator}"\nencoding = "{self.encoding}"\n'
            f'rate_per = "{self.rate_per}"\n'
        )

    def text(self, lines: Sequence[Line]) -> str:
        file = io.StringIO(newline="")
        rows = csv.writer(file, delimiter=self.separator)
        rows.writerow(("Dir", "B-Number", "When", "How long", "Rate", "Money", "Cur"))
        for one in lines:
            if one.raw:
                file.write(one.raw + "\r\n")
                continue
            rate = one.rate_micro if self.rate_per == "min" else Decimal(one.rate_micro) / 60
            cells = self._number(one.number), self._time(one.at_ms), self._duration(one.talk_ms)
            rows.writerow((one.direction, *cells, self._money(rate), self._money(one.cost_micro), one.currency))
        return file.getvalue()

    def _number(self, number: str) -> str:
        match self.number:
            case "digits":
                return number.removeprefix("+")
            case "00":
                return number.replace("+", "00")
            case "national":
                return number.removeprefix("+86") if number.startswith("+86") else number.replace("+", "00")
            case _:
                return number

    def _time(self, at_ms: int) -> str:
        match self.time:
            case "epoch_s":
                return f"{at_ms // 1000}.{at_ms % 1000:03d}"
            case "epoch_ms":
                return str(at_ms)
        at = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(ZoneInfo(self.zone))
        return at.strftime("%Y-%m-%d %H:%M:%S" if self.time == "iso" else self.time)

    def _duration(self, talk_ms: int) -> str:
        talk_s = -(-talk_ms // 1000)
        match self.duration:
            case "ms":
                return str(talk_ms)
            case "min":
                return f"{Decimal(talk_s) / 60:.6f}"
            case "mm:ss":
                return f"{talk_s // 60}:{talk_s % 60:02d}"
            case "hh:mm:ss":
                return f"{talk_s // 3600}:{talk_s // 60 % 60:02d}:{talk_s % 60:02d}"
            case _:
                return str(talk_s)

    def _money(self, micro: int | Decimal) -> str:
        text = f"{Decimal(micro) / 1_000_000:.{9 if isinstance(micro, Decimal) else 6}f}"
        return text.replace(".", ",") if self.decimal == "comma" else text


def write(to: Path, lines: Sequence[Line], way: Way | None = None) -> Path:
    way = way or Way()
    to.write_text(way.text(lines), encoding=way.encoding, newline="")
    return to


def settled(
    bill: Path, legs: Iterable[LegCost], profile: str | None = None, *, month: str = MONTH, cel: tuple[Path, ...] = ()
) -> tuple[Settlement, list[Difference]]:
    """`profile`: the text of one; default: that of the plain way."""
    found: list[Difference] = []
    given = parse_profile(Way().profile() if profile is None else profile, "profile.toml")
    asked = Asked(bill, "acme", SHANGHAI, "CN", given, month, cel)
    return settle(asked, lambda _days: legs, found.append), found


def cel_rows(one: LegCost, talk_ms: int | None = None, trunk: str = "acme") -> list[str]:
    """What Asterisk writes of a leg. `talk_ms`: another truth than ours."""
    if one.answered_at_ms is None:
        moments = [("CHAN_START", one.dialled_at_ms), ("CHAN_END", one.ended_at_ms)]
    else:
        end_ms = one.answered_at_ms + (one.talk_ms if talk_ms is None else talk_ms)
        moments = [("CHAN_START", one.dialled_at_ms), ("ANSWER", one.answered_at_ms), ("HANGUP", end_ms)]
        moments.append(("CHAN_END", end_ms + 1))
    return [
        f'"{event}","{at_ms // 1000}.{at_ms % 1000:03d}000","{one.leg}","{one.leg}","PJSIP/{trunk}-0000002a",'
        '"AppDial2","(Outgoing Line)","","{""hangupcause"":16}"'
        for event, at_ms in moments
    ]


def write_cel(to: Path, rows: Iterable[str], *, from_ms: int = FROM_MS, until_ms: int = FROM_MS + MONTH_MS) -> Path:
    """In the order of time, from the first moment that it covers to the last."""
    others = [cel_rows(leg("x", at_ms=at_ms, talk_ms=0), trunk="other")[1] for at_ms in (from_ms, until_ms)]
    in_order = sorted((*rows, *others), key=lambda row: row.split(",")[1])
    to.write_text("\n".join(in_order) + "\n")
    return to
