"""plans.toml: the operator's table of free minutes, read into domain.plans, every mistake told at once with its line.

The packaged plans.toml is the shipped table. What may stand in one is in plans_options.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ari_app.config.kinds import Kind, Unfit
from ari_app.config.mistakes import Mistake, Mistakes, did_you_mean, nearest, unreadable
from ari_app.config.toml_lines import Entry, Mark, quoted, read, said
from ari_app.domain.plans import TEAM_MIN, Plan, Plans
from ari_app.plans_options import MEMBERS_MAX, OPTIONS, PLANS, SIZED, STEP_KEY, TABLES, TOP

FILE = "plans.toml"


def sample() -> str:
    """The shipped file with its comments."""
    return files("ari_app").joinpath(FILE).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def shipped() -> Plans:
    return parse_plans(sample())


def load_plans(path: str | Path, *, margin_s: int = 1) -> Plans:
    """Raises Mistakes, also where the file cannot be read. `margin_s`: the setting, which every slice must exceed."""
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistakes([Mistake(str(path), unreadable(error))]) from error
    return parse_plans(content, str(path), margin_s=margin_s)


def parse_plans(content: str, file: str = FILE, *, margin_s: int = 1) -> Plans:
    """Raises Mistakes, in the order of the lines."""
    found: list[Mistake] = []
    reading = _Reading(file, margin_s, found)
    plans = reading.plans(read(content, file, found))
    if found:
        raise Mistakes(sorted(found, key=lambda mistake: int(mistake.place.rpartition(":")[2])))
    return plans


@dataclass
class _Reading:
    """One file's way from entries to plans. With a mistake in it the plans are of no use, and nobody sees them."""

    file: str
    margin_s: int
    found: list[Mistake]
    tables: dict[str, int] = field(default_factory=dict)  # → its first line
    values: dict[str, Any] = field(default_factory=dict)  # "team.slice_s" → value; None: told already
    steps: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)  # → members, minutes, line
    meant: set[str] = field(default_factory=set)  # by a misspelt name; not told as missing once more

    def wrong(self, line: int, what: str) -> None:
        self.found.append(Mistake(f"{self.file}:{line}", what))

    def plans(self, entries: list[Entry]) -> Plans:
        for entry in self._with_known_tables(entries):
            if entry.table in SIZED:
                self._step(entry)
            elif entry.is_value:
                self._option(entry)
        for missing in self._missing():
            self.wrong(*missing)
        for table in SIZED:
            self._check_steps(table)
        personal, team, certified = (self._plan(name) for name in PLANS)
        version, team_min = self.values.get("version") or "", self.values.get("team_min") or TEAM_MIN
        return Plans(version, personal, team, certified, team_min)

    def _with_known_tables(self, entries: list[Entry]) -> Iterator[Entry]:
        """What stands in a misspelt table is read as what was meant; what stands in another unknown one is left out."""
        marked = {entry.name for entry in entries if not entry.is_value}
        read_as: dict[str, str | None] = {table: table for table in (TOP, *TABLES)}  # None: not at all
        for entry in entries:
            table = read_as.get(entry.table)
            if not entry.is_value and table not in SIZED:
                if entry.name not in read_as:
                    read_as[entry.name] = self._unknown_table(entry, marked)
                known = read_as[entry.name] or ""
                for name in (known, known.partition(".")[0]):
                    self.tables.setdefault(name, entry.line)
            elif table is not None:
                yield Entry((*table.split("."), entry.path[-1]) if table else entry.path, entry.value, entry.line)

    def _unknown_table(self, entry: Entry, marked: set[str]) -> str | None:
        """The table that is meant, where that is plain and it does not stand in the file itself."""
        name, (plan, _, option) = entry.name, entry.name.partition(".")
        if plan in PLANS and option in OPTIONS:
            self.meant.add(name)
            self.wrong(entry.line, f"{name}: a table will not do; expected {OPTIONS[option].kind.words}")
            return None
        near = nearest(name, [table for table in TABLES if plan not in PLANS or table.startswith(f"{plan}.")])
        self.meant |= {near, near.partition(".")[0]}
        if name != '""':  # a header that could not be read at all is told already
            hint = f"did you mean [{near}]?" if near else f"expected one of {', '.join(f'[{t}]' for t in TABLES)}"
            self.wrong(entry.line, f"unknown table [{name}]; {hint}")
        return near if near and near not in marked else None

    def _option(self, entry: Entry) -> None:
        name, table = entry.path[-1], entry.table
        option = OPTIONS.get(name)
        if entry.name in TABLES:
            self.meant.add(entry.name)
            self.wrong(entry.line, f"{entry.name}: {said(entry.value)} will not do; expected a table [{entry.name}]")
        elif option is None or table not in option.tables or name == STEP_KEY:
            self.wrong(entry.line, f"unknown option {quoted(name)}{self._hint(table, name)}")
        else:
            self.values[entry.name] = self._value(entry, option.kind)
            if name == "slice_s" and 0 < (self.values[entry.name] or 0) <= self.margin_s:
                what = f"{entry.name}: {said(entry.value)} must be greater than the setting margin_s ({self.margin_s})"
                self.wrong(entry.line, what)

    def _hint(self, table: str, name: str) -> str:
        if f"{table}.minutes" in SIZED and name.isdecimal():
            self.meant.add(f"{table}.minutes")
            return f"; did you mean to put it under [{table}.minutes]?"
        if name in OPTIONS and name != STEP_KEY:
            places = [f"in [{place}]" if place else "above the first [table]" for place in OPTIONS[name].tables]
            return f"; it stands {' or '.join(places)}"
        known = [option for option, of in OPTIONS.items() if table in of.tables]
        if near := nearest(name, known):
            self.meant.add(f"{table}.{near}".strip("."))
        return did_you_mean(name, known)

    def _value(self, entry: Entry, kind: Kind) -> Any:
        if entry.value is Mark.UNREADABLE:
            return None
        try:
            return kind.parse(entry.value)
        except Unfit as why:
            self.wrong(entry.line, f"{entry.name}: {said(entry.value)} will not do; expected {kind.words}{why}")
            return None

    def _step(self, entry: Entry) -> None:
        key, table = entry.path[-1], entry.table
        steps = self.steps.setdefault(table, [])
        members = int(key) if key.isascii() and key.isdecimal() and len(key) < 9 and key[0] != "0" else 0
        if not 1 <= members <= MEMBERS_MAX or not entry.is_value:
            what = f"expected members = minutes such as 6 = 90, the members a whole number from 1 to {MEMBERS_MAX}"
            self.wrong(entry.line, f"{entry.name}: {what}")
            return
        minutes = self._value(entry, OPTIONS[STEP_KEY].kind)
        if minutes is not None:
            steps.append((members, minutes, entry.line))

    def _check_steps(self, table: str) -> None:
        least = self.values.get("team_min", TEAM_MIN)  # None: nobody knows what was meant
        most = (0, 0)
        for members, minutes, line in sorted(self.steps.get(table, ())):
            if least and members < least:
                what = f"expected at least {least} members (team_min): in a smaller team the personal plan applies"
                self.wrong(line, f"{table}.{members}: {what}")
            if minutes < most[1]:
                what = f"{minutes} minutes are less than the {most[1]} from {most[0]} members on"
                self.wrong(line, f"{table}.{members}: {what}; expected at least as many in a greater team")
            most = max(most, (members, minutes), key=lambda one: one[1])

    def _missing(self) -> Iterator[tuple[int, str]]:
        if "version" not in self.values and "version" not in self.meant:
            yield 1, f'no version; expected version = "…", {OPTIONS["version"].kind.words}'
        for plan in PLANS:
            minutes = f"{plan}.minutes"
            if minutes in self.meant:
                continue
            if plan not in self.tables:
                if plan not in self.meant:
                    yield 1, f"no [{plan}]; expected a table [{minutes if minutes in SIZED else plan}]"
            elif minutes in SIZED and minutes not in self.tables:
                yield self.tables[plan], f"[{plan}] has no minutes; expected a table [{minutes}] of members = minutes"
            elif minutes in SIZED and minutes not in self.steps:
                yield self.tables[minutes], f"[{minutes}] is empty; expected members = minutes such as 6 = 90"
            elif minutes not in SIZED and minutes not in self.values:
                yield self.tables[plan], f"[{plan}] has no minutes; expected {OPTIONS['minutes'].kind.words}"

    def _plan(self, name: str) -> Plan:
        def own(option: str) -> Any:
            return self.values.get(f"{name}.{option}")

        steps = tuple((members, minutes) for members, minutes, _ in sorted(self.steps.get(f"{name}.minutes", ())))
        if name == "personal":
            steps = ((0, own("minutes") or 0),)
        return Plan(name, steps, own("increment") or "", own("max_live_calls") or 0, own("slice_s") or 0)
