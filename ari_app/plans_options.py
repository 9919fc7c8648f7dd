"""What may stand in plans.toml: one table of options gives the checks and the reference page. Reads no file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ari_app.config.kinds import Kind, Unfit, rounding, text
from ari_app.domain.plans import TEAM_MIN

PLANS = ("personal", "team", "certified")
SIZED = ("team.minutes", "certified.minutes")
TABLES = (*PLANS, *SIZED)
TOP = ""
MEMBERS_MAX = 1_000_000
STEP_KEY = "MEMBERS"


def number(low: int, high: int) -> Kind:
    """Stricter than a setting, which may come as text: a file says 60, and not "60" or 60.0."""

    def parse(raw: Any) -> int:
        if type(raw) is int and low <= raw <= high:
            return raw
        meant = str(raw).strip().removesuffix(".0") if isinstance(raw, str | float) else ""
        fits = meant.isdecimal() and meant.isascii() and len(meant) < 9 and low <= int(meant) <= high
        raise Unfit(f"; did you mean {int(meant)}?" if fits else "")

    return Kind(f"a whole number from {low} to {high}", parse)


@dataclass(frozen=True, slots=True)
class PlanOption:
    tables: tuple[str, ...]  # where it may stand
    kind: Kind
    help: str
    default: str = ""  # in words; "": must be given


OPTIONS: Mapping[str, PlanOption] = {
    "version": PlanOption(
        (TOP,), text("text of letters, digits, . _ and -, at most 20", r"[A-Za-z0-9._-]{1,20}"),
        "Names this table in the statement of every month that is granted by it. Change it whenever you change "
        "anything else."),
    "team_min": PlanOption(
        (TOP,), number(2, 1000),
        "Members with a verified number from which the plans of a team apply; in a smaller team everybody has the "
        "personal one.", f"`{TEAM_MIN}`"),
    "minutes": PlanOption(("personal",), number(0, 100_000), "Free minutes of a user each month."),
    STEP_KEY: PlanOption(
        SIZED, number(0, 100_000),
        f"`6 = 90`: from 6 members on, each has 90 minutes a month. At least one such line, from team_min to "
        f"{MEMBERS_MAX} members; a team that grows loses no minutes."),
    "increment": PlanOption(
        PLANS, rounding(), "How talk is rounded up for a user of this plan: initial/next.",
        "the setting `increment`"),
    "max_live_calls": PlanOption(
        PLANS, number(1, 1000), "Calls that a user of this plan may have at once.", "the setting `max_live_calls`"),
    "slice_s": PlanOption(
        PLANS, number(2, 3600), "Minutes are held in slices of this length; greater than the setting margin_s.",
        "the setting `slice_s`"),
}  # fmt: skip


def reference() -> str:
    """The table of options in docs/plans.md."""
    lines = ["| where | option | default | expected | what it does |", "| --- | --- | --- | --- | --- |"]
    for name, option in OPTIONS.items():
        where = ", ".join(f"`[{table}]`" if table else "top" for table in option.tables)
        default = option.default or "must be given"
        lines.append(f"| {where} | `{name}` | {default} | {option.kind.words} | {option.help} |")
    return "\n".join(lines) + "\n"


def sample_data() -> list[dict[str, object]]:
    """The same for programs; a table is "" above the first one."""
    return [
        {
            "name": name, "tables": list(option.tables), "default": option.default.replace("`", "") or None,
            "expected": option.kind.words, "help": option.help.replace("`", ""),
        }
        for name, option in OPTIONS.items()
    ]  # fmt: skip
