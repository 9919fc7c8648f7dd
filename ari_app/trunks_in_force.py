"""Which carriers a start goes by: those in force, whatever the trunks file says meanwhile. A file that is half edited
must not take the service down at a restart. Knows no Asterisk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from ari_app.concealed import conceal
from ari_app.config import Settings
from ari_app.config.mistakes import Mistakes
from ari_app.domain.trunks import Trunk
from ari_app.operator_files import Files, load_carriers, read_files
from ari_app.stack import BrokenOff
from ari_app.stack.progress import say_on_stderr
from ari_app.trunk_changes import names_of_changes
from ari_app.trunk_versions import InForce, Versions, entry_now

log = structlog.get_logger()

WAITING = "another ringbridge starts here, or applies trunks: waiting"
FIRST_START = "first start"


@dataclass(frozen=True, slots=True)
class Carriers:
    """`version`: None where the settings name no trunks file, and so there are none but the embedded one."""

    trunks: tuple[Trunk, ...] = ()
    version: int | None = None


@contextmanager
def carriers_held(settings: Settings, wanted: Callable[[], bool] = lambda: True) -> Iterator[tuple[Files, Carriers]]:
    """The operator's files and the carriers in force, which nobody changes until the caller has started with them.

    A trunks file of which nothing was ever applied is in force from now on. Raises Mistakes, BrokenOff, StackError and
    OSError."""
    if not settings.trunks_file:
        yield read_files(settings), Carriers()
        return

    versions = Versions(settings.state_dir)
    if versions.index().in_force is None:
        read_files(settings)  # its mistakes are told before anything is begun
    with nothing_applied(settings, wanted):
        versions.restore_files()
        files, now = _read(settings, versions)
        conceal_passwords(now.trunks)
        yield files, Carriers(now.trunks, now.version)


@contextmanager
def nothing_applied(settings: Settings, wanted: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Meanwhile: a start tells Asterisk what it has read, and an apply beside it would be lost."""

    def check() -> None:
        if not wanted():
            raise BrokenOff("the start was broken off")

    if not settings.trunks_file:
        yield
        return
    with Versions(settings.state_dir).locked(waiting=lambda: say_on_stderr(WAITING), check=check):
        yield


def carriers_of(settings: Settings) -> Carriers:
    """As `carriers_held`, for who only looks: nothing is adopted, and nothing is said. Raises Mistakes."""
    if not settings.trunks_file:
        return Carriers()
    now = Versions(settings.state_dir).in_force()
    return Carriers(now.trunks, now.version) if now else Carriers(load_carriers(settings, settings.trunks_file))


def conceal_passwords(trunks: Sequence[Trunk]) -> None:
    conceal(*(trunk.password for trunk in trunks))


def _read(settings: Settings, versions: Versions) -> tuple[Files, InForce]:
    now = versions.in_force()
    if now is not None:
        files = read_files(replace(settings, trunks_file=""))
        _tell_difference(settings, now)
        return files, now
    files = read_files(settings)
    text = Path(settings.trunks_file).read_text("utf-8-sig")
    return files, versions.adopt(files.trunks, text, entry_now("ringbridge", FIRST_START))


def _tell_difference(settings: Settings, now: InForce) -> None:
    """Once a start: what is in force is used."""
    said = {"file": settings.trunks_file, "in_force": now.version}
    try:
        trunks = load_carriers(settings, settings.trunks_file)
    except Mistakes as e:
        why = str(e.found[0]) if len(e.found) == 1 else f"{e.found[0]}, and {len(e.found) - 1} more"
        log.warning("trunks file has mistakes: what was applied last is used", **said, why=why)
        return
    if changed := names_of_changes(now.trunks, trunks):
        log.warning(
            "trunks file is not what was applied last, which is used: see `ringbridge trunks diff`", **said,
            changed=changed,
        )  # fmt: skip
