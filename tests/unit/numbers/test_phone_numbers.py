"""What people write, read by the metadata of the numbering plans."""

import pytest

from ari_app.adapters.phone_numbers import PhoneNumbers

CN = PhoneNumbers("CN", ("US", "FR", "*"))


@pytest.mark.parametrize(
    ("written", "text", "country"),
    [
        ("+8613900000001", "+8613900000001", "CN"),
        ("13900000001", "+8613900000001", "CN"),
        (" 139 0000-0001 ", "+8613900000001", "CN"),
        ("+86 (0) 139 0000 0001", "+8613900000001", "CN"),
        ("0086 139 0000 0001", "+8613900000001", "CN"),
        ("１３９０００００００１", "+8613900000001", "CN"),  # noqa: RUF001 - as a Chinese keyboard gives them
        ("+864001234567", "+864001234567", "CN"),
        ("400 123 4567", "+864001234567", "CN"),
        ("(010) 1234 5678", "+861012345678", "CN"),
        ("+85291234567", "+85291234567", "HK"),
        ("+33153123456", "+33153123456", "FR"),
    ],
)
def test_a_number_is_read_as_e164(written: str, text: str, country: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert (number.text, number.country) == (text, country)
    assert (number.is_short, number.is_emergency, number.is_premium) == (False, False, False)


def test_every_simulated_phone_has_a_valid_number() -> None:
    """+86, then eleven digits: 139, six that are free, and the two that choose the behaviour."""
    for ending in range(100):
        for middle in ("000000", "123456", "999999"):
            assert CN.read(f"+86139{middle}{ending:02d}") is not None


@pytest.mark.parametrize("digits", ["1390000001", "139000000001"])
def test_a_digit_too_few_or_too_many_is_no_mobile_number(digits: str) -> None:
    assert CN.read("+86" + digits) is None


@pytest.mark.parametrize("written", ["10086", "95588", "12345"])
def test_a_service_number_is_kept_as_dialled(written: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert (number.text, number.is_short, number.is_emergency) == (written, True, False)


@pytest.mark.parametrize(
    "written", ["110", "1 1 0", "119", "120", "122", "112", "911", "+86110", "+861 10", "1101", "15", "+1911", "12110"]
)
def test_a_call_for_help_is_known_as_one(written: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert number.is_emergency


@pytest.mark.parametrize("written", ["15312345678", "+33153123456", "18012345678", "17712345678"])
def test_a_number_that_only_begins_like_another_country_s_call_for_help_is_not_one(written: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert not number.is_emergency


@pytest.mark.parametrize("written", ["16812345", "+19005550199", "+979123456789"])
def test_a_premium_number_is_known_as_one(written: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert number.is_premium


@pytest.mark.parametrize(
    "written",
    ["", "+", "abc", "alice", "bob-13900000001", "13900000001 ext 5", "*67", "1", "12", "+99912345", "+861390000001",
     "1390000000", "139000000012", "+16501234567", "1-800-FLOWERS", "+8613900000001;x", "1" * 60, "+86 12345678901"],
)  # fmt: skip
def test_what_is_no_number_is_none(written: str) -> None:
    assert CN.read(written) is None


def test_where_the_length_alone_must_be_right_an_unknown_range_is_taken() -> None:
    assert PhoneNumbers("US").read("650 123 4567") is None

    lenient = PhoneNumbers("US", must_be_valid=False).read("650 123 4567")
    assert lenient is not None
    assert (lenient.text, lenient.country) == ("+16501234567", "US")
