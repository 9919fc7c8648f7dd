"""sip_trunks.conf: what it means, and what is said about mistakes."""

import dataclasses
import re
from pathlib import Path

import pytest

from ari_app.config import Mistakes
from ari_app.domain.numbers import CallerId
from ari_app.domain.trunks import Trunk
from ari_app.trunks_file import OPTIONS, example, load_trunks, parse_trunks, reference

ROOT = Path(__file__).parents[3]


def mistakes(content: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        parse_trunks(content, "t.conf")
    return [str(mistake) for mistake in caught.value.found]


def test_two_trunks_are_read_in_order_with_defaults() -> None:
    trunks = parse_trunks(
        """
        # two carriers
        [main]
        host = sip.example.net   ; their SBC
        caller_id = verified
        price = 0.0655
        increment = 6/6
        currency = USD
        priority=1

        [spare]
        host = 192.0.2.7
        port = 5070
        transport = UDP
        """
    )

    assert trunks == (
        Trunk(
            "main", "sip.example.net", caller_id=CallerId("verified"), priority=1,
            price_micro_per_min=65_500, price_increment="6/6", currency="USD",
        ),
        Trunk("spare", "192.0.2.7", port=5070),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("platform", CallerId("platform")),
        ("verified", CallerId("verified")),
        ("fixed +861055550000", CallerId("fixed", ("+861055550000",))),
        ("pool +861055550001, +861055550002", CallerId("pool", ("+861055550001", "+861055550002"))),
    ],
)
def test_a_caller_id_policy_is_one_line(written: str, expected: CallerId) -> None:
    (trunk,) = parse_trunks(f"[t]\nhost = h\ncaller_id = {written}\n")

    assert trunk.caller_id == expected
    assert OPTIONS["caller_id"].kind.show(expected) == written


@pytest.mark.parametrize(
    ("written", "micro"), [("0", 0), ("0.06", 60_000), ("1", 1_000_000), ("0.000001", 1), ("12.5", 12_500_000)]
)
def test_a_price_is_exact_to_the_millionth(written: str, micro: int) -> None:
    (trunk,) = parse_trunks(f"[t]\nhost = h\nprice = {written}\n")

    assert trunk.price_micro_per_min == micro
    assert OPTIONS["price"].kind.show(micro) == written


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    assert mistakes(
        "host = a\n"  # 1
        "[two words]\n"
        "host = h\n"
        "[global]\n"
        "host = h\n"  # 5
        "[t]\n"
        "host = h\n"
        "host = g\n"
        "caller_id = fixed\n"
        "prioritty = 3\n"  # 10
        "foo\n"
        "port = 70000\n"
        "price = 0,06\n"
        "transport = tsl\n"
        "[T]\n"  # 15
        "priority = 0\n"
    ) == [
        "t.conf:1: host: stands before the first [trunk]",
        "t.conf:2: [two words] will not do; expected [name] of letters, digits, _ and -, a letter first, at most 40",
        "t.conf:4: [global]: Asterisk uses this name itself",
        "t.conf:8: host: given twice, first in line 7",
        "t.conf:9: caller_id: 'fixed' will not do; expected platform, verified, fixed +NUMBER, "
        "or pool +NUMBER, +NUMBER",
        't.conf:10: unknown option "prioritty"; did you mean "priority"?',
        "t.conf:11: this line will not do; expected [trunk] or option = value",
        "t.conf:12: port: '70000' will not do; expected a whole number from 1 to 65535",
        "t.conf:13: price: '0,06' will not do; expected a price a minute such as 0.06, with at most six decimals",
        "t.conf:14: transport: 'tsl' will not do; expected one of udp, tcp, tls; did you mean \"tls\"?",
        "t.conf:15: [T]: given twice, first in line 6",
        "t.conf:15: [T] has no host; expected a host name, an IPv4 or an IPv6 address, without a port",
        "t.conf:16: priority: '0' will not do; expected a whole number from 1 to 1000",
    ]


@pytest.mark.parametrize(
    "line",
    ["host = a b", "host = -x", "host =", "host = sip:h", "caller_id = platform +861055550000", "caller_id = fixed 400",
     "caller_id = pool", "price = -1", "price = 0.0000001", "increment = 60", "currency = yuan", "port = 5060x"],
)  # fmt: skip
def test_a_value_that_will_not_do_is_told_with_its_line(line: str) -> None:
    head = "[t]\n" if line.startswith("host") else "[t]\nhost = h\n"
    (only,) = mistakes(head + line + "\n")
    assert only.startswith(f"t.conf:{head.count(chr(10)) + 1}: {line.split()[0]}: ")


@pytest.mark.parametrize("content", ["", "# nothing\n\n"])
def test_a_file_without_a_trunk_is_a_mistake(content: str) -> None:
    (only,) = mistakes(content)
    assert only == "t.conf: no trunk here; expected at least one section such as [telco]"


def test_the_name_of_the_embedded_carrier_is_taken_where_it_is_there(tmp_path: Path) -> None:
    file = tmp_path / "t.conf"
    file.write_text("[a]\nhost = h\n[Carrier]\nhost = h\nprice = x\n")

    with pytest.raises(Mistakes) as e:
        load_trunks(file, embedded=True)
    assert [str(one).removeprefix(f"{tmp_path}/").split(": ")[0] for one in e.value.found] == ["t.conf:3", "t.conf:5"]
    assert "[Carrier]: the embedded carrier has this name" in str(e.value)
    assert parse_trunks("[carrier]\nhost = h\n") == (Trunk("carrier", "h"),)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistakes, match="cannot be read"):
        load_trunks(tmp_path / "none.conf")


def test_a_file_that_notepad_saved_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sip_trunks.conf"
    file.write_bytes("\ufeff[t]\r\nhost = h\r\n".encode())

    assert load_trunks(file) == (Trunk("t", "h"),)


def test_the_example_file_is_what_the_table_says() -> None:
    assert (ROOT / "sip_trunks.example.conf").read_text(encoding="utf-8") == example()


def test_the_page_has_the_table() -> None:
    assert reference() in (ROOT / "docs" / "trunks.md").read_text(encoding="utf-8")


def test_the_example_with_every_option_taken_in_is_the_defaults() -> None:
    every = re.sub(r"^;(?=[a-z_]+ =( |$))", "", example(), flags=re.MULTILINE)

    assert parse_trunks(every) == parse_trunks(example()) == (Trunk("telco", "sip.example.net"),)
    assert [line.split(" =")[0] for line in every.splitlines() if re.match("[a-z]+.* =", line)] == list(OPTIONS)


def test_every_field_of_a_trunk_has_its_option_and_the_same_default() -> None:
    fields = {one.name: one.default for one in dataclasses.fields(Trunk)}
    assert {option.field for option in OPTIONS.values()} == fields.keys() - {"name", "endpoint"}
    for option in OPTIONS.values():
        if option.default is not None:
            assert option.default == fields[option.field], option.field


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.such_as])
def test_what_the_example_names_as_such_will_do(name: str) -> None:
    assert OPTIONS[name].kind.parse(OPTIONS[name].such_as)


def test_the_pass_through_of_the_example_will_do() -> None:
    taken_in = example().replace(";endpoint/", "endpoint/")
    assert parse_trunks(taken_in)[0].endpoint == (("rtp_symmetric", "yes"),)
