"""The profile of a carrier's bill: which columns it has and how they are written. One table of options checks the
file, prints the sample and makes the page in docs/settlement.md. Reads no bill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from textwrap import wrap
from typing import Any

from ari_app.config.kinds import Kind, Option, Unfit, country, flag, one_of, option, rounding, seconds, several, text
from ari_app.config.kinds import whole as whole_number
from ari_app.config.kinds import zone as zone_of
from ari_app.config.mistakes import Mistake, Mistakes, did_you_mean, unreadable
from ari_app.config.sample import toml
from ari_app.config.toml_lines import Entry, Mark, quoted, read, said

AUTO = "auto"
SECTIONS = {
    "columns": 'Columns: the name in the header, or #3 for the third. Not named: found by usual names. "": none',
    "file": "The file",
    "values": "How the values are written",
    "matching": "When two are the same",
}
COLUMN = text("the name of a column, or #3", r"[^\r\n]{1,200}", empty=True)
COLUMNS = ("number", "time", "date", "duration", "billed", "cost", "rate", "currency", "direction")


def or_nothing(kind: Kind) -> Kind:
    """Empty: as the settings say."""
    return Kind(f"{kind.words} (or nothing)", lambda raw: "" if raw == "" else kind.parse(raw), kind.show)


def _time_format() -> Kind:
    form = text("", r"[^\r\n]{2,60}")

    def parse(raw: Any) -> str:
        line: str = form.parse(raw)
        if line not in (AUTO, "iso", "epoch_s", "epoch_ms") and "%" not in line:
            raise Unfit
        return line

    return Kind("auto, iso, epoch_s, epoch_ms, or a pattern such as %d/%m/%Y %H:%M:%S", parse)


def _decimals() -> Kind:
    def parse(raw: Any) -> str:
        text = str(raw).strip() if not isinstance(raw, bool) else ""
        if text not in (AUTO, *"0123456"):
            raise Unfit
        return text

    return Kind("auto, or a number from 0 to 6", parse)


@dataclass(frozen=True)
class Profile:
    """Everything that a profile can say. `given`: the options that stand in the file."""

    # A table: the formatter would give each of its lines five.
    # fmt: off
    number: str = option("", COLUMN, "The number that was called.", section="columns")
    time: str = option("", COLUMN, "When it was answered (see time_is).", section="columns")
    date: str = option("", COLUMN, "The day, where it stands in a column of its own, before the time.",
        section="columns")
    duration: str = option("", COLUMN, "How long it talked. This or billed must be there.", section="columns")
    billed: str = option("", COLUMN, "What was charged of it, rounded up.", section="columns")
    cost: str = option("", COLUMN, "What is billed for it.", section="columns")
    rate: str = option("", COLUMN, "The price (see rate_per). With it, a line that contradicts itself is found.",
        section="columns")
    currency: str = option("", COLUMN, "The currency of the cost. None: the one of our deck.", section="columns")
    direction: str = option("", COLUMN, "By which lines that are no calls of ours to the carrier are left out.",
        section="columns")

    separator: str = option(AUTO, text("auto, tab, or one sign such as ;", r"auto|tab|[^\s\"']"),
        "What stands between two columns.", section="file")
    encoding: str = option(AUTO, one_of(AUTO, "utf-8", "utf-16", "latin-1", "cp1252", "gb18030", "big5", "shift_jis"),
        "How its text is written.", section="file")
    skip_first: int = option(0, whole_number(0, 1000), "Lines before the header.", section="file")
    skip_last: int = option(0, whole_number(0, 1000), "Lines at the end that are sums, not calls.", section="file")
    header: bool = option(True, flag(), "Whether the first line names the columns. false: name them as #1, #2 …",
        section="file")

    direction_is: tuple[str, ...] = option((), several(text(pattern=r"[^\r\n]{1,60}")),
        "What the direction column says of calls to the carrier, such as out. Empty: every line counts.",
        section="values")
    number_format: str = option(AUTO, one_of(AUTO, "e164", "digits", "00", "national"),
        "e164 with its +, digits without, 00 before the country code, or national. A + is understood in each; auto: "
        "the one by which the most numbers are known here.", section="values")
    number_strip: str = option("", text("signs before the number", r"[0-9A-Za-z#*+_.-]{1,20}", empty=True),
        "Taken away from the front of each number that has it, such as an access code.", section="values")
    region: str = option("", or_nothing(country()), "Country of national numbers. Empty: the setting region.",
        section="values")
    time_format: str = option(AUTO, _time_format(),
        "iso: 2026-11-26 10:15:00 and the like, also with an offset; epoch: since 1970. A pattern is strptime's.",
        section="values")
    timezone: str = option("", or_nothing(zone_of()),
        "Of times without an offset; the month to be settled turns in it, too. Empty: the setting timezone.",
        section="values")
    time_is: str = option("answer", one_of("answer", "start"),
        "Whether the bill has the time of the answer, or that of the dial.", section="values")
    duration_format: str = option(AUTO, one_of(AUTO, "s", "ms", "min", "mm:ss", "hh:mm:ss"),
        "Of both durations. min: minutes with decimals.", section="values")
    decimal: str = option(AUTO, one_of(AUTO, "point", "comma"), "What stands before the decimals of an amount.",
        section="values")
    cost_decimals: str = option(AUTO, _decimals(),
        "To how many decimals the carrier rounds a call's cost. auto: as many as it writes, 2 at least.",
        section="values")
    rate_per: str = option("min", one_of("min", "s"), "What the rate is for.", section="values")
    increments: tuple[str, ...] = option((), several(rounding()),
        "By which the carrier rounds up, besides our deck's and 1/1, 6/6, 30/6, 30/30, 60/1, 60/6, 60/30, 60/60.",
        section="values")

    time_tolerance_ms: int = option(120_000, seconds(0, 3600),
        "How far apart in time two may be that are the same call, once the difference of the clocks is taken away.",
        section="matching")
    duration_tolerance_ms: int = option(1000, seconds(0, 600), "How far apart in duration two are that agree.",
        section="matching")
    # fmt: on
    given: frozenset[str] = frozenset()
    file: str = ""


def table() -> dict[str, tuple[str, Option, Any]]:
    """Option → field, option, default."""
    return {
        (one.name.removesuffix("_ms") + "_s" if one.name.endswith("_ms") else one.name): (
            one.name, one.metadata["option"], one.default,
        )
        for one in fields(Profile)
        if "option" in one.metadata
    }  # fmt: skip


def load_profile(path: str | Path) -> Profile:
    """Raises Mistakes: every one, with its line."""
    try:
        content = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistakes([Mistake(str(path), unreadable(error))]) from error
    return parse_profile(content, str(path))


def parse_profile(content: str, file: str) -> Profile:
    found: list[Mistake] = []
    known, values, given = table(), dict[str, Any](), set[str]()
    for entry in read(content, file, found):
        if what := _wrong(entry, known):
            found.append(Mistake(f"{file}:{entry.line}", what))
        elif entry.value is not Mark.UNREADABLE:
            name = entry.path[-1]
            field, one, _ = known[name]
            try:
                values[field] = one.kind.parse(entry.value)
                given.add(name)
            except Unfit as why:
                what = f"{name}: {said(entry.value)} will not do; expected {one.kind.words}{why}"
                found.append(Mistake(f"{file}:{entry.line}", what))
    if found:
        raise Mistakes(sorted(found, key=lambda mistake: int(mistake.place.rpartition(":")[2])))
    return Profile(**values, given=frozenset(given), file=file)


def _wrong(entry: Entry, known: dict[str, tuple[str, Option, Any]]) -> str:
    """What stands in a table, which is told by itself, is looked at all the same."""
    name = entry.path[-1] if entry.path else ""
    if not entry.is_value:
        return f"[{entry.name}]: there are no tables here; every option stands at the top level"
    return "" if name in known else f"unknown option {quoted(name)}{did_you_mean(name, known)}"


# ---- as people read it ----------------------------------------------------------------------------------------------


def sample() -> str:
    """A profile with every option, each commented out with its default."""
    lines = ["# How a carrier writes its bill, for `ringbridge settle`. Every option is shown with its default; take",
             "# the # away to change it."]  # fmt: skip
    for title, options in _by_section():
        lines += ["", *(f"# ---- {line}" if n == 0 else f"#      {line}" for n, line in enumerate(wrap(title, 100)))]
        for name, one, shown in options:
            lines += ["", *(f"# {line}" for line in wrap(one.help, 108)), f"# Expected: {one.kind.words}."]
            lines.append(f"#{name} = {shown}")
    return "\n".join(lines) + "\n"


def sample_data() -> list[dict[str, object]]:
    return [
        {
            "name": name, "section": option.section, "default": option.kind.show(default),
            "expected": option.kind.words, "help": option.help,
        }
        for name, (_, option, default) in table().items()
    ]  # fmt: skip


def reference() -> str:
    """The table of options in docs/settlement.md."""
    lines = ["| option | default | expected | what it does |", "| --- | --- | --- | --- |"]
    for name, (_, one, default) in table().items():
        lines.append(f"| `{name}` | `{toml(one.kind.show(default))}` | {one.kind.words} | {one.help} |")
    return "\n".join(lines) + "\n"


def _by_section() -> Iterator[tuple[str, list[tuple[str, Option, str]]]]:
    for section, title in SECTIONS.items():
        yield (
            title,
            [
                (name, option, toml(option.kind.show(default)))
                for name, (_, option, default) in table().items()
                if option.section == section
            ],
        )
