"""Caller and callee as they were written: a user, a number, or neither. The real service, without a PBX."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.adapters.memory_users import MemoryUsers
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.domain.numbers import Rules
from ari_app.engine.asks import Refusal
from ari_app.engine.service import CallService
from ari_app.engine.trunk_book import TrunkBook
from ari_app.ports.users import OwnedNumber, User
from tests.support import callback_ask, personal
from tests.unit.service.lines import fleet_of, never

WORD, LOOKS_LIKE_A_NUMBER = ("unknown-user", "There is no such user"), ("invalid-number", "This is not a phone number")


@pytest.fixture
async def service() -> CallService:
    users = MemoryUsers()
    await users.put(User("alice", (OwnedNumber("+8613900000001", "admin", 1),)))
    policy: Any = SimpleNamespace(rules=Rules(("CN",)))
    return CallService(
        fleet=fleet_of(), users=users, is_resolved=never, read_number=PhoneNumbers("CN").read,
        policy=policy, trunks=TrunkBook(()), now_ms=lambda: 0, entitled=personal,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("bob", WORD),
        ("Bob Smith", WORD),
        ("小明", WORD),
        ("bob-13900000001", WORD),
        ("+bob", WORD),
        ("+861390", LOOKS_LIKE_A_NUMBER),
        ("1390000000", LOOKS_LIKE_A_NUMBER),
        ("12345678901234567890", LOOKS_LIKE_A_NUMBER),
        ("+999 12345", LOOKS_LIKE_A_NUMBER),
        ("", LOOKS_LIKE_A_NUMBER),
    ],
)
@pytest.mark.parametrize("role", ["caller", "callee"])
async def test_a_word_is_an_unknown_user_and_digits_are_no_number(
    service: CallService, role: str, written: str, told: tuple[str, str]
) -> None:
    asked = (
        callback_ask(caller=written, callee="alice")
        if role == "caller"
        else callback_ask(caller="alice", callee=written)
    )
    refusal = await service.place(asked, owner="shop")
    assert isinstance(refusal, Refusal)
    assert (refusal.type, refusal.at) == (told[0], role)
    assert refusal.sentence.startswith(told[1])
