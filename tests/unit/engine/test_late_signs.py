"""A leg that was hung up before it was there: nobody asks for its end once more, so its first sign of life must."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.domain.call import Call, Leg, Route, Try
from ari_app.domain.events import Answered, Dialled, Event, Rang
from ari_app.engine.signs import is_unwanted

LEG = Leg("in1", "+861", (Route("", "", "", ""),), 15_000, came_in=True, tries=(Try(),))
CALL = Call("c" + "0" * 26, "conference", 1, "alice", (LEG,))


@pytest.mark.parametrize("sign", [Rang("in1", 0, 5), Answered("in1", 0, 5)])
def test_a_sign_of_life_after_the_hang_up_was_asked_for(sign: Event) -> None:
    hung_up = replace(CALL, asked=frozenset({"hangup:in1:0"}))
    assert is_unwanted(sign, hung_up, hung_up)
    assert not is_unwanted(sign, CALL, CALL), "before that, it is what was waited for"
    assert not is_unwanted(Dialled("in1", 0, 5), hung_up, hung_up), "and no sign of life"
