"""Reads ringbridge.toml and the environment into Settings, and reports every mistake at once.

Order, the last one wins: default, file, RINGBRIDGE_<NAME>, what the command line gives.
"""

import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ari_app.config.kinds import Option, Unfit
from ari_app.config.mistakes import Mistake, Mistakes, did_you_mean, unreadable
from ari_app.config.options import Settings, table

ENV = "RINGBRIDGE_"
ENV_FILE = ENV + "CONFIG"
DEFAULT_FILE = "ringbridge.toml"
OPEN = (
    "http_host: the API speaks plain HTTP, so that keys can be read on the way: listen on 127.0.0.1 behind a proxy "
    "that speaks TLS (docs/security.md)"
)


@dataclass(frozen=True)
class Loaded:
    settings: Settings
    warnings: tuple[Mistake, ...]
    file: str | None
    given: Mapping[str, str]  # option → the place that set it; absent: the default


def load(
    file: str | None = None,
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Loaded:
    """Settings from everywhere. Raises Mistakes. `overrides`: option → value, from the command line."""
    env = os.environ if env is None else env
    found: list[Mistake] = []
    file = _which_file(file, env, found)
    raw: dict[str, tuple[object, str]] = {}
    if file:
        raw |= _from_file(Path(file), found)
    from_env, warnings = _from_env(env)
    raw |= from_env
    raw |= {name: (value, "--" + name.replace("_", "-")) for name, value in (overrides or {}).items()}

    values = _parse(raw, found)
    given = {name: place for name, (_, place) in raw.items()}
    if "margin_s" not in values and "slice_s" in values:  # who shortens the slice alone still gets one that works
        values["margin_s"] = min(Settings.margin_s, max(1, values["slice_s"] // 4))
    settings = Settings(**values)
    found += [Mistake(given.get(name, "settings"), what) for name, what in _cross_check(settings)]
    if found:
        raise Mistakes(found)
    if 0 < len(settings.api_key) < 16:
        warnings.append(Mistake(given["api_key"], "api_key: shorter than 16 characters; fit for tests only"))
    if file and (readable := _told_to_others(Path(file), given)):
        warnings.append(Mistake(file, f"others may read it, and it has {readable}: chmod 600 {file}"))
    if not _is_loopback(settings.http_host):
        warnings.append(Mistake(given["http_host"], OPEN))
    return Loaded(settings, tuple(warnings), file, given)


def _told_to_others(file: Path, given: Mapping[str, str]) -> str:
    """Which secret options the file has, if everybody on this machine may read it."""
    has = [name for name, (_, option, _) in table().items() if option.secret and f"{file}:" in given.get(name, "")]
    return ", ".join(has) if has and file.stat().st_mode & stat.S_IROTH else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name; which address it has is not asked here
        return host == "localhost"


def _which_file(file: str | None, env: Mapping[str, str], found: list[Mistake]) -> str | None:
    named_by = "--config" if file else ENV_FILE
    file = file or env.get(ENV_FILE)
    if file:
        if Path(file).is_file():
            return file
        found.append(Mistake(named_by, f"no such file: {file}"))
        return None
    return DEFAULT_FILE if Path(DEFAULT_FILE).is_file() else None


def _from_file(path: Path, found: list[Mistake]) -> dict[str, tuple[object, str]]:
    try:
        content = path.read_text(encoding="utf-8")
        parsed = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"\(at line (\d+)", str(error))
        place = f"{path}:{at[1]}" if at else str(path)
        found.append(Mistake(place, f"not TOML: {str(error).split(' (at ')[0]}"))
        return {}
    except (OSError, UnicodeDecodeError) as error:
        found.append(Mistake(str(path), unreadable(error)))
        return {}
    known, raw = table(), {}
    for name, value in parsed.items():
        place = f"{path}:{_line_of(name, content)}"
        if name in known:
            raw[name] = (value, place)
        elif isinstance(value, dict):
            found.append(Mistake(place, f"[{name}]: there are no tables here; every option stands at the top level"))
        else:
            found.append(Mistake(place, f'unknown option "{name}"' + did_you_mean(name, known)))
    return raw


def _line_of(name: str, content: str) -> int:
    key = re.compile(rf"""^\s*\[*\s*(["']?){re.escape(name)}\1\s*[.=\]]""", re.MULTILINE)
    at = key.search(content)
    return content.count("\n", 0, at.end()) + 1 if at else 1


def _from_env(env: Mapping[str, str]) -> tuple[dict[str, tuple[object, str]], list[Mistake]]:
    """An empty variable is one that is not set. An unknown one may be another tool's: a warning."""
    raw: dict[str, tuple[object, str]] = {}
    warnings: list[Mistake] = []
    names = {ENV + name.upper(): name for name in table()}
    for variable in sorted(env):
        if variable in names:
            if env[variable].strip():
                raw[names[variable]] = (env[variable], variable)
        elif variable.startswith(ENV) and variable != ENV_FILE:
            hint = did_you_mean(variable.removeprefix(ENV), [name.removeprefix(ENV) for name in names])
            warnings.append(Mistake(variable, "no such option" + hint))
    return raw, warnings


def _parse(raw: Mapping[str, tuple[object, str]], found: list[Mistake]) -> dict[str, Any]:
    known, values = table(), {}
    for name, (value, place) in raw.items():
        if name not in known:
            found.append(Mistake(place, f'unknown option "{name}"' + did_you_mean(name, known)))
            continue
        field, option, _ = known[name]
        try:
            values[field] = option.kind.parse(value)
        except Unfit as why:
            found.append(Mistake(place, unfit(name, option, value) + ("" if option.secret else str(why))))
    return values


def unfit(name: str, option: Option, value: object) -> str:
    said = "the value" if option.secret else repr(value)
    return f"{name}: {said} will not do; expected {option.kind.words}"


def _cross_check(settings: Settings) -> list[tuple[str, str]]:
    """(option, what is wrong) for what no option can see alone."""
    wrong = []
    if settings.margin_s >= settings.slice_s:
        wrong.append(("margin_s", f"margin_s: {settings.margin_s} must be smaller than slice_s ({settings.slice_s})"))
    if settings.lease_margin_ms * 2 >= settings.lease_ttl_ms:
        wrong.append(("lease_margin_s", "lease_margin_s: must be smaller than half of lease_ttl_s"))
    if settings.ari_retry_ms > settings.ari_retry_max_ms:
        wrong.append(("ari_retry_s", "ari_retry_s: must not be longer than ari_retry_max_s"))
    for whose in ("user", "team"):
        alarm, most = (getattr(settings, f"{whose}_spend_{what}_micro") for what in ("alarm", "max"))
        if 0 < most < alarm:
            wrong.append((f"{whose}_spend_alarm", f"{whose}_spend_alarm: above {whose}_spend_max it is never told"))
    if settings.nodes_file and not settings.api_key:
        wrong.append(("nodes_file", "nodes_file: needs api_key too, the same for all processes"))
    for name in ("ari_url", "ami_url", "cel_file") if settings.nodes_file else ():
        if getattr(settings, name):
            wrong.append((name, f"{name}: every PBX of nodes_file has its own, which stands there"))
    if bool(settings.sip_tls_certificate_file) != bool(settings.sip_tls_key_file):
        wrong.append(("sip_tls_key_file", "sip_tls_key_file: goes with sip_tls_certificate_file, and without it not"))
    if settings.ari_url and not settings.ari_password:
        wrong.append(("ari_url", "ari_url: needs ari_password too"))
    if settings.agi_port and not settings.agi_secret:
        wrong.append(("agi_port", "agi_port: needs agi_secret too"))
    if settings.ami_url and not settings.ami_password:
        wrong.append(("ami_url", "ami_url: needs ami_password too"))
    return wrong
