"""Puts a set of trunks in force: written, read by every PBX, verified there; else everything is as it was before.

The order, and what a kill at any moment leaves behind: the new version and what must be put back are on disk (killed
here: nothing has happened) → files written, Asterisk has read them (killed here: the old version is in force; whoever
comes next, another apply, a start or a running app, puts the files back and has Asterisk read them) → verified → the
index names the new version (from here on it is in force, whatever is killed). No call is touched: Asterisk's channels
keep what they were made with, and calls that were accepted before keep their routes.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ari_app.concealed import without_secrets
from ari_app.config import Mistakes, Settings
from ari_app.domain.trunks import Trunk
from ari_app.stack.marks import sections
from ari_app.trunk_changes import names_of_changes
from ari_app.trunk_tools.asking import Silent
from ari_app.trunk_tools.pbxes import EmbeddedPbx, pbxes_of
from ari_app.trunk_tools.sides import Side, bare, gone, log_since, of_others, put_back, reload, side_of
from ari_app.trunk_tools.verifying import unregistered, unsigned, untaken
from ari_app.trunk_versions import Entry, InForce, Journal, Versions, entry_now, put
from ari_app.trunks_in_force import WAITING, conceal_passwords

OURS = "Written by Ringbridge"
INTERRUPTED = "the apply was interrupted"
Say = Callable[[str], None]
T = TypeVar("T")


class NotApplied(Exception):
    """Nothing was changed; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Wanted:
    trunks: tuple[Trunk, ...]
    text: str  # sip_trunks.conf
    source: str
    by: str
    message: str = ""
    routes_only: bool = False  # the PBXes are not told, and not asked
    keep_unregistered: bool = False


@dataclass(slots=True)
class Outcome:
    """`version`: the one in force now. `failed`: the one that was tried and taken back, and `why`."""

    version: int | None
    is_applied: bool
    is_new: bool = False  # else it was in force before, and nothing had to be done
    changed: list[str] = field(default_factory=list)
    failed: int | None = None
    why: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)  # Asterisk's own words about it
    warnings: list[str] = field(default_factory=list)
    took_ms: int = 0


def apply(settings: Settings, wanted: Wanted, say: Say) -> Outcome:
    """Raises NotApplied, Mistakes, StackError and OSError: then what was in force is in force."""
    began = time.monotonic()
    conceal_passwords(wanted.trunks)
    _check_owner(Path(settings.state_dir))
    versions = Versions(settings.state_dir)
    with versions.locked(waiting=lambda: say(WAITING)):
        undo_interrupted(settings, versions, say)
        outcome = _Apply(settings, versions, wanted, say).run()
    outcome.took_ms = round(1000 * (time.monotonic() - began))
    return outcome


def _check_owner(state_dir: Path) -> None:
    """Root writes for whoever has it; another could not."""
    if state_dir.exists() and os.geteuid() not in (0, state_dir.stat().st_uid):
        try:
            owner = state_dir.owner()
        except KeyError:  # a container's user may have no name
            owner = f"#{state_dir.stat().st_uid}"
        raise NotApplied(f"{state_dir} belongs to {owner}: run this as that user, such as with `sudo -u {owner}`")


