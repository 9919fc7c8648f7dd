"""A trunk as Asterisk will read it: its PJSIP sections, and that nothing in them can become something else."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.trunks import Trunk
from ari_app.stack import OurEnd, StackError, render_trunks
from ari_app.stack.pjsip import Section, text_of
from ari_app.stack.trunks import sections_of

END = OurEnd(sip_port=5060, tls_port=5099, media_timeout_s=60)
MEMBER: dict[str, Any] = {"username": "8675512345", "password": "s3cret", "register": True}


def told(*trunks: Trunk, end: OurEnd = END) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(name, type) → options, as Asterisk's own reader would have them from the text."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, pairs in as_asterisk_reads(render_trunks(trunks, end)):
        [(first, kind), *rest] = pairs
        assert first == "type"
        assert (name, kind) not in found
        found[name, kind] = rest
    return found


def one(trunk: Trunk, kind: str, end: OurEnd = END) -> dict[str, str]:
    return dict(told(trunk, end=end)[trunk.name, kind])


def as_asterisk_reads(text: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """main/config.c in short: comments off, blanks off, a section or an option a line."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for raw in text.split("\n"):
        line = without_comment(raw).strip()
        if line.startswith("["):
            found.append((line[1 : line.index("]")], []))
        elif line:
            key, equals, value = line.partition("=")
            assert equals, line
            found[-1][1].append((key.strip(), value.removeprefix(">").strip()))
    return found


def without_comment(line: str) -> str:
    at = 0
    while (semicolon := line.find(";", at)) >= 0:
        if semicolon == at or line[semicolon - 1] != "\\":
            return line[:semicolon]
        line, at = line[: semicolon - 1] + line[semicolon:], semicolon
    return line


def test_a_trunk_is_an_endpoint_an_aor_and_an_identify() -> None:
    got = told(Trunk("north", "198.51.100.7", 5070, codecs=("alaw",)))
    assert [kind for _, kind in got] == ["endpoint", "aor", "identify"]
    endpoint = dict(got["north", "endpoint"])
    assert endpoint["transport"] == "transport-udp"
    assert endpoint["allow"] == "alaw"
    assert endpoint["aors"] == "north"
    assert endpoint["context"] == "ringbridge-inbound"
    assert endpoint["identify_by"] == "ip"  # whoever says in From that he is this trunk is not let in for it
    assert endpoint["direct_media"] == "no"
    assert (endpoint["rtp_timeout"], endpoint["rtp_timeout_hold"]) == ("60", "60")
    assert "from_user" not in endpoint  # it would hide the number that is shown
    assert "outbound_auth" not in endpoint
    assert dict(got["north", "aor"])["contact"] == "sip:198.51.100.7:5070"
    assert dict(got["north", "identify"]) == {"endpoint": "north", "match": "198.51.100.7"}


def test_with_a_name_and_a_password_it_answers_challenges_and_registers_only_where_told_to() -> None:
    trunk = Trunk("north", "sip.north.example", username="ring", password="s3cret")
    got = told(trunk)
    assert [kind for _, kind in got] == ["endpoint", "aor", "identify", "auth"]
    assert dict(got["north", "endpoint"])["outbound_auth"] == "north"
    assert dict(got["north", "auth"]) == {"auth_type": "digest", "username": "ring", "password": "s3cret"}
    assert ("north", "registration") in told(replace(trunk, register=True))


def test_a_registration_says_who_we_are_where_and_for_how_long() -> None:
    got = one(Trunk("north", "sip.north.example", 5070, "tcp", expires_s=600, **MEMBER), "registration")
    assert got["server_uri"] == "sip:sip.north.example:5070;transport=tcp"
    assert got["client_uri"] == "sip:8675512345@sip.north.example"
    assert (got["contact_user"], got["outbound_auth"], got["transport"]) == ("8675512345", "north", "transport-tcp")
    assert "line" not in got  # whoever guesses it would be the trunk
    assert got["expiration"] == "600"
    assert int(got["max_retries"]) > 1000  # it never gives up: the carrier may be back tomorrow
    assert int(got["fatal_retry_interval"]) >= 300  # and does not ask like somebody who guesses passwords


