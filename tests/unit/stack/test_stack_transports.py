"""On which addresses the PBX listens for its carriers, and by which transport it goes to each."""

import pytest

from ari_app.domain.trunks import Trunk
from ari_app.stack.transports import OurEnd, bind_address, split_port, transport_of, transport_sections

END = OurEnd(sip_port=5060, tls_port=5061)


def opened(*trunks: Trunk, end: OurEnd = END) -> dict[str, dict[str, str]]:
    return {section.name: dict(section.values) for section in transport_sections(trunks, end)}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1"])
def test_a_pbx_whose_carriers_are_on_this_machine_is_not_to_be_reached_from_outside(host: str) -> None:
    assert bind_address([Trunk("a", "127.0.0.1"), Trunk("b", host)]) == "127.0.0.1"


@pytest.mark.parametrize("host", ["198.51.100.7", "sip.north.example", "127.north.example", "2001:db8::1"])
def test_one_carrier_elsewhere_opens_it(host: str) -> None:
    assert bind_address([Trunk("a", "127.0.0.1"), Trunk("b", host)]) == "0.0.0.0"


def test_a_carrier_behind_a_proxy_elsewhere_is_elsewhere() -> None:
    assert bind_address([Trunk("a", "127.0.0.1", outbound_proxy="198.51.100.7:5070")]) == "0.0.0.0"


def test_what_pjsip_conf_has_is_not_opened_twice() -> None:
    assert opened(Trunk("a", "h"), Trunk("b", "h", transport="tcp")) == {}


def test_tls_is_there_for_those_who_use_it_and_they_must_prove_their_name() -> None:
    got = opened(Trunk("a", "h"), Trunk("b", "h", transport="tls"))
    assert list(got) == ["transport-tls"]
    tls = got["transport-tls"]
    assert (tls["protocol"], tls["bind"], tls["verify_server"]) == ("tls", "0.0.0.0:5061", "yes")
    assert tls["ca_list_path"] == "/etc/ssl/certs"
    assert tls["method"] == "tlsv1_2"  # by default Asterisk speaks TLS 1.0 alone
    assert "cert_file" not in tls  # no calls are taken by it
    assert "allow_reload" not in tls  # a reload would cut the calls that use it


def test_an_operator_with_a_private_ca_trusts_that_alone() -> None:
    tls = opened(Trunk("a", "h", transport="tls"), end=OurEnd(tls_ca_file="/etc/ssl/private-ca.pem"))["transport-tls"]
    assert tls["ca_list_file"] == "/etc/ssl/private-ca.pem"
    assert "ca_list_path" not in tls


@pytest.mark.parametrize(
    ("trunk", "name", "bind"),
    [
        (Trunk("a", "::1"), "transport-udp6", "[::1]:5060"),
        (Trunk("a", "2001:db8::1"), "transport-udp6", "[::]:5060"),
        (Trunk("a", "2001:db8::1", transport="tcp"), "transport-tcp6", "[::]:5060"),
        (Trunk("a", "2001:db8::1", transport="tls"), "transport-tls6", "[::]:5061"),
        (Trunk("a", "sip.north.example", outbound_proxy="[2001:db8::1]:5060"), "transport-udp6", "[::]:5060"),
    ],
)
def test_ipv6_has_its_own_transport(trunk: Trunk, name: str, bind: str) -> None:
    assert transport_of(trunk) == name
    assert opened(trunk)[name]["bind"] == bind


@pytest.mark.parametrize(
    ("hop", "host", "port"),
    [
        ("h", "h", ""),
        ("h:5060", "h", "5060"),
        ("198.51.100.7:5060", "198.51.100.7", "5060"),
        ("2001:db8::1", "2001:db8::1", ""),
        ("[2001:db8::1]", "2001:db8::1", ""),
        ("[2001:db8::1]:5060", "2001:db8::1", "5060"),
    ],
)
def test_a_hop_is_a_host_and_perhaps_a_port(hop: str, host: str, port: str) -> None:
    assert split_port(hop) == (host, port)
