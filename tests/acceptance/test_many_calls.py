"""Many live calls, and what is under them dies: the app, killed or told to leave; Asterisk; both at once.

The app: no phone notices, and the next process tends every call within two seconds. Asterisk: every call ends as
`interrupted`, charged to the last second that Asterisk was alive, however late that is found out.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ari_app.domain.ledger_laws import check_laws
from ari_app.entrypoints.views import at_ms
from ari_app.stack.carrier import CarrierCall
from tests.acceptance.crowd import Crowd, Taken
from tests.acceptance.house import Placed
from tests.acceptance.judge import Shown, own_measure_ms
from tests.ground import Ground, laid
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync

COUNTS = (1, 10, 50, 200, 400)
RESTARTS = 2  # each way, for each count: the fastest one counts, as others work on this machine, too
ADOPTED_WITHIN_MS = 2_000
FLAT = 1.5
INTERRUPTED = 100
MARK_MS = 500
LATE_MS = 150
CALLER_HZ = 350.0
"""What phone 01 plays, and 02 records."""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """On a stack of its own: phones that send no sound are not hung up here."""
    home = tmp_path_factory.mktemp("many")
    with laid(home, media_timeout_s=0) as ground:
        crowd = Crowd(ground, home / "app", ALIVE_MARK_S=str(MARK_MS / 1000), ARI_PING_S=str(MARK_MS / 1000))
        try:
            yield crowd
        finally:
            if crowd.app.is_running:
                crowd.app.kill()


@pytest.fixture
def crowd(standing: Crowd) -> Crowd:
    """With an app that runs, and no call."""
    standing.calls = []
    if not standing.app.is_running:
        standing.app.start()
    return standing


# ---- the app dies ---------------------------------------------------------------------------------------------------


@pytest.mark.soak("tests/chaos and test_deploy.py take calls up, too")
def test_every_call_goes_on_and_is_tended_again(crowd: Crowd) -> None:
    took: dict[int, Taken] = {}
    for count in COUNTS:
        crowd.place(count - len(crowd.calls))
        up = crowd.up()
        taken = [crowd.again(end) for end in (Ringbridge.kill, leaves) for _ in range(RESTARTS)]
        now = crowd.up()
        assert not now - up, "a phone was rung again"
        assert not up - now, f"{len(up - now)} phones were lost: {crowd.told_of(up - now)}"
        assert {(one.live, one.gone, one.unknown) for one in taken} == {(count, 0, 0)}
        assert crowd.app.metric('calls_adopted_total{found="live"}') == count
        assert not crowd.app.complaints()
        took[count] = min(taken, key=lambda one: one.load_ms)
        tell(count, took[count])
    ended = crowd.hang_up_all()  # by the API: it reaches only those that are tended
    until_sync(lambda: all(phone.ended_at_ms for phone in crowd.phones().values()), 10, "every phone is down")
    phones = crowd.phones()
    for call, shown in ended.items():
        assert (shown["reason"], shown["hung_up_by"]) == ("completed", "api")
        is_charged_to(phones[call.callee], shown, min(ended_ms(phones[one]) for one in (call.caller, call.callee)))
    until_sync(lambda: not crowd.ground.on_the_pbx(), 5, "nothing is left on the PBX")
    assert all(one.load_ms < ADOPTED_WITHIN_MS for one in took.values())
    few, many = (per_call_ms(took, count) for count in (50, 400))  # a single call tells what is fixed
    assert many <= FLAT * few, f"{few:.2f} ms a call with 50, {many:.2f} with 400"


def leaves(app: Ringbridge) -> None:
    """Told to: a new version is to take its place."""
    assert app.terminate() == 0


def per_call_ms(took: dict[int, Taken], count: int) -> float:
    return (took[count].load_ms - took[min(took)].load_ms) / (count - min(took))


def tell(count: int, taken: Taken) -> None:
    """For a soak's record."""
    print(  # noqa: T201
        f"{count} calls: adopted in {taken.load_ms} ms, {taken.sight_ms} of them with the PBX in sight; the process "
        f"had taken {taken.start_ms} ms to start"
    )


# ---- Asterisk dies --------------------------------------------------------------------------------------------------


