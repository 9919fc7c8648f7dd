"""The Lua files beside this: read, their includes put in, named by what Redis calls them. Knows no connection.

A file is `<name>-<number of keys>.lua`; a line `--@include NAME` stands for the text of `NAME.inc.lua`.
"""

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files

_INCLUDE = re.compile(r"^--@include (\w+)\n", re.MULTILINE)
_FOLDER = files("ari_app.adapters.redis") / "lua"


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    keys_count: int
    source: str
    sha: str


def script_of(file_name: str, source: str) -> Script:
    """`source` is the whole text, includes put in."""
    name, _, keys_count = file_name.removesuffix(".lua").rpartition("-")
    return Script(name, int(keys_count), source, sha1(source.encode(), usedforsecurity=False).hexdigest())


def with_includes(source: str) -> str:
    return _INCLUDE.sub(lambda found: (_FOLDER / f"{found[1]}.inc.lua").read_text(encoding="utf-8"), source)


@cache
def shipped() -> dict[str, Script]:
    """Every script by its name."""
    found = {}
    for file in _FOLDER.iterdir():
        if file.name.endswith(".lua") and not file.name.endswith(".inc.lua"):
            script = script_of(file.name, with_includes(file.read_text(encoding="utf-8")))
            found[script.name] = script
    return found
