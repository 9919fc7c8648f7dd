"""Callbacks for the laws."""

from tests.laws.maker import Maker
from tests.laws.world import callback_call

MAKER = Maker(callback_call)
