"""Where the servers' programs lie and how each is called: on PATH, or in an unpacked prefix. Fetches nothing."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ari_app.stack import versions
from ari_app.stack.errors import StackError
from ari_app.stack.render import conf_dir
from ari_app.stack.versions import ASTERISK_MIN, REDIS_MIN

Command = tuple[str, ...]


@dataclass(frozen=True)
class Tools:
    """Each program as the beginning of its command line: more than one word where it runs by its own loader."""

    asterisk: Command
    asterisk_version: str
    modules_dir: Path  # astmoddir
    data_dir: Path  # astdatadir; sounds/en lies in it
    redis: Command
    redis_version: str
    sipp: Command | None
    espeak: Command | None


@dataclass(frozen=True)
class AsteriskFound:
    command: Command
    version: str
    modules_dir: Path
    data_dir: Path


@dataclass(frozen=True)
class RedisFound:
    command: Command
    version: str


def prefix_command(prefix: Path, program: str) -> Command:
    """How to run `program` (`usr/sbin/asterisk`) of an unpacked prefix: by the loader and libraries beside it."""
    loaders = sorted(prefix.glob("usr/lib*/ld-linux*.so.*"))
    libraries = sorted(path for path in prefix.glob("usr/lib/*-linux-gnu*") if path.is_dir())
    if not loaders or not libraries or not (prefix / program).is_file():
        raise StackError(f"the unpacked programs in {prefix} are incomplete: remove that directory and start again")
    return (str(loaders[0]), "--library-path", str(libraries[0]), str(prefix / program))


def prefix_tools(prefix: Path) -> Tools:
    asterisk = prefix_command(prefix, "usr/sbin/asterisk")
    redis = prefix_command(prefix, "usr/bin/redis-server")
    found = {command[-1]: _version_of((*command, word)) for command, word in ((asterisk, "-V"), (redis, "--version"))}
    for program, version in found.items():
        if version is None:
            raise StackError(
                f"{program} does not run: if its disk is mounted noexec, set RINGBRIDGE_CACHE_DIR to another, else "
                f"remove {prefix} and start again"
            )
    libraries = Path(asterisk[2])
    return Tools(
        asterisk=asterisk,
        asterisk_version=versions.show(found[asterisk[-1]]),
        modules_dir=libraries / "asterisk" / "modules",
        data_dir=prefix / "usr/share/asterisk",
        redis=redis,
        redis_version=versions.show(found[redis[-1]]),
        sipp=_optional(prefix, "usr/bin/sipp"),
        espeak=espeak_of(prefix),
    )


def espeak_of(prefix: Path) -> Command | None:
    """Its library for loudspeakers, which is not used, has one of its own in a directory beside the others."""
    if not (prefix / "usr/bin/espeak-ng").is_file():
        return None
    loader, option, libraries, program = prefix_command(prefix, "usr/bin/espeak-ng")
    return (loader, option, f"{libraries}:{libraries}/pulseaudio", program, f"--path={libraries}")


def _optional(prefix: Path, program: str) -> Command | None:
    return prefix_command(prefix, program) if (prefix / program).is_file() else None


def combine(
    asterisk: AsteriskFound | None, redis: RedisFound | None, prefix: Callable[[], Path],
    *, needs_asterisk: bool, needs_redis: bool,
) -> Tools:  # fmt: skip
    """The machine's own programs, completed by those of the prefix; it is only fetched when something is missing."""
    if (asterisk or not needs_asterisk) and (redis or not needs_redis):
        return Tools(
            asterisk=asterisk.command if asterisk else (),
            asterisk_version=asterisk.version if asterisk else "",
            modules_dir=asterisk.modules_dir if asterisk else Path(),
            data_dir=asterisk.data_dir if asterisk else Path(),
            redis=redis.command if redis else (),
            redis_version=redis.version if redis else "",
            sipp=_which("sipp"),
            espeak=_which("espeak-ng"),
        )
    tools = prefix_tools(prefix())
    if asterisk:
        tools = replace(tools, asterisk=asterisk.command, asterisk_version=asterisk.version,
                        modules_dir=asterisk.modules_dir, data_dir=asterisk.data_dir)  # fmt: skip
    return replace(tools, redis=redis.command, redis_version=redis.version) if redis else tools


def _which(program: str) -> Command | None:
    path = shutil.which(program)
    return (path,) if path else None


def asterisk_on_path(say: Callable[[str], None], told: str | None = None) -> AsteriskFound | None:
    """The machine's own Asterisk if it can serve. `told`: the path the user gave; then what is wrong is an error."""
    path = told or shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if path is None:
        return None
    fault, found = _judge_asterisk(Path(path))
    if fault is None:
        return found
    if told:
        raise StackError(f"{path} cannot be used: {fault}")
    say(f"{path} is not used: {fault}; Debian's newer one is used instead")
    return None


def redis_on_path(say: Callable[[str], None], told: str | None = None) -> RedisFound | None:
    path = told or shutil.which("redis-server")
    if path is None:
        return None
    version = _version_of((path, "--version"))
    if versions.at_least(version, REDIS_MIN):
        return RedisFound((path,), versions.show(version))
    fault = f"its version is {versions.show(version)}, and WAITAOF needs {versions.show(REDIS_MIN)} or newer"
    if told:
        raise StackError(f"{path} cannot be used: {fault}")
    say(f"{path} is not used: {fault}; Debian's newer one is used instead")
    return None


def _judge_asterisk(path: Path) -> tuple[str | None, AsteriskFound | None]:
    version = _version_of((str(path), "-V"))
    if not versions.at_least(version, ASTERISK_MIN):
        older = "older ones let read-only ARI users write over REST-over-WebSocket"
        return f"its version is {versions.show(version)}, not {versions.show(ASTERISK_MIN)} or newer ({older})", None
    modules = _first_dir(_module_dirs(path.resolve().parents[1]))
    if modules is None:
        return "its modules were not found", None
    lacking = sorted(name for name in modules_needed() if not (modules / name).is_file())
    if lacking:
        return f"it lacks the modules {', '.join(lacking[:5])}", None
    data = _first_dir(path for path in _data_dirs(modules) if (path / "sounds/en").is_dir())
    if data is None:
        return "its English prompts (asterisk-core-sounds-en-gsm) are not installed", None
    return None, AsteriskFound((str(path),), versions.show(version), modules, data)


def _module_dirs(root: Path) -> list[Path]:
    return [*sorted(root.glob("lib/*-linux-gnu*/asterisk/modules")), root / "lib64/asterisk/modules",
            root / "lib/asterisk/modules"]  # fmt: skip


def _data_dirs(modules: Path) -> list[Path]:
    return [Path("/usr/share/asterisk"), Path("/var/lib/asterisk"), Path("/usr/local/share/asterisk"),
            modules.parents[2] / "share/asterisk"]  # fmt: skip


def _first_dir(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_dir()), None)


def modules_needed() -> set[str]:
    text = (conf_dir("pbx") / "modules.conf").read_text("utf-8")
    return set(re.findall(r"^(?:load|require)\s*=\s*(\S+\.so)", text, re.MULTILINE))


def _version_of(argv: Command) -> versions.Version | None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.replace("v=", "v= ")  # `Redis server v=8.0.6 sha=…`
    return versions.parse(words) if done.returncode == 0 else None
