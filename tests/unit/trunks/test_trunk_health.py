"""How a trunk's health changes what is tried: passed over while it rests or cannot be reached, probed by one call."""

from __future__ import annotations

from ari_app.domain.breaker import Rule
from ari_app.domain.trunks import Trunk
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_health import PROBE_MS, Health, TrunkHealth
from ari_app.engine.trunk_signs import Sign

RULE = Rule(after=2, rest_ms=1_000, rest_max_ms=8_000)
FAILED, WORKED, NOTHING = (False, "SIP 503"), (True, ""), (None, "")


class World:
    """`a` fails and is watched; `b` and `c` stand beside it. The clock is ours."""

    def __init__(self) -> None:
        self.now_ms = 10_000
        self.down: dict[str, str] = {}
        self.health = TrunkHealth(
            RULE, is_down=lambda trunk: self.down.get(trunk, ""), monotonic_ms=lambda: self.now_ms,
            wall_ms=lambda: 1_000_000 + self.now_ms,
        )  # fmt: skip
        self.book = TrunkBook([Trunk(name, name, priority=n) for n, name in enumerate("abc")], self.health)

    def saw(self, verdict: tuple[bool | None, str], channel: str = "c1", trunk: str = "a") -> None:
        self.health.saw([Sign(trunk, channel, *verdict)])

    def rests(self) -> World:
        self.saw(FAILED)
        self.saw(FAILED)
        assert self.health.unfit("a") == "rested"
        return self

    def order(self) -> str:
        return "".join(trunk.name for trunk in self.book.order("+86", "k", 0))


def test_a_rested_trunk_goes_last_and_back_to_its_place_when_its_time_is_over() -> None:
    world = World()
    assert world.order() == "abc"
    world.rests()
    assert world.order() == "bca"
    world.now_ms += 1_000
    assert world.order() == "abc"


def test_only_one_call_at_a_time_probes_it() -> None:
    world = World().rests()
    world.now_ms += 1_000
    world.health.dials("a", "probe")
    assert world.health.unfit("a") == "rested", "for all others"
    world.health.dials("a", "another")  # for want of another trunk: it is no probe
    world.saw(NOTHING, "another")
    assert world.health.unfit("a") == "rested"
    world.saw(NOTHING, "probe")  # cancelled: it says nothing, and the next one is let through
    assert world.health.unfit("a") is None


def test_a_probe_that_works_brings_it_back_and_one_that_fails_lets_it_rest_longer() -> None:
    world = World().rests()
    world.now_ms += 1_000
    world.health.dials("a", "probe")
    world.saw(FAILED, "probe")
    world.now_ms += 1_999
    assert world.health.unfit("a") == "rested"
    world.now_ms += 1
    world.health.dials("a", "probe2")
    world.saw(WORKED, "probe2")
    assert (world.health.unfit("a"), world.health.of("a").state) == (None, "up")


def test_a_call_that_was_on_its_way_when_the_rest_began_does_not_end_it() -> None:
    """A trunk of which a few calls still work would be back the next moment, each time."""
    world = World().rests()
    world.now_ms += 500
    world.health.saw([Sign("a", "old", True, waited_ms=501)])
    assert world.health.unfit("a") == "rested"
    world.health.saw([Sign("a", "new", True, waited_ms=400)])  # for want of another trunk
    assert world.health.unfit("a") is None


def test_a_probe_of_which_nothing_is_ever_heard_is_forgotten() -> None:
    world = World().rests()
    world.now_ms += 1_000
    world.health.dials("a", "lost")
    world.now_ms += PROBE_MS
    assert world.health.unfit("a") is None


def test_one_that_cannot_be_reached_goes_last_at_once_and_comes_back_by_itself() -> None:
    world = World()
    world.down["a"] = "not registered: Rejected"
    assert world.order() == "bca"
    assert world.health.of("a") == Health("down", None, None, "not registered: Rejected")
    assert world.health.unfit("a", lambda _trunk: "") is None, "by another node it can be"
    world.down.clear()
    assert world.order() == "abc"


def test_the_order_of_a_call_is_the_same_after_a_restart_but_for_the_trunks_health() -> None:
    trunks = [Trunk(name, name, weight=n % 3, priority=n // 4) for n, name in enumerate("abcdefghij")]
    for key in map(str, range(300)):
        before, after = TrunkBook(trunks), TrunkBook(list(reversed(trunks)))
        order = [trunk.name for trunk in before.order("+86", key, 0)]
        assert [trunk.name for trunk in after.order("+86", key, 0)] == order
        sick = order[0]
        health = TrunkHealth(Rule(after=1))
        health.saw([Sign(sick, "c", False, "SIP 503")])
        assert [trunk.name for trunk in TrunkBook(trunks, health).order("+86", key, 0)] == [*order[1:], sick]


def test_what_is_shown_of_it_says_since_when_until_when_and_why() -> None:
    world = World()
    assert world.book.health("a") == Health()
    world.rests()
    assert world.book.health("a") == Health("rested", 1_010_000, 1_011_000, "SIP 503")
    world.now_ms += 1_500
    assert world.book.health("a") == Health("probing", 1_010_000, None, "SIP 503")
    world.saw(WORKED)
    assert world.book.health("a") == Health("up", 1_011_500)