def test_a_domain_of_its_own_is_who_we_are() -> None:
    trunk = Trunk("north", "198.51.100.7", from_domain="ims.example", from_user="8675512345", **MEMBER)
    assert one(trunk, "registration")["client_uri"] == "sip:8675512345@ims.example"
    assert one(trunk, "endpoint")["from_domain"] == "ims.example"
    assert one(trunk, "endpoint")["from_user"] == "8675512345"


def test_a_name_that_is_an_address_stays_one_user_of_the_carrier() -> None:
    trunk = Trunk("north", "sip.north.example", username="me@home;x", password="p", register=True)
    assert one(trunk, "registration")["client_uri"] == "sip:me%40home%3Bx@sip.north.example"
    assert one(trunk, "auth")["username"] == "me@home;x"


def test_a_registration_changes_with_its_password_else_asterisk_would_not_try_the_new_one() -> None:
    trunk = Trunk("north", "h", **MEMBER)
    assert one(trunk, "registration") != one(replace(trunk, password="mended"), "registration")
    assert "s3cret" not in str(one(trunk, "registration"))


def test_everything_goes_by_the_proxy_where_there_is_one() -> None:
    trunk = Trunk("north", "north.example", transport="tls", outbound_proxy="203.0.113.9:5071", **MEMBER)
    for kind in ("endpoint", "aor", "registration"):
        assert one(trunk, kind)["outbound_proxy"] == "sip:203.0.113.9:5071;transport=tls;lr"
    assert one(trunk, "identify")["match"] == "north.example,203.0.113.9"


def test_a_trunk_is_known_by_every_address_that_it_sends_from() -> None:
    trunk = Trunk("north", "198.51.100.7", match=("198.51.100.64/26", "media.north.example"))
    assert one(trunk, "identify")["match"] == "198.51.100.7,198.51.100.64/26,media.north.example"


def test_two_trunks_on_loopback_are_told_apart_by_port() -> None:
    got = told(Trunk("a", "127.0.0.1", 5071), Trunk("b", "127.0.0.1", 5072))
    assert dict(got["a", "identify"])["match"] == "127.0.0.1:5071"
    assert dict(got["b", "identify"])["match"] == "127.0.0.1:5072"


@pytest.mark.parametrize(
    ("identity", "pai", "rpid"), [("pai", "yes", "no"), ("rpid", "no", "yes"), ("none", "no", "no")]
)
def test_who_calls_is_asserted_in_the_header_that_the_carrier_reads(identity: Any, pai: str, rpid: str) -> None:
    endpoint = one(Trunk("a", "h", identity=identity), "endpoint")
    assert (endpoint["send_pai"], endpoint["send_rpid"]) == (pai, rpid)
    assert endpoint["trust_id_outbound"] == "yes"  # the carrier learns a private number, too


def test_a_diversion_is_told_only_to_those_who_want_it() -> None:
    assert one(Trunk("a", "h"), "endpoint")["send_diversion"] == "no"
    assert one(Trunk("a", "h", diversion=True), "endpoint")["send_diversion"] == "yes"


def test_encrypted_sound_is_a_must_where_it_is_asked_for() -> None:
    assert "media_encryption" not in one(Trunk("a", "h"), "endpoint")
    endpoint = one(Trunk("a", "h", transport="tls", srtp="sdes"), "endpoint")
    assert endpoint["media_encryption"] == "sdes"
    assert "media_encryption_optimistic" not in endpoint


def test_without_codecs_both_laws_are_offered() -> None:
    assert one(Trunk("a", "h", codecs=()), "endpoint")["allow"] == "ulaw,alaw"


