"""Which line belongs to which leg: the best pairing there is, whatever is tried first."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from itertools import permutations

from ari_app.domain.billing_match import Ours, Terms, Theirs
from ari_app.domain.billing_pairs import EXACT_MAX, GROUP_MAX, groups, pairs
from tests.ground import SOAK

SEED = int(os.environ.get("SEED", "1"))
TERMS = Terms()
ALONE = 2 * (120_000 + 30_000 + 1)


def ours(at_s: int, talk_s: int = 60, leg: str = "c1") -> Ours:
    return Ours("+861", at_s * 1000, leg, True, talk_s * 1000, 60_000, "1/1", "CNY", talk_s * 1000)


def theirs(at_s: int, talk_s: int = 60, line: int = 2) -> Theirs:
    return Theirs("+861", at_s * 1000, talk_s * 1000, None, talk_s * 1000, None, "CNY", line)


def test_the_nearest_is_not_taken_from_the_one_that_has_no_other() -> None:
    assert pairs([ours(0), ours(70)], [theirs(60), theirs(150)], TERMS) == [(0, 0), (1, 1)]


def test_a_near_one_is_not_given_up_for_two_far_ones() -> None:
    assert pairs([ours(0), ours(100)], [theirs(101), theirs(219)], TERMS) == [(1, 0)]


def test_the_duration_tells_which_of_two_near_ones_it_is() -> None:
    assert pairs([ours(0, 30), ours(20, 300)], [theirs(10, 300), theirs(11, 30)], TERMS) == [(0, 1), (1, 0)]


def test_of_two_that_are_alike_the_one_with_the_same_money_is_it() -> None:
    cheaper = theirs(5)._replace(cost_micro=30_000)
    assert pairs([ours(0)], [cheaper, theirs(5)], TERMS) == [(0, 1)]


def test_what_is_too_far_apart_is_no_pair() -> None:
    assert pairs([ours(0)], [theirs(120)], TERMS) == [(0, 0)]
    assert pairs([ours(0)], [theirs(121)], TERMS) == []


def worth(found: Sequence[tuple[int, int]], legs: Sequence[Ours], lines: Sequence[Theirs]) -> int:
    """What the pairing costs, by the words of the module alone."""
    cost = 0
    for leg, line in found:
        away_ms = abs(legs[leg].at_ms - lines[line].at_ms)
        assert away_ms <= 120_000
        alike = abs(legs[leg].talk_ms - (lines[line].duration_ms or 0)) <= 1000
        cost += 2 * (away_ms + (0 if alike else 30_000)) + (legs[leg].cost_micro != lines[line].cost_micro) - ALONE
    return cost


def least(legs: Sequence[Ours], lines: Sequence[Theirs]) -> int:
    """Of all pairings."""
    best = 0
    places = [*range(len(lines)), *([None] * len(legs))]
    for chosen in set(permutations(places, len(legs))):
        found = [(leg, line) for leg, line in enumerate(chosen) if line is not None]
        if all(abs(legs[leg].at_ms - lines[line].at_ms) <= 120_000 for leg, line in found):
            best = min(best, worth(found, legs, lines))
    return best


def test_small_groups_are_paired_as_well_as_can_be() -> None:
    chance = random.Random(SEED)
    for _ in range(2_000 if SOAK else 120):
        legs = sorted(ours(chance.randrange(300), chance.choice((30, 60, 90))) for _ in range(chance.randrange(1, 4)))
        lines = sorted(
            theirs(chance.randrange(300), chance.choice((30, 60, 90))) for _ in range(chance.randrange(1, 5))
        )
        found = pairs(legs, lines, TERMS)
        assert len({leg for leg, _ in found}) == len({line for _, line in found}) == len(found)
        assert worth(found, legs, lines) == least(legs, lines)


def test_great_groups_are_paired_in_the_order_of_time() -> None:
    n = EXACT_MAX * 5
    legs, lines = (
        [ours(15 * k, leg=f"c{k:03d}") for k in range(n)],
        [theirs(15 * k + 2, line=k) for k in range(n) if k != 11],
    )
    assert pairs(legs, lines, TERMS) == [(k, k - (k > 11)) for k in range(n) if k != 11]


def test_a_number_without_a_pause_is_cut_into_groups_that_the_memory_holds() -> None:
    legs, lines = (ours(k, leg=f"c{k:05d}") for k in range(1000)), (theirs(k, line=k) for k in range(1000))
    found = list(groups(legs, lines, 120_000))
    assert {len(group.ours) + len(group.theirs) for group in found} == {GROUP_MAX}
    assert [group.goes_on for group in found] == [True] * 9 + [False]


def test_numbers_and_pauses_end_a_group() -> None:
    far = theirs(1000)._replace(number="+862")
    found = [(len(g.ours), len(g.theirs)) for g in groups([ours(0), ours(500)], [theirs(100), far], 120_000)]
    assert found == [(1, 1), (1, 0), (0, 1)]
