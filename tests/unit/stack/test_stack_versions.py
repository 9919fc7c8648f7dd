"""What servers and packages say of their version, and whether it is new enough."""

import pytest

from ari_app.stack.versions import ASTERISK_MIN, REDIS_MIN, Version, at_least, parse


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1", (22, 10, 1)),
        ("Asterisk 23.0.0-rc1", (23, 0, 0)),
        ("Redis server v= 8.0.6 sha=00000000:0 malloc=jemalloc-5.3.1 bits=64", (8, 0, 6)),
        ("1:22.10.1+dfsg-1", (22, 10, 1)),
        ("5:8.0.6-3", (8, 0, 6)),
        ("nothing to see", None),
        ("", None),
    ],
)
def test_parse(text: str, version: Version | None) -> None:
    assert parse(text) == version


@pytest.mark.parametrize(
    ("version", "minimum", "good"),
    [
        ((22, 10, 1), ASTERISK_MIN, True),
        ((22, 10), ASTERISK_MIN, False),
        ((22, 9, 9), ASTERISK_MIN, False),
        ((22, 10, 0), ASTERISK_MIN, False),
        ((23, 0, 0), ASTERISK_MIN, True),
        ((7, 2), REDIS_MIN, True),
        ((7, 0, 15), REDIS_MIN, False),
        (None, REDIS_MIN, False),
    ],
)
def test_new_enough(version: Version | None, minimum: Version, good: bool) -> None:
    assert at_least(version, minimum) is good
