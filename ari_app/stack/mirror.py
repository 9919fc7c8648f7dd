"""Finds this machine's own Debian mirror in its apt sources. Names no host itself."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ari_app.stack.errors import StackError

SETTING = "RINGBRIDGE_DEBIAN_MIRROR"
_SCHEMES = ("http://", "https://", "file:", "copy:", "mirror+file:", "mirror:", "mirror+http://", "mirror+https://")


def find_mirror(environ: Mapping[str, str] = os.environ, etc_apt: Path = Path("/etc/apt")) -> str:
    """The address of a Debian archive: the setting, else the first one among the machine's apt sources."""
    own = environ.get(SETTING, "").strip()
    if own:
        if not own.startswith(_SCHEMES):
            raise StackError(f"{SETTING} must be the address of a Debian archive (http://…/debian), not “{own}”")
        return own.rstrip("/")
    for uri, suite in _entries(_source_files(etc_apt)):
        if _is_debian_archive(uri, suite):
            return uri.rstrip("/")
    raise StackError(
        f"no Debian mirror is named in {etc_apt}: set {SETTING} to one, or install asterisk (22.10.1 or newer) and "
        "redis-server (7.2 or newer) on PATH"
    )


def _source_files(etc_apt: Path) -> Iterator[Path]:
    yield etc_apt / "sources.list"
    parts = etc_apt / "sources.list.d"
    found = sorted(parts.iterdir()) if parts.is_dir() else []
    # Debian's own file is debian.sources; what third parties added comes after it
    yield from sorted(found, key=lambda path: not path.name.startswith("debian"))


def _entries(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for path in files:
        try:
            text = path.read_text("utf-8", errors="replace")
        except OSError:
            continue
        if path.suffix == ".list":
            yield from parse_list(text)
        elif path.suffix == ".sources":
            yield from parse_deb822(text)


def parse_list(text: str) -> Iterator[tuple[str, str]]:
    """(uri, suite) of each `deb` line of the one-line style, sources.list(5)."""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^]]*\]\s*)?(\S+)\s+(\S+)", line)
        if found:
            yield found.group(1), found.group(2)


def parse_deb822(text: str) -> Iterator[tuple[str, str]]:
    """(uri, suite) of each enabled `Types: deb` paragraph, every URI with every suite."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in (" ", "\t") and name:
                fields[name] += " " + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields.get("enabled", "yes").lower() in ("no", "false", "0") or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield uri, suite


def _is_debian_archive(uri: str, suite: str) -> bool:
    """A Debian archive ends in /debian by custom; security and backports are other trees or only additions."""
    if "security" in uri or "security" in suite or suite.endswith("/"):
        return False
    path = re.sub(r"^[\w+]+:/*", "/", uri).rstrip("/")
    return bool(re.search(r"(^|/)debian$", path) or "/archive/debian/" in path + "/")
