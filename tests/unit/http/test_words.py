"""What end users are told: in both languages, of everything that may happen to them, and in words that are theirs."""

from __future__ import annotations

import re
from itertools import product
from typing import get_args

import pytest

from ari_app.domain.causes import HungUpBy, Outcome, Reason
from ari_app.domain.notices import Outcome as NoticeOutcome
from ari_app.entrypoints import words
from ari_app.entrypoints.http.problems import KINDS
from ari_app.entrypoints.languages import language_of, language_of_locale
from ari_app.entrypoints.words import Words, how_reached, span, why_ended, why_refused

CHINESE = re.compile(r"[\u4e00-\u9fff]")
OURS = re.compile(r"\b(leg|trunk|API|key|payer|callee|caller|JSON|HTTP|hold|slice|channel|SIP|server|id)\b")
ALL = [
    *words.REASONS.values(), *words.BY_WHO.values(), *words.OUTCOMES.values(), *words.PROBLEMS.values(),
    *words.RULES.values(), *words.BY_FIELD.values(), words.FAULT, words.AGAIN, words.LATER,
]  # fmt: skip


@pytest.mark.parametrize(("reason", "by"), [*product(Reason, HungUpBy)])
def test_every_end_of_a_call_is_told_in_both_languages(reason: Reason, by: HungUpBy) -> None:
    assert not CHINESE.search(why_ended(reason, by, "en"))
    assert CHINESE.search(why_ended(reason, by, "zh"))


@pytest.mark.parametrize("outcome", sorted({*map(str, Outcome), *get_args(NoticeOutcome)}))
def test_every_outcome_of_a_phone_is_told_in_both_languages(outcome: str) -> None:
    assert how_reached(outcome, "en").endswith(".")
    assert CHINESE.search(how_reached(outcome, "zh"))


@pytest.mark.parametrize("type", KINDS)
def test_every_problem_is_for_a_user_or_for_the_developer_and_told_in_both_languages(type: str) -> None:
    assert (type in words.PROBLEMS) != (type in words.FOR_DEVELOPERS)
    for again_s in (None, 90):
        said = [why_refused(type, KINDS[type].status, language, again_s=again_s) for language in words.LANGUAGES]
        assert [bool(CHINESE.search(one)) for one in said] == [False, True]
        assert not any("{" in one for one in said)


def test_no_words_are_for_what_there_is_not() -> None:
    assert {*words.PROBLEMS, *words.FOR_DEVELOPERS} <= KINDS.keys()


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.en)
def test_a_sentence_is_one_for_a_person_and_says_the_same_places_in_both_languages(one: Words) -> None:
    assert not OURS.search(one.en)
    assert not CHINESE.search(one.en)
    assert re.fullmatch(r"[A-Z].{5,130}\.", one.en)
    assert re.fullmatch(r"[^ -~]?.{2,60}。", one.zh)
    assert CHINESE.search(one.zh)
    assert set(re.findall(r"{\w*}", one.en)) == set(re.findall(r"{\w*}", one.zh)) <= {"{wait}"}


def test_who_may_try_again_is_told_when() -> None:
    said = why_refused("too-many-calls", 429, "en", rule="pair-3-in-300s", again_s=180)
    assert said == "You have called this number too often. Please try again in 3 minutes."
    assert why_refused("too-many-calls", 429, "zh", rule="pair-3-in-300s", again_s=180) == (
        "您拨打该号码过于频繁。请在3 分钟后重试。"
    )
    assert why_refused("no-capacity", 503, "en") == "All lines are busy right now. Please try again later."
    assert why_refused("balance-empty", 402, "en") == "You have no minutes left for this call."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 second"), (1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (100, "100 seconds"), (181, "4 minutes"),
     (3600, "1 hour"), (5400, "90 minutes"), (86_400, "1 day"), (300_000, "4 days")],
)  # fmt: skip
def test_a_time_is_told_as_people_say_it_and_never_too_short(seconds: int, said: str) -> None:
    assert span(seconds, "en") == said


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN", "zh"), ("zh", "zh"), ("zh-Hans", "zh"), ("zh-Hant-TW", "zh"), ("ZH_cn", "zh"), ("en-GB", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en;q=0.8, zh;q=0.9", "zh"), ("en, zh", "en"), ("zh, en", "zh"),
        ("zh;q=0.1", "zh"), ("fr, zh;q=0.2", "zh"), ("zh;q=0", "en"), ("en;q=0, *", "zh"), ("zh;q=0, *;q=0.1", "en"),
        ("*", "en"), ("", "en"), ("fr", "en"), ("zh;q=2, en", "en"), ("zh;q=abc", "en"), ("zh ; q=0.5", "zh"),
        (";;,,=", "en"), ("fr;q=1," * 60 + "zh", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_is_wanted_most(accepted: str, language: str) -> None:
    assert language_of(accepted, "en") == language


def test_without_a_wish_it_is_the_operators() -> None:
    assert [language_of(said, "zh") for said in ("", "fr", "*", "zh;q=0", "en")] == ["zh", "zh", "zh", "zh", "en"]


@pytest.mark.parametrize(
    ("environment", "language"),
    [({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "C.UTF-8"}, "en"), ({}, "en"),
     ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW@x"}, "zh"), ({"LANG": "zh_CN", "LC_MESSAGES": "en_GB"}, "en")],
)  # fmt: skip
def test_on_a_terminal_it_is_the_locales(environment: dict[str, str], language: str) -> None:
    assert language_of_locale(environment) == language