def test_pass_through_wins_and_may_repeat_a_name() -> None:
    own = (("direct_media", "yes"), ("set_var", "A=1"), ("set_var", "B=2"))
    endpoint = told(Trunk("a", "h", endpoint=own))["a", "endpoint"]
    assert [value for key, value in endpoint if key == "direct_media"] == ["yes"]
    assert [value for key, value in endpoint if key == "set_var"] == ["A=1", "B=2"]


def test_the_same_trunks_are_the_same_text_in_their_order() -> None:
    trunks = [Trunk(name, "h", **MEMBER) for name in ("south", "north", "east")]
    assert render_trunks(trunks, END) == render_trunks(list(trunks), OurEnd(5060, 5099, "", 60))
    assert [name for name, kind in told(*trunks) if kind == "aor"] == ["south", "north", "east"]


def test_the_text_is_the_data() -> None:
    trunks = (Trunk("a", "h", transport="tls", **MEMBER), Trunk("b", "2001:db8::1"))
    for section in sections_of(trunks, END):
        assert told(*trunks)[section.name, section.kind] == list(section.values)


# ---- what an admin, or somebody who wrote into his file, may not do --------------------------------------------------

LETTERS = st.characters(blacklist_categories=("Cc", "Cs"))


@given(st.text(LETTERS, max_size=40).map(str.strip))
def test_any_password_reaches_asterisk_as_it_was_given(password: str) -> None:
    trunk = Trunk("a", "h", username="u", password=password)
    assert one(trunk, "auth") == {"auth_type": "digest", "username": "u", "password": password}


@given(st.text(max_size=40))
def test_no_value_begins_a_line_of_its_own(value: str) -> None:
    section = Section("a", "endpoint", (("set_var", value), ("context", "ours")))
    try:
        text = text_of([section])
    except StackError:
        return
    assert as_asterisk_reads(text) == [("a", [("type", "endpoint"), *section.values])]


@pytest.mark.parametrize("end", ["\n[evil]\ntype=endpoint", "\r", "\x00", "\x7f", " ", "\ud800"])
def test_a_password_that_no_line_can_hold_is_refused_and_not_told(end: str) -> None:
    with pytest.raises(StackError, match=r"\[a\] \(auth\): the value of password") as why:
        render_trunks([Trunk("a", "h", username="u", password=f"hidden{end}")])
    assert "hidden" not in str(why.value)


@pytest.mark.parametrize("host", ["h;transport=tcp", "h,sip:evil", "h>", "a b", "u@h", "h/24", "h?x=1", "x" * 256])
@pytest.mark.parametrize("field", ["host", "from_domain", "outbound_proxy", "match"])
def test_a_host_is_a_host_and_nothing_more(field: str, host: str) -> None:
    if (field, host) == ("match", "h/24"):
        return
    trunk = Trunk("a", "h", **MEMBER)
    with pytest.raises(StackError, match="is no host name or address"):
        render_trunks([replace(trunk, **{field: (host,) if field == "match" else host})])


@pytest.mark.parametrize(("key", "value"), [("type", "auth"), ("a]b", "1"), ("a=b", "1"), ("#include", "x"), ("", "")])
def test_an_option_of_the_endpoint_cannot_be_something_else(key: str, value: str) -> None:
    with pytest.raises(StackError, match="cannot be the name of an option"):
        render_trunks([Trunk("a", "h", endpoint=((key, value),))])


@pytest.mark.parametrize("name", ["", "a]", "a b", "a\nb", "x" * 80])
def test_a_trunk_with_a_name_that_is_no_section_is_refused(name: str) -> None:
    with pytest.raises(StackError, match="cannot be the name of a section"):
        render_trunks([Trunk(name, "h")])


def test_who_registers_says_who_he_is() -> None:
    with pytest.raises(StackError, match="has no username"):
        render_trunks([Trunk("a", "h", register=True)])
