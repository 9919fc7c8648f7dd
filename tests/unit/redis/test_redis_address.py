"""What a redis_url says about where Redis is."""

from __future__ import annotations

import pytest

from ari_app.adapters.redis.address import Where
from ari_app.config import Mistakes, load


def told(url: str) -> tuple[str, list[str], str]:
    where = Where.parse(url)
    return where.kind, [repr(address) for address in where.addresses], where.service


@pytest.mark.parametrize(
    ("url", "kind", "addresses", "service"),
    [
        ("redis://h:1/2", "single", ["h:1"], ""),
        ("unix:///run/redis.sock", "single", ["/run/redis.sock"], ""),
        ("redis+cluster://h1:1,h2:2", "cluster", ["h1:1", "h2:2"], ""),
        ("redis+cluster://u:s@h1,[::1]:7000/", "cluster", ["h1:6379", "::1:7000"], ""),
        ("redis+sentinel://h1:1,h2/mymaster", "sentinel", ["h1:1", "h2:26379"], "mymaster"),
        ("redis+sentinel://:s@h1/mymaster/3", "sentinel", ["h1:26379"], "mymaster"),
    ],
)
def test_where_redis_is(url: str, kind: str, addresses: list[str], service: str) -> None:
    assert told(url) == (kind, addresses, service)
    assert load(env={"RINGBRIDGE_REDIS_URL": url}).settings.redis_url == url


def test_user_password_and_database_are_for_every_server() -> None:
    for url in ("redis+sentinel://u:p%40ss@h1,h2/mymaster/3", "redis://u:p%40ss@h1/3"):
        for address in Where.parse(url).addresses:
            assert address.at("other", 1).greeting == (("AUTH", "u", "p@ss"), ("SELECT", 3))
    (first, second) = Where.parse("redis+cluster://:s@h1,h2").addresses
    assert first.greeting == second.greeting == (("AUTH", "default", "s"),)


def test_tls_is_by_the_first_word() -> None:
    assert Where.parse("rediss+cluster://h1,h2").addresses[1].tls is not None
    assert Where.parse("rediss+sentinel://h1/m?ssl_cert_reqs=none").addresses[0].tls is not None
    assert Where.parse("redis+cluster://h1").addresses[0].tls is None


@pytest.mark.parametrize(
    "url", ["redis+sentinel://h1:1", "redis+sentinel:///name", "redis+cluster://", "redis+other://h"]
)
def test_what_names_nothing_is_a_mistake(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis\+"):
        Where.parse(url)
    with pytest.raises(Mistakes, match="redis_url"):
        load(env={"RINGBRIDGE_REDIS_URL": url})


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Where.parse("redis+cluster://u:secret@h1,h2"))
