"""Putting carriers in force, against an Asterisk that can only be told: what is applied, taken back, left by a kill."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ari_app import trunk_versions
from ari_app.config import Mistakes, Settings
from ari_app.operator_files import load_carriers
from ari_app.stack.marks import PjsipSection
from ari_app.stack.state import file_lock
from ari_app.trunk_tools import applying, verifying
from ari_app.trunk_tools.applying import NotApplied, Outcome, Wanted, apply
from ari_app.trunk_tools.differences import difference, text_difference
from ari_app.trunk_tools.pbxes import rendered
from ari_app.trunk_versions import Versions, entry_now
from ari_app.whole_files import written_whole
from tests.support import until_sync
from tests.unit.trunks.told_pbx import ToldPbx

PLAIN = "[main]\nhost = 127.0.0.1\nusername = us\npassword = {password}\npriority = {priority}\n"
ONE = PLAIN.format(password="the-first-secret", priority=1)
TWO = PLAIN.format(password="another-secret", priority=2) + "[spare]\nhost = 127.0.0.1\nport = 5070\nprice = 0.07\n"
REFUSED = ONE.replace("priority = 1", "priority = 3\nendpoint/dtmf_mode = nonsense")


NOBODY = 65534


class Place:
    """An installation whose PBXes are these."""

    def __init__(self, home: Path, *pbxes: ToldPbx) -> None:
        self.home = home
        self.pbxes = pbxes
        self.file = home / "trunks.conf"
        self.said: list[str] = []
        nodes = home / "nodes.conf"
        nodes.write_text("".join(self._section(f"pbx{n}", pbx) for n, pbx in enumerate(pbxes, 1)))
        self.settings = Settings(
            nodes_file=str(nodes), trunks_file=str(self.file), state_dir=str(home / "state"), redis_url="redis://h"
        )
        self.versions = Versions(self.settings.state_dir)

    @staticmethod
    def _section(name: str, pbx: ToldPbx) -> str:
        return f"[{name}]\n" + "".join(f"{option} = {value}\n" for option, value in pbx.settings().items())

    def apply(self, text: str, **more: Any) -> Outcome:
        self.file.write_text(text)
        trunks = load_carriers(self.settings, str(self.file))
        return apply(self.settings, Wanted(trunks, text, "t.conf", "me@here", **more), self.said.append)

    def in_force(self) -> list[str]:
        now = self.versions.in_force()
        return [trunk.name for trunk in now.trunks] if now else []


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[ToldPbx]:
    with ToldPbx(tmp_path / "a").answering() as pbx:
        yield pbx


@pytest.fixture
def place(tmp_path: Path, pbx: ToldPbx) -> Place:
    return Place(tmp_path, pbx)


def test_what_is_applied_is_in_asterisk_in_force_and_in_the_history(place: Place, pbx: ToldPbx) -> None:
    first = place.apply(ONE)
    assert (first.is_applied, first.version, place.in_force()) == (True, 1, ["main"])
    assert pbx.names() == {"main"}

    second = place.apply(TWO, message="a spare one")
    assert (second.version, second.changed) == (2, ["main: password, priority", "+spare"])
    assert (place.in_force(), pbx.names()) == (["main", "spare"], {"main", "spare"})
    assert pbx.value("main", "password", "auth") == "another-secret"

    [one, two] = place.versions.index().entries
    assert (one.outcome, one.by, two.message, two.changed) == (
        "applied",
        "me@here",
        "a spare one",
        tuple(second.changed),
    )
    assert place.versions.text_of(1) == ONE


def test_what_was_taken_away_is_gone_from_asterisk(place: Place, pbx: ToldPbx) -> None:
    place.apply(TWO)
    place.apply(ONE)
    assert pbx.names() == {"main"}


def test_what_asterisk_does_not_give_up_is_taken_back(place: Place, pbx: ToldPbx) -> None:
    place.apply(TWO)
    pbx.clings_to = "spare"
    outcome = place.apply(ONE)
    assert not outcome.is_applied
    assert "pbx1: endpoint spare is still there" in outcome.why
    assert place.in_force() == ["main", "spare"]


def test_what_asterisk_refuses_is_taken_back_and_says_why(place: Place, pbx: ToldPbx) -> None:
    place.apply(TWO)
    before = pbx.file.read_text()

    outcome = place.apply(REFUSED)
    assert not outcome.is_applied
    assert (outcome.version, outcome.failed) == (1, 2)
    assert "endpoint main stayed as it was (dtmf_mode is not known there" in outcome.why[0]
    assert "spare" not in str(outcome.why)

    assert place.in_force() == ["main", "spare"]
    assert (pbx.file.read_text(), pbx.names()) == (before, {"main", "spare"})
    assert pbx.value("main", "password", "auth") == "another-secret"
    assert [(one.outcome, bool(one.why)) for one in place.versions.index().entries] == [
        ("applied", False),
        ("rolled back", True),
    ]
    assert place.apply(ONE).version == 3, "a number is never given twice"


def test_where_one_of_several_pbxes_refuses_all_go_back(tmp_path: Path, pbx: ToldPbx) -> None:
    with ToldPbx(tmp_path / "b").answering() as other:
        place = Place(tmp_path, pbx, other)
        place.apply(ONE)
        other.refuses.add("sip:127.0.0.1:5070")
        outcome = place.apply(TWO)
        assert outcome.why == ["pbx2: aor spare is not there"]
        assert pbx.names() == other.names() == {"main"}
        assert pbx.file.read_text() == other.file.read_text()
        assert (place.in_force(), place.versions.is_applying()) == (["main"], False)


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        ("commit", KeyboardInterrupt()),
        ("commit", OSError(28, "No space left on device")),
        ("untaken", KeyboardInterrupt()),
        ("untaken", RuntimeError("a bug")),
    ],
)
def test_a_fault_in_the_midst_takes_everything_back(
    place: Place, pbx: ToldPbx, monkeypatch: pytest.MonkeyPatch, at: str, fault: BaseException
) -> None:
    place.apply(ONE)
    before = pbx.file.read_text()

    def fails(*_: object) -> None:
        raise fault

    with monkeypatch.context() as broken:
        broken.setattr(*((Versions, at) if at == "commit" else (applying, at)), fails)
        with pytest.raises(type(fault)):
            place.apply(TWO)
    assert (pbx.file.read_text(), pbx.names()) == (before, {"main"})
    assert (place.in_force(), place.versions.is_applying()) == (["main"], False)
    assert place.versions.index().entries[-1].outcome == "rolled back"
    assert place.apply(TWO).version == 3


def test_of_several_pbxes_all_are_told_or_none(tmp_path: Path, pbx: ToldPbx) -> None:
    with ToldPbx(tmp_path / "b").answering() as other:
        place = Place(tmp_path, pbx, other)
        assert place.apply(ONE).is_applied
        assert pbx.names() == other.names() == {"main"}
        other.is_deaf = True
        outcome_or_fault: Any = None
        try:
            outcome_or_fault = place.apply(TWO)
        except NotApplied as fault:  # it could not be told of the way back either
            outcome_or_fault = fault
        assert "pbx2" in str(outcome_or_fault) or "500" in str(outcome_or_fault)
        assert place.in_force() == ["main"]
        assert place.versions.is_applying(), "it is not done: the next one takes it back"

        other.is_deaf = False
        assert place.apply(ONE).is_applied
        assert pbx.names() == other.names() == {"main"}
        assert place.versions.index().entries[-1].why == "the apply was interrupted"
        assert place.apply(TWO).is_applied
        assert pbx.names() == other.names() == {"main", "spare"}


def test_a_pbx_that_does_not_answer_leaves_everything_as_it_is(place: Place, pbx: ToldPbx, tmp_path: Path) -> None:
    place.apply(ONE)
    dead = ToldPbx(tmp_path / "dead")
    both = Place(tmp_path, pbx, dead)
    before, reloads = pbx.file.read_text(), pbx.reloads
    with pytest.raises(NotApplied, match=r"pbx2 cannot be told.*Nothing was changed"):
        both.apply(TWO)
    assert (pbx.file.read_text(), pbx.reloads, both.in_force()) == (before, reloads, ["main"])


def test_applied_again_nothing_is_done_unless_asterisk_has_lost_it(place: Place, pbx: ToldPbx) -> None:
    place.apply(ONE)
    assert place.apply(ONE + "; a comment\n").version == 1
    assert pbx.reloads == 1
    pbx.objects.clear()
    assert (place.apply(ONE).version, pbx.names()) == (2, {"main"})


def test_prices_alone_are_taken_up_and_no_object_of_asterisk_changes(place: Place, pbx: ToldPbx) -> None:
    place.apply(ONE)
    before = dict(pbx.objects)
    assert place.apply(ONE + "price = 0.08\n").changed == ["main: price"]
    assert pbx.objects == before


def test_a_file_that_somebody_else_wrote_is_not_overwritten(place: Place, pbx: ToldPbx) -> None:
    pbx.file.write_text("[mine]\ntype = endpoint\n")
    with pytest.raises(NotApplied, match="was not written by Ringbridge, and would be lost"):
        place.apply(ONE)
    assert pbx.file.read_text() == "[mine]\ntype = endpoint\n"
    assert place.in_force() == []


def test_by_hand_it_is_in_force_only_when_asterisk_has_it(tmp_path: Path, pbx: ToldPbx) -> None:
    place = Place(tmp_path, pbx)
    nodes = Path(place.settings.nodes_file)
    nodes.write_text("\n".join(line for line in nodes.read_text().splitlines() if "pjsip_trunks_file" not in line))
    with pytest.raises(NotApplied, match="must be told by hand") as told:
        place.apply(ONE)
    assert "endpoint main is not there" in str(told.value)
    assert place.apply(ONE, routes_only=True).is_applied

    with pytest.raises(NotApplied, match="endpoint spare is not there"):
        place.apply(TWO)
    assert place.apply(ONE + "price = 0.09\n").is_applied, "of which Asterisk knows nothing"

    place.file.write_text(TWO)
    pbx.file.write_text(_pbx_config(place))
    pbx.reload()
    assert place.apply(TWO).is_applied


def _pbx_config(place: Place) -> str:
    return rendered(place.settings, load_carriers(place.settings, str(place.file)))


def test_one_apply_at_a_time(place: Place) -> None:
    with file_lock(place.versions.home / "apply.lock"):
        done: list[Outcome] = []
        other = threading.Thread(target=lambda: done.append(place.apply(ONE)))
        other.start()
        until_sync(lambda: place.said, 5, "it says that it waits")
        assert "another ringbridge" in place.said[0]
        assert not done
    other.join(10)
    assert done[0].is_applied


def test_nothing_that_is_kept_can_be_read_by_others(place: Place) -> None:
    place.apply(ONE)
    kept = [one for one in place.versions.home.iterdir() if one.name != "apply.lock"]
    assert len(kept) == 3
    assert all(one.stat().st_mode & 0o077 == 0 for one in (*kept, place.versions.home))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_applies_is_for_whoever_has_the_state_directory(place: Place) -> None:
    state = Path(place.settings.state_dir)
    state.mkdir(0o700)
    os.chown(state, NOBODY, NOBODY)
    place.apply(ONE)
    kept = [place.versions.home, *place.versions.home.iterdir()]
    assert {one.stat().st_uid for one in kept} == {NOBODY}


def test_old_contents_are_forgotten_and_the_history_is_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_versions, "KEPT_MAX", 3)
    trunks = load_carriers(place.settings, _written(place, ONE))
    for n in range(5):
        place.versions.adopt(trunks, ONE, entry_now("me", str(n)))
    assert len(place.versions.index().entries) == 5
    assert len(list(place.versions.home.glob("*.conf"))) == 3
    assert not (place.versions.home / "1.json").exists()


def _written(place: Place, text: str) -> str:
    place.file.write_text(text)
    return str(place.file)


def test_the_difference_shows_what_asterisk_would_get_and_no_password(place: Place) -> None:
    place.apply(ONE)
    place.file.write_text(TWO)
    found = difference(place.settings, load_carriers(place.settings, str(place.file)))
    shown = "\n".join([*found.pjsip, *map(str, found.changes)])
    assert "-password = ********\n+password = ******** (another)" in shown
    assert "+contact = sip:127.0.0.1:5070" in shown
    assert [str(one) for one in found.routes] == ["[main] priority: 1 → 2", "[spare] price: 0 → 0.07"]
    assert "secret" not in shown
    place.file.write_text(ONE)
    assert not difference(place.settings, load_carriers(place.settings, str(place.file))).is_any


def test_the_same_text_has_no_difference() -> None:
    text = "[a]\ntype = auth\npassword = x\n@ringbridge = 1\n"
    assert text_difference(text, text.replace("= 1", "= 2"), "old") == []


@pytest.mark.parametrize(
    ("told", "shown"),
    [("yes", "true"), ("no", "false"), ("1.5", "1.500000"), ("ulaw,alaw", "(ulaw|alaw)"), ("RTP", "rtp")],
)
def test_the_forms_in_which_asterisk_shows_a_value_are_the_same(told: str, shown: str) -> None:
    assert verifying._plain(told) == verifying._plain(shown)


def test_killed_at_any_moment_the_old_or_the_new_is_in_force_whole(pbx: ToldPbx) -> None:
    """And Asterisk has the same, once the next one has looked; and another apply works."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a disk would only make it slow
    with tempfile.TemporaryDirectory(dir=memory) as home, ToldPbx(Path(home)).answering() as told:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.unit.trunks.killed_applies", home, told.url],
            capture_output=True, text=True, timeout=100,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    moments = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["killed"] for one in moments] == [True] * (len(moments) - 1) + [False]
    assert len(moments) > 8

    old, new = {"main": "sip:127.0.0.1:5060"}, {"main": "sip:127.0.0.1:5070", "spare": "sip:127.0.0.1:5060"}
    for one in moments:
        assert one["in_force"] == one["after"], one
        assert one["told"] == (new if one["after"] == ["main", "spare"] else old), one
        assert (one["is_applying"], one["halves"]) == (False, []), one
    assert {len(one["after"]) for one in moments} == {1, 2}


