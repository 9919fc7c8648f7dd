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
    "written",
    ["110", "1 1 0", "119", "120", "122", "112", "911", "+86110", "+861 10", "1101", "15", "+1911", "12110",
     # with zeros, the country's code, a carrier's, another town's before it
     "0110", "0 110", "086110", "86110", "0086 110", "00 86 110", "+86 (0) 110", "+86 010 110", "010-110", "0755110",
     "+86755110", "+8675512110", "17911 110", "12593110", "+112", "00112", "0112", "+911", "+86911", "+33 15",
     "0033 15", "003315",
     # where a switch would stop reading
     "110110", "11012345678", "+86 110 1234 5678", "1 10086",
     # as keyed, as copied, as written elsewhere
     "*110", "110#", "(110)", "1.1.0", "\uff11\uff11\uff10", "\u0661\u0661\u0660", "\u202a110\u202c", "1\u201110"],
)  # fmt: skip
@pytest.mark.parametrize("must_be_valid", [True, False])
def test_a_call_for_help_is_known_as_one(written: str, must_be_valid: bool) -> None:
    number = PhoneNumbers("CN", ("US", "FR", "*"), must_be_valid=must_be_valid).read(written)

    assert number is not None
    assert number.is_emergency


@pytest.mark.parametrize("written", ["15312345678", "+33153123456", "18012345678", "17712345678", "13911011011"])
def test_a_number_that_only_begins_like_another_country_s_call_for_help_is_not_one(written: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert not number.is_emergency


PREMIUM = {
    "here": "16812345", "in another town": "010 16812345", "elsewhere": "+19005550199",
    "of no country": "+979123456789", "satellite": "+8816 1234 5678", "ship": "+870773111632",
    "network of no country": "+882163333333", "universal personal": "+878101234567890",
    "personal": "+447012345678",
}  # fmt: skip


@pytest.mark.parametrize("written", PREMIUM.values(), ids=PREMIUM)
def test_a_premium_number_is_known_as_one(written: str) -> None:
    number = CN.read(written)

    assert number is not None
    assert number.is_premium


def test_what_is_free_everywhere_is_no_premium_number() -> None:
    number = CN.read("+80012345678")

    assert number is not None
    assert not number.is_premium


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


@pytest.mark.parametrize(("region", "written"), [("CN", "0755 123"), ("CN", "+86 87654"), ("US", "555 0123")])
def test_where_the_length_counts_it_is_that_of_a_number_dialled_from_anywhere(region: str, written: str) -> None:
    """+86 0755… does not begin with +86755: it would pass by a blocked prefix."""
    assert PhoneNumbers(region, must_be_valid=False).read(written) is None


def test_a_longer_number_that_begins_like_a_premium_line_is_one() -> None:
    """A switch that stops reading at 16812345 connects it."""
    number = PhoneNumbers("CN", must_be_valid=False).read("+86 168 1234 5678")

    assert number is not None
    assert number.is_premium


@pytest.mark.parametrize(
    ("region", "number", "national"),
    [
        ("CN", "+8613900000001", "13900000001"),
        ("CN", "+861012345678", "01012345678"),
        ("CN", "+864001234567", "4001234567"),
        ("CN", "+8695588", "95588"),
        ("CN", "+85291234567", ""),
        ("CN", "+8619999", "19999"),  # of a range that is not known
        ("DE", "+4930123456", "030123456"),
        ("FR", "+33153123456", "0153123456"),
        ("IT", "+390612345678", "0612345678"),
        ("US", "+12025550123", "2025550123"),
        ("US", "+14165550123", "4165550123"),  # of another country, but dialled like one's own
    ],
)
def test_a_number_of_the_region_is_dialled_there_in_the_national_way(region: str, number: str, national: str) -> None:
    assert PhoneNumbers(region).national(number) == national
