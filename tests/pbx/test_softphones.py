"""The softphones of the tests, at a registrar that is none of the product's: they register over every transport,
answer, call, and vanish."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from ari_app.stack import Customer, Stack, StackOptions
from ari_app.stack.carrier import CarrierCall
from tests.callers import Caller, dial_in
from tests.ground import OtherCarrier, place_held, skipping
from tests.softphones import Device, Softphones, Transport
from tests.support import until_sync
from tests.who_heard import everybody, heard_table

pytestmark = pytest.mark.soak("test_devices.py rings them as devices of users")

WHO = Customer("dev_a1", "s3cret")
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp", "tls")
TALK_S = 2.5


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherCarrier]:
    """A simulated carrier that knows one customer."""
    stack = Stack(
        StackOptions(state_dir=tmp_path_factory.mktemp("registrar"), pbx=False, redis=False, carrier_customer=WHO)
    )
    with skipping():
        info = stack.start()
    try:
        with place_held(info):
            yield OtherCarrier("registrar", stack, info)
    finally:
        stack.stop()


def device(registrar: OtherCarrier, transport: Transport = "udp", phone: int = 1) -> Device:
    port = registrar.info.carrier_tls_port if transport == "tls" else registrar.port
    return Device(WHO.username, WHO.password, phone, transport, port, srtp=transport == "tls")


def contacts(registrar: OtherCarrier) -> list[str]:
    lines = registrar.rx("pjsip show contacts").splitlines()
    return [line for line in lines if WHO.username in line and "Contact:" in line]


@pytest.fixture(scope="module")
def phones(registrar: OtherCarrier, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Softphones]]:
    """One over each transport, by the same name and password; and one whose password is wrong."""
    home = tmp_path_factory.mktemp("softphones")
    devices: dict[str, Device] = {transport: device(registrar, transport, phone=2) for transport in TRANSPORTS}
    devices |= {"wrong": replace(device(registrar), password="wrong")}
    phones = {name: Softphones(home / name, registrar.stack, registrar.port, [one]) for name, one in devices.items()}
    with ThreadPoolExecutor(len(phones)) as pool:
        try:
            list(pool.map(Softphones.start, phones.values()))
            yield phones
        finally:
            list(pool.map(Softphones.stop, phones.values()))


@pytest.fixture(scope="module")
def calls(registrar: OtherCarrier, phones: dict[str, Softphones]) -> dict[str, tuple[Caller, Caller]]:
    """Of each a call that it placed, and one that came to it; all at once, and over."""
    good = {transport: phones[transport] for transport in TRANSPORTS}
    for one in good.values():
        one.until_registered()
    calls: dict[str, tuple[Caller, Caller]] = {
        transport: (
            one.dial(WHO.username, f"+8613900000{at}01", hang_up_after_s=TALK_S),
            dial_in(registrar, "+8613900000305", "10002", hang_up_after_s=TALK_S, port=one.port),
        )
        for at, (transport, one) in enumerate(good.items(), start=3)
    }
    for both in calls.values():
        for call in both:
            call.until_ended()
    return calls


def test_every_device_is_registered_by_its_transport(
    registrar: OtherCarrier, calls: dict[str, tuple[Caller, Caller]]
) -> None:
    assert sorted(contact.rpartition("transport=")[2][:3].lower() for contact in contacts(registrar))[1:] == [
        "tcp",
        "tls",
    ]
    assert len(contacts(registrar)) == len(calls)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_answers_and_records(
    phones: dict[str, Softphones], calls: dict[str, tuple[Caller, Caller]], transport: Transport
) -> None:
    asked = calls[transport][1].until_ended()
    assert (asked.sip_status, asked.hung_up_by) == (200, "phone")
    [answered] = until_sync(lambda: over(phones[transport].calls_of(WHO.username)), 5, "its recording is whole, too")
    both_talk(asked, answered)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_device_calls_with_its_password_over_its_transport(
    registrar: OtherCarrier, calls: dict[str, tuple[Caller, Caller]], transport: Transport
) -> None:
    placed = calls[transport][0].until_ended()
    taken = until_sync(lambda: over(registrar.rings(placed.number)), 5, "its recording is whole, too")[-1]
    assert (placed.sip_status, taken.from_user) == (200, WHO.username)
    assert (taken.transport, taken.srtp) == (transport, transport == "tls")
    both_talk(placed, taken)


def over(calls: list[CarrierCall]) -> list[CarrierCall]:
    """Those calls, once the last one has ended."""
    return calls if calls and calls[-1].ended_at_ms is not None else []


def both_talk(one: CarrierCall, other: CarrierCall) -> None:
    assert one.answered_at_ms
    assert other.answered_at_ms
    from_ms = max(one.answered_at_ms, other.answered_at_ms) + 200
    heard_table({"one": one, "other": other}, from_ms, from_ms + 2000).must_be(everybody("one", "other"))


def test_who_vanishes_says_nothing_and_who_leaves_unregisters(
    registrar: OtherCarrier, phones: dict[str, Softphones], calls: object
) -> None:
    gone, leaves = phones["udp"], phones["tcp"]
    call = gone.dial(WHO.username, "+8613900000602", hang_up_after_s=30)
    call.until_answered()
    gone.vanish()
    leaves.stop()
    until_sync(lambda: len(contacts(registrar)) == 2, 5, "who left is unregistered, who vanished is not")
    [forgotten] = registrar.rings("+8613900000602")
    assert (forgotten.ended_at_ms, forgotten.hung_up_by) == (None, None)


def test_a_wrong_password_registers_nobody(phones: dict[str, Softphones]) -> None:
    until_sync(lambda: "Rejected" in phones["wrong"].rx("pjsip show registrations"), 5, "it is told no", every_s=0.1)