class _Apply:
    """One apply, by who holds the lock."""

    def __init__(self, settings: Settings, versions: Versions, wanted: Wanted, say: Say) -> None:
        self.versions = versions
        self.wanted = wanted
        self.say = say
        self.warnings: list[str] = []
        self.now = self._in_force()
        self.changed = names_of_changes(self.now.trunks if self.now else (), wanted.trunks)
        self.sides = [] if wanted.routes_only else [side_of(pbx, self.now, wanted.trunks) for pbx in pbxes_of(settings)]
        if settings.is_embedded and not self.sides and not wanted.routes_only:
            self._tell_first_start()

    def _in_force(self) -> InForce | None:
        """None, too, where its content is damaged: an apply is what puts that right."""
        try:
            return self.versions.in_force()
        except Mistakes as e:
            self.versions.index()  # without that, nothing can be put right
            self.warnings.append(f"{e.found[0].place} cannot be read: what was in force is not known")
            return None

    def run(self) -> Outcome:
        live = [side for side in self.sides if self._is_live(side)]
        self._check_hands([side for side in live if not side.is_ours_to_write])
        ours = [side for side in live if side.is_ours_to_write]
        self._check_files(ours)
        if self.now is not None and self.now.trunks == self.wanted.trunks and self._have_it(ours):
            return Outcome(self.now.version, is_applied=True, warnings=self.warnings)
        entry = entry_now(self.wanted.by, self.wanted.source, self.wanted.message, self.changed)
        before = {path: text for side in ours for path, text in side.before.items()}
        entry = self.versions.begin(
            self.wanted.trunks, self.wanted.text, entry, {str(path): text for path, text in before.items()}
        )
        try:
            why = self._tell(ours)
            if not why:
                self.versions.commit(entry)
        except BaseException as e:
            if not self._is_committed(entry):
                self._take_back(ours, entry, [f"{INTERRUPTED} ({type(e).__name__}: {e})"])
            raise
        if why:
            log = [line for side in ours for line in log_since(side)]
            return self._take_back(ours, entry, why, log)
        return Outcome(entry.version, is_applied=True, is_new=True, changed=self.changed, warnings=self.warnings)

    def _is_committed(self, entry: Entry) -> bool:
        with suppress(Exception):
            return self.versions.index().in_force == entry.version
        return False

    # ---- before -------------------------------------------------------------------------------------------------

    def _is_live(self, side: Side) -> bool:
        pbx = side.pbx
        if not pbx.is_running:
            self._tell_first_start()
            return False
        if side.new.lasting and (side.old is None or side.new.lasting != side.old.lasting):
            raise NotApplied(
                f"{pbx.name} would have to listen elsewhere or to load a module ({', '.join(side.new.lasting)}), which "
                "a running Asterisk does not do: stop it (`ringbridge stack stop pbx`), apply, and start it again"
            )
        try:
            if pbx.ari.answers():
                return True
            raise Silent("ARI does not know `ping`: is this an Asterisk?")
        except Silent as e:
            raise NotApplied(f"{pbx.name} cannot be told: {e}. Nothing was changed") from None

    def _tell_first_start(self) -> None:
        self.warnings.append("the embedded Asterisk does not run: it is told at its next start, and was not asked")

    def _check_files(self, sides: Sequence[Side]) -> None:
        """What somebody wrote there by hand would be lost."""
        for side in sides:
            for path, text in side.before.items():
                if text and text.strip() and OURS not in text:
                    raise NotApplied(
                        f"{path} was not written by Ringbridge, and would be lost: move what is in it to another file "
                        "that pjsip.conf includes, and leave this one empty. Nothing was changed"
                    )
            if not isinstance(side.pbx, EmbeddedPbx) and (lost := of_others(side)):
                self.warnings.append(
                    f"{side.pbx.name}: {', '.join(lost)} was never in force here, and goes: did another installation "
                    "write it, and does the service run with this state directory?"
                )
            if any(mode & stat.S_IROTH for mode in side.modes.values()):
                self.warnings.append(
                    f"{side.pbx.name}: everybody may read the file of its trunks; an apply takes that away"
                )

    def _check_hands(self, sides: Sequence[Side]) -> None:
        """Where the operator writes the files himself, they must be there before calls go by them."""
        for side in sides:
            if side.old is not None and bare(side.old) == bare(side.new):
                continue
            try:
                missing = untaken(side.pbx.ari, side.new.sections(), gone(side))
            except Silent as e:
                raise NotApplied(f"{side.pbx.name} cannot be asked: {e}. Nothing was changed") from None
            if missing:
                raise NotApplied(
                    f"{side.pbx.name} must be told by hand, as no pjsip_trunks_file is set: write what `ringbridge "
                    "pbx-config` prints as pjsip_trunks.conf where its pjsip.conf includes it, run `asterisk -rx "
                    "'module reload res_pjsip.so'`, and apply again (with --routes-only it is not asked). Not there "
                    "yet:\n" + "\n".join(f"  {one}" for one in missing)
                )

    def _have_it(self, sides: Sequence[Side]) -> bool:
        """Nothing is to be done: every PBX was told, and has it."""
        try:
            return all(side.new.is_written() and not self._missing(side) for side in sides)
        except Silent:
            return False

    def _missing(self, side: Side) -> list[str]:
        new, ari = side.new, side.pbx.ari
        return untaken(ari, new.sections(), ()) + unsigned(ari, new.profiles())

    # ---- what is done -------------------------------------------------------------------------------------------

    def _tell(self, sides: Sequence[Side]) -> list[str]:
        """Why not, in words."""
        try:
            for side in sides:
                for path, text in side.new.files.items():
                    put(path, text)
            return [why for found in at_once(self._wrong, sides) for why in found]
        except OSError as e:
            return [str(e)]

    def _wrong(self, side: Side) -> list[str]:
        try:
            began = time.monotonic()
            reload(side)
            self.say(f"{side.pbx.name}: written and reloaded in {1000 * (time.monotonic() - began):.0f} ms")
            return [f"{side.pbx.name}: {one}" for one in self._untaken(side)]
        except Silent as e:
            return [f"{side.pbx.name}: {e}"]

    def _untaken(self, side: Side) -> list[str]:
        told = side.new.sections()
        wrong = untaken(side.pbx.ari, told, gone(side)) + unsigned(side.pbx.ari, side.new.profiles())
        if not wrong:
            self.say(f"{side.pbx.name}: verified {len(told)} sections")
            wrong = self._unregistered(side)
        return wrong

    def _unregistered(self, side: Side) -> list[str]:
        told = side.new.sections()
        if not any(one.kind == "registration" for one in told):
            return []
        if side.pbx.ami is None:
            self.warnings.append(f"{side.pbx.name}: registrations were not looked at, as no ami_url is set")
            return []
        marks = {f"{one.kind} {one.name}": one.mark for one in sections(side.old_text)}
        wrong, silent = unregistered(side.pbx.ami, side.registered, told, marks)
        self.warnings += [f"{side.pbx.name}: {one}" for one in silent]
        if wrong and self.wanted.keep_unregistered:
            self.warnings += [f"{side.pbx.name}: {one}" for one in wrong]
            return []
        return wrong

    def _take_back(
        self, sides: Sequence[Side], entry: Entry, why: Sequence[str], log: Sequence[str] = ()
    ) -> Outcome:  # fmt: skip
        found, faults = [*why], list[str]()

        def back(side: Side) -> None:
            try:
                found.extend(f"{side.pbx.name}, put back: {one}" for one in put_back(side))
            except (Silent, OSError) as e:
                faults.append(f"{side.pbx.name}: {e}")

        at_once(back, sides)
        if faults:  # the journal stays: the next one tries again
            raise NotApplied(
                f"{'; '.join(found)}. What was in force is in force, but could not be told to Asterisk again "
                f"({'; '.join(faults)}): `ringbridge trunks apply` tries it again, and so does a running Ringbridge"
            )
        said = [without_secrets(one) for one in found]
        self.versions.give_up(entry, "; ".join(said))
        return Outcome(
            self.versions.index().in_force, is_applied=False, changed=self.changed, failed=entry.version,
            why=said, log=list(log), warnings=self.warnings,
        )  # fmt: skip


