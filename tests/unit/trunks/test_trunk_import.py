"""What `trunks import` makes of Asterisk's own files."""

from __future__ import annotations

import pytest

from ari_app.config import Mistakes
from ari_app.domain.trunks import Trunk
from ari_app.trunk_tools.importing import import_content
from ari_app.trunks_file import read_content

FULL = r"""
[t-tls]
type = transport
protocol = tls

[carrier](!)              ; a template
type = endpoint
transport = t-tls
disallow = all
allow = alaw,g726
allow = opus
context = from-carriers
direct_media = yes
send_rpid = yes
media_encryption = sdes
;-- a block
[gone]
type = endpoint ;-- nested --;
--;
[Old Telco](carrier)
aors = telco-aor
outbound_auth = telco-auth
outbound_proxy = sip:proxy.example.net:5070\;lr
from_user = 8600410000
from_domain = ims.example.net
dtmf_mode = inband
odd_option = x
set_var = KEY=hunter2-hunter2
[telco-aor]
type = aor
contact = sip:sbc.example.net\;transport=tls
qualify_frequency = 60
[telco-auth]
type = auth
auth_type = userpass
username = 8600410000
password = hunter2-hunter2
[telco-reg]
type = registration
outbound_auth = telco-auth
server_uri = sip:reg.example.net
expiration = 600
retry_interval = 30
[telco-id]
type = identify
endpoint = Old Telco
match = sbc.example.net
match = 192.0.2.7,192.0.2.0/28
[telco-aor](+)
max_contacts = 1
"""


def imported(content: str, **options: bool) -> tuple[str, tuple[Trunk, ...]]:
    text = import_content(content, "pjsip.conf", **options).text
    return text, read_content(text, elsewhere=True).trunks


def test_a_carrier_is_put_together_from_the_sections_that_refer_to_each_other() -> None:
    text, [trunk] = imported(FULL, with_passwords=True)
    assert trunk == Trunk(
        "Old-Telco", "sbc.example.net", port=5061, transport="tls", srtp="sdes", codecs=("alaw", "opus"),
        username="8600410000", password="hunter2-hunter2", register=True, expires_s=600, from_user="8600410000",
        from_domain="ims.example.net", outbound_proxy="proxy.example.net:5070", match=("192.0.2.7", "192.0.2.0/28"),
        identity="rpid", endpoint=(("dtmf_mode", "inband"),),
    )  # fmt: skip
    assert "; from pjsip.conf, line 20, there called Old Telco" in text


def test_what_has_no_counterpart_is_told_with_its_line() -> None:
    text, _ = imported(FULL)
    for told in (
        "; not taken over: allow = alaw,g726 (line 10): g726 is not among",
        "; not taken over: context = from-carriers (line 12): ",
        "; not taken over: direct_media = yes (line 13): ",
        "; not taken over: odd_option (line 27): Asterisk 22 knows no such option",
        "; not taken over: set_var (line 28): it could lift the timer",
        "; not taken over: qualify_frequency = 60 (line 32)",
        "; not taken over: retry_interval = 30 (line 43)",
        "; not taken over: max_contacts = 1 (line 50)",
    ):
        assert told in text


def test_a_password_is_named_and_not_written() -> None:
    text, [trunk] = imported(FULL)
    assert "hunter2" not in text
    assert "password = env:OLD_TELCO_PASSWORD" in text
    assert "to the password of line 37" in text
    assert trunk.register


def test_a_wizard_is_spelled_out() -> None:
    text, [trunk] = imported(
        "[w](!)\ntype = wizard\nendpoint/allow = !all,ulaw\n[itsp](w)\nsends_auth = yes\nsends_registrations = yes\n"
        "remote_hosts = sip1.example.net:5070,sip2.example.net\noutbound_auth/username = bob\n"
        "outbound_auth/password = hunter2-hunter2\nregistration/expiration = 120\nhas_hint = yes\n",
        with_passwords=True,
    )
    assert trunk == Trunk(
        "itsp", "sip1.example.net", port=5070, codecs=("ulaw",), username="bob", password="hunter2-hunter2",
        register=True, expires_s=120, identity="none", match=("sip2.example.net",),
    )  # fmt: skip
    assert "not taken over: contact (line 7): a trunk has one address" in text


def test_a_carrier_known_by_its_address_alone_is_one_and_a_phone_is_none() -> None:
    made = import_content(
        "[a]\ntype=endpoint\n[a]\ntype=identify\nendpoint=a\nmatch=192.0.2.7\n[6001]\ntype=endpoint\nauth=6001\n"
        '#include "more.conf"\n[b](none)\nthis is nothing\n',
        "pjsip.conf",
    )
    assert made.trunks == ("a",)
    assert [str(one) for one in made.warnings] == [
        "pjsip.conf:10: #include: what it names is not read",
        "pjsip.conf:11: a template that does not stand above it: taken for empty",
        "pjsip.conf:12: this is no setting: not read",
        "pjsip.conf:7: [6001]: no carrier, as it has no contact, registration or identify",
    ]


@pytest.mark.parametrize("name", ["global", "Transport-x", "4711", "carrier", "ä ö", "x" * 90])
def test_a_name_that_a_trunk_cannot_have_becomes_one(name: str) -> None:
    _, trunks = imported(f"[{name}]\ntype=endpoint\naors=z\n[{name} 2]\ntype=endpoint\naors=y\n"
                         "[z]\ntype=aor\ncontact=sip:h\n[y]\ntype=aor\ncontact=sip:g\n")  # fmt: skip
    assert len({trunk.name.lower() for trunk in trunks}) == 2


def test_what_a_check_would_refuse_is_a_comment() -> None:
    text, [trunk] = imported(
        "[a]\ntype=endpoint\naors=a\n[a]\ntype=aor\ncontact=sip:h:99999\n"
        "[b]\ntype=endpoint\naors=b\nsend_pai=yes\n[b]\ntype=aor\ncontact=sip:h..h\n"
    )
    assert (trunk.name, trunk.port) == ("a", 5060)
    assert "; not taken over: port = 99999 (line 6)" in text
    assert "; not taken over: [b] ([b] has no host" in text


@pytest.mark.parametrize(
    "content",
    ["", "[a]\ntype=endpoint\n", "[a](!)\n" + "x=1\n" * 3 + "[a](!,a,a)\n" * 40, "[a]\n" * 3_000, "x\n" * 400],
)
def test_a_file_without_a_carrier_or_beyond_all_limits_is_a_mistake(content: str) -> None:
    with pytest.raises(Mistakes):
        import_content(content, "pjsip.conf")
