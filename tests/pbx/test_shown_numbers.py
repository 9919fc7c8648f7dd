"""Which number is dialled and which one is shown, as the carrier saw it: every policy and format, from the admin's file
to the INVITE. And what is refused: of that the carrier sees nothing.

One PBX with many trunks, all of them to the simulated carrier, each with its own rules, and taking its own numbers."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.stack.carrier import CarrierCall
from ari_app.trunks_file import parse_trunks
from tests.conftest import nothing_is_left, running
from tests.ground import Ground, laid
from tests.ports import claim
from tests.ringbridge import Ringbridge
from tests.stories import Board, Shown, tell
from tests.support import until_sync

PLATFORM = "+864001234567"
FIXED = "+861055550000"
POOL = ["+861055550001", "+85221234567", "+864008888888"]
US = "127.0.0.1"

Options = dict[str, str]

CHOICES: Mapping[str, Sequence[Options]] = {
    "caller_id": [{"caller_id": one} for one in ("platform", "verified", f"fixed {FIXED}", f"pool {', '.join(POOL)}")],
    "number_format": [{"number_format": one} for one in ("e164", "digits", "00", "national")],
    "caller_id_format": [{"caller_id_format": one} for one in ("e164", "digits", "00", "national")],
    "identity": [{"identity": one} for one in ("pai", "rpid", "none")],
    "from": [{}, {"from_domain": "ims.example.net"}, {"from_domain": "ims.example.net", "from_user": "acct7"}],
    "privacy": [{"privacy": one} for one in ("no", "yes")],
    "diversion": [{"diversion": one} for one in ("no", "yes")],
    "prepend": [{}, {"prepend": "88#"}],
}


DRAWS = 60


def pairwise(choices: Mapping[str, Sequence[Options]]) -> Iterator[Options]:
    """Few trunks in which any two choices are met together: of some that are drawn, each time the one in which most
    are met for the first time."""
    dice, sizes = random.Random(5), [range(len(one)) for one in choices.values()]
    places = list(itertools.combinations(range(len(sizes)), 2))
    left = {(a, b, x, y) for a, b in places for x in sizes[a] for y in sizes[b]}
    while left:
        drawn = [_with(min(left), [dice.choice(size) for size in sizes]) for _ in range(DRAWS)]
        met = [{(a, b, row[a], row[b]) for a, b in places} & left for row in drawn]
        best = max(range(DRAWS), key=lambda at: len(met[at]))
        left -= met[best]
        yield {k: v for many, at in zip(choices.values(), drawn[best], strict=True) for k, v in many[at].items()}


def _with(pair: tuple[int, int, int, int], row: list[int]) -> list[int]:
    a, b, row[a], row[b] = pair
    return row


@dataclass(frozen=True)
class Row:
    """A trunk and the two numbers of the call that goes over it, unless the caller is reached over another."""

    options: Options
    caller: str
    callee: str
    prefix: str


def rows() -> dict[str, Row]:
    made = {}
    for at, options in enumerate(pairwise(CHOICES)):
        start = f"+86139{5000 + at}"
        made[f"t{at}"] = Row(options, f"{start}0110", f"{start}0224", start)
    home, abroad = {"number_format": "national", "caller_id_format": "national"}, {"caller_id": f"fixed {POOL[1]}"}
    made["town"] = Row(home | {"caller_id": "verified"}, "+861062340110", "+861062340224", "+8610")
    made["abroad"] = Row(home | abroad, "+85291230110", "+85291230224", "+852")
    made["short"] = Row({"number_format": "00", "prepend": "9"}, "+8613900000110", "10086", "100")
    return made


ROWS = rows()
POOLED = [name for name, row in ROWS.items() if row.options.get("caller_id", "").startswith("pool")]


def trunks_file(port: int) -> str:
    sections = [
        "\n".join([f"[{name}]", f"host = {US}", f"port = {port}", f"prefixes = {row.prefix}"])
        + "".join(f"\n{name} = {value}" for name, value in row.options.items())
        for name, row in ROWS.items()
    ]
    rest = f"[rest]\nhost = {US}\nport = {port}"  # takes every number: what is refused would find its way
    return "\n\n".join([*sections, rest]) + "\n"


@dataclass(frozen=True)
class House:
    ground: Ground
    app: Ringbridge
    told: dict[str, list[Shown]]

    def saw(self, number: str) -> list[CarrierCall]:
        """Every INVITE for this number, however it was written."""
        tail = number[-8:]
        return [call for call in self.ground.carrier_calls() if call.number.endswith(tail)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    [port] = claim()
    text = trunks_file(port)
    home = tmp_path_factory.mktemp("shown")
    (home / "trunks.conf").write_text(text)
    with (
        laid(home, ports={"carrier_sip_port": port}, trunks=parse_trunks(text)) as ground,
        running(home, **ground.as_ones_own(), **settings(home)) as app,
    ):
        yield House(ground, app, tell(app, {name: story(app, name) for name in ROWS}))
        nothing_is_left(ground, app)


def settings(home: Path) -> dict[str, str]:
    return {
        "TRUNKS_FILE": str(home / "trunks.conf"),
        "ALLOWED_COUNTRIES": "CN,HK,FR",
        "BLOCKED_PREFIXES": "+8613899",
        "SOUND_UNAVAILABLE": "beep",  # so that a call ends as soon as its callee has rejected it
        "SOUND_NOT_IN_SERVICE": "beep",
    }


def story(app: Ringbridge, name: str) -> Callable[[Board], list[Shown]]:
    row = ROWS[name]

    def go(board: Board) -> list[Shown]:
        user = app.user(f"of-{name}", row.caller)
        times = 2 if name in POOLED else 1
        return [board.until_ended(app.call(user, row.callee)) for _ in range(times)]

    return go


# ---- what the carrier should see, by what the admin wrote --------------------------------------------------------


def written(number: str, form: str) -> str:
    if not number.startswith("+"):
        return number
    within = {"+8610": "010", "+86": ""}
    start = next((start for start in within if number.startswith(start)), None)
    national = "00" + number[1:] if start is None else within[start] + number.removeprefix(start)
    return {"e164": number, "digits": number[1:], "00": "00" + number[1:], "national": national}[form]


def dialled(options: Options, number: str) -> str:
    prepend = options.get("prepend", "") if number.startswith("+") else ""
    return prepend + written(number, options.get("number_format", "e164"))


def policy(options: Options, caller: str, role: str) -> tuple[list[str], str]:
    """The numbers that may be shown, and why."""
    match options.get("caller_id", "platform").split()[0]:
        case "fixed":
            return [options["caller_id"].split()[1]], "fixed"
        case "pool":
            return POOL, "pool"
    if role == "caller":
        return [PLATFORM], "to_caller"
    return ([caller], "verified") if options.get("caller_id") == "verified" else ([PLATFORM], "trunk_policy")


def headers(options: Options, shown: str) -> dict[str, str | None]:
    form = options.get("caller_id_format", "e164")
    who, is_private = written(shown, form), options.get("privacy") == "yes"
    host = options.get("from_domain", US)
    from_host = options.get("from_domain", "anonymous.invalid") if is_private else host
    from_user = options.get("from_user", "anonymous" if is_private else who)
    identity = options.get("identity", "pai")
    rpid = f"<sip:{who}@{host}>;party=calling;privacy={'full' if is_private else 'off'};screen=no"
    diverts = options.get("diversion") == "yes" and shown != PLATFORM
    diversion = f"<sip:{written(PLATFORM, form)}@{from_host}>;reason=unconditional"
    return {
        "from": ('"Anonymous" ' if is_private else "") + f"<sip:{from_user}@{from_host}>",
        "pai": f"<sip:{who}@{host}>" if identity == "pai" else None,
        "rpid": rpid if identity == "rpid" else None,
        "privacy": "id" if is_private and identity == "pai" else None,
        "diversion": diversion if diverts else None,
    }


def seen(call: CarrierCall) -> dict[str, str | None]:
    return {
        "from": re.sub(";tag=.*", "", call.from_header or ""),
        "pai": call.pai,
        "rpid": call.rpid,
        "privacy": call.privacy,
        "diversion": call.diversion,
    }


def legs(name: str) -> list[tuple[str, str]]:
    """Those that go over this trunk."""
    row = ROWS[name]
    both = [("caller", row.caller), ("callee", row.callee)]
    return [(role, number) for role, number in both if number.startswith(row.prefix)]


@pytest.mark.parametrize("name", ROWS)
def test_the_carrier_sees_what_its_trunk_says(house: House, name: str) -> None:
    options = ROWS[name].options
    for role, number in legs(name):
        for told, call in zip(house.told[name], house.saw(number), strict=True):
            leg = next(leg for leg in told["legs"] if leg["role"] == role)
            may_show, why = policy(options, ROWS[name].caller, role)
            assert (leg["number"], leg["trunk"], leg["why"]) == (number, name, why)
            assert leg["shown"] in may_show
            assert call.number == dialled(options, number)
            assert seen(call) == headers(options, leg["shown"])


@pytest.mark.parametrize("name", POOLED)
def test_one_pair_knows_one_number_of_the_pool(house: House, name: str) -> None:
    first, second = ([leg["shown"] for leg in told["legs"]] for told in house.told[name])
    assert first == second


# ---- what is refused ---------------------------------------------------------------------------------------------

EMERGENCY = ["110", "1 1 0", "119", "112", "911", "+86110", "0086 110", "0110", "010 110", "110110", "+33 15", "*110"]
BLOCKED = {
    "another country": "+12025550123", "satellite": "+881612345678", "premium": "16812345",
    "premium in another town": "010 16812345", "prefix": "+86 138 9900 0110",
    "prefix, as people write it": "13899000110",
}  # fmt: skip
NO_NUMBER = ["+86139", "139 0000 01100", "*67 13900000110", "13900000110#", "+999 12345678", "@13900000110"]
WORDS = ["1-800-FLOWERS", "+8613900000110;ext=5", "tel:110", "110 ext 5", "110@sos"]


@pytest.fixture(scope="module")
def before(house: House) -> Iterator[House]:
    """What comes in between leaves no trace: the carrier saw none of it, and no minute is held or gone."""
    app = house.app
    app.user("asker", "+8613900001110")
    calls = {call.id for call in house.ground.carrier_calls()}
    money = app.balance("asker"), app.statement("asker")
    yield house
    assert (app.balance("asker"), app.statement("asker")) == money
    allowed = app.call("asker", "+8613900001124")  # whatever was on its way to the carrier is there before this
    until_sync(lambda: house.saw("+8613900001124"), 10, "the carrier has the call that is allowed")
    fresh = [call.number for call in house.ground.carrier_calls() if call.id not in calls]
    assert fresh == ["+8613900001110", "+8613900001124"]
    app.until_ended(allowed)


def refused(house: House, caller: str, callee: str) -> tuple[int, str, str]:
    answer = house.app.ask("POST", "/v1/calls", {"caller": caller, "callee": callee})
    return answer.status, answer.body.get("type", "").rsplit("/", 1)[-1], answer.body.get("field", "")


@pytest.mark.parametrize("written", EMERGENCY)
def test_nobody_is_connected_to_an_emergency_number(before: House, written: str) -> None:
    assert refused(before, "asker", written) == (403, "emergency-number", "callee")


@pytest.mark.parametrize("written", BLOCKED.values(), ids=BLOCKED)
def test_a_destination_that_is_blocked_is_refused(before: House, written: str) -> None:
    assert refused(before, "asker", written) == (403, "destination-blocked", "callee")


@pytest.mark.parametrize("written", NO_NUMBER)
def test_what_is_no_number_is_refused(before: House, written: str) -> None:
    assert refused(before, "asker", written) == (400, "invalid-number", "callee")


@pytest.mark.parametrize("written", WORDS)
def test_what_has_letters_was_meant_as_a_user_and_is_none(before: House, written: str) -> None:
    assert refused(before, "asker", written) == (404, "unknown-user", "callee")


def test_a_stranger_is_never_rung_as_the_caller(before: House) -> None:
    """Not by a number that is nobody's, nor by one that a user gave himself and has not proved."""
    app = before.app
    key: Any = app.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call", "read"]}).body
    shop = Ringbridge(app.state_dir)
    shop.api, shop.key = app.api, key["secret"]
    assert shop.ask("PUT", "/v1/users/mallory", {"numbers": ["+8613900002210"]}).status in (200, 201)

    for caller in ("+8613900003310", "+8613900002210", "mallory"):
        assert refused(before, caller, "+8613900000024") == (403, "number-not-verified", "caller")


def test_a_user_is_not_rung_where_nobody_may_be(before: House) -> None:
    before.app.user("distant", "+8613899000010")
    assert refused(before, "distant", "+8613900000024") == (403, "destination-blocked", "caller")
