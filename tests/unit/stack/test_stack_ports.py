"""Several stacks on one machine must not get into each other's way, and the user's own choice is kept or refused."""

import socket

import pytest

from ari_app.stack import ports
from ari_app.stack.errors import StackError
from tests.ports import claim


def numbers(slot: int) -> set[int]:
    at = ports.slot_ports(slot)
    sound = [range(at[f"{part}_rtp_start"], at[f"{part}_rtp_end"] + 1) for part in ("pbx", "carrier")]
    return {at[name] for name in ports.FIXED_PORTS} | {port for ports_ in sound for port in ports_}


def test_no_two_slots_share_a_port_and_all_are_ports() -> None:
    every = [numbers(slot) for slot in range(ports.SLOTS)]
    assert sum(map(len, every)) == len(set().union(*every))
    assert max(map(max, every)) < 65_536
    assert all(len(one) == len(ports.FIXED_PORTS) + 4 * ports.LEGS for one in every)


def test_sound_ranges_begin_even_and_hold_pairs() -> None:
    at = ports.slot_ports(3)
    assert at["pbx_rtp_start"] % 2 == 0
    assert at["pbx_rtp_end"] % 2 == 1


def test_a_slot_with_one_port_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda name, port: True)  # other tests start stacks meanwhile
    free = ports.choose("some/state", {})
    monkeypatch.setattr(ports, "is_free", lambda name, port: port != free["ami_port"])
    other = ports.choose("some/state", {})
    assert other["ami_port"] != free["ami_port"]
    assert other["pbx_rtp_start"] != free["pbx_rtp_start"]


def test_the_same_state_directory_gets_the_same_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda name, port: True)  # other tests start stacks meanwhile
    assert ports.choose("a", {}) == ports.choose("a", {})


def test_a_listening_server_is_noticed_tcp_and_udp() -> None:
    port = claim()[0]
    with socket.create_server(("127.0.0.1", port)):
        assert ports.taken({"redis_port": port, "pbx_sip_port": port}) == ["redis_port", "pbx_sip_port"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", port))
        assert ports.taken({"carrier_sip_port": port}) == ["carrier_sip_port"]
        assert "http_port" not in ports.taken({"http_port": port})


def test_a_port_that_the_user_fixed_is_used_or_refused_by_number_and_name() -> None:
    port = claim()[0]
    refused = pytest.raises(StackError, match=rf"port {port} \(http_port\) is taken")
    with socket.create_server(("127.0.0.1", port)), refused:
        ports.choose("a", {"http_port": port})
    assert ports.choose("a", {"http_port": port})["http_port"] == port


def test_no_slot_left_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda name, port: False)
    with pytest.raises(StackError, match="no free ports"):
        ports.choose("a", {})
