"""The Lua files keep to the rules of the house."""

import re
from importlib.resources import files

import pytest

from ari_app.adapters.redis.scripts import script_of, shipped, with_includes
from ari_app.domain.ledger_types import BUCKETS_MAX, OPS_KEPT_MS

FOLDER = files("ari_app.adapters.redis") / "lua"
FILES = sorted(file.name for file in FOLDER.iterdir() if file.name.endswith(".lua"))


def text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_no_script_passes_sixty_lines(name: str) -> None:
    assert len(text(name).splitlines()) <= 60
    assert max(map(len, text(name).splitlines())) <= 120


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".inc.lua")])
def test_every_script_says_what_it_is_for_its_keys_its_arguments_and_its_answers(name: str) -> None:
    head = text(name).split("]]")[0]

    assert head.startswith("--[[ ")
    for word in ("KEYS", "ARGV", "Gives"):
        assert re.search(rf"\n  {word}\b", head), f"{name} does not tell its {word}"


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith(".inc.lua")])
def test_every_script_has_its_keys_passed_in_and_makes_none_up(name: str) -> None:
    keys_count = int(name.removesuffix(".lua").rpartition("-")[2])

    commands = re.findall(r"redis\.call\((.*?)[,)]\s*(\S*)", with_includes(text(name)))
    assert commands
    for command, key in commands:
        assert key.startswith("KEYS[") or "TIME" in command, f"{name}: {command} of a key that was not passed in"
    assert all(int(n) <= keys_count for n in re.findall(r"KEYS\[(\d+)\]", text(name)))


def test_the_scripts_know_the_same_limits() -> None:
    calendar = text("calendar.inc.lua")

    assert f"#acc[5] < {BUCKETS_MAX} " in calendar
    assert f"'EXPIRE', KEYS[4], {2 * OPS_KEPT_MS // 1000 + 86_400})" in calendar


def test_a_script_is_known_by_what_redis_calls_it() -> None:
    script = script_of("answer-1.lua", "return 42")

    assert (script.name, script.keys_count, script.sha) == ("answer", 1, "1fa00e76656cc152ad327c13fe365858fd7be306")


def test_every_file_is_shipped_and_its_includes_are_put_in() -> None:
    assert set(shipped()) == {name.rpartition("-")[0] for name in FILES if not name.endswith(".inc.lua")}
    assert all("--@include" not in script.source for script in shipped().values())
    assert "local function soonest" in shipped()["hold"].source
