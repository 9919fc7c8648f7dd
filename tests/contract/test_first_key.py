"""The first admin key, over memory and Redis: there is one at a time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ari_app.adapters.memory_users import MemoryKeys
from ari_app.adapters.redis.keys import RedisKeys
from ari_app.config import Mistakes
from ari_app.first_key import first_key
from ari_app.ports.keys import Keys, described, digest_of


@pytest.fixture(params=["memory", "redis"])
def keys(request: pytest.FixtureRequest) -> Keys:
    return MemoryKeys() if request.param == "memory" else RedisKeys(request.getfixturevalue("link"))


async def test_a_key_of_the_operator_s_replaces_the_one_before(keys: Keys, tmp_path: Path) -> None:
    await keys.add(*described("rb_another", "shop", ("call",), 1))

    for secret in ("the-first-secret-1", "the-first-secret-2"):
        assert await first_key(keys, secret, tmp_path, 1) == secret

    assert await keys.find(digest_of("the-first-secret-1")) is None
    found = await keys.find(digest_of("the-first-secret-2"))
    assert found is not None
    assert found.may("admin")
    assert [key.name for key in await keys.all() if key.name != "first"] == ["shop"]


async def test_the_same_key_again_stays_as_it_is(keys: Keys, tmp_path: Path) -> None:
    await first_key(keys, "the-first-secret-1", tmp_path, 1)
    await first_key(keys, "the-first-secret-1", tmp_path, 2)

    assert [key.created_at_ms for key in await keys.all()] == [1]


async def test_without_one_it_is_made_once_and_kept_and_an_operator_s_takes_its_place(
    keys: Keys, tmp_path: Path
) -> None:
    made = await first_key(keys, "", tmp_path, 1)
    assert await first_key(keys, "", tmp_path, 2) == made
    assert stat.S_IMODE((tmp_path / "api-key").stat().st_mode) == 0o600

    await first_key(keys, "the-first-secret-1", tmp_path, 3)
    assert await keys.find(digest_of(made)) is None
    assert await first_key(keys, "", tmp_path, 4) == made
    assert await keys.find(digest_of("the-first-secret-1")) is None


@pytest.mark.parametrize(
    ("name", "tenant", "said"),
    [("crm", "", "the key “crm”, not"), ("first", "acme", "the key “first” of the tenant acme")],
)
async def test_a_program_s_key_in_the_environment_does_not_become_the_first_one(
    keys: Keys, tmp_path: Path, name: str, tenant: str, said: str
) -> None:
    """The command line reads RINGBRIDGE_API_KEY, too."""
    made = await first_key(keys, "", tmp_path, 1)
    await keys.add(*described("rb_another", name, ("call",), 2, tenant=tenant))
    before = await keys.all()

    with pytest.raises(Mistakes, match=said) as told:
        await first_key(keys, "rb_another", tmp_path, 3)

    assert "RINGBRIDGE_API_KEY" in str(told.value)
    assert "rb_another" not in str(told.value)
    assert await keys.all() == before
    assert await first_key(keys, "", tmp_path, 4) == made
