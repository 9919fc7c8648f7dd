"""Users' devices on the real PBX: they register over udp, tcp and tls by the password that was shown once, ring before
the phone number does, and talk to each other at no charge, with no minutes left at all; a device that is gone costs
nobody more than a few seconds. And whoever names a trunk, or a device without its password, is nobody.

All calls of the scene are made side by side, and looked at when they are over."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.entrypoints.views import at_ms
from ari_app.ports.devices import REALM
from ari_app.stack.carrier import CarrierCall
from tests.conftest import running
from tests.ground import Ground, laid, number
from tests.ringbridge import Ringbridge, now_ms
from tests.sip_register import Asker
from tests.softphones import Device, Softphones, Transport, softphones
from tests.support import until_sync
from tests.who_heard import everybody, heard_table

TALK_S = 2.6
DEVICE_RING_S = 2
FALLS_BACK_MS = 5_000
SETTINGS = {
    "INCREMENT": "1/1", "DEVICE_RING_S": str(DEVICE_RING_S), "DEVICE_PDD_S": "2.5", "SLICE_S": "12", "MARGIN_S": "2",
    "WARNING_S": "0", "DEVICES_MAX": "3",
}  # fmt: skip

# who has which device, and which phone his own number is: the last two digits of the table say what each does
PEOPLE: dict[str, tuple[int, Transport, int]] = {
    "ann": (1, "udp", 10), "bob": (2, "tls", 10), "cid": (3, "tcp", 10), "eve": (5, "udp", 4),
    "dozes": (23, "udp", 6), "busy": (22, "udp", 10), "rejects": (24, "udp", 10),
}  # fmt: skip
VANISHED: dict[str, tuple[int, Transport, int]] = {"van": (1, "udp", 7), "wan": (2, "tcp", 8)}
BOTH = {"phones": PEOPLE, "gone": VANISHED}
"""Each in one process: those who vanish do so together."""
NEVER_CAME = "nat"


@dataclass
class Scene:
    ground: Ground
    app: Ringbridge
    made: dict[str, dict[str, Any]]  # user → his device, as it was answered when it was made
    numbers: dict[str, str]
    phones: Softphones
    gone: Softphones
    calls: dict[str, dict[str, Any]]

    def rang_at_home(self, user: str) -> list[CarrierCall]:
        return self.ground.rings(self.numbers[user])

    def device_of(self, user: str) -> CarrierCall:
        [call] = self.phones.calls_of(self.made[user]["username"], with_tones=True)
        return call

    def since_ms(self, call: dict[str, Any], state: str) -> int:
        events = self.app.ask("GET", f"/v1/calls/{call['id']}/events").body["events"]
        return next(at_ms(event["at"]) for event in events if event["state"] == state)

    def asker(self, user: str = "ann") -> Asker:
        one = self.made[user]
        return Asker(one["port"], one["transport"], self.ground.info.pbx_certificate)


def give(app: Ringbridge, user: str, transport: str = "udp") -> dict[str, Any]:
    answer = app.ask("POST", f"/v1/users/{user}/devices", {"name": f"{user}'s", "transport": transport})
    assert answer.status == 201, answer
    return dict(answer.body)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("devices")
    with laid(home / "s") as ground, running(ground.home, **SETTINGS) as app:
        everyone = PEOPLE | VANISHED | {NEVER_CAME: (1, "udp", 9)}
        numbers = {user: number(phone) for user, (_, _, phone) in everyone.items()}
        for user, own in numbers.items():
            app.user(user, own)
        made = {user: give(app, user, transport) for user, (_, transport, _) in everyone.items()}
        sip = ground.info.pbx_sip_port
        both = [softphones(home / at, ground.stack, sip, devices(made, who)) for at, who in BOTH.items()]
        with ExitStack() as on, ThreadPoolExecutor(2) as pool:
            phones, gone = pool.map(on.enter_context, both)
            list(pool.map(Softphones.until_registered, (phones, gone)))
            gone.vanish()
            scene = Scene(ground, app, made, numbers, phones, gone, {})
            for user in ("ann", "bob"):
                ground.leave(user, 0)
            place_all(scene)
            yield scene


def devices(made: dict[str, dict[str, Any]], people: dict[str, tuple[int, Transport, int]]) -> list[Device]:
    return [
        Device(
            made[user]["username"], made[user]["password"], phone, transport, made[user]["port"],
            srtp=transport == "tls",
        )
        for user, (phone, transport, _) in people.items()
    ]  # fmt: skip


CALLS = {
    "on the net, with no minutes": ("ann", "bob"),
    "mixed": ("cid", number(4)),
    "both are gone": ("van", "wan"),
    "never registered": (NEVER_CAME, number(5)),
    "rings for nothing": ("eve", "dozes"),
    "busy": ("eve", "busy"),
    "rejects": ("eve", "rejects"),
}


def place_all(scene: Scene) -> None:
    with ThreadPoolExecutor(len(CALLS)) as pool:
        done = pool.map(lambda one: talk(scene, *one), CALLS.values())
        scene.calls = dict(zip(CALLS, done, strict=True))


def talk(scene: Scene, caller: str, callee: str) -> dict[str, Any]:
    app = scene.app
    call = app.call(caller, callee)
    if app.until_state(call, "talking", "ended", within_s=15)["state"] == "talking":
        began = now_ms()
        until_sync(lambda: now_ms() >= began + 1000 * TALK_S, TALK_S + 2, "they have talked")
        app.hang_up(call)
    return app.until_ended(call)


def leg(call: dict[str, Any], role: str) -> dict[str, Any]:
    return next(one for one in call["legs"] if one["role"] == role)


# ---- on the net -----------------------------------------------------------------------------------------------------


def test_two_devices_talk_at_no_charge_and_with_no_minutes_and_hear_each_other(scene: Scene) -> None:
    call = scene.calls["on the net, with no minutes"]
    assert (call["reason"], call["charged_s"], call["held_s"]) == ("completed", 0, 0)
    for role, user in (("caller", "ann"), ("callee", "bob")):
        shown = leg(call, role)
        assert (shown["trunk"], shown["device"], shown["tried"]) == (None, scene.made[user]["username"], ["device"])
        assert shown["cost"]["micro"] == 0
        assert scene.rang_at_home(user) == []
    ann, bob = scene.device_of("ann"), scene.device_of("bob")
    assert ann.answered_at_ms
    assert bob.answered_at_ms
    from_ms = max(ann.answered_at_ms, bob.answered_at_ms) + 500
    heard_table({"ann": ann, "bob": bob}, from_ms, from_ms + 2000).must_be(everybody("ann", "bob"))


def test_over_tls_sip_and_sound_are_encrypted_and_the_device_sees_who_calls(scene: Scene) -> None:
    bob = scene.device_of("bob")
    assert (bob.transport, bob.srtp) == ("tls", True)
    assert bob.from_user == scene.numbers["ann"]


def test_a_mixed_call_is_charged_as_any_other(scene: Scene) -> None:
    call = scene.calls["mixed"]
    caller, callee = leg(call, "caller"), leg(call, "callee")
    assert (caller["tried"], caller["trunk"], caller["cost"]["micro"]) == (["device"], None, 0)
    assert (callee["trunk"], callee["device"]) == ("carrier", None)
    phone = scene.ground.phone(CALLS["mixed"][1])
    assert phone.answered_at_ms
    assert phone.ended_at_ms
    assert abs(call["charged_s"] - (phone.ended_at_ms - phone.answered_at_ms) / 1000) <= 1.1
    assert callee["charged_s"] == call["charged_s"]
    assert scene.device_of("cid").transport == "tcp"


# ---- devices that are not there ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "user"), [("caller", "van"), ("callee", "wan")])
def test_who_was_registered_and_vanished_is_rung_by_number_within_five_seconds(
    scene: Scene, role: str, user: str
) -> None:
    call = scene.calls["both are gone"]
    assert call["reason"] == "completed", call
    assert leg(call, role)["tried"] == ["device", "carrier"]
    [rang] = scene.rang_at_home(user)
    assert 0 <= rang.invited_at_ms - scene.since_ms(call, f"ringing_{role}") <= FALLS_BACK_MS


def test_a_device_that_never_came_costs_no_time_at_all(scene: Scene) -> None:
    call = scene.calls["never registered"]
    assert leg(call, "caller")["passed_over"] == {"device": "no_contact"}
    [rang] = scene.rang_at_home(NEVER_CAME)
    assert rang.invited_at_ms - scene.since_ms(call, "ringing_caller") <= 2_000  # less than a device is waited for


def test_a_device_that_rings_for_nothing_gives_way_to_the_phone(scene: Scene) -> None:
    call = scene.calls["rings for nothing"]
    assert (call["reason"], leg(call, "callee")["tried"]) == ("completed", ["device", "carrier"])
    device = scene.device_of("dozes")
    [phone] = scene.rang_at_home("dozes")
    assert device.rang_at_ms
    assert DEVICE_RING_S * 1000 - 500 <= phone.invited_at_ms - device.invited_at_ms <= DEVICE_RING_S * 1000 + 3_000
    assert device.answered_at_ms is None


@pytest.mark.parametrize("how", ["busy", "rejects"])
def test_who_refuses_a_call_on_his_device_is_not_rung_elsewhere(scene: Scene, how: str) -> None:
    call = scene.calls[how]
    assert call["reason"] == {"busy": "callee_busy", "rejects": "callee_rejected"}[how]
    assert leg(call, "callee")["tried"] == ["device"]
    assert scene.rang_at_home(how) == []


def test_a_device_that_calls_is_known_by_its_password_and_can_dial_no_phone(scene: Scene) -> None:
    dialled = number(4)
    calling = scene.phones.dial(scene.made["eve"]["username"], dialled, hang_up_after_s=20, ring_s=10)

    def came_in() -> list[dict[str, Any]]:
        found = scene.app.ask("GET", "/v1/calls?user=eve").body["calls"]
        return [call for call in found if call["type"] == "inbound"]

    [call] = until_sync(came_in, 8, "it has come in")
    assert (call["caller"], leg(call, "caller")["device"]) == ("eve", scene.made["eve"]["username"])
    assert scene.ground.rings(dialled) == []
    calling.hang_up()
    scene.app.until_ended(call["id"])


def test_who_has_no_minutes_calls_no_phone(scene: Scene) -> None:
    answer = scene.app.ask("POST", "/v1/calls", {"caller": "ann", "callee": number(4)})
    assert (answer.status, answer.body["type"]) == (402, "balance-empty")


# ---- strangers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["ann", "cid", "bob"], ids=["udp", "tcp", "tls"])
def test_a_wrong_password_registers_nobody(scene: Scene, user: str) -> None:
    with scene.asker(user) as asker:
        answer = asker.register(scene.made[user]["username"], "wrong")
        assert (answer.status, REALM in answer.header("WWW-Authenticate")) == (401, True)


def test_a_stranger_is_not_the_trunk_that_his_from_header_names_nor_a_device_without_its_password(scene: Scene) -> None:
    before = scene.ground.on_the_pbx()
    with scene.asker() as asker:
        for named in ("carrier", scene.made["ann"]["username"], "rbdnobodyatallhasthisna"):
            assert asker.invite(number(4), by=named).status == 401
            assert asker.invite(number(4), by=named, password="wrong").status == 401
        login = scene.made["ann"]
        named = asker.invite(number(4), by="carrier", username=login["username"], password=login["password"])
    assert named.status < 200  # he has proved to be ann, whatever his From says
    [ann] = [one for one in scene.ground.ari("GET", "channels") if one["id"] not in before]
    assert ann["name"].startswith(f"PJSIP/{login['username']}-")
    assert ann["dialplan"]["context"].startswith("ringbridge-")
    scene.ground.ari("DELETE", f"channels/{ann['id']}")


def test_a_device_that_is_removed_registers_no_more_and_is_rung_no_more(scene: Scene) -> None:
    app, login = scene.app, give(scene.app, "eve")
    with scene.asker() as asker:
        until_sync(lambda: asker.register(login["username"], login["password"]).status == 200, 2, "it is known")
        changed = app.ask("POST", f"/v1/users/eve/devices/{login['id']}/password").body["password"]
        until_sync(lambda: asker.register(login["username"], changed).status == 200, 2, "it has another password")
        assert asker.register(login["username"], login["password"]).status == 401
        assert app.ask("DELETE", f"/v1/users/eve/devices/{login['id']}").status == 200
        until_sync(lambda: asker.register(login["username"], changed).status == 401, 2, "nobody knows it any more")
    assert login["username"] not in scene.ground.rx("pjsip show endpoints")


# ---- a PBX that starts anew ----------------------------------------------------------------------------------------


def test_after_a_restart_of_asterisk_every_device_is_known_again(scene: Scene) -> None:
    """Last: it ends every call."""
    scene.ground.kill("pbx")
    scene.ground.stack.start()
    with scene.asker() as asker:
        login = scene.made["ann"]
        until_sync(lambda: asker.register(login["username"], login["password"]).status == 200, 10, "it registers", 0.2)

    def states() -> list[str]:
        found = scene.app.ask("GET", "/v1/users/eve/devices").body["devices"]
        return [at["state"] for device in found for at in device["at"]]

    until_sync(lambda: states() == ["online"], 10, "a phone that was registered is found again", 0.2)


def test_no_password_stands_in_any_log(scene: Scene) -> None:
    passwords = [one["password"].encode() for one in scene.made.values()]
    logs: list[Path] = [scene.app.log, *scene.ground.info.logs.values()]
    assert [str(log) for log in logs for secret in passwords if secret in log.read_bytes()] == []