@pytest.mark.parametrize("damage", [lambda file: file.write_text("{"), Path.unlink], ids=["damaged", "gone"])
def test_an_apply_puts_right_what_is_damaged(place: Place, damage: Callable[[Path], None]) -> None:
    place.apply(ONE)
    damage(place.versions.home / "1.json")
    with pytest.raises(Mistakes, match="`ringbridge trunks apply` puts"):
        place.versions.in_force()

    outcome = place.apply(TWO)
    assert (outcome.is_applied, place.in_force()) == (True, ["main", "spare"])
    assert "1.json cannot be read" in outcome.warnings[0]


def test_what_is_taken_back_may_be_read_by_the_same_people_as_before(place: Place, pbx: ToldPbx) -> None:
    pbx.file.chmod(0o644)  # Asterisk may be one of the others
    assert not place.apply(REFUSED).is_applied
    assert pbx.file.stat().st_mode & 0o777 == 0o644
    assert place.apply(ONE).is_applied
    assert pbx.file.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link_and_an_editors_file_stays_there(place: Place, pbx: ToldPbx) -> None:
    real, swap = place.home / "real.conf", pbx.file.with_name(f".{pbx.file.name}.swp")
    swap.touch()
    pbx.file.rename(real)
    pbx.file.symlink_to(real)
    assert place.apply(ONE).is_applied
    assert pbx.file.is_symlink()
    assert "[main]" in real.read_text()
    assert swap.exists()


