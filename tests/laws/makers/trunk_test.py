"""Tests of a trunk for the laws: one phone, for which nobody pays."""

from ari_app.domain import charging
from tests.laws.maker import Maker
from tests.laws.world import trunk_test_call

MAKER = Maker(trunk_test_call, rule=charging.nothing, runs=20)
