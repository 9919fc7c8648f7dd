"""Reads what the simulated carrier wrote down of each call: the witness of the tests.

It knows the carrier's CEL file and its recordings, and must know nothing of the product: no call id, no state, no
ledger. What the carrier did not see is None here, never a guess."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock

from ari_app.stack import tones
from ari_app.stack.carrier_callers import LINE, CallerRows, Callers, early_media_ms
from ari_app.stack.carrier_rows import FIELDS, Row, Rows, at_ms, extra, said, user_part, when

CEL_FILE = "cel.csv"
HEARD_AT_ONCE = 15
"""Frequencies of a second that are written down: as many as a conference of sixteen has others."""


@dataclass(frozen=True)
class CarrierCall:
    """One call as a phone saw it. Times are ms since the epoch, UTC; None is "has not happened".

    `hung_up_by` is "phone" (by its own doing, refusals too), "platform" (BYE or CANCEL), or None: still up, or over
    in a way that neither asked for. `cause` is Q.850's: the phone's own, or the Reason of the platform's BYE (None
    without one; a CANCEL without one is 127). `digits` are the keys that the platform pressed.
    `number` is what was dialled, as it came; `direction` says by whom: "outbound" is a call of the platform to this
    phone, "inbound" one of this phone to the platform (by `from_user`; `sip_status` is the platform's final answer,
    None where the phone gave up before). `pressed` are the keys that the phone pressed.
    `heard`: the strongest frequencies of each second of the recording. It begins `recorded_from_ms`: with the answer,
    or, of an inbound call, just before the INVITE."""

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
    direction: str = "outbound"
    pressed: str = ""
    sip_status: int | None = None
    recorded_from_ms: int | None = None

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
    """The record of one carrier, read on from where the last reading ended, so that polling thousands is cheap. Any
    thread may ask."""

    directory: Path
    _offset: int = 0
    _line: int = 0
    _rows: dict[str, Rows] = field(default_factory=dict)
    _callers: Callers = field(default_factory=Callers)
    _ended: dict[str, CarrierCall] = field(default_factory=dict)
    _reading: Lock = field(default_factory=Lock, repr=False, compare=False)

    def calls(self, *, with_tones: bool = True) -> list[CarrierCall]:
        """Every call, in the order of their INVITEs."""
        with self._reading:
            return [self._with_tones(key, call) if with_tones else call for key, call in self._all()]

    def call(self, id: str, *, with_tones: bool = False) -> CarrierCall | None:
        """One of them; it alone is listened to."""
        with self._reading:
            found = next(((key, call) for key, call in self._all() if call.id == id), None)
            return found and (self._with_tones(*found) if with_tones else found[1])

    def _all(self) -> Iterator[tuple[str, CarrierCall]]:
        for row in self._new_rows():
            if not self._callers.take(row):
                self._rows.setdefault(row["uniqueid"], []).append(row)
        for key, rows in self._rows.items():
            if (call := self._call(key, rows)) is not None:
                yield key, call

    def person(self, id: str) -> str | None:
        """The channel of the person who placed this call; when it is hung up, that phone hangs up."""
        self.calls(with_tones=False)
        return self._callers.person(id)

    def _new_rows(self) -> Iterator[Row]:
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
                if len(values) != len(FIELDS):
                    raise RecordError(
                        f"{cel}, line {self._line}: {len(values)} fields, not {len(FIELDS)}: {raw[:80]!r}"
                    )
                yield dict(zip(FIELDS, values, strict=True))

    def _call(self, key: str, rows: Rows) -> CarrierCall | None:
        if key in self._ended:
            return self._ended[key]
        if self._callers.has(rows):
            call = _inbound(rows, self._callers.of(rows), self.directory)
            return self._kept(key, call, is_over=call.ended_at_ms is not None)
        if rows[0]["exten"] == LINE:  # a phone's own call, whose next row will say so
            return None
        call = _from_rows(key, rows, self.directory)
        return self._kept(key, call, is_over=rows[-1]["eventtype"] == "CHAN_END")

    def _kept(self, key: str, call: CarrierCall, *, is_over: bool) -> CarrierCall:
        if is_over:
            self._ended[key] = call
        return call

    def _with_tones(self, key: str, call: CarrierCall) -> CarrierCall:
        if call.recording is None or call.heard:
            return call
        call = replace(call, heard=_heard(Path(call.recording), is_whole=call.ended_at_ms is not None))
        return self._kept(key, call, is_over=key in self._ended)


def read_calls(record_dir: Path, with_tones: bool = True) -> list[CarrierCall]:
    """Every call of the carrier whose record lies in `record_dir`, in the order of their INVITEs."""
    return CarrierRecord(record_dir).calls(with_tones=with_tones)


def _from_rows(id: str, rows: Rows, directory: Path) -> CarrierCall:
    first = {row["eventtype"]: row for row in reversed(rows)}
    invite = said(first.get("INVITE"))
    hangup = extra(first.get("HANGUP"))
    recording = directory / f"{id}.sln"
    is_recorded = recording.exists()
    answered_at_ms = when(first.get("ANSWER"))
    return CarrierCall(
        id=id,
        number=rows[0]["exten"],
        from_user=user_part(invite.get("from")),
        pai=invite.get("pai"),
        call_id=invite.get("call_id"),
        invited_at_ms=at_ms(rows[0]),
        rang_at_ms=when(first.get("RING")),
        early_media_at_ms=when(first.get("EARLY_MEDIA")),
        answered_at_ms=answered_at_ms,
        ended_at_ms=when(first.get("HANGUP") or first.get("CHAN_END")),
        hung_up_by=_hung_up_by(hangup.get("hangupsource", ""), rows[0]["channame"]),
        cause=hangup.get("hangupcause") or None,
        digits="".join(extra(row).get("digit", "") for row in rows if row["eventtype"] == "DTMF"),
        recording=str(recording) if is_recorded else None,
        recorded_ms=tones.duration_ms(recording) if is_recorded else None,
        cel=str(directory / CEL_FILE),
        from_header=invite.get("from"),
        rpid=invite.get("rpid"),
        privacy=invite.get("privacy"),
        diversion=invite.get("diversion"),
        transport=invite.get("via", "").lower() or None,
        srtp=_is_srtp(first.get("SOUND")),
        pressed="".join(said(row).get("keys", "") for row in rows if row["eventtype"] == "KEYS"),
        recorded_from_ms=answered_at_ms if is_recorded else None,
    )


def _inbound(leg: Rows, caller: CallerRows, directory: Path) -> CarrierCall:
    """A call that a phone placed. It has ended when its recording is whole and the platform's answer is known, too."""
    call = _from_rows(caller.id, [*leg, *caller.rows], directory)
    began_ms = caller.began_ms if call.recording else None
    early_ms = began_ms and early_media_ms(directory / f"{caller.id}.sln", began_ms, call.answered_at_ms)
    is_over = caller.is_over and call.ended_at_ms is not None
    return replace(
        call,
        direction="inbound",
        number=caller.to,
        from_user=caller.number,
        early_media_at_ms=None if early_ms is None else max(early_ms, call.invited_at_ms),  # two clocks, 50 ms apart
        ended_at_ms=call.ended_at_ms if is_over else None,
        hung_up_by=(call.hung_up_by or "phone") if is_over else None,
        sip_status=caller.sip_status,
        recorded_from_ms=began_ms,
    )


def _hung_up_by(source: str, channel: str) -> str | None:
    """Asterisk names the dialplan where the phone ended the call, and the channel itself on BYE or CANCEL."""
    if source.startswith("dialplan/"):
        return "phone"
    return "platform" if source == channel else None


def _is_srtp(row: Row | None) -> bool | None:
    srtp = said(row).get("srtp")
    return None if srtp is None else srtp == "1"


def _heard(recording: Path, *, is_whole: bool) -> tuple[tuple[int, tuple[float, ...]], ...]:
    """By second. Of a call that is over the answer is kept beside the recording: the next command finds it there."""
    cache = recording.with_suffix(".heard.json")
    size = recording.stat().st_size
    if is_whole and cache.exists():
        kept = json.loads(cache.read_text("utf-8"))
        if kept["size"] == size:
            return tuple((second, tuple(hz)) for second, hz in enumerate(kept["hz"]))
    found = tones.strongest(tones.read(recording), most=HEARD_AT_ONCE)
    if is_whole:
        fresh = cache.with_suffix(".new")
        fresh.write_text(json.dumps({"size": size, "hz": found}), "utf-8")
        fresh.replace(cache)
    return tuple((second, tuple(hz)) for second, hz in enumerate(found))
