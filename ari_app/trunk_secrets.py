"""A trunk's password: as it stands in the file, or from the environment (env:NAME) or a file (file:PATH). What is wrong
with it is said without a word of it. Knows no trunk."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SECRET_MAX = 512
ENV, FILE = "env:", "file:"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Secret:
    """`wrong`: ends a mistake's sentence, or "". `is_absent`: it is not here, and may be where the service runs."""

    value: str = field(default="", repr=False)
    wrong: str = ""
    is_absent: bool = False


def is_literal(written: str) -> bool:
    return not written.startswith((ENV, FILE))


def secret_of(written: str, folder: Path, env: Mapping[str, str] | None = None) -> Secret:
    """`folder`: where a path that is not whole begins."""
    if written.startswith(ENV):
        return _from_env(written.removeprefix(ENV), os.environ if env is None else env)
    if written.startswith(FILE):
        return _from_file(written.removeprefix(FILE), folder)
    return _checked(written, "the value")


def _from_env(name: str, env: Mapping[str, str]) -> Secret:
    if not NAME.fullmatch(name):
        return Secret(wrong="env: stands before what is no variable's name; expected letters, digits and _")
    if not env.get(name):
        return Secret(wrong=f"the variable {name} is not set", is_absent=True)
    return _checked(env[name], f"the variable {name}")


def _from_file(path: str, folder: Path) -> Secret:
    file = folder / path
    try:
        if not file.is_file():  # a pipe would be waited for
            return Secret(wrong=f"the file {_told(path)} is not there", is_absent=True)
        with file.open("rb") as opened:
            content = opened.read(4 * SECRET_MAX + 3)
    except (OSError, ValueError) as e:
        why = e.strerror if isinstance(e, OSError) else "no path"
        return Secret(wrong=f"the file {_told(path)} cannot be read: {why}", is_absent=True)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return Secret(wrong=f"the file {_told(path)} is not text in UTF-8")
    return _checked(re.sub(r"\r?\n\Z", "", text), f"the file {_told(path)}")


def _checked(value: str, where: str) -> Secret:
    if not value:
        return Secret(wrong=f"{where} is empty")
    if len(value) > SECRET_MAX or not value.isprintable():
        return Secret(wrong=f"{where} will not do; expected one line of at most {SECRET_MAX} characters")
    if value != value.strip():
        return Secret(wrong=f"{where} begins or ends with a space, which Asterisk would cut off")
    return Secret(value)


def _told(path: str) -> str:
    return repr(path[:200])
