"""Trunks that fail, and phones that are no Asterisk: what sipp's phones saw is the second witness.

The app's Asterisk is the operator's own here: it has trunks to sipp's phones beside the simulated carrier's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.entrypoints.views import at_ms
from tests.conftest import nothing_is_left, running
from tests.ear import Ear
from tests.ground import Ground, laid, number, sipp_command
from tests.pbx.sipp.sipp_phone import SippPhone
from tests.ringbridge import Ringbridge
from tests.stories import Board, Shown, tell
from tests.support import until_sync

pytestmark = pytest.mark.soak("test_trunk_failover.py tries one trunk after the other, with another witness")
PDD_S = 1

SIPP_TRUNK = """
[{name}]
type = endpoint
transport = transport-udp
context = ringbridge-inbound
disallow = all
allow = alaw
aors = {name}
direct_media = no
send_pai = yes
trust_id_outbound = yes

[{name}]
type = aor
contact = sip:127.0.0.1:{port}
qualify_frequency = {qualify_s}
qualify_timeout = 0.5
"""


@dataclass(frozen=True)
class Trunks:
    """The PBX with a trunk to each sipp phone, `s22` and so on, and one to a place where nobody is, `dead`."""

    ground: Ground
    phones: dict[str, SippPhone]

    def file(self, path: Path, *names: str) -> str:
        """sip_trunks.conf with these trunks, in this order."""
        ports = {name: phone.port for name, phone in self.phones.items()}
        ports |= {"carrier": self.ground.info.carrier_sip_port, "dead": 9}
        lines = [
            f"[{name}]\nhost = 127.0.0.1\nport = {ports[name]}\npriority = {at}\ncaller_id = verified\nprice = 0.06\n"
            for at, name in enumerate(names, start=1)
        ]
        path.write_text("\n".join(lines))
        return str(path)

    @contextmanager
    def app(self, home: Path, *names: str) -> Iterator[Ringbridge]:
        home.mkdir()
        settings = self.ground.as_ones_own() | {
            "TRUNKS_FILE": self.file(home / "trunks.conf", *names),
            "TRUNK_TRIES_MAX": "6",
            "PDD_TIMEOUT_S": str(PDD_S),
        }
        with running(home, **settings) as app:
            yield app


@pytest.fixture(scope="module")
def trunks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trunks]:
    command = sipp_command()
    phones = {f"s{row}": SippPhone(row, calls=calls, command=command) for row, calls in CALLS_OF.items()}
    text = "".join(SIPP_TRUNK.format(name=name, port=phone.port, qualify_s=0) for name, phone in phones.items())
    text += SIPP_TRUNK.format(name="dead", port=9, qualify_s=1)
    with laid(tmp_path_factory.mktemp("sipp"), trunk_text=text) as ground:
        until_sync(lambda: "Unavail" in ground.rx("pjsip show contacts"), 10, "the dead trunk is known to be dead")
        yield Trunks(ground, phones)


# Each leg of both calls is refused by s30 and meets silence at s33; one is busy at s22, one has early media at s27.
CALLS_OF = {30: 4, 33: 4, 22: 1, 27: 1}
CHAIN = ["dead", "s30", "s33", "carrier", "s22"]


@dataclass(frozen=True)
class Told:
    shown: Shown
    states: list[str]

    def leg(self, role: str) -> dict[str, Any]:
        return next(leg for leg in self.shown["legs"] if leg["role"] == role)


@dataclass(frozen=True)
class Failover:
    """`numbers`: the call that comes through, the one that is busy in the end, the one with early media."""

    told: dict[str, Told]
    numbers: dict[str, tuple[str, str]]
    phones: dict[str, tuple[bool, str]]
    ground: Ground


@pytest.fixture(scope="module")
def failover(trunks: Trunks, tmp_path_factory: pytest.TempPathFactory) -> Failover:
    numbers = {"through": (number(4), number(5)), "busy": (number(12), number(30)), "early": (number(7), number(30))}
    home = tmp_path_factory.mktemp("apps")
    with ExitStack() as stack:
        for phone in trunks.phones.values():
            stack.enter_context(phone)
        with trunks.app(home / "chain", *CHAIN) as app:
            told = place(app, {name: numbers[name] for name in ("through", "busy")})
        with trunks.app(home / "early", "carrier", "s27") as app:
            told |= place(app, {"early": numbers["early"]})
            nothing_is_left(trunks.ground, app)
        until_sync(lambda: all(phone.has_ended for phone in trunks.phones.values()), 5, "every phone had its calls")
        phones = {name: (phone.is_done, phone.errors()) for name, phone in trunks.phones.items()}
    return Failover(told, numbers, phones, trunks.ground)


def place(app: Ringbridge, numbers: dict[str, tuple[str, str]]) -> dict[str, Told]:
    def story(name: str) -> Callable[[Board], Shown]:
        def go(board: Board) -> Shown:
            mine, theirs = numbers[name]
            call = app.call(app.user(name, mine), theirs)
            return board.hang_up(call, after_s=2) if name == "through" else board.until_ended(call)

        return go

    shown = tell(app, {name: story(name) for name in numbers})
    return {name: Told(one, app.states(one["id"])) for name, one in shown.items()}


def test_a_leg_goes_from_trunk_to_trunk_until_one_takes_it(failover: Failover) -> None:
    """No contact, 503 and silence are the trunk's fault: the next one is tried, for caller and callee alike."""
    call = failover.told["through"]
    assert (call.shown["reason"], call.shown["hung_up_by"]) == ("completed", "api")
    for role in ("caller", "callee"):
        assert call.leg(role)["tried"] == ["dead", "s30", "s33", "carrier"]
        assert call.leg(role)["trunk"] == "carrier"
    assert call.states == ["queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended"]


