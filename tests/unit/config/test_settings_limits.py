"""The settings of the limits: as they may be written, and whom they are not for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.config import Mistakes, Settings, load
from ari_app.domain.limits import Limit
from ari_app.engine.spending import Spend
from ari_app.ground import attempt_rules_of, spend_rules_of


def loaded(**settings: str) -> Settings:
    return load(env={f"RINGBRIDGE_{name.upper()}": value for name, value in settings.items()}).settings


def test_the_limits_are_on_unless_they_are_taken_off() -> None:
    rules = attempt_rules_of(loaded())
    assert rules.pair == (Limit(3, 300), Limit(6, 600), Limit(10, 86_400))
    assert rules.number == (Limit(30, 3600),)

    rules = attempt_rules_of(loaded(pair_limits="off", number_limits=" 5/60 ,7/3600"))
    assert (rules.pair, rules.number) == ((), (Limit(5, 60), Limit(7, 3600)))


def test_a_file_takes_them_off_by_an_empty_list(tmp_path: Path) -> None:
    file = tmp_path / "ringbridge.toml"
    file.write_text('pair_limits = []\nnumber_limits = ["1/60"]\nuser_spend_max = 12.5\nteam_spend_max = 1000\n')
    settings = load(str(file), env={}).settings
    assert (settings.pair_limits, settings.number_limits) == ((), (Limit(1, 60),))
    assert (settings.user_spend_max_micro, settings.team_spend_max_micro) == (12_500_000, 1_000_000_000)


@pytest.mark.parametrize("wrong", ["3", "3/0", "0/300", "3/300/2", "-3/300", "3 in 300", "3/300;6/600", "1000000/60"])
def test_what_is_no_limit_is_told_with_what_was_expected(wrong: str) -> None:
    with pytest.raises(Mistakes, match=r"pair_limits: .* will not do; expected .*such as 3/300.*; or off"):
        loaded(pair_limits=wrong)


@pytest.mark.parametrize("wrong", ["-1", "1,50", "0.0000001", "1e3", "many", "10000000000"])
def test_what_is_no_amount_is_told_with_what_was_expected(wrong: str) -> None:
    with pytest.raises(Mistakes, match=r"user_spend_max: .*expected an amount such as"):
        loaded(user_spend_max=wrong)


def test_an_amount_is_kept_in_millionths_and_an_alarm_above_its_stop_is_a_mistake() -> None:
    rules = spend_rules_of(loaded(user_spend_alarm="0.5", user_spend_max="99.50", team_spend_alarm="7"))
    assert rules.user == Spend(500_000, 99_500_000)
    assert rules.team == Spend(7_000_000, 0)
    with pytest.raises(Mistakes, match="user_spend_alarm: above user_spend_max it is never told"):
        loaded(user_spend_alarm="3", user_spend_max="2")


def test_the_simulated_carrier_s_numbers_alone_are_free_and_only_where_no_other_carrier_is() -> None:
    own = {"ari_url": "http://127.0.0.1:8088", "ari_password": "x", "redis_url": "redis://127.0.0.1/0"}
    assert loaded().free_prefixes == ("+86139",)
    assert loaded(trunks_file="sip_trunks.conf").free_prefixes == ()
    assert loaded(**own).free_prefixes == ()
    assert loaded(unlimited_prefixes="+8610,+8621", **own).free_prefixes == ("+8610", "+8621")
