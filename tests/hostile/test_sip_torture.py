"""An attacker at the PBX's SIP port: torture, toll fraud and floods from an address that no trunk has.

Meanwhile live talks go on and are heard, new calls come through; nothing of the attacker's is answered, routed or told
to the app; Asterisk lives, and has its peace again when it is over.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import running
from tests.ear import Ear
from tests.ground import SOAK, Ground, laid, number
from tests.hostile.runs import SEED
from tests.hostile.sip_torture import NUMBER, Stranger, invite, request, toll_fraud, torture
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync

ROUNDS = 30 if SOAK else 1
FLOOD, FLOOD_PACE_S = (60_000, 0.001) if SOAK else (1_500, 0.002)
"""Beside other tests at half the pace: what their servers take of the machine is not the attack's doing."""
TALKS = 3
NEW_CALL_WITHIN_S = 5.0
LINE_MAX = 300
"""Bytes of the log for each message: one line says who came."""
CALM_CPU = 0.3
EVENTS_OF_A_CALL_MAX = 200
HZ = {1: 350, 2: 400}
"""What a phone with these last digits plays."""


@dataclass
class Siege:
    """What was seen while it lasted. `talks`: call id, caller's and callee's number."""

    ground: Ground
    app: Ringbridge
    talks: list[tuple[str, str, str]] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)
    heard: dict[str, int] = field(default_factory=dict)
    sent: int = 0
    began_ms: int = 0
    ended_ms: int = 0
    new_calls_s: list[float] = field(default_factory=list)
    shown: list[dict[str, object]] = field(default_factory=list)
    events: int = 0
    pids: set[int] = field(default_factory=set)
    log_bytes: int = 0


def place(siege: Siege, user: str, caller: int, callee: int) -> tuple[str, str, str]:
    mine, theirs = number(caller), number(callee)
    siege.numbers |= {mine, theirs}
    return siege.app.call(siege.app.user(user, mine), theirs), mine, theirs


def new_call(siege: Siege, n: int) -> None:
    """From the request to the talk; then it is hung up."""
    began = time.monotonic()
    call, *_ = place(siege, f"new{n}", 11, 12)
    siege.app.until_state(call, "talking", within_s=20)
    siege.new_calls_s.append(time.monotonic() - began)
    siege.app.hang_up(call)
    assert siege.app.until_ended(call)["reason"] == "completed"


