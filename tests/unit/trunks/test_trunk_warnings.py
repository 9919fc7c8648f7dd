"""What in sip_trunks.conf is allowed and probably not meant, and what does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.config import Mistakes
from ari_app.trunks_file import read_content, read_trunks

HOST = "host = h.example"


def warnings(*lines: str) -> list[str]:
    return [str(one) for one in read_content("\n".join(lines), "t.conf").warnings]


def mistakes(*lines: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        read_content("\n".join(lines), "t.conf")
    return [str(one) for one in caught.value.found]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["srtp = sdes"], "t.conf:3: srtp: its keys travel in clear over udp"),
        (["transport = tcp", "srtp = sdes"], "t.conf:4: srtp: its keys travel in clear over tcp"),
        (["transport = tls"], "t.conf:3: transport: tls hides who calls whom, and not what is said"),
        (["identity = none", "from_user = 400"], "t.conf:4: from_user: stands where the number shown would"),
        (["privacy = yes", "identity = none"], "t.conf:3: privacy: with identity = none"),
        (["spend_max = 5"], "t.conf:3: spend_max: nothing is ever spent here"),
        (["max_channels = 1"], "t.conf:3: max_channels: a call takes two lines"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(lines: list[str], told: str) -> None:
    [only] = warnings("[t]", HOST, *lines)
    assert only.startswith(told)


def test_what_does_not_go_together_is_told_beside_other_mistakes_but_not_of_what_these_hide() -> None:
    assert mistakes("[t]", HOST, "register = yes", "colour = red") == [
        "t.conf:3: register: needs username and password too",
        't.conf:4: unknown option "colour"',
    ]
    assert mistakes("[t]", HOST, "register = yes", "pasword = x", "username = u") == [
        't.conf:4: unknown option "pasword"; did you mean "password"?'
    ]
    assert mistakes("[t]", "register = yes", "username = u", "password = env:NOT_THERE")[1:] == [
        "t.conf:4: password: the variable NOT_THERE is not set"
    ]


def test_what_is_meant_is_none() -> None:
    assert (
        warnings("[t]", HOST, "transport = tls", "srtp = sdes", "price = 1", "spend_max = 5", "from_user = 400") == []
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["register = yes"], "t.conf:3: register: needs username and password too"),
        (["register = yes", "username = u"], "t.conf:3: register: needs username and password too"),
        (["password = x"], "t.conf:3: password: needs username too"),
        (["username = x"], "t.conf:3: username: needs password too"),
        (["stir_shaken = A", "stir_shaken_key = /k"], "t.conf:3: stir_shaken: needs stir_shaken_cert_url too"),
        (["stir_shaken_key = /k"], "t.conf:3: stir_shaken_key: needs stir_shaken too, with A, B or C"),
        (["spend_alarm = 6", "spend_max = 5"], "t.conf:3: spend_alarm: must not be more than spend_max"),
    ],
)
def test_what_does_not_go_together_is_a_mistake_with_its_line(lines: list[str], told: str) -> None:
    [only] = mistakes("[t]", HOST, *lines)
    assert only.startswith(told)


def test_a_trunk_written_twice_is_a_mistake_and_one_carrier_in_several_trunks_a_warning() -> None:
    once_more = mistakes("[a]", HOST, "[b]", "host = H.EXAMPLE".lower(), "priority = 2")
    assert once_more == [
        "t.conf:4: host: [b] is [a] once more: the same address, and nothing that tells them apart"
    ]  # fmt: skip
    for own in ("prepend = 99", "caller_id = verified", "prefixes = +86", "price = 1"):
        [only] = warnings("[a]", HOST, "[b]", HOST, own)
        assert only == "t.conf:4: host: h.example is [a]'s too: a call that comes in may be taken for either's"


def test_addresses_that_two_carriers_send_from_are_a_warning() -> None:
    told = warnings("[a]", "host = 192.0.2.7", "[b]", HOST, "match = 192.0.2.0/28", "[c]", "host = 192.0.2.9")
    assert [one.split(": ")[0] for one in told] == ["t.conf:5", "t.conf:7"]
    assert warnings("[a]", "host = 127.0.0.1", "[b]", "host = 127.0.0.1", "port = 5070") == [], "told apart by port"


def test_a_weight_beside_none_is_a_warning() -> None:
    told = warnings("[a]", HOST, "weight = 3", "[b]", "host = b.example", "[c]", "host = c.example", "priority = 20")
    assert told == ["t.conf:4: weight: [b] has none, [a] of the same priority has one and goes first"]


def test_a_password_that_everybody_may_read_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "t.conf"
    file.write_text(f"[t]\n{HOST}\nusername = u\npassword = hunter2hunter2\n")
    file.chmod(0o644)
    assert [str(one) for one in read_trunks(file).warnings] == [
        f"{file}: others may read it, and it has a password: chmod 600 {file}"
    ]
    file.chmod(0o640)
    assert read_trunks(file).warnings == ()


def test_a_password_that_a_comment_cuts_off_is_a_warning() -> None:
    login = ("[t]", HOST, "username = u")
    [only] = warnings(*login, "password = hunter2 #3")
    assert only.startswith("t.conf:4: password: it ends where the comment begins")
    assert "hunter2" not in only
    assert warnings(*login, "password = hunter2#3") == []