@pytest.mark.soak("tests/chaos kills Asterisk among calls, too")
@pytest.mark.parametrize("with_the_app", [True, False])
def test_asterisk_is_killed(crowd: Crowd, with_the_app: bool) -> None:
    calls = [*crowd.place(INTERRUPTED - 1), *crowd.place(1, "01", "02")]
    talked_a_while(crowd, calls)
    died_ms = kill_asterisk(crowd.ground)
    if with_the_app:
        crowd.app.kill()
    until_sync(lambda: now_ms() > died_ms + 1_500, 10, "nobody finds out for a while", every_s=0.1)
    crowd.ground.stack.start()
    if with_the_app:
        assert crowd.start().unknown == len(calls)
    shown = crowd.ended(calls)
    # What a process of before knew is as old as its last mark and the last word of the PBX before that.
    unseen_ms = 2 * MARK_MS if with_the_app else 0
    phones = crowd.phones()
    for call, one in shown.items():
        assert (one["reason"], one["hung_up_by"]) == ("interrupted", "system")
        is_charged_to(phones[call.callee], one, died_ms, unseen_ms=unseen_ms)
        is_charged_once(crowd.ground, call, one)
    heard_ms = 1000 * seconds_heard(crowd.ground, calls[-1])
    assert abs(heard_ms - talked_ms(phones[calls[-1].callee], died_ms)) <= 1_000
    assert crowd.app.live() == 0
    assert not crowd.ground.on_the_pbx()
    goes_on(crowd)


def talked_a_while(crowd: Crowd, calls: list[Placed], talk_ms: int = 2_100) -> None:
    last = crowd.phones()[calls[-1].callee]
    until_sync(lambda: talked_ms(last, now_ms()) > talk_ms, 10, "they talked for a while", every_s=0.05)


def kill_asterisk(ground: Ground) -> int:
    """When it died."""
    at_ms = now_ms()
    ground.kill("pbx")
    return at_ms


def goes_on(crowd: Crowd) -> None:
    """Asterisk is back, and calls can be placed on it."""
    crowd.calls = []
    crowd.place(1)
    [shown] = crowd.hang_up_all().values()
    assert shown["reason"] == "completed"


# ---- witnesses ------------------------------------------------------------------------------------------------------


def ended_ms(phone: CarrierCall) -> int:
    assert phone.ended_at_ms is not None, f"the carrier saw no end of {phone}"
    return phone.ended_at_ms


def is_charged_to(callee: CarrierCall, shown: Shown, end_ms: int, unseen_ms: int = 0) -> None:
    """To this moment, and whole seconds are cut down."""
    talk_ms = talked_ms(callee, end_ms)
    used_ms = 1000 * (shown["charged_s"] + shown["overrun_s"])
    assert talk_ms - 1_000 - LATE_MS - unseen_ms <= used_ms <= talk_ms + LATE_MS, (talk_ms, shown)
    assert own_measure_ms(shown) // 1000 == used_ms // 1000


def talked_ms(callee: CarrierCall, end_ms: int) -> int:
    """From the callee's answer, as the carrier saw it."""
    assert callee.answered_at_ms is not None
    return end_ms - callee.answered_at_ms


def is_charged_once(ground: Ground, call: Placed, shown: Shown) -> None:
    account = ground.account(call.user)
    assert not list(check_laws(account))
    assert not account.held_s
    assert -sum(line.seconds for line in account.lines if line.call == call.id) == shown["charged_s"]
    assert call.id in account.settlements
    legs = [leg["ended_at"] for leg in shown["legs"]]
    assert max(map(at_ms, legs)) - min(map(at_ms, legs)) <= LATE_MS


def seconds_heard(ground: Ground, call: Placed) -> int:
    """How long the callee heard the caller, by the recording that the callee's phone made."""
    ground.stack.asterisk_rx("carrier", "channel request hangup all")
    until_sync(lambda: ground.phone(call.callee).ended_at_ms, 5, "the recording is whole")
    [callee] = ground.rings(call.callee, with_tones=True)
    return sum(any(abs(hz - CALLER_HZ) < 10 for hz in tones) for _second, tones in callee.heard)
