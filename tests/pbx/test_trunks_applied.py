"""Carriers put in force while calls talk, on the real PBX: nobody drops, nobody loses sound, and what Asterisk refuses
is taken back. A trunk that registers, too, at a carrier that asks for a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import Settings
from ari_app.operator_files import load_carriers
from ari_app.stack.customer import Customer
from ari_app.trunk_tools.applying import Outcome, Wanted, apply
from ari_app.trunk_versions import Versions
from tests.conftest import running
from tests.ear import Ear
from tests.ground import SOAK, Ground, laid, number
from tests.ringbridge import Answer, Ringbridge, now_ms
from tests.support import until_sync

pytestmark = pytest.mark.timeout(600 if SOAK else 120)

CALLS = 50 if SOAK else 6
TAKEN_BACK_WITHIN_MS = 5_000
TAKEN_UP_WITHIN_S = 2  # half a second between two looks; the rest is the machine's
RINGBRIDGE = (sys.executable, "-m", "ari_app.entrypoints.cli")

MAIN = """
[main]
host = 127.0.0.1
port = {port}
caller_id = verified
price = {price}
priority = {priority}
"""
SPARE = MAIN.replace("[main]", "[spare]") + "endpoint/dtmf_mode = {dtmf}\n"


LISTENED_MS = 3_000
"""At least so long, however fast an apply is."""


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


class Shop:
    """An installation, its trunks file, and `ringbridge trunks` in a shell beside it."""

    def __init__(self, ground: Ground, home: Path, **settings: str) -> None:
        self.ground = ground
        self.home = home
        self.file = home / "trunks.conf"
        self.settings = settings | {"TRUNKS_FILE": str(self.file)}
        self.versions = Versions(home)

    def write(self, *sections: str, **values: object) -> None:
        usual = {"port": self.ground.info.carrier_sip_port, "price": 0.05, "priority": 1, "dtmf": "rfc4733"}
        self.file.write_text("".join(sections).format(**usual | values))

    def environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("RINGBRIDGE_") or k == "RINGBRIDGE_CACHE_DIR"}
        env |= {f"RINGBRIDGE_{name}": value for name, value in self.settings.items()}
        return env | {"RINGBRIDGE_STATE_DIR": str(self.home)}

    def begin(self, *words: str, program: tuple[str, ...] = RINGBRIDGE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*program, "trunks", *words], env=self.environment(), cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def trunks(self, *words: str) -> Ran:
        return ended(self.begin(*words))

    def apply(self, **more: bool) -> Outcome:
        """In this process: the command takes longer to begin than to do it."""
        settings = Settings(state_dir=str(self.home), **{name.lower(): value for name, value in self.settings.items()})
        trunks = load_carriers(settings, str(self.file))
        return apply(settings, Wanted(trunks, self.file.read_text(), "t.conf", "me", **more), lambda _: None)

    def in_force(self) -> int | None:
        return self.versions.index().in_force

    def has(self, trunk: str, kind: str = "endpoint") -> bool:
        return f"{trunk} " in self.ground.rx(f"pjsip show {kind}s").replace("/", " ")


def ended(process: subprocess.Popen[str]) -> Ran:
    out, err = process.communicate(timeout=60)
    return Ran(process.returncode, out, err)


# ---- while calls talk -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with laid(tmp_path_factory.mktemp("applied"), media_timeout_s=0) as ground:
        shop = Shop(ground, ground.home, MEDIA_TIMEOUT_S="0")
        shop.write(MAIN)
        yield shop


@pytest.fixture(scope="module")
def app(shop: Shop) -> Iterator[Ringbridge]:
    """Which has the trunk `main` in force, by its start."""
    with running(shop.home, **shop.settings, MAX_LIVE_CALLS="200") as app:
        yield app


@dataclass(frozen=True)
class Talk:
    call: str
    numbers: tuple[str, str]

    @property
    def tones(self) -> tuple[int, int]:
        """What the caller's, what the callee's phone plays."""
        mine, theirs = (300 + 50 * int(one[-2:]) for one in self.numbers)
        return mine, theirs


def talk(app: Ringbridge, n: int) -> Talk:
    """Half of the phones record what they hear, the caller's or the callee's."""
    pair = (1 + n % 9, 10 + n % 10)
    numbers = number(pair[n % 2]), number(pair[1 - n % 2])
    return Talk(app.call(app.user(f"u{numbers[1][1:]}", numbers[0]), numbers[1]), numbers)


def all_talk(app: Ringbridge, count: int = CALLS) -> list[Talk]:
    talks = [talk(app, n) for n in range(count)]
    for one in talks:
        app.until_state(one.call, "talking")
    return talks


def heard_without_a_gap(shop: Shop, talks: list[Talk], from_ms: int, to_ms: int) -> None:
    for one in talks:
        for phone, hz in zip(one.numbers, reversed(one.tones), strict=True):
            if int(phone[-2:]) > 9:
                continue  # it records nothing
            ear = Ear(shop.ground.hung_up(phone))
            assert ear.ends_ms >= to_ms, "it was recorded to the end"
            assert ear.gaps(hz, from_ms, to_ms) == [], (phone, hz)


@dataclass(frozen=True)
class Story:
    """What was seen while calls talked. `began_ms`, `ended_ms`: all talked between them."""

    talks: list[Talk]
    shown: list[dict[str, Any]]
    refused: Ran
    refused_had: tuple[int | None, str]
    between: dict[str, Any]
    applied: Ran
    after: dict[str, Any]
    taken_up_s: float
    began_ms: int
    ended_ms: int


@pytest.fixture(scope="module")
def story(shop: Shop, app: Ringbridge) -> Story:
    """Calls talk; a change is refused; a call; a change is applied; a call; everybody hangs up."""
    talks = all_talk(app)
    began_ms = now_ms() + 500  # a talk is told of before the first sound of it has come to the phones
    shop.write(MAIN, SPARE, price=0.09, dtmf="nonsense")
    refused = shop.trunks("apply", "--json")
    refused_had = shop.in_force(), app.ask("GET", "/v1/trunks").body["trunks"][0]["name"]
    between = placed(app)

    shop.write(MAIN.replace("{priority}", "3"), SPARE, price=0.07)
    applied = shop.trunks("apply", "--json", "--message", "the spare one first")
    at = time.monotonic()
    until_sync(lambda: "spare" in names(app.ask("GET", "/v1/trunks")), 10, "the app knows the new trunk")
    taken_up_s = time.monotonic() - at
    after = placed(app)

    until_sync(lambda: now_ms() - began_ms > LISTENED_MS + 300, 10, "there is enough to listen to")
    ended_ms = now_ms() - 200  # the last packets of a recording are lost with the call
    for one in talks:
        app.hang_up(one.call)
    shown = [app.until_ended(one.call) for one in talks]
    nothing_is_left_but(shop, app)
    return Story(
        talks, shown, refused, refused_had, between, applied, after, taken_up_s, began_ms, ended_ms
    )  # fmt: skip


def nothing_is_left_but(shop: Shop, app: Ringbridge) -> None:
    """The PBX complains of what it refused, and of nothing else."""
    until_sync(lambda: not shop.ground.on_the_pbx(), 5, "nothing lives on the PBX")
    strange = [line for line in shop.ground.complaints() if "dtmf_mode=nonsense" not in line and "'spare'" not in line]
    assert strange == []


def names(answer: Answer) -> list[str]:
    return [trunk["name"] for trunk in answer.body["trunks"]]


def placed(app: Ringbridge) -> dict[str, Any]:
    """A call that talks for a moment."""
    one = talk(app, 0)
    app.until_state(one.call, "talking")
    app.hang_up(one.call)
    return app.until_ended(one.call)


def trunks_of(shown: dict[str, Any]) -> set[str]:
    return {leg["trunk"] for leg in shown["legs"]}


def test_no_call_drops_while_trunks_are_applied_and_taken_back(story: Story) -> None:
    print(f"{len(story.talks)} calls: talked on through a refused and an accepted apply")  # noqa: T201
    assert {(one["reason"], one["hung_up_by"]) for one in story.shown} == {("completed", "api")}
    assert {trunk for one in story.shown for trunk in trunks_of(one)} == {"main"}


def test_no_call_loses_sound_meanwhile(shop: Shop, story: Story) -> None:
    assert story.ended_ms - story.began_ms > LISTENED_MS
    heard_without_a_gap(shop, story.talks, story.began_ms, story.ended_ms)


def test_a_change_that_asterisk_refuses_is_taken_back_soon_and_says_why(shop: Shop, story: Story) -> None:
    said = story.refused.said
    print(f"taken back after {said['took_ms'] / 1000} s: {said['why']}")  # noqa: T201
    assert story.refused.code == 1
    assert (said["applied"], said["version"], said["failed_version"]) == (False, 1, 2)
    assert said["took_ms"] < TAKEN_BACK_WITHIN_MS
    assert said["why"] == ["pbx1: endpoint spare is not there"]
    assert any("Error parsing dtmf_mode=nonsense" in line for line in said["log"])
    assert story.refused_had == (1, "main")
    assert trunks_of(story.between) == {"main"}
    assert {leg["cost"]["micro"] for leg in story.between["legs"]} == {50_000}


def test_a_call_after_an_apply_goes_by_the_new_rules(story: Story) -> None:
    assert story.applied.code == 0, story.applied.err
    assert story.applied.said["version"] == 3
    assert trunks_of(story.after) == {"spare"}
    assert {leg["cost"]["micro"] for leg in story.after["legs"]} == {70_000}


def test_a_running_app_takes_it_up_within_a_second_or_so_and_says_what_changed(app: Ringbridge, story: Story) -> None:
    assert story.taken_up_s < TAKEN_UP_WITHIN_S
    [line] = [one for one in log_of(app) if one["event"] == "trunks taken up"]
    assert not any("has not taken in" in one["event"] for one in log_of(app)), "the first start was taken in"
    assert (line["version"], line["before"], line["changed"]) == (3, 1, ["main: priority, price", "+spare"])


def log_of(app: Ringbridge) -> list[dict[str, Any]]:
    return [json.loads(line) for line in app.log.read_text().splitlines() if line.startswith("{")]


# ---- what else may happen -------------------------------------------------------------------------------------------


def _told(shop: Shop) -> str:
    return (shop.home / "pbx/etc/pjsip_trunks.conf").read_text()


DIES = """
import os, signal
from ari_app.entrypoints.cli import main
from ari_app.trunk_versions import Versions

def dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)

Versions.commit = dies
main()
"""


@pytest.mark.soak("every moment of an apply is killed in tests/unit/trunks")
def test_an_apply_that_is_killed_is_taken_back_by_the_running_app(shop: Shop, app: Ringbridge, story: Story) -> None:
    """Asterisk has the new trunks, and nobody has said that they are in force."""
    before = shop.in_force(), _told(shop)
    shop.write(MAIN, SPARE.replace("spare", "never"))
    killed = shop.begin("apply", program=(sys.executable, "-c", DIES))
    ended(killed)
    assert killed.returncode == -9
    until_sync(lambda: not shop.versions.is_applying(), 10, "the app has taken it back")
    until_sync(lambda: shop.in_force() == before[0] and _told(shop) == before[1], 5, "the files are as before")
    assert not shop.has("never")
    assert shop.versions.index().entries[-1].why == "the apply was interrupted"
    assert "never" not in names(app.ask("GET", "/v1/trunks"))


# ---- a carrier that asks for a password -----------------------------------------------------------------------------

REGISTERS = """
[{name}]
host = 127.0.0.1
port = {port}
username = shop
password = {password}
register = yes
"""
RIGHT, WRONG = "the-right-password", "the-wrong-password"


@pytest.fixture(scope="module")
def registering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An Asterisk of the operator's own, without any app."""
    home = tmp_path_factory.mktemp("registering")
    with laid(home, redis=False, carrier_customer=Customer("shop", RIGHT)) as ground:
        info = ground.info
        (home / "own").mkdir()
        yield Shop(
            ground, home / "own", ARI_URL=info.ari_url, ARI_PASSWORD=info.ari_password, REDIS_URL="redis://127.0.0.1:9",
            AMI_URL=f"tcp://{info.ami_host}:{info.ami_port}", AMI_PASSWORD=info.ami_secret,
            PJSIP_TRUNKS_FILE=str(home / "pbx/etc/pjsip_trunks.conf"),
        )  # fmt: skip


