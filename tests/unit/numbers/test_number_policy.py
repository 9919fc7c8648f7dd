"""Which number may be called, and which one is shown."""

import pytest

from ari_app.domain.numbers import (
    CallerId,
    Format,
    Number,
    Own,
    Policy,
    Rules,
    Shown,
    Why,
    WhyShown,
    formatted,
    mask,
    may_call,
    shown,
)

PLATFORM = "+864001234567"
MINE = "+8613912345601"
CN = Rules(countries=("CN",))


@pytest.mark.parametrize(
    ("number", "rules", "why"),
    [
        (Number("+8613900000001", "CN"), CN, None),
        (Number("10086", "CN", is_short=True), CN, None),
        (None, CN, Why.INVALID),
        (Number("110", "CN", is_short=True, is_emergency=True), CN, Why.EMERGENCY),
        (Number("110", "CN", is_emergency=True), Rules(("*",), block_premium=False), Why.EMERGENCY),
        (Number("+12025550123", "US"), CN, Why.BLOCKED),
        (Number("+12025550123", "US"), Rules(("CN", "US")), None),
        (Number("+12025550123", "US"), Rules(("*",)), None),
        (Number("+8613900000001", "CN"), Rules(("CN",), blocked_prefixes=("+8617", "+86139")), Why.BLOCKED),
        (Number("+8613800000001", "CN"), Rules(("CN",), blocked_prefixes=("+8617", "+86139")), None),
        (Number("+8616812345", "CN", is_premium=True), CN, Why.BLOCKED),
        (Number("+8616812345", "CN", is_premium=True), Rules(("CN",), block_premium=False), None),
    ],
)
def test_a_number_is_refused_for_one_named_reason(number: Number | None, rules: Rules, why: Why | None) -> None:
    refused = may_call(number, rules)

    assert (refused.why if refused else None) == why
    assert refused is None or refused.sentence.endswith(".")


@pytest.mark.parametrize(
    ("policy", "own", "expected"),
    [
        ("platform", None, Shown(PLATFORM, WhyShown.TO_CALLER)),
        ("verified", None, Shown(PLATFORM, WhyShown.TO_CALLER)),
        ("platform", Own(MINE, True), Shown(PLATFORM, WhyShown.TRUNK_POLICY)),
        ("verified", Own(MINE, True), Shown(MINE, WhyShown.VERIFIED)),
        ("verified", Own(MINE, False), Shown(PLATFORM, WhyShown.NOT_VERIFIED)),
    ],
)
def test_the_users_number_is_shown_only_if_proved_and_allowed(policy: Policy, own: Own | None, expected: Shown) -> None:
    assert shown(CallerId(policy), PLATFORM, own) == expected


@pytest.mark.parametrize("own", [None, Own(MINE, True)])
def test_a_fixed_number_is_shown_on_every_leg(own: Own | None) -> None:
    assert shown(CallerId("fixed", ("+861055550000",)), PLATFORM, own) == Shown("+861055550000", WhyShown.FIXED)


def test_a_pool_gives_one_pair_one_number_and_uses_them_all() -> None:
    pool = CallerId("pool", ("+861055550001", "+861055550002", "+861055550003"))
    picked = {f"a{i}:b": shown(pool, PLATFORM, Own(MINE, True), f"a{i}:b").number for i in range(100)}

    assert set(picked.values()) == set(pool.numbers)
    assert all(shown(pool, PLATFORM, None, pair).number == number for pair, number in picked.items())


def test_a_pool_that_gains_a_number_leaves_most_pairs_theirs() -> None:
    two = CallerId("pool", ("+861055550001", "+861055550002"))
    three = CallerId("pool", ("+861055550003", *two.numbers))
    pairs = [f"a{i}:b" for i in range(300)]
    moved = [pair for pair in pairs if shown(two, PLATFORM, None, pair) != shown(three, PLATFORM, None, pair)]

    assert all(shown(three, PLATFORM, None, pair).number == "+861055550003" for pair in moved)
    assert 60 <= len(moved) <= 140


@pytest.mark.parametrize(
    ("form", "number", "national", "expected"),
    [
        ("e164", MINE, "13912345601", MINE),
        ("digits", MINE, "13912345601", "8613912345601"),
        ("00", MINE, "13912345601", "008613912345601"),
        ("national", MINE, "13912345601", "13912345601"),
        ("national", "+85291234567", "", "0085291234567"),
        ("e164", "10086", "", "10086"),
        ("digits", "10086", "", "10086"),
        ("00", "10086", "", "10086"),
        ("national", "10086", "", "10086"),
    ],
)
def test_a_number_is_written_as_the_carrier_reads_it(form: Format, number: str, national: str, expected: str) -> None:
    assert formatted(number, form, national) == expected


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+8613812340001", "+86138****0001"),
        ("+864001234567", "+86400***4567"),
        ("+3315312345", "+33****45"),
        ("10086", "10086"),
    ],
)
def test_logs_do_not_give_numbers_away(number: str, masked: str) -> None:
    assert mask(number) == masked