def test_the_two_hear_each_other_over_the_trunk_that_took_them(failover: Failover) -> None:
    caller, callee = map(failover.ground.phone, failover.numbers["through"])
    assert callee.answered_at_ms is not None
    assert Ear(caller).delay_ms(550, callee.answered_at_ms) <= 200
    assert Ear(callee).delay_ms(500, callee.answered_at_ms) <= 200


def test_a_silent_trunk_is_given_up_in_time_and_not_before(failover: Failover) -> None:
    call, caller = failover.told["through"], failover.ground.phone(failover.numbers["through"][0])
    waited_ms = caller.invited_at_ms - at_ms(call.shown["created_at"])
    assert 1000 * PDD_S <= waited_ms <= 1000 * PDD_S + 1000


def test_busy_is_the_persons_word_and_no_other_trunk_is_tried(failover: Failover) -> None:
    call = failover.told["busy"]
    assert (call.shown["reason"], call.shown["hung_up_by"], call.shown["charged_s"]) == ("callee_busy", "callee", 0)
    leg = call.leg("callee")
    assert leg["tried"] == CHAIN
    assert (leg["trunk"], leg["cause"], leg["sip_status"]) == ("s22", 17, 486)


def test_the_early_media_of_a_phone_that_is_no_asterisk_is_heard(failover: Failover) -> None:
    call, caller = failover.told["early"], failover.ground.phone(failover.numbers["early"][0])
    assert call.leg("callee")["tried"] == ["carrier", "s27"]
    assert (call.shown["reason"], call.leg("callee")["sip_status"]) == ("callee_unreachable", 480)
    ear = Ear(caller)
    assert ear.heard_ms(1400, ear.begins_ms, ear.ends_ms) == pytest.approx(4000, abs=300)


@pytest.mark.parametrize("phone", [f"s{row}" for row in CALLS_OF])
def test_sipp_saw_each_of_its_calls_go_as_it_should(failover: Failover, phone: str) -> None:
    """Refusals are acknowledged, silence is cancelled, and no phone is rung more often than it should."""
    assert failover.phones[phone] == (True, "")
