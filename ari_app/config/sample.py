"""The option table as people read it: the sample file and the reference page. Reads no settings."""

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from ari_app.config.kinds import Option
from ari_app.config.options import table

SECTIONS = {
    "http": "The HTTP API",
    "redis": "Redis",
    "asterisk": "Asterisk",
    "platform": "The platform",
    "files": "Files",
    "minutes": "Minutes",
    "calls": "Calls",
    "devices": "Devices of users",
    "speech": "Languages and the voice",
    "conferences": "Conferences",
    "notices": "Notices to many",
    "inbound": "Calls to the platform",
    "limits": "Who may be called",
    "privacy": "Privacy",
    "process": "The process",
    "sounds": "What callers are told",
    "webhooks": "Webhooks",
}

REFERENCE_HEAD = """\
# Settings

Ringbridge reads `ringbridge.toml` from the current directory, or the file named by `--config` or
`RINGBRIDGE_CONFIG`. Each option may also be given as an environment variable, `RINGBRIDGE_` and its name in
capitals, which wins over the file; an empty variable counts as not set. Lists are arrays in the file, and have commas
between in a variable. Every mistake is reported at once, with its place; an option that does not exist is a
mistake in the file and a warning in the environment.

`ringbridge config sample` prints the file with every option and its default. This page is made from the same table
(`ari_app/config/options.py`).
"""


def sample() -> str:
    """ringbridge.toml with every option, each commented out with its default."""
    lines = ["# Ringbridge settings. Every option is shown with its default; take the # away to change it."]
    for title, options in _by_section():
        lines += ["", f"# ---- {title} " + "-" * (72 - len(title))]
        for name, option, shown in options:
            lines += ["", *(f"# {line}" for line in wrap(option.help, 108)), f"# Expected: {option.kind.words}."]
            lines.append(f"#{name} = {shown}")
    return "\n".join(lines) + "\n"


def sample_data() -> list[dict[str, object]]:
    """The same for programs; `default` is the value as the file would have it."""
    return [
        {
            "name": name, "section": option.section, "default": option.kind.show(default),
            "expected": option.kind.words, "unit": option.unit, "secret": option.secret, "help": option.help,
        }
        for name, (_, option, default) in table().items()
    ]  # fmt: skip


def reference() -> str:
    """docs/settings.md."""
    lines = [REFERENCE_HEAD]
    for title, options in _by_section():
        lines += [f"## {title}", "", "| option | default | expected | what it does |", "| --- | --- | --- | --- |"]
        for name, option, shown in options:
            unit = f" ({option.unit})" if option.unit and "second" not in option.kind.words else ""
            help = option.help + (" Secret." if option.secret else "")
            lines.append(f"| `{name}` | `{shown}` | {option.kind.words}{unit} | {help} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _by_section() -> Iterator[tuple[str, list[tuple[str, Option, str]]]]:
    order = list(SECTIONS)
    lines = [(name, option, toml(option.kind.show(default))) for name, (_, option, default) in table().items()]
    lines.sort(key=lambda line: order.index(line[1].section))
    for section, options in groupby(lines, key=lambda line: line[1].section):
        yield SECTIONS[section], list(options)


def toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case _:
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
