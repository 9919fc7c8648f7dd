"""Phones of the simulated carrier that call the platform: each is a call file for the carrier's Asterisk, whose
dialplan (its extensions_callers.conf) does the rest and ends by itself. Knows nothing of the product but the SIP
address that is called."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ari_app.stack import process
from ari_app.stack.carrier import CarrierCall, CarrierRecord
from ari_app.stack.errors import StackError
from ari_app.stack.servers import CALL_FILES

FOREVER_S, YEAR_S = 86_400, 31_536_000
RING_S, STAY_S = 60, 60
"""As long as a phone that was told nothing lets it ring, and stays."""
_LOOPBACK = "127.0.0.1"
_NUMBER = re.compile(r"[+*#0-9A-Za-z]{1,40}")
_PAUSE = re.compile(r"w\d{1,4}(\.\d{1,3})?")
_KEYS = re.compile(r"[0-9*#A-D]{1,40}")
_SPARE_S = 10  # of the limit on everything: for what comes before the ringing and after the end


@dataclass(frozen=True)
class DialIn:
    """What a phone does. `keys` are words, after the answer: `w2.5` waits so many seconds, others are pressed. It hangs
    up `hang_up_after_s` after the answer, and `ring_s` after the INVITE where nobody answered."""

    caller: str
    to: str
    keys: str = ""
    hang_up_after_s: float = STAY_S
    ring_s: float = RING_S


def dial_in(carrier_dir: Path, sip_port: int, call: DialIn, *, line: str = "platform", via: str = "") -> str:
    """Let a phone of the carrier in `carrier_dir` call the PBX at this port of the loopback; the id of the carrier's
    record of it. `line`: the carrier's endpoint that places it; `via`: more of the URI, as `;transport=tcp`. Raises
    StackError for a call that cannot be made."""
    id = "in" + secrets.token_hex(6)
    text = "".join(f"{line}\n" for line in _call_file(id, _checked(call), sip_port, line, via))
    if process.from_pid_file(carrier_dir / "run/asterisk.pid", marker="") is None:
        raise StackError("the simulated carrier is not running: `ringbridge stack start` starts it")
    fresh = carrier_dir / "spool" / f"{id}.call"
    fresh.touch(mode=0o600)
    fresh.write_text(text, "utf-8")
    fresh.replace(carrier_dir / CALL_FILES / fresh.name)  # whole, or it is read while it is written
    return id


@dataclass(frozen=True)
class Calling:
    """A phone that calls, or has called. `rx`: what a command on its Asterisk's console prints."""

    id: str
    carrier: CarrierRecord
    rx: Callable[[str], str]

    def record(self, *, with_tones: bool = False) -> CarrierCall | None:
        """What the carrier has written down so far; None before the INVITE is out."""
        return self.carrier.call(self.id, with_tones=with_tones)

    def press(self, keys: str) -> None:
        """Tell it to press these, after those of its own; when they are pressed, its record has them in `pressed`."""
        if not _KEYS.fullmatch(keys):
            raise StackError(f"“{keys}” is not what a phone can press: 0-9, *, #, A-D")
        self.rx(f"dialplan set global TOLD_{self.id} {keys}")

    def hang_up(self) -> bool:
        """Also while it rings. False where the phone does not call yet, or any more."""
        person = self.carrier.person(self.id)
        return person is not None and "Requested Hangup" in self.rx(f"channel request hangup {person}")


def keys_problem(keys: str) -> str | None:
    """What is wrong with a phone's `keys`, as a sentence."""
    for word in keys.split():
        if not _PAUSE.fullmatch(word) and not _KEYS.fullmatch(word):
            return f"“{word}” is neither keys (0-9, *, #, A-D) nor a pause (w2 or w2.5, in seconds)"
    return None


def _checked(call: DialIn) -> DialIn:
    for number in (call.caller, call.to):
        if not _NUMBER.fullmatch(number):
            raise StackError(f"“{number}” is no number that a phone could have or dial")
    for seconds in (call.hang_up_after_s, call.ring_s):
        if not 0 < seconds <= FOREVER_S:
            raise StackError(f"{seconds:g} s is no time to ring or to stay: more than 0, {FOREVER_S} at most")
    if problem := keys_problem(call.keys):
        raise StackError(problem)
    return call


def _call_file(id: str, call: DialIn, sip_port: int, line: str, via: str) -> list[str]:
    """See Asterisk's sample.call. A comment begins with `;`, which a URI may have."""
    to_channel = f"PJSIP/{line}/sip:{call.to}@{_LOOPBACK}:{sip_port}{via}"
    said = {
        "CALL": id,
        "FROM": call.caller,
        "TO": call.to,
        "CHANNEL_TO": to_channel.replace(";", "\\;"),
        "KEYS": "-".join(call.keys.split()),
        "RING_S": f"{call.ring_s:g}",
        "STAY_S": f"{call.hang_up_after_s:g}",
        "WHOLE_S": f"{call.ring_s + call.hang_up_after_s + _SPARE_S:g}",
    }
    return [
        "Channel: Local/s@calling-line/n",
        "MaxRetries: 0",
        f"RetryTime: {YEAR_S}",  # as long as it takes until a carrier that died in this call would place it anew
        "Context: calling-person",
        "Extension: s",
        "Priority: 1",
        *(f"Setvar: {name}={value}" for name, value in said.items()),
    ]
