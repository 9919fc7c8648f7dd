"""Every command of the guides is one that there is, with options that it has: what they do together is the soak's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from ari_app.entrypoints.cli import app

DOCS = Path(__file__).parents[3] / "docs"
LINES = [
    (name, line)
    for name in ("trunks-guide.md", "bulk.md", "getting-started.md", "tenants.md", "webhooks.md")
    for line in re.findall(
        r"^(?: {4}|\.venv/bin/)?ringbridge ([a-z].*)$", (DOCS / name).read_text("utf-8"), re.MULTILINE
    )
]


def test_there_are_some() -> None:
    assert len(LINES) > 12


@pytest.mark.parametrize(("name", "line"), LINES, ids=str)
def test_a_line_of_a_guide_is_a_command_with_options_that_it_has(name: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    command, path = typer.main.get_command(app), []
    while words and words[0] in (inner := getattr(command, "commands", {})):
        path.append(words[0])
        command = inner[words.pop(0)]
    assert path, f"{name}: no such command"
    assert not getattr(command, "commands", {}), f"{name}: {path} is a group"
    command.make_parser(typer.Context(command)).parse_args(words)
