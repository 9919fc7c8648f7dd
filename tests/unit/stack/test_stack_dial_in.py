"""A phone's own call as the file that the carrier's Asterisk is given; and what is refused before."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.stack import StackError
from ari_app.stack.dial_in import DialIn, dial_in
from ari_app.stack.servers import CALL_FILES

CALL = DialIn("+8613900000503", "+864001234567", keys="w2.5 1234#  w1 9", hang_up_after_s=30, ring_s=4.5)


@pytest.fixture
def carrier(tmp_path: Path) -> Path:
    """One that runs, by its pid."""
    (tmp_path / CALL_FILES).mkdir(parents=True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/asterisk.pid").write_text(str(os.getpid()))
    return tmp_path


def test_the_call_file_says_whom_to_call_and_what_to_do(carrier: Path) -> None:
    id = dial_in(carrier, 5070, CALL, line="dev_a", via=";transport=tcp")
    [file] = (carrier / CALL_FILES).iterdir()
    said = dict(line.split("=", 1) for line in file.read_text().splitlines() if line.startswith("Setvar: "))
    assert said["Setvar: CALL"] == id
    assert (said["Setvar: FROM"], said["Setvar: TO"]) == (CALL.caller, CALL.to)
    assert said["Setvar: CHANNEL_TO"] == "PJSIP/dev_a/sip:+864001234567@127.0.0.1:5070\\;transport=tcp"
    assert said["Setvar: KEYS"] == "w2.5-1234#-w1-9"
    assert (said["Setvar: RING_S"], said["Setvar: STAY_S"], said["Setvar: WHOLE_S"]) == ("4.5", "30", "44.5")
    assert file.stat().st_mode & 0o077 == 0


def test_two_calls_have_two_ids(carrier: Path) -> None:
    assert dial_in(carrier, 5070, CALL) != dial_in(carrier, 5070, CALL)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"caller": ""}, "no number"),
        ({"caller": "+86139\nApplication: System"}, "no number"),
        ({"to": "1234@elsewhere"}, "no number"),
        ({"to": "12,34)"}, "no number"),
        ({"keys": "w2 12x"}, "12x"),
        ({"keys": "w"}, "neither keys"),
        ({"keys": "1-w2"}, "neither keys"),
        ({"ring_s": 0}, "no time"),
        ({"hang_up_after_s": 100_000}, "no time"),
        ({"hang_up_after_s": float("nan")}, "no time"),
    ],
)
def test_what_a_phone_cannot_do_is_refused_with_a_sentence(carrier: Path, wrong: dict[str, object], told: str) -> None:
    with pytest.raises(StackError, match=told):
        dial_in(carrier, 5070, replace(CALL, **wrong))  # type: ignore[arg-type]
    assert list((carrier / CALL_FILES).iterdir()) == []


@pytest.mark.parametrize("pid", ["", "0", "4194305"])
def test_a_carrier_that_does_not_run_takes_no_calls(carrier: Path, pid: str) -> None:
    """It would place them when it is started."""
    (carrier / "run/asterisk.pid").write_text(pid)
    with pytest.raises(StackError, match="ringbridge stack start"):
        dial_in(carrier, 5070, CALL)
    assert list((carrier / CALL_FILES).iterdir()) == []
