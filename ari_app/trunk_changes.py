"""What differs between two sets of trunks, in words for people and for logs. A secret is never among the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ari_app.config.kinds import price
from ari_app.domain.rates import Rate
from ari_app.domain.trunks import Trunk
from ari_app.trunk_options import OPTIONS, TrunkOption

RATES_SHOWN_MAX = 20
"""Lines of a price deck that are told one by one."""
OF_PJSIP = frozenset(
    {
        "host", "port", "transport", "srtp", "codecs", "username", "password", "register", "expires", "from_user",
        "from_domain", "outbound_proxy", "match", "identity", "diversion", "stir_shaken", "stir_shaken_key",
        "stir_shaken_cert_url",
    }
)  # fmt: skip
"""Options that Asterisk is told. The others are for the routes, the numbers and the prices, which are ours."""


@dataclass(frozen=True, slots=True)
class Change:
    """`option`: "" where the whole trunk is new or gone. `was`, `now`: as a file has it; secrets are not shown."""

    trunk: str
    option: str
    was: str
    now: str

    def __str__(self) -> str:
        if not self.option:
            return f"[{self.trunk}] {self.now or self.was}"
        return f"[{self.trunk}] {self.option}: {self.was or 'nothing'} → {self.now or 'nothing'}"


def changes(old: Sequence[Trunk], new: Sequence[Trunk]) -> list[Change]:
    """Of every option, in the new file's order; what is gone comes last."""
    before, after = {trunk.name: trunk for trunk in old}, {trunk.name: trunk for trunk in new}
    found: list[Change] = []
    for name, trunk in after.items():
        found += _of_trunk(before[name], trunk) if name in before else [Change(name, "", "", "is new")]
    return found + [Change(name, "", "is gone", "") for name in before if name not in after]


def names_of_changes(old: Sequence[Trunk], new: Sequence[Trunk]) -> list[str]:
    """Without values, for the log and the history: `main: price, priority`, `+spare`, `-old`."""
    options: dict[str, list[str]] = {}
    whole: list[str] = []
    for change in changes(old, new):
        if change.option:
            options.setdefault(change.trunk, []).append(change.option.partition(" ")[0])
        else:
            whole.append(f"{'+' if change.now else '-'}{change.trunk}")
    return [f"{trunk}: {', '.join(dict.fromkeys(found))}" for trunk, found in options.items()] + whole


def routes_of_new(old: Sequence[Trunk], new: Sequence[Trunk]) -> list[Change]:
    """What a new trunk says of routes, numbers and prices, as changes of the defaults."""
    known = {trunk.name for trunk in old}
    return [
        one for trunk in new if trunk.name not in known
        for one in for_routes(list(_of_trunk(Trunk(trunk.name, trunk.host), trunk)))
    ]  # fmt: skip


def for_routes(found: Sequence[Change]) -> list[Change]:
    """Those that Asterisk is not told of."""
    return [
        one for one in found if one.option and one.option not in OF_PJSIP and not one.option.startswith("endpoint/")
    ]


def _of_trunk(old: Trunk, new: Trunk) -> Iterator[Change]:
    for name, option in OPTIONS.items():
        was, now = getattr(old, option.field), getattr(new, option.field)
        if was == now:
            continue
        if option.field == "rates":
            yield from _of_deck(new.name, was, now)
        elif option.secret:
            yield Change(new.name, name, "********" if was else "", "******** (another)" if now else "")
        else:
            yield Change(new.name, name, _shown(option, was), _shown(option, now))
    yield from _of_endpoint(old, new)


def _of_endpoint(old: Trunk, new: Trunk) -> Iterator[Change]:
    was, now = dict(old.endpoint), dict(new.endpoint)
    for name in was | now:
        if was.get(name) != now.get(name):
            yield Change(new.name, f"endpoint/{name}", was.get(name, ""), now.get(name, ""))


def _of_deck(trunk: str, old: Sequence[Rate], new: Sequence[Rate]) -> Iterator[Change]:
    before = {(one.prefix, one.from_ms): one for one in old}
    after = {(one.prefix, one.from_ms): one for one in new}
    different = [key for key in before | after if before.get(key) != after.get(key)]
    for key in different[:RATES_SHOWN_MAX]:
        yield Change(trunk, f"rates {key[0] or 'all'}", _rate(before.get(key)), _rate(after.get(key)))
    if (more := len(different) - RATES_SHOWN_MAX) > 0:
        yield Change(trunk, "rates", "", f"{more} more lines of the deck are different")


def _rate(one: Rate | None) -> str:
    return f"{price().show(one.price_micro_per_min)} {one.increment}" if one is not None else ""


def _shown(option: TrunkOption, value: object) -> str:
    return "" if value in ((), "") else str(option.kind.show(value))
