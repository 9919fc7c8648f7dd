"""Commands about the plans: check a plans file, print one to start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ari_app.entrypoints.cli_common import ConfigOpt, JsonOpt, example, new_app, out, out_json, table
from ari_app.entrypoints.cli_config import margin_s, tell
from ari_app.entrypoints.client import told_setting

if TYPE_CHECKING:
    from ari_app.config import Mistake
    from ari_app.domain.plans import Plan, Plans

plans_app = new_app("The free minutes of plans.toml.")
SHIPPED = "the shipped table"
BY_SETTING = "setting"


def register(app: typer.Typer) -> None:
    app.add_typer(plans_app, name="plans")


@plans_app.command("check", epilog=example("plans check plans.toml"))
def check_plans(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A file such as plans.toml; default: the one of the settings.")
    ] = None,
    config: ConfigOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Check the plans, and show them. Every mistake at once, with its line and what was expected; exit code 1 if there
    is one.

    Without FILE: the file that the settings here (--config, the environment) name, or the shipped table. That need not
    be what a running Ringbridge has: it tells its own in its log, "plans loaded".
    """
    from ari_app.config import Mistakes
    from ari_app.plans_file import load_plans, shipped

    file = file or told_setting("plans_file", config)
    plans: Plans | None = None
    mistakes: Sequence[Mistake] = ()
    try:
        plans = load_plans(file, margin_s=margin_s(config)) if file else shipped()
    except Mistakes as e:
        mistakes = e.found
    in_order = f"{file or SHIPPED} is in order" + (f", version {plans.version}" if plans else "")
    tell(mistakes, (), as_json, in_order, {"file": file} | (_data(plans) if plans else {}))
    if plans and not as_json:
        out(f"the plans of a team apply from {plans.team_min} members on\n")
        table(("plan", "members from", "minutes", "increment", "live calls", "slice"), _rows(plans))


@plans_app.command("sample", epilog=example("plans sample > plans.toml"))
def sample(as_json: JsonOpt = False) -> None:
    """Print the shipped plans with what each line means. A file to start from; JSON: every option that it may have."""
    from ari_app.plans_file import sample as text
    from ari_app.plans_options import sample_data

    return out_json(sample_data()) if as_json else out(text().rstrip("\n"))


def _each(plans: Plans) -> tuple[Plan, ...]:
    return plans.personal, plans.team, plans.certified


def _rows(plans: Plans) -> Iterator[tuple[str, ...]]:
    for plan in _each(plans):
        own = (plan.increment, str(plan.max_live_calls or ""), f"{plan.slice_s} s" if plan.slice_s else "")
        for members, minutes in plan.steps:
            yield plan.name, str(members or "any"), str(minutes), *(one or BY_SETTING for one in own)


def _data(plans: Plans) -> dict[str, object]:
    """null: the setting's."""
    return {
        "version": plans.version, "team_min": plans.team_min,
        "plans": [
            {
                "name": plan.name,
                "steps": [{"members": members, "minutes": minutes} for members, minutes in plan.steps],
                "increment": plan.increment or None, "max_live_calls": plan.max_live_calls or None,
                "slice_s": plan.slice_s or None,
            }
            for plan in _each(plans)
        ],
    }  # fmt: skip
