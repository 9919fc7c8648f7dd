"""Which programs are used: the machine's own where they are new enough and whole, else the fetched ones."""

from pathlib import Path

import pytest

from ari_app.stack import tools
from ari_app.stack.errors import StackError


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}/sbin:/usr/bin:/bin")
    return tmp_path


def test_an_old_asterisk_on_path_is_passed_over_with_a_word(own: Path) -> None:
    program(own / "sbin/asterisk", "Asterisk 20.6.0~dfsg")
    said: list[str] = []
    assert tools.asterisk_on_path(said.append) is None
    assert "20.6.0" in said[0]
    assert "22.10.1" in said[0]


def test_an_old_asterisk_that_was_asked_for_is_refused(own: Path) -> None:
    path = program(own / "elsewhere/asterisk", "Asterisk 22.10.0")
    with pytest.raises(StackError, match=r"22\.10\.0, not 22\.10\.1 or newer"):
        tools.asterisk_on_path(lambda _: None, str(path))


def test_an_asterisk_without_a_module_that_calls_need_is_refused_by_its_name(own: Path) -> None:
    path = program(own / "sbin/asterisk", "Asterisk 22.10.1")
    modules = own / "lib/asterisk/modules"
    modules.mkdir(parents=True)
    for name in tools.modules_needed() - {"res_cdrel_custom.so"}:
        (modules / name).touch()
    with pytest.raises(StackError, match=r"lacks the modules res_cdrel_custom\.so"):
        tools.asterisk_on_path(lambda _: None, str(path))


def test_a_whole_asterisk_on_path_is_used(own: Path) -> None:
    path = program(own / "sbin/asterisk", "Asterisk 22.11.0")
    modules = own / "lib/asterisk/modules"
    modules.mkdir(parents=True)
    for name in tools.modules_needed():
        (modules / name).touch()
    (own / "share/asterisk/sounds/en").mkdir(parents=True)
    found = tools.asterisk_on_path(lambda _: None)
    assert found
    assert found.command == (str(path),)
    assert (found.modules_dir, found.version) == (modules, "22.11.0")
    assert (found.data_dir / "sounds/en").is_dir()


@pytest.mark.parametrize(("says", "used"), [("v=7.0.15 sha=0:0", False), ("v=7.2.0 sha=0:0", True), ("?", False)])
def test_redis_on_path(own: Path, says: str, used: bool) -> None:
    program(own / "sbin/redis-server", f"Redis server {says} malloc=libc bits=64")
    said: list[str] = []
    found = tools.redis_on_path(said.append)
    assert (found is not None) is used
    assert bool(said) is not used


def test_nothing_is_fetched_when_the_machine_has_all(tmp_path: Path) -> None:
    asterisk = tools.AsteriskFound(("asterisk",), "22.10.1", tmp_path, tmp_path)
    redis = tools.RedisFound(("redis-server",), "7.2.0")

    def fetch() -> Path:
        raise AssertionError("fetched without need")

    found = tools.combine(asterisk, redis, fetch, needs_asterisk=True, needs_redis=True)
    assert (found.asterisk, found.redis) == (("asterisk",), ("redis-server",))
    assert tools.combine(None, redis, fetch, needs_asterisk=False, needs_redis=True).redis == ("redis-server",)
    with pytest.raises(AssertionError):
        tools.combine(None, redis, fetch, needs_asterisk=True, needs_redis=True)


def test_an_incomplete_prefix_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="incomplete"):
        tools.prefix_tools(tmp_path)