def attack(siege: Siege) -> None:
    """All that there is, from one thread after the other; floods from four sockets at once."""
    port = siege.ground.info.pbx_sip_port
    rng = random.Random(SEED)
    one = Stranger(port)
    one.say(torture(port, rng, ROUNDS))
    for _ in range(max(1, ROUNDS // 10)):
        one.say(toll_fraud(port))
    floods = [Stranger(port, f"127.0.0.{n}") for n in range(4, 8)]
    threads = [threading.Thread(target=flood, args=(each, port)) for each in floods]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time_out = time.monotonic() + 2
    while time.monotonic() < time_out:  # for answers that are still on their way
        for each in (one, *floods):
            each.listen()
        time.sleep(0.05)
    for each in (one, *floods):
        siege.sent += each.sent
        for what, count in each.heard.items():
            siege.heard[what] = siege.heard.get(what, 0) + count
        each.close()


def flood(stranger: Stranger, port: int) -> None:
    users = ("carrier", "nobody", "1000", "+8613900000001")
    half = FLOOD // 8
    stranger.say((invite(NUMBER, port, user=users[n % 4]) for n in range(half)), 4 * FLOOD_PACE_S)
    stranger.say((request("REGISTER", users[n % 4], port, user=users[n % 4]) for n in range(half)), 4 * FLOOD_PACE_S)


def pbx_pid(ground: Ground) -> int:
    return int((ground.info.logs["pbx"].parents[1] / "run" / "asterisk.pid").read_text())


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_calm(pid: int) -> bool:
    """Over half a second."""
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(0.5)
    return (cpu_s(pid) - before) / (time.monotonic() - began) < CALM_CPU


def told_to_the_app(ground: Ground) -> int:
    """Messages that Asterisk has had for the application, so far."""
    lines = ground.rx("core show taskprocessors").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("stasis/m:ari:application/ringbridge"))


def channels_made(ground: Ground) -> list[str]:
    lines = ground.info.cel_path.read_text(errors="replace").splitlines() if ground.info.cel_path.exists() else []
    return [line for line in lines if line.startswith('"CHAN_START"')]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    with laid(tmp_path_factory.mktemp("siege")) as ground, running(ground.home, PDD_TIMEOUT_S="10") as app:
        siege = Siege(ground, app)
        siege.talks = [place(siege, f"talk{n}", 1, 2) for n in range(TALKS)]
        for call, *_ in siege.talks:
            app.until_state(call, "talking")
        events = told_to_the_app(ground)
        log = ground.info.logs["pbx"]
        logged, pid = log.stat().st_size, pbx_pid(ground)
        siege.pids.add(pid)
        attacker = threading.Thread(target=attack, args=(siege,))
        siege.began_ms = now_ms()
        attacker.start()
        n = 0
        while attacker.is_alive():
            new_call(siege, n)
            n += 1
        attacker.join()
        siege.ended_ms = now_ms()
        siege.pids.add(pbx_pid(ground))
        siege.log_bytes = log.stat().st_size - logged
        siege.events = told_to_the_app(ground) - events
        until_sync(lambda: is_calm(pid), 20, "Asterisk is calm again")
        new_call(siege, n)
        for call, *_ in siege.talks:
            app.hang_up(call)
            siege.shown.append(app.until_ended(call))
        until_sync(lambda: not app.live(), 5, "no call lives in the app")
        until_sync(lambda: not ground.on_the_pbx(), 5, f"no channel and no bridge lives: {ground.on_the_pbx()}")
        ground.all_hung_up(*(phone for _, *numbers in siege.talks for phone in numbers))
        told = dict(sorted(siege.heard.items()))
        print(f"sip torture, {len(siege.new_calls_s)} calls: {siege.sent} messages, {told}")  # noqa: T201
        print(f"{siege.events} events, {siege.log_bytes} bytes of log, new calls in {max(siege.new_calls_s):.2f} s")  # noqa: T201
        yield siege


def test_the_attack_came_to_the_pbx(siege: Siege) -> None:
    """Else the others would prove nothing."""
    assert siege.sent > FLOOD
    refused = sum(count for what, count in siege.heard.items() if what.startswith(("INVITE 4", "REGISTER 4")))
    assert refused > FLOOD / 10, siege.heard


def test_nothing_of_it_is_answered(siege: Siege) -> None:
    """Not even with a sign that somebody rings; a stranger learns nothing but that he is none of ours."""
    said = {what: count for what, count in siege.heard.items() if not what.startswith("OPTIONS")}
    good = {what: count for what, count in said.items() if what.split()[-1].isdigit() and int(what.split()[-1]) < 300}
    assert {what for what in good if not what.endswith(" 100")} == set(), said
    assert not [what for what in siege.heard if what.startswith("request")], siege.heard


def test_nothing_of_it_is_routed(siege: Siege) -> None:
    """The PBX's own record and the carrier's know the channels of our calls alone."""
    legs = 2 * (len(siege.talks) + len(siege.new_calls_s))
    rows = channels_made(siege.ground)
    assert len(rows) == legs, rows[-5:]
    dialled = {call.number for call in siege.ground.carrier_calls()}
    assert dialled == siege.numbers


def test_talks_that_were_there_go_on_and_are_heard_all_the_time(siege: Siege) -> None:
    for (_, mine, theirs), shown in zip(siege.talks, siege.shown, strict=True):
        assert (shown["reason"], shown["hung_up_by"]) == ("completed", "api")
        for phone, hz in ((mine, HZ[2]), (theirs, HZ[1])):
            heard_ms = Ear(siege.ground.phone(phone)).heard_ms(hz, siege.began_ms, siege.ended_ms)
            share = 0.98 if SOAK else 0.9  # other tests run beside this one
            assert heard_ms > share * (siege.ended_ms - siege.began_ms)


def test_new_calls_come_through_meanwhile(siege: Siege) -> None:
    assert len(siege.new_calls_s) >= 3
    assert max(siege.new_calls_s) < NEW_CALL_WITHIN_S


def test_asterisk_lives_and_its_log_is_not_flooded(siege: Siege) -> None:
    """One line a message, for those who read it to shut the address out; never what the message says."""
    assert len(siege.pids) == 1
    assert siege.log_bytes < LINE_MAX * siege.sent
    no_utf8 = "Failed to issue security event"  # of a name that cannot be told as text; two lines, and no word of it
    assert [line for line in siege.ground.complaints() if no_utf8 not in line] == []


def test_the_app_hears_of_its_own_calls_alone(siege: Siege) -> None:
    assert 0 < siege.events < EVENTS_OF_A_CALL_MAX * (len(siege.new_calls_s) + len(siege.talks))
