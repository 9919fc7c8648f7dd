"""The PJSIP sections of trunks, as Asterisk will read them. Also: a trunk of the domain fits as it is."""

import pytest

from ari_app.domain.trunks import Trunk
from ari_app.stack import render_trunks


def sections(text: str) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(name, type) → the lines below, as pairs."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for block in text.split("\n[")[1:]:
        head, *lines = block.splitlines()
        pairs = [(key, value) for line in lines if line for key, _, value in [line.partition(" = ")]]
        assert pairs[0][0] == "type"
        found[head.rstrip("]"), pairs[0][1]] = pairs[1:]
    return found


def test_a_trunk_is_an_endpoint_an_aor_and_an_identify() -> None:
    got = sections(render_trunks([Trunk("north", "198.51.100.7", 5070, codecs=("alaw",))], media_timeout_s=60))
    endpoint = dict(got["north", "endpoint"])
    assert endpoint["allow"] == "alaw"
    assert endpoint["aors"] == "north"
    assert endpoint["context"] == "ringbridge-inbound"
    assert endpoint["identify_by"] == "ip"  # whoever says in From that he is this trunk is not let in for it
    assert endpoint["direct_media"] == "no"
    assert (endpoint["send_pai"], endpoint["trust_id_outbound"]) == ("yes", "yes")
    assert (endpoint["rtp_timeout"], endpoint["rtp_timeout_hold"]) == ("60", "60")
    assert "from_user" not in endpoint  # it would hide the number that is shown
    assert dict(got["north", "aor"])["contact"] == "sip:198.51.100.7:5070"
    assert dict(got["north", "identify"]) == {"endpoint": "north", "match": "198.51.100.7"}


def test_two_trunks_on_loopback_are_told_apart_by_port() -> None:
    got = sections(render_trunks([Trunk("a", "127.0.0.1", 5071), Trunk("b", "127.0.0.1", 5072)]))
    assert dict(got["a", "identify"])["match"] == "127.0.0.1:5071"
    assert dict(got["b", "identify"])["match"] == "127.0.0.1:5072"


def test_without_codecs_both_laws_are_offered() -> None:
    assert dict(sections(render_trunks([Trunk("a", "h", codecs=())]))["a", "endpoint"])["allow"] == "ulaw,alaw"


def test_pass_through_wins_and_may_repeat_a_name() -> None:
    own = (("direct_media", "yes"), ("set_var", "A=1"), ("set_var", "B=2"))
    endpoint = sections(render_trunks([Trunk("a", "h", endpoint=own)]))["a", "endpoint"]
    assert [value for key, value in endpoint if key == "direct_media"] == ["yes"]
    assert [value for key, value in endpoint if key == "set_var"] == ["A=1", "B=2"]


def test_a_semicolon_does_not_become_a_comment() -> None:
    text = render_trunks([Trunk("a", "h", 5061, "tls", endpoint=(("set_var", "A=1;2"),))])
    assert "contact = sip:h:5061\\;transport=tls\n" in text
    assert "set_var = A=1\\;2\n" in text


@pytest.mark.parametrize(("transport", "written"), [("udp", False), ("tcp", False), ("tls", True)])
def test_tls_is_set_up_only_for_those_who_use_it(transport: str, written: bool) -> None:
    got = sections(render_trunks([Trunk("a", "h", transport=transport)], tls_bind="127.0.0.1:5099"))
    assert dict(got["a", "endpoint"])["transport"] == f"transport-{transport}"
    assert (("transport-tls", "transport") in got) is written
    if written:
        assert dict(got["transport-tls", "transport"])["bind"] == "127.0.0.1:5099"


def test_ipv6_hosts_stand_in_brackets() -> None:
    got = sections(render_trunks([Trunk("a", "2001:db8::1")]))
    assert dict(got["a", "aor"])["contact"] == "sip:[2001:db8::1]:5060"
    assert dict(got["a", "identify"])["match"] == "2001:db8::1"