def is_registered(shop: Shop, name: str) -> bool:
    lines = shop.ground.rx("pjsip show registrations").splitlines()
    return any(line.strip().startswith(f"{name}/") and "Registered" in line.split() for line in lines)


def test_a_trunk_is_in_force_when_it_is_registered(registering: Shop) -> None:
    registering.write(REGISTERS, name="telco", password=RIGHT)
    applied = registering.apply()
    assert applied.is_applied
    [warning] = applied.warnings
    assert "carrier was never in force here, and goes" in warning, "which its stack wrote"
    assert is_registered(registering, "telco")


def test_a_registration_that_is_rejected_is_taken_back(registering: Shop) -> None:
    registering.write(REGISTERS, name="telco", password=WRONG)
    refused = registering.apply()
    assert refused.why == ["pbx1: the carrier of telco rejects the registration"]
    assert refused.took_ms < TAKEN_BACK_WITHIN_MS
    until_sync(lambda: is_registered(registering, "telco"), 5, "it is registered again, with the old password")
    assert WRONG not in registering.versions.index_file.read_text()
    assert registering.apply(keep_unregistered=True).is_applied, "who says so may have it"


@pytest.mark.soak("one that rejects is taken back above")
def test_a_carrier_that_is_silent_all_of_a_sudden_is_taken_back(registering: Shop) -> None:
    registering.write(REGISTERS, name="telco", password=RIGHT)
    assert registering.apply().is_applied
    registering.write(REGISTERS, name="telco", password=RIGHT, port=9)
    silent = registering.apply()
    assert "telco was registered before, and is not within" in silent.why[0]
    assert silent.took_ms < TAKEN_BACK_WITHIN_MS
    until_sync(lambda: is_registered(registering, "telco"), 5, "it is registered again")


def test_a_new_carrier_that_has_not_answered_yet_is_kept_with_a_warning(registering: Shop) -> None:
    registering.write(
        REGISTERS, REGISTERS.replace("{name}", "new").replace("{port}", "9"), name="telco", password=RIGHT
    )
    applied = registering.apply()
    assert applied.is_applied
    assert "new is not registered yet" in applied.warnings[0]