def at_once(work: Callable[[Side], T], sides: Sequence[Side]) -> list[T]:
    """Each waits for its own carriers; together they have as long as one."""
    with ThreadPoolExecutor(max(1, len(sides))) as pool:
        return list(pool.map(work, sides))


def untaken_now(settings: Settings, trunks: Sequence[Trunk]) -> dict[str, list[str]]:
    """By node, what of these trunks Asterisk has not; of those that are told by us, and answer."""
    found: dict[str, list[str]] = {}
    for pbx in pbxes_of(settings):
        told = pbx.told(trunks)
        if told.files and pbx.is_running:
            with suppress(Silent):
                found[pbx.name] = [without_secrets(one) for one in untaken(pbx.ari, told.sections(), ())]
    return {node: missing for node, missing in found.items() if missing}


def undo_interrupted(settings: Settings, versions: Versions, say: Say) -> Journal | None:
    """Of an apply that was killed, by who holds the lock: every PBX has the old again. Raises NotApplied where one
    cannot be reached; the next one tries again."""
    journal = versions.restore_files()
    if journal is None:
        return None
    say(f"the apply of version {journal.entry.version} was interrupted: what was in force before is put back")
    try:
        for pbx in pbxes_of(settings):
            if pbx.is_running:
                for module in pbx.told(()).modules:
                    pbx.ari.reload(module)
    except Silent as e:
        raise NotApplied(f"an interrupted apply cannot be taken back: {e}") from None
    versions.give_up(journal.entry, INTERRUPTED)
    return journal
