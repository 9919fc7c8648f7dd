"""ringbridge plans: check a file, show the plans, print one to start from; and what `check` and `up` say of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import Mistakes, Settings
from ari_app.ground import lay_ground
from ari_app.operator_files import Files, read_files
from ari_app.plans_file import load_plans, shipped
from ari_app.plans_options import OPTIONS
from tests.unit.cli.conftest import Ran, Run

WRONG = 'version = "1"\n[personal]\nminutes = "60"\n[team.minutes]\n5 = 90\n[certified.minutes]\n6 = 4.5\n'
PLACES = ["plans.toml:3", "plans.toml:5", "plans.toml:7"]


def places(told: str) -> list[str]:
    return [line.strip().split(": ")[0] for line in told.splitlines()]


def one_line(ran: Ran) -> Any:
    assert ran.out.count("\n") == 1
    return json.loads(ran.out)


def test_a_file_is_checked_by_itself(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text(WRONG)
    ran = run("plans", "check", "plans.toml")
    assert (ran.code, places(ran.out)) == (1, PLACES)
    as_json = one_line(run("plans", "check", "plans.toml", "--json"))
    assert (as_json["ok"], as_json["file"]) == (False, "plans.toml")
    assert [mistake["place"] for mistake in as_json["mistakes"]] == PLACES
    assert run("plans", "check", "no.toml").out == "no.toml: cannot be read: No such file or directory\n"


def test_the_shipped_plans_are_shown(run: Run) -> None:
    ran = run("plans", "check")
    assert ran.code == 0
    first, team, *_ = lines = ran.out.splitlines()
    assert first == "the shipped table is in order, version 2026-11"
    assert team == "the plans of a team apply from 6 members on"
    assert lines[3].split("  ")[0] == "plan"
    assert "certified  100           1000     setting    setting     setting" in lines
    assert len(lines) == 4 + 1 + 5 + 4


def test_the_help_says_whose_plans_are_checked_without_a_file(run: Run) -> None:
    told = " ".join(run("plans", "check", "--help").out.split())
    assert "the file that the settings here (--config, the environment) name" in told
    assert '"plans loaded"' in told


def test_the_plans_of_the_settings_are_shown_with_their_own_terms(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text('plans_file = "mine.toml"\n')
    text = run("plans", "sample").out.replace(
        "[team.minutes]", '[team]\nincrement = "6/6"\nslice_s = 30\n[team.minutes]'
    )
    (tmp_path / "mine.toml").write_text(text.replace("# max_live_calls = 2", "max_live_calls = 4"))

    told = run("plans", "check").out
    assert told.startswith("mine.toml is in order, version 2026-11\n")
    assert "personal   any           60       setting    4           setting" in told
    assert "team       6             90       6/6        setting     30 s" in told
    data = one_line(run("plans", "check", "--json"))
    assert (data["ok"], data["version"], data["team_min"]) == (True, "2026-11", 6)
    assert data["plans"][1] | {"steps": data["plans"][1]["steps"][:1]} == {
        "name": "team", "steps": [{"members": 6, "minutes": 90}], "increment": "6/6", "max_live_calls": None,
        "slice_s": 30,
    }  # fmt: skip


def test_the_sample_is_the_shipped_table(run: Run, tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text(run("plans", "sample").out)
    assert load_plans(tmp_path / "plans.toml") == shipped()
    assert [option["name"] for option in one_line(run("plans", "sample", "--json"))] == list(OPTIONS)


def test_check_tells_the_mistakes_of_every_file_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text('http_port = -1\ntrunks_file = "t.conf"\nplans_file = "plans.toml"\n')
    (tmp_path / "t.conf").write_text("[a]\nhost = 127.0.0.1\nport = 99999\n")
    (tmp_path / "plans.toml").write_text(WRONG)
    ran = run("check")
    assert (ran.code, places(ran.out)) == (1, [*PLACES, "ringbridge.toml:1", "t.conf:3"])
    ran = run("up")
    assert (ran.code, places(ran.err)[1:]) == (1, ["ringbridge.toml:1", "t.conf:3", *PLACES])


@pytest.mark.parametrize("command", [("check",), ("plans", "check"), ("up",)])
def test_a_slice_that_the_settings_do_not_allow_is_a_mistake(
    command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "ringbridge.toml").write_text('plans_file = "plans.toml"\nmargin_s = 20\n')
    (tmp_path / "plans.toml").write_text(shipped_with("slice_s = 20"))
    told = run(*command)
    assert told.code == 1
    assert "personal.slice_s: 20 must be greater than the setting margin_s (20)" in told.out + told.err
    assert not (tmp_path / ".ringbridge" / "redis").exists()


def test_a_mistake_elsewhere_in_the_settings_hides_it_not(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text('plans_file = "plans.toml"\nmargin_s = 20\nhttp_port = -1\n')
    (tmp_path / "plans.toml").write_text(shipped_with("slice_s = 20"))
    assert len(run("check").out.splitlines()) == 2
    (tmp_path / "ringbridge.toml").write_text('plans_file = "plans.toml"\nmargin_s = "much"\n')
    assert len(run("check").out.splitlines()) == 1


def shipped_with(line: str) -> str:
    return f'version = "1"\n[personal]\nminutes = 1\n{line}\n[team.minutes]\n6 = 1\n[certified.minutes]\n6 = 1\n'


def test_the_start_tells_the_mistakes_of_both_files_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text("[a]\n")
    (tmp_path / "plans.toml").write_text(WRONG)
    settings = Settings(
        trunks_file=str(tmp_path / "t.conf"), plans_file=str(tmp_path / "plans.toml"), state_dir=str(tmp_path / "home")
    )
    with pytest.raises(Mistakes) as caught:
        lay_ground(settings)
    assert len(caught.value.found) == 4
    assert not (tmp_path / "home").exists()


def test_the_start_has_the_plans_of_the_file_or_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text(shipped_with(""))
    own = Settings(
        ari_url="http://h:1", ari_password="x", redis_url="redis://h", plans_file=str(tmp_path / "plans.toml")
    )

    assert lay_ground(own).plans.best().allowance_s == 60
    assert read_files(Settings()) == Files(trunks=(), plans=shipped(), nodes=())
