"""What an option of sip_trunks.conf takes, and what it says to what it does not take."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.concealed import without_secrets
from ari_app.config import Mistakes
from ari_app.domain.causes import Outcome, outcome
from ari_app.domain.trunks import Trunk, Window
from ari_app.stack.render import conf_dir
from ari_app.trunk_endpoint import FREE, KNOWN, OURS
from ari_app.trunk_options import OPTIONS
from ari_app.trunks_file import FILE_BYTES_MAX, load_trunks, parse_trunks, read_trunks

WEEK = frozenset(range(7))


def trunk(*lines: str) -> Trunk:
    [found] = parse_trunks("\n".join(["[t]", "host = h.example", *lines]))
    return found


def wrong(*lines: str) -> str:
    """The one thing that is said to them."""
    with pytest.raises(Mistakes) as caught:
        trunk(*lines)
    [only] = caught.value.found
    return str(only)


@pytest.mark.parametrize(
    ("written", "windows"),
    [
        ("00:00-24:00", (Window(WEEK, 0, 1440),)),
        (
            "mon-fri 08:00-20:00, sat 9:00-12:00",
            (Window(frozenset(range(5)), 480, 1200), Window(frozenset({5}), 540, 720)),
        ),
        ("fri-mon 22:00-06:00", (Window(frozenset({4, 5, 6, 0}), 1320, 360),)),
        ("Mon Wed 08:00-09:30", (Window(frozenset({0, 2}), 480, 570),)),
        ("", ()),
    ],
)  # fmt: skip
def test_hours_are_written_as_people_say_them(written: str, windows: tuple[Window, ...]) -> None:
    assert trunk(f"hours = {written}").hours == windows
    assert OPTIONS["hours"].kind.parse(OPTIONS["hours"].kind.show(windows)) == windows


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("08:00-08:00", "never opens"), ("24:00-24:00", "never opens"), ("08:00-25:00", "expected"),
        ("8-20", "expected"), ("08:00-00:00", "ends at 24:00"), ("mo 08:00-09:00", 'did you mean "mon"?'),
        ("mon", "not so is 'mon'"), ("mon-wed-fri 08:00-09:00", "not so is"), ("08:60-09:00", "not so is"),
        ("08:00-09:00,", "not so is ''"), ("08:00-09:00, 08:00-09:00", "given twice"),
    ],
)  # fmt: skip
def test_hours_that_never_open_or_are_no_times_are_mistakes(written: str, told: str) -> None:
    assert told in wrong(f"hours = {written}")


def test_causes_go_as_they_are_before_the_common_table() -> None:
    causes = trunk("causes = 486=trunk_failed, 21 = busy").causes

    assert outcome(17, 486, overrides=causes) is Outcome.TRUNK_FAILED
    assert outcome(21, None, overrides=causes) is Outcome.BUSY
    assert outcome(21, None) is Outcome.REJECTED


@pytest.mark.parametrize(
    ("written", "told"),
    [("200=busy", "expected"), ("128=busy", "expected"), ("700=busy", "expected"), ("0=busy", "expected"),
     ("486=answered", "expected"), ("486=buzy", 'did you mean "busy"?'), ("486", "expected"),
     ("486=busy, 486=rejected", "given twice is '486'")],
)  # fmt: skip
def test_causes_that_no_carrier_can_give_are_mistakes(written: str, told: str) -> None:
    assert told in wrong(f"causes = {written}")


def test_hosts_are_names_and_addresses_of_either_kind() -> None:
    for written, host in (("sip.example.net", "sip.example.net"), ("2001:DB8::7", "2001:db8::7"), ("[::1]", "::1")):
        assert parse_trunks(f"[t]\nhost = {written}\n")[0].host == host
    for written in ("192.0.2.300", "0.0.0.0", "224.0.0.1", "a..b", "h:5060", "fe80::1%eth0", "sip:h", "-"):
        with pytest.raises(Mistakes, match="host: "):
            parse_trunks(f"[t]\nhost = {written}\n")


def test_what_else_it_sends_from_is_a_list_of_addresses_and_networks() -> None:
    assert trunk("match = 192.0.2.7, 198.51.100.0/28, 2001:db8::/32, sbc.example.net").match == (
        "192.0.2.7", "198.51.100.0/28", "2001:db8::/32", "sbc.example.net",
    )  # fmt: skip
    assert "everybody would be this carrier" in wrong("match = 0.0.0.0/0")
    assert "given twice is '192.0.2.7'" in wrong("match = 192.0.2.7, 192.0.2.7")


def test_a_proxy_may_have_a_port() -> None:
    assert trunk("outbound_proxy = [2001:db8::1]:5070").outbound_proxy == "[2001:db8::1]:5070"
    assert trunk("outbound_proxy = sbc.example.net").outbound_proxy == "sbc.example.net"
    assert "outbound_proxy" in wrong("outbound_proxy = sbc.example.net:70000")


@pytest.mark.parametrize("written", ["+86, +85291234567, 10, *99", "95"])
def test_prefixes_are_e164_or_the_beginning_of_a_short_number(written: str) -> None:
    assert trunk(f"prefixes = {written}").prefixes == tuple(written.split(", "))


@pytest.mark.parametrize("written", ["8613900", "0086", "+086", "+86 139", "abc"])
def test_a_prefix_that_lacks_its_plus_is_a_mistake(written: str) -> None:
    assert "prefixes: " in wrong(f"prefixes = {written}")


def test_the_usual_port_is_that_of_the_transport() -> None:
    assert trunk().port == 5060
    assert trunk("transport = tls").port == 5061
    assert trunk("transport = tls", "port = 5060").port == 5060


def test_every_other_option_lands_in_its_field() -> None:
    found = trunk(
        "transport = tls", "srtp = sdes", "codecs = opus, alaw", "username = a@b", "password = pässword;1",
        "register = yes",
        "expires = 600", "from_user = 400", "from_domain = d.example", "number_format = 00", "prepend = 9001",
        "caller_id_format = digits", "identity = rpid", "privacy = yes", "diversion = on", "stir_shaken = b",
        "stir_shaken_key = /k.pem", "stir_shaken_cert_url = https://c.example/c.pem", "weight = 3", "max_channels = 10",
        "max_cps = 5", "price = 0.06", "spend_alarm = 100", "spend_max = 200.5", "endpoint/dtmf_mode = inband",
    )  # fmt: skip
    assert found == Trunk(
        "t", "h.example", port=5061, transport="tls", srtp="sdes", codecs=("opus", "alaw"), username="a@b",
        password="pässword;1", register=True, expires_s=600, from_user="400", from_domain="d.example",
        number_format="00", prepend="9001", caller_id_format="digits", identity="rpid", privacy=True, diversion=True,
        stir_shaken="B", stir_shaken_key="/k.pem", stir_shaken_cert_url="https://c.example/c.pem", weight=3,
        max_channels=10, max_cps=5, price_micro_per_min=60_000, spend_alarm_micro=100_000_000,
        spend_max_micro=200_500_000, endpoint=(("dtmf_mode", "inband"),),
    )  # fmt: skip


# ---- the endpoint's own options -----------------------------------------------------------------------------------


def test_what_the_product_promises_cannot_be_taken_back_through_the_endpoint() -> None:
    for name in ("direct_media", "rtp_timeout", "rtp_timeout_hold", "allow_transfer", "context", "aors", "auth", "type",
                 "identify_by", "outbound_auth", "transport", "set_var", "redirect_method", "send_pai"):  # fmt: skip
        assert "not to be changed here" in wrong(f"endpoint/{name} = x")
    assert OURS.keys() < KNOWN
    assert len(KNOWN) == 146
    assert len(FREE) > 100


def test_what_the_templates_of_the_pbx_call_their_sections_is_taken() -> None:
    for line in (conf_dir("pbx") / "pjsip.conf").read_text("utf-8").splitlines():
        if line.startswith("["):
            with pytest.raises(Mistakes, match="Asterisk uses this name itself"):
                parse_trunks(f"{line}\nhost = h\n")


def test_an_option_of_the_endpoint_that_is_not_known_is_a_mistake_that_hides_its_value() -> None:
    said = wrong("endpoint/rtp_symetric = hunter2")
    assert 'unknown option "endpoint/rtp_symetric"' in said
    assert 'did you mean "rtp_symmetric"?' in said
    assert "hunter2" not in said
    assert "expected a value" in wrong("endpoint/dtmf_mode =")


# ---- secrets ------------------------------------------------------------------------------------------------------


def test_a_password_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELCO_PASSWORD", "from the environment")
    (tmp_path / "telco").write_text("from a file\n")
    file = tmp_path / "t.conf"
    file.write_text(
        "[a]\nhost = a\nusername = u\npassword = env:TELCO_PASSWORD\n"
        "[b]\nhost = b\nusername = u\npassword = file:telco\n"
        f"[c]\nhost = c\nusername = u\npassword = file:{tmp_path}/telco\n"
    )

    assert [one.password for one in load_trunks(file)] == ["from the environment", "from a file", "from a file"]
    assert "from a file" not in repr(load_trunks(file))
    assert without_secrets("said: from the environment") == "said: [hidden]"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"one line\nand another", "will not do"),
        (b"\xff", "not text"),
        (b"", "is empty"),
        (b" x", "begins or ends with"),
    ],
)
def test_a_secret_file_that_will_not_do_is_named_and_not_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "secret").write_bytes(content)
    said = wrong("username = u", f"password = file:{tmp_path}/secret")
    assert told in said
    assert f"{tmp_path}/secret" in said
    assert "another" not in said


def test_a_password_that_is_not_here_is_a_mistake_for_the_service_and_a_warning_for_a_check(tmp_path: Path) -> None:
    file = tmp_path / "t.conf"
    file.write_text("[a]\nhost = a\nusername = u\npassword = env:RB_NOWHERE\nregister = yes\n")

    with pytest.raises(Mistakes, match=r"t\.conf:4: password: the variable RB_NOWHERE is not set"):
        load_trunks(file)
    [warning] = read_trunks(file, elsewhere=True).warnings
    assert "RB_NOWHERE is not set; expected where Ringbridge runs" in warning.what


@pytest.mark.parametrize(
    "lines",
    [
        ["password hunter2x"], ["password: hunter2x"], ["pasword = hunter2x"], ["password: hunter2x = 1"],
        ["username = a, password = hunter2x"], ["[x] password = hunter2x"], ["[x password=hunter2x]"],
        ["endpoint/auth = hunter2x"], ["host_x = sip:u:hunter2x@h"], ["outbound_proxy = u:hunter2x@h"],
        ["outbound_proxy = u:hunter2x"], ["outbound_proxy = sip:u:hunter2x"],
        ["password = hunter2x\x07"],
        ["password =", "hunter2x"], ["password = hunter2x", "password = hunter2x"], ["password = hunter2x" + "y" * 600],
    ],
)  # fmt: skip
def test_no_mistake_repeats_what_may_be_a_password(lines: list[str]) -> None:
    with pytest.raises(Mistakes) as caught:
        trunk(*lines)
    assert "hunter2x" not in str(caught.value)


# ---- files that are none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[t]\nhost = h\nport = \xff\n", ":3: cannot be read: it is not text in UTF-8"),
        (b"[t]\r\nhost = h\x00\r\n", ":2: a control character (U+0000) stands here; expected text"),
        ("[t]\nhost = h\n; \u202e\n".encode(), ":3: a control character (U+202E) stands here; expected text"),
        (b"[t]\nhost = " + b"h" * 5000, ":2: too long; expected at most 4000 characters a line"),
        (b"[t]\n" + b"#" * FILE_BYTES_MAX, ": too large; expected at most 1,000,000 bytes"),
    ],
)
def test_what_is_no_text_of_a_person_is_one_clear_mistake(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "t.conf"
    file.write_bytes(content)
    with pytest.raises(Mistakes) as caught:
        load_trunks(file)
    assert [str(one) for one in caught.value.found] == [f"{file}{told}"]


def test_of_very_many_mistakes_the_first_are_told_and_the_others_counted() -> None:
    with pytest.raises(Mistakes) as caught:
        parse_trunks("[t]\nhost = h\n" + "".join(f"opt{n} = 1\n" for n in range(3_000)))
    assert len(caught.value.found) == 201
    assert caught.value.found[-1].what == "and 2800 more mistakes from here on"
