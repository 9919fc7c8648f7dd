"""The command `ringbridge`: every command's name, and how errors reach a person. The commands are in cli_*.py.

An error is one sentence on stderr and exit code 1 (2 for a wrong command line); never a traceback.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from ari_app.entrypoints import (
    cli_backup,
    cli_calls,
    cli_conferences,
    cli_config,
    cli_deploy,
    cli_devices,
    cli_dial_in,
    cli_explain,
    cli_export,
    cli_follow,
    cli_import,
    cli_keys,
    cli_ledger,
    cli_limits,
    cli_minutes,
    cli_nodes,
    cli_notices,
    cli_numbers,
    cli_plans,
    cli_recordings,
    cli_report,
    cli_settle,
    cli_stack,
    cli_start,
    cli_teams,
    cli_tenants,
    cli_trunks,
    cli_up,
    cli_users,
    cli_webhooks,
)
from ari_app.entrypoints.cli_common import new_app, out, say
from ari_app.entrypoints.client import Failure

INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = new_app("Ringbridge: callback calls over your own Asterisk, charged from free minutes.")
PARTS = (
    cli_up, cli_calls, cli_follow, cli_conferences, cli_start, cli_users, cli_numbers, cli_devices, cli_minutes,
    cli_limits, cli_teams, cli_nodes, cli_notices, cli_recordings, cli_config,
    cli_trunks, cli_plans, cli_explain, cli_report, cli_settle, cli_ledger, cli_stack, cli_backup, cli_dial_in,
    cli_keys, cli_tenants, cli_webhooks, cli_export, cli_import, cli_deploy,
)  # fmt: skip
for part in PARTS:
    part.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        try:
            out(f"ringbridge {version('ringbridge')}")
        except PackageNotFoundError:
            out("ringbridge (not installed)")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Ringbridge: callback calls over your own Asterisk, charged from free minutes."""


def main(argv: list[str] | None = None) -> None:
    try:
        app(argv, prog_name="ringbridge")
    except Failure as e:
        say(f"ringbridge: {e}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `ringbridge calls | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as e:  # a bug; told as such, the traceback only to who asks for it
        if os.environ.get("RINGBRIDGE_LOG_LEVEL") == "debug":
            raise
        say(f"ringbridge: a fault of its own, {type(e).__name__}: {e} (more with RINGBRIDGE_LOG_LEVEL=debug)")
        sys.exit(1)


if __name__ == "__main__":
    main()