@pytest.mark.parametrize("why", [errno.EBUSY, errno.EPERM], ids=["mounted", "another user's"])
def test_a_file_that_cannot_be_replaced_is_written_in_its_place(
    place: Place, pbx: ToldPbx, why: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def not_here(to: Path) -> Iterator[BinaryIO]:
        if to == pbx.file:
            raise OSError(why, "no")
        with written_whole(to) as file:
            yield file

    inode = pbx.file.stat().st_ino
    monkeypatch.setattr(trunk_versions, "written_whole", not_here)
    assert place.apply(ONE).is_applied
    assert (pbx.names(), pbx.file.stat().st_ino) == ({"main"}, inode)


def test_trunks_of_another_installation_do_not_go_in_silence(place: Place, pbx: ToldPbx) -> None:
    place.apply(TWO)
    place.settings = replace(place.settings, state_dir=str(place.home / "another"))
    [warning] = place.apply(ONE).warnings
    assert "spare was never in force here, and goes" in warning


def test_what_stands_in_another_file_of_asterisk_is_told_so(place: Place, pbx: ToldPbx) -> None:
    pbx.elsewhere["endpoint", "main"] = PjsipSection("main", "endpoint", (("context", "default"),))
    assert "stands in another file, such as pjsip.conf" in place.apply(ONE).why[0]


def test_a_trunk_that_is_to_sign_and_would_not_is_taken_back(place: Place, pbx: ToldPbx) -> None:
    signed = ONE + "stir_shaken = A\nstir_shaken_key = /k.pem\nstir_shaken_cert_url = https://h/c.pem\n"
    outcome = place.apply(signed)
    assert not outcome.is_applied
    assert "profile main-signed is not there: is res_stir_shaken.so loaded" in outcome.why[0]

    level = [("attest_level", "B"), ("unknown_tn_attest_level", "A"), ("endpoint_behavior", "attest")]
    level += [("private_key_file", "/k.pem"), ("public_cert_url", "https://h/c.pem")]
    pbx.profiles["main-signed"] = dict(level)  # of before, and refused since
    assert "main-signed: attest_level is B, told was A" in place.apply(signed).why[0]
    pbx.profiles["main-signed"]["attest_level"] = "A"
    assert place.apply(signed).is_applied
