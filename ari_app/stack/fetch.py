"""Builds the unpacked prefix with Asterisk, Redis, SIPp and espeak-ng in the cache that all checkouts share.

Knows what is needed and how to unpack it; apt.py knows how to get it, tools.py how to run it.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ari_app.stack import versions
from ari_app.stack.apt import Apt, Check, NotInSuite, Package, nothing
from ari_app.stack.errors import StackError
from ari_app.stack.mirror import find_mirror
from ari_app.stack.progress import Say, step
from ari_app.stack.state import file_lock
from ari_app.stack.versions import ASTERISK_MIN, REDIS_MIN

ROOTS = ("asterisk", "asterisk-core-sounds-en-gsm", "redis-server", "sip-tester", "espeak-ng")
SUITES = ("forky", "sid")
LOCK_FILE = Path(__file__).with_name("packages.lock")
MANIFEST = "MANIFEST"
_MINIMUM = {"asterisk": ASTERISK_MIN, "redis-server": REDIS_MIN}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
# Scripts' interpreters and the tools of a whole system: nothing that is started here links to them.
_NOT_NEEDED = ("perl", "libperl", "python3", "libpython3", "gnupg", "gpg", "dirmngr", "passwd", "adduser", "debconf",
               "base-passwd", "pci.ids", "libx11-data", "libc-gconv-modules-extra", "media-types",
               "pinentry", "sysvinit-utils", "tzdata", "sensible-utils")  # fmt: skip
_NOT_UNPACKED = ("./usr/share/doc", "./usr/share/man", "./usr/share/locale", "./usr/share/info", "./usr/share/lintian",
                 "./usr/share/bug", "./usr/include", "./var", "./etc/init.d", "./lib/systemd")  # fmt: skip
_SPACE_NEEDED = 600 * 1024 * 1024


def cache_dir(own: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    named = own or environ.get("RINGBRIDGE_CACHE_DIR") or Path(environ.get("XDG_CACHE_HOME", "~/.cache")) / "ringbridge"
    return Path(named).expanduser().absolute()


def _check_name(cache: Path) -> None:
    if any(sign in str(cache) for sign in ":;\"'\n"):  # the loader splits its path at them
        raise StackError(f"the cache {cache} has a sign in its name that cannot be used: set RINGBRIDGE_CACHE_DIR")


def read_lock(path: Path = LOCK_FILE) -> list[Package]:
    """packages.lock: `name version arch sha256` a line."""
    if not path.is_file():
        return []
    lines = (line.split() for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return [Package(*words) for words in lines]


def unpacked(own: Path | None = None) -> Path | None:
    """The prefix for this version of Ringbridge if it was fetched already."""
    prefix = cache_dir(own) / fetched_name()
    return prefix if (prefix / MANIFEST).is_file() else None


def fetched_prefix(cache: Path, say: Say, *, mirror: str | None = None, check: Check = nothing) -> Path:
    """The unpacked prefix for this version of Ringbridge; fetched at the first call, found by all later ones.

    `check` is called all the time, and may raise to break it off; what was downloaded by then stays for the next try.
    """
    prefix = cache / fetched_name()
    _check_name(cache)
    if (prefix / MANIFEST).is_file():
        return prefix
    arch = _architecture()
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        waiting = "another ringbridge is fetching Asterisk: waiting for it"
        with file_lock(cache / "lock", waiting=lambda: say(waiting), check=check):
            if not (prefix / MANIFEST).is_file():
                _check_space(cache)
                _build(prefix, mirror or find_mirror(), arch, say, check)
    except OSError as why:
        raise StackError(
            f"the cache {cache} cannot be written ({why.strerror or why}): free space there, or set "
            "RINGBRIDGE_CACHE_DIR to another directory"
        ) from None
    return prefix


def _build(prefix: Path, mirror: str, arch: str, say: Say, check: Check = nothing) -> None:
    """Fetch and unpack beside the final place, then rename: a prefix is there whole or not at all."""
    home = prefix.parent / "apt"
    fresh = prefix.with_name(f"{prefix.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    lock = [package for package in read_lock() if package.arch in (arch, "all")]
    apt, packages = _resolved(home, mirror, lock, say, check)
    if lock:
        _say_what_moved(lock, packages, say)
    with step(f"fetching {len(packages)} packages", say) as advance:
        apt.download(packages, home / "debs", advance)
    try:
        _unpack(packages, home / "debs", fresh, say, check)
        _link_english(fresh)
        (fresh / MANIFEST).write_text("".join(f"{package}\n" for package in packages))
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)  # what was downloaded stays, for the next try
        raise
    fresh.rename(prefix)
    shutil.rmtree(home, ignore_errors=True)


def _resolved(
    home: Path, mirror: str, lock: Sequence[Package], say: Say, check: Check = nothing
) -> tuple[Apt, list[Package]]:
    """Packages from the first suite that has them new enough."""
    fault: StackError | None = None
    for suite in SUITES:
        try:
            apt = Apt(home, mirror, suite, check=check)
            with step(f"reading the package list of Debian {suite}", say) as advance:
                apt.update(advance)
            apt.pin(lock)
            packages = [package for package in apt.resolve(ROOTS) if not package.name.startswith(_NOT_NEEDED)]
            _check_versions(packages, suite)
            return apt, packages
        except NotInSuite as why:
            fault = fault or why
    raise fault or StackError("no suite to fetch from")


def _check_versions(packages: Sequence[Package], suite: str) -> None:
    by_name = {package.name: package for package in packages}
    for name, minimum in _MINIMUM.items():
        if not versions.at_least(versions.parse(by_name[name].version), minimum):
            raise NotInSuite(
                f"Debian {suite} on this mirror has {name} {by_name[name].version}, and {versions.show(minimum)} is "
                "needed: set RINGBRIDGE_DEBIAN_MIRROR to a mirror that is up to date"
            )


def _say_what_moved(lock: Sequence[Package], packages: Sequence[Package], say: Say) -> None:
    locked = {package.name: package for package in lock}
    moved = [package for package in packages if package != locked.get(package.name)]
    if moved:
        shown = ", ".join(f"{p.name} {p.version}" for p in moved if p.name in ROOTS) or moved[0].name + " and others"
        say(
            f"the mirror no longer has {len(moved)} of {len(packages)} packages as packages.lock names them, so its "
            f"newest ones are used (among them {shown}); their signatures were checked"
        )


def _unpack(packages: Sequence[Package], debs: Path, target: Path, say: Say, check: Check = nothing) -> None:
    target.mkdir(parents=True)
    files = {path.name.split("_", 1)[0]: path for path in debs.glob("*.deb")}
    with step(f"unpacking {len(packages)} packages", say) as advance:
        for done, package in enumerate(packages):
            check()
            path = files[package.name]
            if hashlib.sha256(path.read_bytes()).hexdigest() != package.sha256:
                path.unlink()
                raise StackError(f"{package.name} arrived damaged: start again, it will be fetched anew")
            _unpack_one(path, target)
            advance((done + 1) * 100 // len(packages))


def _unpack_one(deb: Path, target: Path) -> None:
    drop = [f"--exclude={path}" for path in _NOT_UNPACKED]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as source:
        done = subprocess.run(
            # neither owners nor set-uid bits: these programs run as whoever starts them
            ["tar", "-x", "-C", str(target), "--no-same-owner", "--no-same-permissions", *drop],
            stdin=source.stdout, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode != 0 or source.returncode != 0:
        if "No space left" in done.stderr:
            raise StackError(f"the disk of {target} is full: free 500 MB, or set RINGBRIDGE_CACHE_DIR elsewhere")
        raise StackError(f"{deb.name} could not be unpacked ({done.stderr.strip()[:200]}): remove it and start again")


def _link_english(prefix: Path) -> None:
    """Debian's link sounds/en is made by a script of the installed package, which never runs here."""
    sounds = prefix / "usr/share/asterisk/sounds"
    voices = sorted(sounds.glob("en_*"))
    if not voices:
        raise StackError("the packages of this mirror hold no English prompts: set RINGBRIDGE_DEBIAN_MIRROR to another")
    if not (sounds / "en").exists():
        (sounds / "en").symlink_to(voices[0].name)


def _check_space(cache: Path) -> None:
    if shutil.disk_usage(cache).free < _SPACE_NEEDED:
        raise StackError(
            f"less than {_SPACE_NEEDED // 2**20} MB are free where {cache} lies: free some, or set "
            "RINGBRIDGE_CACHE_DIR to another disk"
        )


def _architecture() -> str:
    arch = _MACHINES.get(platform.machine())
    if platform.system() != "Linux" or arch is None:
        raise StackError(
            f"Debian's programs for {platform.system()} on {platform.machine()} are not fetched: install asterisk "
            "(22.10.1 or newer) and redis-server (7.2 or newer) so that they are on PATH"
        )
    return arch


def fetched_name() -> str:
    """Another one for whatever would be another prefix."""
    text = LOCK_FILE.read_bytes() if LOCK_FILE.is_file() else b""
    return "prefix-" + hashlib.sha256(text + repr((ROOTS, _NOT_NEEDED, _NOT_UNPACKED)).encode()).hexdigest()[:12]
