"""Which addresses are of the open Internet, and what an allowed one opens."""

import pytest

from ari_app.domain.reach import LOOPBACK, Reach, is_open, reach_of

INNER = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.9", "192.88.99.1", "168.63.129.16", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::10.0.0.1",
    "64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "fc00::1",
    "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "100::1", "5f00::1", "", "example.com",
)  # fmt: skip
OPEN = ("1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "223.5.5.5", "2606:4700::1111", "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8", "2400:3200::1")  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_what_is_inside_is_refused(address: str) -> None:
    assert not is_open(address)
    assert not Reach(plain=True).may(address)


@pytest.mark.parametrize("address", OPEN)
def test_what_is_outside_is_reached(address: str) -> None:
    assert is_open(address)


def test_what_is_allowed_is_reached_and_nothing_beside_it() -> None:
    reach = reach_of(("10.1.0.0/16", "fd00::5", "Hooks.Inner."))
    assert reach.may("10.1.2.3")
    assert reach.may("::ffff:10.1.2.3")
    assert reach.may("fd00::5")
    assert reach.may("192.168.0.1", "hooks.inner")
    assert not any(reach.may(one) for one in ("10.2.0.1", "fd00::6", "192.168.0.1", "127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "is_good"),
    [("http://127.0.0.1:3000/", True), ("http://localhost/", True), ("http://api.localhost:3000/", True),
     ("http://[::1]:3000/", True), ("http://10.0.0.1/", False), ("http://example.com/", False),
     ("https://example.com", True), ("HTTPS://EXAMPLE.COM/x?y=%20", True), ("https://127.1/", False),
     ("https://0x7f000001/", False), ("https://example.com:22/", False), ("https://example.com:99999/", False),
     ("https:///x", False), ("//example.com/", False), ("javascript:alert(1)", False),
     ("https://example.com\\@127.0.0.1/", False), ("https://example.com/\r\nX: y", False), ("https://[::1/", False),
     ("https://e.com/" + "x" * 2_000, False)],
)  # fmt: skip
def test_an_address_is_judged_before_it_is_connected_to(url: str, is_good: bool) -> None:
    assert (reach_of(LOOPBACK).fault(url) == "") is is_good


def test_without_anything_allowed_this_machine_is_not_reached_and_http_is_not_spoken() -> None:
    assert "inner" in Reach().fault("https://localhost/")
    assert "inner" in Reach(plain=True).fault("http://127.0.0.1/")
    assert Reach().fault("http://example.com/")
    assert not Reach(plain=True).fault("http://example.com/")
