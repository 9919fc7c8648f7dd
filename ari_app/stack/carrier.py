"""Reads what the simulated carrier wrote down of each call: the witness of the tests.

It knows the carrier's CEL file and its recordings, and must know nothing of the product: no call id, no state, no
ledger. What the carrier did not see is None here, never a guess."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ari_app.stack import tones

CEL_FILE = "cel.csv"
# asterisk_conf/carrier/cel_custom.conf has the same order
_FIELDS = ("eventtype", "eventtime", "uniqueid", "exten", "channame", "eventextra")


@dataclass(frozen=True)
class CarrierCall:
    """One call as a phone saw it. Times are ms since the epoch, UTC; None is "has not happened".

    `hung_up_by` is "phone" (by its own doing, refusals too), "platform" (BYE or CANCEL), or None: still up, or over
    in a way that neither asked for. `cause` is Q.850's: the phone's own, or the Reason of the platform's BYE (None
    without one; a CANCEL without one is 127). `digits` are the keys that the platform pressed.
    `number` is what was dialled, as it came.
    `heard`: the strongest frequencies of each second of the recording, which begins with the answer."""

    id: str
    number: str
    from_user: str | None
    pai: str | None
    call_id: str | None
    invited_at_ms: int
    rang_at_ms: int | None
    early_media_at_ms: int | None
    answered_at_ms: int | None
    ended_at_ms: int | None
    hung_up_by: str | None
    cause: int | None
    digits: str
    recording: str | None
    recorded_ms: int | None
    cel: str
    heard: tuple[tuple[int, tuple[float, ...]], ...] = ()
    # headers of the INVITE as they came
    from_header: str | None = None
    rpid: str | None = None
    privacy: str | None = None
    diversion: str | None = None
    # how it came: udp, tcp or tls; whether the sound was encrypted, where it is recorded
    transport: str | None = None
    srtp: bool | None = None

    @property
    def pai_user(self) -> str | None:
        return user_part(self.pai)

    @property
    def talked_ms(self) -> int | None:
        """From the answer to the end; None while either is missing."""
        if self.answered_at_ms is None or self.ended_at_ms is None:
            return None
        return self.ended_at_ms - self.answered_at_ms

    def to_json(self) -> str:
        """One line. `heard` as [{"second": 0, "hz": [450.0]}, …]."""
        fields = asdict(self) | {
            "pai_user": self.pai_user,
            "heard": [{"second": second, "hz": list(hz)} for second, hz in self.heard],
        }
        return json.dumps(fields, ensure_ascii=False)


class RecordError(Exception):
    """The carrier's record cannot be believed; the message says where."""


@dataclass
class CarrierRecord:
    """The record of one carrier, read on from where the last reading ended, so that polling thousands is cheap."""

    directory: Path
    _offset: int = 0
    _line: int = 0
    _rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    _ended: dict[str, CarrierCall] = field(default_factory=dict)

    def calls(self, *, with_tones: bool = True) -> list[CarrierCall]:
        """Every call, in the order of their INVITEs."""
        for row in self._new_rows():
            self._rows.setdefault(row["uniqueid"], []).append(row)
        calls = [self._call(id, rows) for id, rows in self._rows.items()]
        return [self._with_tones(call) if with_tones else call for call in calls]

    def _new_rows(self) -> Iterator[dict[str, str]]:
        cel = self.directory / CEL_FILE
        if not cel.exists():  # Asterisk makes it at the first call
            return
        with cel.open("rb") as file:
            file.seek(self._offset)
            for raw in file:
                if not raw.endswith(b"\n"):  # is being written, or never will be
                    return
                self._line += 1
                self._offset += len(raw)
                values = next(csv.reader([raw.decode()]))
                if len(values) != len(_FIELDS):
                    raise RecordError(
                        f"{cel}, line {self._line}: {len(values)} fields, not {len(_FIELDS)}: {raw[:80]!r}"
                    )
                yield dict(zip(_FIELDS, values, strict=True))

    def _call(self, id: str, rows: list[dict[str, str]]) -> CarrierCall:
        if id not in self._ended:
            call = _from_rows(id, rows, self.directory)
            if rows[-1]["eventtype"] != "CHAN_END":
                return call
            self._ended[id] = call
        return self._ended[id]

    def _with_tones(self, call: CarrierCall) -> CarrierCall:
        if call.recording is None or call.heard:
            return call
        call = replace(call, heard=_heard(Path(call.recording), is_whole=call.ended_at_ms is not None))
        if call.id in self._ended:
            self._ended[call.id] = call
        return call


