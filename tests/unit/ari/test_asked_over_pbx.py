"""A call asked for over Asterisk itself always has an answer: a channel that nobody sends back waits in Stasis."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from ari_app.domain.errors import Unavailable
from ari_app.engine.service import CallService
from ari_app.engine.trunk_book import TrunkBook
from ari_app.ports.telephony import Asked, LinkLost, NoSuchChannel, Telephony
from tests.support import personal, until
from tests.unit.service.lines import fleet_of, never

ASKED = Asked(caller="alice", callee="+8613900000004", key="k", channel="chan-1")


class Pbx:
    """Keeps what came back; fails with `fault`."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.sent_back: list[tuple[str, Mapping[str, str]]] = []

    async def send_back(self, channel: str, variables: Mapping[str, str]) -> None:
        self.sent_back.append((channel, variables))
        if self.fault is not None:
            raise self.fault


class Users:
    """Every question ends so."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    async def get(self, _user_id: str) -> None:
        raise self.fault


def service_of(users: Any) -> CallService:
    policy: Any = SimpleNamespace()
    return CallService(
        fleet=fleet_of(), users=users, is_resolved=never, read_number=lambda _: None, policy=policy,
        trunks=TrunkBook(()), now_ms=lambda: 0, entitled=personal,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "error"), [(Unavailable("Redis is away"), "no-capacity"), (KeyError("a bug"), "internal-error")]
)
async def test_a_channel_goes_back_with_an_error_word_when_placing_fails(fault: Exception, error: str) -> None:
    pbx = Pbx()
    service_of(Users(fault)).asked_over_pbx(ASKED, cast(Telephony, pbx))
    await until(lambda: pbx.sent_back, within_s=2)
    said = {"RINGBRIDGE_STATUS": "REFUSED", "RINGBRIDGE_ERROR": error, "RINGBRIDGE_CALL": ""}
    assert pbx.sent_back == [("chan-1", said)]


@pytest.mark.parametrize("fault", [NoSuchChannel(404, "gone"), LinkLost("cut")])
async def test_a_channel_that_cannot_be_sent_back_is_no_fault(fault: Exception) -> None:
    pbx = Pbx(fault)
    await service_of(Users(Unavailable("Redis is away")))._asked_over_pbx(ASKED, cast(Telephony, pbx))
    assert len(pbx.sent_back) == 1


async def test_a_refusal_is_logged_with_who_asked_for_what() -> None:
    class Nobody:
        async def get(self, _user_id: str) -> None:
            return None

    pbx = Pbx()
    with capture_logs() as logged:
        await service_of(Nobody())._asked_over_pbx(ASKED, cast(Telephony, pbx))
    [line] = [line for line in logged if line["event"] == "call asked for over ARI refused"]
    told = {name: line[name] for name in ("caller", "callee", "key", "channel", "why")}
    assert told == {
        "caller": "alice", "callee": "+8613900000004", "key": "k", "channel": "chan-1", "why": "unknown-user",
    }  # fmt: skip
    assert pbx.sent_back[0][1]["RINGBRIDGE_ERROR"] == "unknown-user"
