"""Gathers the records of a run, once all is over: from the API, the stores, and the files that each server wrote.
Believes none and judges none."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import redis

from ari_app.domain.costing import LegCost
from ari_app.ledger_tools.wired import opened
from ari_app.ports.ledger import Account
from tests.chaos.evidence import LEG, CelLeg, Evidence, Left, Ring, Shown
from tests.chaos.gathering_types import gather_notices, gather_pins, got, things_of_types
from tests.chaos.house import ChaosHouse
from tests.chaos.listeners import events_of
from tests.chaos.run import QUIET_S, Book
from tests.chaos.trunk_facts import gather_trunks
from tests.ringbridge import now_ms
from tests.support import until_sync

LEFT_FOR_S, LISTED_WITHIN_S = 30.0, 60.0
CAME_IN, APP_DATA = "LEG", 6


def gather(house: ChaosHouse, book: Book) -> Evidence:
    left = _what_is_left(house, book)
    rings: dict[str, list[Ring]] = {}
    arrivals: dict[str, list[Ring]] = {}
    for name, carrier in house.servers.carriers.items():
        for ring in carrier.calls():
            is_ours = ring.direction == "outbound"
            by_number = rings if is_ours else arrivals
            by_number.setdefault(ring.number if is_ours else ring.from_user or "", []).append(
                Ring(**vars(ring), trunk=name)
            )
    assert house.ground.info.cel_path is not None
    shown_at = partial(_shown_at, house)
    settings, trunks, shown = house.apps[0].settings, gather_trunks(house), _every_call(house)
    notices = gather_notices(house, book)
    return Evidence(
        asked=list(book.asked), shown=shown, accounts=asyncio.run(_accounts(house.ground.info.redis_url)),
        cel=read_cel(house.ground.info.cel_path), rings=rings, blows=list(book.blows), left=left,
        trunks=trunks, arrivals=arrivals, notices=notices, pins=gather_pins(house),
        owed=_owed(trunks.costs), oddities=list(book.oddities), told=house.listeners.told(),
        events=events_of(shown, "/v1/calls", "call", shown_at) | events_of(notices, "/v1/notices", "notice", shown_at),
        media_timeout_s=int(settings["MEDIA_TIMEOUT_S"]),
        ring_timeout_s=int(settings["CALLEE_RING_TIMEOUT_S"]),
    )  # fmt: skip


def _owed(costs: Iterable[LegCost]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for leg in costs:
        found.setdefault(leg.leg.partition(".")[0], {})[leg.leg] = leg.cost_micro
    return found


def read_cel(file: Path) -> dict[str, CelLeg]:
    """By channel; of one that came in, by the leg as which it is known to us. A row that was cut off by the death of
    its writer is left out."""
    legs: dict[str, CelLeg] = {}
    names: dict[str, str] = {}
    with file.open(encoding="utf-8", errors="replace", newline="") as rows:
        for row in csv.reader(rows):
            if len(row) < 3:
                continue
            if row[0] == CAME_IN and len(row) > APP_DATA:
                _come_in(legs, names, row)
                continue
            name = names.get(row[2], row[2])
            if not LEG.match(name):
                continue
            leg, at_ms = legs.setdefault(name, CelLeg()), _ms(row)
            match row[0]:
                case "CHAN_START":
                    leg.started_ms, leg.starts = at_ms, leg.starts + 1
                case "ANSWER":
                    leg.answered_ms = leg.answered_ms or at_ms
                case "HANGUP":
                    leg.hangup_ms = at_ms
    return legs


def _come_in(legs: dict[str, CelLeg], names: dict[str, str], row: list[str]) -> None:
    """The dialplan wrote down which leg of ours this channel is. A second time: it goes on as another one."""
    name, _, state = row[APP_DATA].removeprefix(f"{CAME_IN},").partition(" ")
    at_ms, before = _ms(row), legs.get(names.get(row[2], ""))
    if before is not None:
        before.hangup_ms = at_ms
    names[row[2]] = name
    legs[name] = CelLeg(started_ms=at_ms, answered_ms=at_ms if state == "Up" else None, starts=1)


def _ms(row: list[str]) -> int:
    return round(float(row[1]) * 1000)


def _every_call(house: ChaosHouse) -> dict[str, Shown]:
    found: dict[str, Shown] = {}
    cursor = ""
    while True:
        page = until_sync(partial(_page, house, cursor), LISTED_WITHIN_S, "the API lists its calls", every_s=0.2)
        found |= {call["id"]: call for call in page["calls"]}
        if page["cursor"] is None:
            return found
        cursor = page["cursor"]


def _page(house: ChaosHouse, cursor: str) -> dict[str, Any] | None:
    answer = house.api.ask("GET", f"/v1/calls?limit=200{cursor and f'&cursor={cursor}'}")
    return dict(answer.body) if answer is not None and answer.status == 200 else None


def _shown_at(house: ChaosHouse, path: str) -> Shown:
    return until_sync(partial(got, house, path), LISTED_WITHIN_S, f"{path} is shown", every_s=0.2)


async def _accounts(url: str) -> dict[str, Account]:
    async with opened(url) as ledger:
        return {payer: await ledger.read_account(payer) async for payer in ledger.payers(with_lost=True)}


def _what_is_left(house: ChaosHouse, book: Book) -> Left:
    """Nothing, as soon as that is so; else what there is `LEFT_FOR_S` after the faults ended."""
    until_ms = book.faults_over_ms + 1000 * (QUIET_S + LEFT_FOR_S)
    while (things := _things(house)) and now_ms() < until_ms:
        time.sleep(0.3)
    return Left(tuple(things), (now_ms() - book.faults_over_ms) / 1000)


def _things(house: ChaosHouse) -> list[str]:
    try:
        found = [f"on the PBX: {one}" for one in sorted(house.ground.on_the_pbx())]
        with redis.Redis.from_url(house.ground.info.redis_url) as store:
            for key in store.scan_iter("{n:*}:live"):
                found += [f"live in the store: {call.decode()}" for call in store.smembers(key)]
            found += things_of_types(store)
        for payer, account in asyncio.run(_accounts(house.ground.info.redis_url)).items():
            found += [f"held for {payer}: {call}" for call in account.holds]
        found += house.listeners.waiting(house.api)
        found += [f"in app {n}: {app.live()} live calls" for n, app in enumerate(house.apps) if app.live()]
    except Exception as e:  # noqa: BLE001 - who does not answer has something left, for all that is known
        return [f"nobody knows: {type(e).__name__}: {e}"]
    return found