def read_calls(record_dir: Path, with_tones: bool = True) -> list[CarrierCall]:
    """Every call of the carrier whose record lies in `record_dir`, in the order of their INVITEs."""
    return CarrierRecord(record_dir).calls(with_tones=with_tones)


def user_part(header: str | None) -> str | None:
    """The user of a From or P-Asserted-Identity header: `"Li" <sip:+86139@h>;tag=1` → `+86139`; tel: URIs too."""
    address = re.sub(r'"(?:[^"\\]|\\.)*"', "", header or "")  # without the display name, which may say anything
    found = re.search(r"sips?:([^@;>\s]+)[^>\s]*@|tel:([^;>\s]+)", address)
    return found and (found[1] or found[2])


def _from_rows(id: str, rows: list[dict[str, str]], directory: Path) -> CarrierCall:
    first = {row["eventtype"]: row for row in reversed(rows)}
    invite = parse_qs(_extra(first.get("INVITE")).get("extra", ""))
    hangup = _extra(first.get("HANGUP"))
    recording = directory / f"{id}.sln"
    is_recorded = recording.exists()
    return CarrierCall(
        id=id,
        number=rows[0]["exten"],
        from_user=user_part(_one(invite, "from")),
        pai=_one(invite, "pai"),
        call_id=_one(invite, "call_id"),
        invited_at_ms=_at_ms(rows[0]),
        rang_at_ms=_when(first.get("RING")),
        early_media_at_ms=_when(first.get("EARLY_MEDIA")),
        answered_at_ms=_when(first.get("ANSWER")),
        ended_at_ms=_when(first.get("HANGUP") or first.get("CHAN_END")),
        hung_up_by=_hung_up_by(hangup.get("hangupsource", ""), rows[0]["channame"]),
        cause=hangup.get("hangupcause") or None,
        digits="".join(_extra(row).get("digit", "") for row in rows if row["eventtype"] == "DTMF"),
        recording=str(recording) if is_recorded else None,
        recorded_ms=tones.duration_ms(recording) if is_recorded else None,
        cel=str(directory / CEL_FILE),
        from_header=_one(invite, "from"),
        rpid=_one(invite, "rpid"),
        privacy=_one(invite, "privacy"),
        diversion=_one(invite, "diversion"),
        transport=(_one(invite, "via") or "").lower() or None,
        srtp=_is_srtp(first.get("SOUND")),
    )


def _hung_up_by(source: str, channel: str) -> str | None:
    """Asterisk names the dialplan where the phone ended the call, and the channel itself on BYE or CANCEL."""
    if source.startswith("dialplan/"):
        return "phone"
    return "platform" if source == channel else None


def _extra(row: Mapping[str, str] | None) -> dict[str, Any]:
    return json.loads(row["eventextra"]) if row and row["eventextra"] else {}


def _is_srtp(row: Mapping[str, str] | None) -> bool | None:
    said = _extra(row).get("extra")
    return None if said is None else said == "srtp=1"


def _one(values: Mapping[str, list[str]], name: str) -> str | None:
    return values[name][0] if name in values else None


def _at_ms(row: Mapping[str, str]) -> int:
    """CEL's "seconds.microseconds", cut down to ms without a float in between."""
    seconds, _, micro = row["eventtime"].partition(".")
    return int(seconds) * 1000 + int(micro.ljust(6, "0")[:3])


def _when(row: Mapping[str, str] | None) -> int | None:
    return _at_ms(row) if row else None


def _heard(recording: Path, *, is_whole: bool) -> tuple[tuple[int, tuple[float, ...]], ...]:
    """By second. Of a call that is over the answer is kept beside the recording: the next command finds it there."""
    cache = recording.with_suffix(".heard.json")
    size = recording.stat().st_size
    if is_whole and cache.exists():
        kept = json.loads(cache.read_text("utf-8"))
        if kept["size"] == size:
            return tuple((second, tuple(hz)) for second, hz in enumerate(kept["hz"]))
    found = tones.strongest(tones.read(recording))
    if is_whole:
        fresh = cache.with_suffix(".new")
        fresh.write_text(json.dumps({"size": size, "hz": found}), "utf-8")
        fresh.replace(cache)
    return tuple((second, tuple(hz)) for second, hz in enumerate(found))
