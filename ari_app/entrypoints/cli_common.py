"""What the commands share: options, output, how durations and money are written. Always loaded: imports little."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from ari_app.domain.units import decimal
from ari_app.entrypoints.client import Failure

JsonOpt = Annotated[bool, typer.Option("--json", help="Print JSON on one line, for programs.")]
ApiOpt = Annotated[str | None, typer.Option("--api", help="Address of the API (RINGBRIDGE_API).")]
KeyOpt = Annotated[str | None, typer.Option("--key", help="Its key (RINGBRIDGE_API_KEY).")]
ConfigOpt = Annotated[str | None, typer.Option("--config", help="The settings file instead of ./ringbridge.toml.")]
StateOpt = Annotated[Path | None, typer.Option("--state-dir", help="The state directory (RINGBRIDGE_STATE_DIR).")]

CallArg = Annotated[str, typer.Argument(metavar="CALL", help="The call's id.")]
UserArg = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
PrivateOpt = Annotated[bool, typer.Option("--private", help="Its details are forgotten soon after its end.")]
OnceOpt = Annotated[str | None, typer.Option(help="Idempotency-Key: given again with it, it counts once.")]

AnyCommand = TypeVar("AnyCommand", bound=Callable[..., Any])

__all__ = [
    "ApiOpt", "CallArg", "ConfigOpt", "Failure", "JsonOpt", "KeyOpt", "OnceOpt", "PrivateOpt", "Progress", "StateOpt",
    "UserArg",
    "clock", "example", "money", "new_app", "out", "out_json", "say", "table",
]  # fmt: skip


class _Command(TyperCommand):
    """Its usage line names an argument that must be given as it is: CALLER, where typer writes {CALLER}."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class _App(typer.Typer):
    def command(self, *args: Any, **kwargs: Any) -> Callable[[AnyCommand], AnyCommand]:
        return super().command(*args, **{"cls": _Command} | kwargs)


def new_app(help: str) -> typer.Typer:
    return _App(
        help=help, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )  # fmt: skip


def example(command: str) -> str:
    """The epilog of every command's --help."""
    return f"Example: ringbridge {command}"


def out(line: str = "") -> None:
    """What was asked for: stdout."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def out_json(data: Any) -> None:
    out(json.dumps(data, ensure_ascii=False))


def say(line: str) -> None:
    """What goes on besides: stderr."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Progress:
    """How far a long command has come, on stderr: a line that is written over where that is a terminal; elsewhere one
    more line every `every`, or none (0)."""

    def __init__(self, words: str, every: int = 0) -> None:
        self._words = words  # such as "{n} of 80 users"
        self._every = every
        self._is_shown = False

    def tell(self, n: int) -> None:
        line = self._words.format(n=n)
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()
            self._is_shown = True
        elif self._every and n % self._every == 0:
            say(line)

    def clear(self) -> None:
        """Before anything else is written."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_shown = False


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need to be; on a pipe the same."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    for line in lines:
        out("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def clock(seconds: int) -> str:
    """Minutes as people read them: 3599 is 59:59."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    return f"{sign}{seconds // 60}:{seconds % 60:02d}"


def money(costs: Iterable[dict[str, Any]]) -> str:
    """The sum of several costs, by currency: 0.12 CNY."""
    sums: dict[str, int] = {}
    for cost in costs:
        sums[cost["currency"]] = sums.get(cost["currency"], 0) + cost["micro"]
    return " + ".join(f"{decimal(micro)} {currency}" for currency, micro in sums.items()) or "0"
