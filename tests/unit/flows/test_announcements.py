"""Why the callee was not reached, as the caller is told it: busy, no answer, unavailable, not in service."""

from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import Call, Leg, LegState, Route, Terms, Try
from ari_app.domain.events import Tick
from ari_app.domain.step import step
from ari_app.domain.wishes import Play
from ari_app.flows import callback

T0_MS = 1_800_000_000_000
ROUTE = Route("telco", "+8613900000002", "+8613900000001", "verified")
GONE = Try(LegState.GONE, T0_MS, ended_at_ms=T0_MS + 3_000, how="remote")


def leg(role: str, *tries: Try, **more: Any) -> Leg:
    routes = (ROUTE,) * max(1, len(tries))
    return Leg(role, "+8613900000001", **{"routes": routes, "ring_timeout_ms": 30_000, "tries": tries} | more)


def call(callee: Leg, terms: Terms | None = None) -> Call:
    """The caller is on the line, and has heard nothing yet."""
    caller = leg("caller", Try(LegState.UP, T0_MS - 2_000, answered_at_ms=T0_MS - 1_000))
    return Call(
        "c1", "callback", T0_MS - 3_000, "u", (caller, callee), terms or Terms(), now_ms=T0_MS + 3_000, holds=1,
        held_s=120, done=frozenset({"bridge"}), asked=frozenset({"bridge", "dial:caller:0", "dial:callee:0"}),
    )  # fmt: skip


def told(c: Call) -> tuple[str, list[str]]:
    """Why the call ended, and what is said to the caller about it."""
    after, wishes, _ = step(c, [Tick(c.now_ms)], callback.plan)
    assert after.end is not None
    return after.end.reason, [w.sound for w in wishes if isinstance(w, Play) and w.leg == "caller"]


def gone(**facts: Any) -> Call:
    return call(leg("callee", replace(GONE, **facts)))


@pytest.mark.parametrize(
    ("sip", "cause"),
    [
        (404, 1), (410, 22), (484, 28), (485, 1), (604, 1),
        (480, 1),  # a carrier that says no more than 480, and the cause in a Reason header
        (None, 1), (None, 28),  # by the PBX's record, which has no SIP status
    ],
)  # fmt: skip
def test_of_a_number_that_does_not_exist_it_is_said_that_it_is_not_in_service(sip: int | None, cause: int) -> None:
    assert told(gone(sip_status=sip, cause=cause)) == ("callee_unreachable", ["not_in_service"])


@pytest.mark.parametrize(("sip", "cause"), [(480, 19), (480, None), (607, 21), (None, 19), (None, 22)])
def test_of_a_phone_that_is_away_for_now_it_is_said_that_it_is_unavailable(sip: int | None, cause: int | None) -> None:
    assert told(gone(sip_status=sip, cause=cause)) == ("callee_unreachable", ["unavailable"])


@pytest.mark.parametrize(
    ("facts", "reason", "sound"),
    [
        ({"sip_status": 486, "cause": 17}, "callee_busy", "busy"),
        ({"sip_status": 480, "cause": 19, "rang_at_ms": T0_MS + 500}, "callee_no_answer", "no_answer"),
        ({"sip_status": 603, "cause": 21}, "callee_rejected", "unavailable"),
        ({"sip_status": 503, "cause": 34}, "trunk_failed", "trunk_failed"),
    ],
)
def test_every_other_reason_has_a_sound_of_its_own(facts: dict[str, Any], reason: str, sound: str) -> None:
    assert told(gone(**facts)) == (reason, [sound])


def test_the_last_trunk_s_word_counts() -> None:
    """The first one failed, and knew nothing of the number."""
    failed = replace(GONE, ended_at_ms=T0_MS + 1_000, sip_status=503, cause=1)
    away = replace(GONE, dialled_at_ms=T0_MS + 1_000, sip_status=480, cause=19)
    assert told(call(leg("callee", failed, away))) == ("callee_unreachable", ["unavailable"])
    unknown = replace(away, sip_status=404, cause=1)
    assert told(call(leg("callee", replace(failed, cause=34), unknown))) == ("callee_unreachable", ["not_in_service"])


def test_a_trunk_with_a_table_of_its_own_decides_why_not_what_is_said_of_it() -> None:
    """Its 404 is a phone that is switched on and busy: no word of a number that does not exist."""
    routes = (replace(ROUTE, causes=((404, "busy"),)),)
    busy = call(leg("callee", replace(GONE, sip_status=404, cause=1), routes=routes))
    assert told(busy) == ("callee_busy", ["busy"])


def test_after_a_second_of_the_network_s_own_words_nothing_is_said() -> None:
    spoke = {"early_at_ms": T0_MS + 500, "sip_status": 480, "cause": 19}
    assert told(gone(**spoke)) == ("callee_unreachable", [])
    unheard = call(leg("callee", replace(GONE, **spoke)), Terms(early_media="none"))
    assert told(unheard) == ("callee_unreachable", ["unavailable"])
