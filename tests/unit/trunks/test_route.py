"""Which trunk carries a number, and which one after it."""

from collections import Counter

import pytest

from ari_app.domain.numbers import Format
from ari_app.domain.rates import Rate
from ari_app.domain.trunks import Trunk, dialled, in_order

CHEAP = Trunk("cheap", "a.example", priority=1)
SPARE = Trunk("spare", "b.example", priority=2)
MOBILE = Trunk("mobile", "c.example", priority=9, prefixes=("+8613", "+86139"))
HK = Trunk("hk", "d.example", prefixes=("+852",))
ALL = (SPARE, HK, CHEAP, MOBILE)


@pytest.mark.parametrize(
    ("number", "names"),
    [
        ("+861012345678", ["cheap", "spare"]),
        ("+8613900000001", ["mobile", "cheap", "spare"]),
        ("+85291234567", ["hk", "cheap", "spare"]),
        ("10086", ["cheap", "spare"]),
    ],
)
def test_the_longest_prefix_goes_first_then_the_smaller_priority(number: str, names: list[str]) -> None:
    assert [trunk.name for trunk in in_order(number, ALL)] == names


def test_a_longer_prefix_wins_over_a_shorter_one() -> None:
    short, long = Trunk("short", "x", prefixes=("+8613",)), Trunk("long", "y", prefixes=("+86139",), priority=99)

    assert in_order("+8613900000001", (short, long)) == (long, short)


def test_a_number_that_no_trunk_takes_has_no_order() -> None:
    assert in_order("+861012345678", (HK,)) == ()
    assert in_order("+861012345678", ()) == ()


def test_equals_share_the_calls_by_weight_and_one_call_s_order_never_changes() -> None:
    three = (Trunk("a", "a", weight=70), Trunk("b", "b", weight=30), Trunk("c", "c", weight=0))
    orders = {key: in_order("+86", three, key) for key in map(str, range(2000))}
    firsts = Counter(order[0].name for order in orders.values())

    assert 1300 <= firsts["a"] <= 1500
    assert firsts["b"] == 2000 - firsts["a"]
    assert all(order[-1].name == "c" for order in orders.values())
    assert all(in_order("+86", tuple(reversed(three)), key) == order for key, order in orders.items())


def test_without_one_trunk_only_its_own_calls_move() -> None:
    three = tuple(Trunk(name, name) for name in "abc")
    for key in map(str, range(200)):
        before = in_order("+86", three, key)
        after = in_order("+86", three[:2], key)
        assert [trunk for trunk in before if trunk.name != "c"] == list(after)


@pytest.mark.parametrize(
    ("number_format", "prepend", "number", "expected"),
    [
        ("e164", "", "+8613900000001", "+8613900000001"),
        ("digits", "", "+8613900000001", "8613900000001"),
        ("national", "", "+8613900000001", "13900000001"),
        ("digits", "8899#", "+8613900000001", "8899#8613900000001"),
        ("00", "9", "+8613900000001", "9008613900000001"),
        ("digits", "9", "10086", "10086"),  # 910086 would be another number
        ("national", "", "10086", "10086"),
    ],
)
def test_a_number_is_dialled_in_the_trunk_s_format(
    number_format: Format, prepend: str, number: str, expected: str
) -> None:
    trunk = Trunk("t", "h", number_format=number_format, prepend=prepend)

    assert dialled(trunk, number, "13900000001") == expected


def test_among_equals_without_a_weight_the_cheaper_for_this_number_goes_first() -> None:
    flat = Trunk("flat", "a", price_micro_per_min=50_000)
    deck = Trunk(
        "deck", "b", price_micro_per_min=90_000, rates=(Rate("+8613", 20_000), Rate("+8613", 70_000, from_ms=9))
    )

    assert in_order("+8613900000001", (flat, deck)) == (deck, flat)
    assert in_order("+8613900000001", (flat, deck), at_ms=9) == (flat, deck)
    assert in_order("+861012345678", (flat, deck)) == (flat, deck)
