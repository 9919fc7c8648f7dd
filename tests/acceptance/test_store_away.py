"""Redis is away for longer than the lease lasts: nobody may act on the PBX; what that costs ends with the outage."""

from __future__ import annotations

from tests.acceptance.drive import settled_down
from tests.acceptance.house import House
from tests.acceptance.judge import phone_of
from tests.ground import SOAK
from tests.ringbridge import now_ms

BACK_WITHIN_MS = 1_500 if SOAK else 4_000  # beside other tests a machine is slow
LEAVES = "39"
"""As 26, but it stays 2 s longer: the lease has 3.1 s left at most when the store goes, which is no race then."""


def test_a_phone_that_was_left_alone_is_hung_up_as_soon_as_the_store_is_back(house: House) -> None:
    """The callee hangs up while the lease has run out. Perhaps another process owns the PBX by now: the caller's phone
    stays up, at the operator's cost and not the payer's, until it is known that none does."""
    app = house.have(LEASE_TTL_S="6", LEASE_MARGIN_S="2.9")
    house.ground.add_phone(LEAVES, "Answer(,i)", "PlayTones(${TONE_HZ})", "Wait(7)", "Hangup(16)")
    call = house.place("10", LEAVES)
    app.until_state(call.id, "talking")
    house.refuse(house.redis)
    house.until(lambda: is_over(house, call.callee), 12, "the callee hangs up")
    house.until(lambda: now_ms() > ended_ms(house, call.callee) + 1_000, 5, "nobody may do anything")
    assert not is_over(house, call.caller)

    house.accept(house.redis)
    back_ms = now_ms()
    house.until(lambda: is_over(house, call.caller), 10, "the caller is hung up")
    late_ms = ended_ms(house, call.caller) - back_ms
    assert late_ms < BACK_WITHIN_MS, f"{late_ms} ms"
    shown = app.until_ended(call.id)
    assert settled_down(house, call, shown).reason == "completed"
    assert shown["hung_up_by"] == "callee"


def is_over(house: House, number: str) -> bool:
    phone = phone_of(house.ground, number)
    return phone is not None and phone.ended_at_ms is not None


def ended_ms(house: House, number: str) -> int:
    phone = phone_of(house.ground, number)
    assert phone is not None
    assert phone.ended_at_ms is not None
    return phone.ended_at_ms
