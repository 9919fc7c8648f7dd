"""Turns the templates of `asterisk_conf/` into configuration files. Knows no option by name."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ari_app.stack.errors import StackError

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def conf_dir(which: str) -> Path:
    """The directory of templates, `pbx` or `carrier`: in an installed package, else in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for base in (package / "_data" / "asterisk_conf", package.parent / "asterisk_conf"):
        if (base / which).is_dir():
            return base / which
    raise StackError(f"the configuration templates asterisk_conf/{which} are missing: install ringbridge again")


def render(template: str, values: Mapping[str, object], *, name: str = "template") -> str:
    """Fill every `{{placeholder}}`. One that has no value is an error; a value that is not used is none."""

    def value_of(match: re.Match[str]) -> str:
        key = match.group(1)
        if key not in values:
            line = template.count("\n", 0, match.start()) + 1
            raise StackError(f"{name}, line {line}: nothing is known by the name {{{{{key}}}}}; correct the template")
        value = str(values[key])
        if "\n" in value or "\r" in value:  # a value may never add a line of configuration
            raise StackError(f"{name}: the value of {{{{{key}}}}} has more than one line")
        return value

    return _PLACEHOLDER.sub(value_of, template)


def render_dir(source: Path, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each file of `source` as (name, text)."""
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            yield path.name, render(path.read_text("utf-8"), values, name=f"{source.name}/{path.name}")


def write_changed(target: Path, files: Mapping[str, str]) -> set[str]:
    """Write `files` into `target` for this user only; the names of those that were not so before."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    changed = set()
    for name, text in files.items():
        path = target / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        fresh = path.with_name(f".{name}.new")
        fresh.touch(mode=0o600)
        fresh.write_text(text, "utf-8")
        fresh.replace(path)  # a server that reads at this moment sees the old file or the new one
        changed.add(name)
    return changed
