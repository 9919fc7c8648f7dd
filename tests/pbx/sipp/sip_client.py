"""A caller of our own: places one SIP call over UDP on loopback, sends and hears sound, says what came back.
Knows SIP only as far as a test needs (RFC 3261, 3550, 4733); shares no code with Asterisk or with the product."""

import asyncio
import contextlib
import re
import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.pbx.sipp.g711 import SILENCE, decode

FRAME_MS, FRAME_SAMPLES = 20, 160
ALAW, EVENTS = 8, 101
LOOPBACK = "127.0.0.1"

Sound = Callable[[int], bytes | None]  # number of the 20 ms frame → 160 bytes of A-law, or None to send nothing


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Message:
    """A SIP message that came in. `what` is the status ("486") or the method ("BYE")."""

    at_ms: int
    what: str
    headers: dict[str, str]
    body: str

    @classmethod
    def parse(cls, raw: bytes) -> "Message":
        head, _, body = raw.decode().partition("\r\n\r\n")
        first, *rest = head.split("\r\n")
        headers: dict[str, str] = {}
        for name, _, value in (line.partition(":") for line in rest):
            headers.setdefault(name.strip().lower(), value.strip())
        words = first.split(" ")
        return cls(now_ms(), words[1] if words[0].startswith("SIP/") else words[0], headers, body)


@dataclass(frozen=True)
class Packet:
    at_ms: int
    sequence: int
    timestamp: int
    kind: int
    payload: bytes


RTCP = range(64, 96)
"""Reports, and no sound: what stands in the place of RTP's payload type (RFC 5761, section 4)."""


class _Rtp(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[Packet] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        _, kind, sequence, timestamp, _ = struct.unpack("!BBHII", data[:12])
        if kind & 0x7F not in RTCP:  # the last word of another leg that had this port before
            self.heard.append(Packet(now_ms(), sequence, timestamp, kind & 0x7F, data[12:]))


@dataclass
class SipCall(asyncio.DatagramProtocol):
    """One outgoing call. `received` is every message in the order of its arrival."""

    number: str
    port: int
    from_user: str = "+8613800000000"
    asserted: str | None = None
    sound: Sound | None = lambda _frame: SILENCE
    received: list[Message] = field(default_factory=list)
    call_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    invited_at_ms: int = 0
    _branch: str = field(default_factory=lambda: "z9hG4bK" + uuid.uuid4().hex)
    _to: str = ""
    _target: str = ""
    _cseq: int = 1
    _sequence: int = 0
    _keys: str = ""
    _is_gone: bool = False
    _sending: asyncio.Task[None] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> "SipCall":
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, (LOOPBACK, 0), (LOOPBACK, self.port))
        rtp, self.rtp = await loop.create_datagram_endpoint(_Rtp, (LOOPBACK, 0))
        self._rtp_out = rtp
        self._own_port = self._sip.get_extra_info("sockname")[1]
        self._target, self._to = f"sip:{self.number}@{LOOPBACK}:{self.port}", f"<sip:{self.number}@{LOOPBACK}>"
        self.invited_at_ms = now_ms()
        self._request("INVITE", body=self._offer())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leaves nothing behind at the other side: what was not ended yet is ended."""
        if self._sending:
            self._sending.cancel()
        if not self.is_over and not self._is_gone:
            await self.hang_up()
        self._sip.close()
        self._rtp_out.close()

    # what happened

    @property
    def statuses(self) -> list[str]:
        """What answered the INVITE, in order, each status once."""
        seen = [m.what for m in self.received if m.what.isdigit() and m.headers["cseq"].endswith("INVITE")]
        return list(dict.fromkeys(seen))

    @property
    def is_answered(self) -> bool:
        return "200" in self.statuses

    @property
    def is_over(self) -> bool:
        refused = any(int(status) >= 300 for status in self.statuses)
        return refused or any(m.what == "BYE" or m.headers.get("cseq", "").endswith("BYE") for m in self.received)

    def at_ms(self, what: str) -> int | None:
        """When the first message of this kind came, since the INVITE."""
        return next((m.at_ms - self.invited_at_ms for m in self.received if m.what == what), None)

    def digits(self) -> list[str]:
        """Keys pressed by the other side: RFC 4733 events, each once."""
        events = {p.timestamp: p.payload[0] for p in self.rtp.heard if p.kind == EVENTS}
        return ["0123456789*#"[code] for code in events.values()]

    def samples(self) -> list[int]:
        """All sound that came, joined as if no packet had been missing."""
        return decode(b"".join(p.payload for p in self.rtp.heard if p.kind == ALAW))

    # what the caller does

    async def hang_up(self, within_s: float = 2) -> None:
        """BYE when answered, else CANCEL; waits for what ends the call."""
        if self.is_answered:
            self._cseq += 1
            self._request("BYE", branch="z9hG4bK" + uuid.uuid4().hex)
        elif self.received:  # RFC 3261 9.1: no CANCEL before a provisional answer
            self._request("CANCEL")
        with contextlib.suppress(TimeoutError):  # a phone that is gone answers nothing
            await self.until(lambda: self.is_over, within_s=within_s)

    async def until(self, true: Callable[[], bool], *, within_s: float) -> None:
        """Waits for what SIP messages bring; TimeoutError where they do not."""
        async with asyncio.timeout(within_s):
            while not true():
                self._news.clear()
                await self._news.wait()

    def press(self, keys: str) -> None:
        """Sends these keys instead of sound, one after the other."""
        self._keys += keys

    def vanish(self) -> None:
        """As a caller whose power fails: nothing more is sent, not even an answer."""
        if self._sending:
            self._sending.cancel()
        self._is_gone = True

    # inside

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._is_gone:
            return
        message = Message.parse(data)
        self.received.append(message)
        self._news.set()
        if message.what.isdigit():
            self._answered_with(message)
        elif message.what == "BYE":
            self._reply_ok(message)

    def _answered_with(self, message: Message) -> None:
        if not message.headers["cseq"].endswith("INVITE") or int(message.what) < 200:
            return
        self._to = message.headers["to"]
        if message.what != "200":
            self._request("ACK")
            return
        self._target = re.sub(r".*<(.*)>.*", r"\1", message.headers["contact"])
        self._request("ACK", branch="z9hG4bK" + uuid.uuid4().hex)
        media = re.search(r"m=audio (\d+)", message.body)
        if media and self._sending is None and self.sound is not None:
            self._sending = asyncio.create_task(self._send_sound(self.sound, int(media[1])))

    async def _send_sound(self, sound: Sound, port: int) -> None:
        begin = time.monotonic()
        frame = pressed = 0
        while True:
            payload = sound(frame)
            if self._keys:  # a key of eight frames, the last three of them its end (RFC 4733 2.5.1.4)
                event = struct.pack("!BBH", "0123456789*#".index(self._keys[0]), 0x8A if pressed > 4 else 0x0A,
                                    min(pressed + 1, 5) * FRAME_SAMPLES)  # fmt: skip
                self._send_rtp(port, EVENTS, frame - pressed, event)
                self._keys, pressed = (self._keys[1:], 0) if pressed == 7 else (self._keys, pressed + 1)
            elif payload is not None:
                self._send_rtp(port, ALAW, frame, payload)
            frame += 1
            await asyncio.sleep(max(0.0, begin + frame * FRAME_MS / 1000 - time.monotonic()))

    def _send_rtp(self, port: int, kind: int, frame: int, payload: bytes) -> None:
        self._sequence += 1
        head = struct.pack("!BBHII", 0x80, kind, self._sequence, frame * FRAME_SAMPLES, 0x5EED)
        self._rtp_out.sendto(head + payload, (LOOPBACK, port))

    def _request(self, method: str, *, branch: str | None = None, body: str = "") -> None:
        asserted = [f"P-Asserted-Identity: {self.asserted}"] if self.asserted and method == "INVITE" else []
        kind = ["Content-Type: application/sdp"] if body else []
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{self._own_port};branch={branch or self._branch}",
            "Max-Forwards: 70",
            f'From: "A test" <sip:{self.from_user}@{LOOPBACK}>;tag={self.call_id[:8]}',
            f"To: {self._to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {1 if method == 'ACK' else self._cseq} {method}",
            f"Contact: <sip:test@{LOOPBACK}:{self._own_port}>",
            *asserted,
            *kind,
            f"Content-Length: {len(body)}",
        ]
        self._sip.sendto("\r\n".join([*lines, "", body]).encode())

    def _reply_ok(self, request: Message) -> None:
        names = ("via", "from", "to", "call-id", "cseq")
        lines = ["SIP/2.0 200 OK", *(f"{name}: {request.headers[name]}" for name in names), "Content-Length: 0"]
        self._sip.sendto("\r\n".join([*lines, "", ""]).encode())

    def _offer(self) -> str:
        port = self._rtp_out.get_extra_info("sockname")[1]
        lines = ["v=0", f"o=- 1 1 IN IP4 {LOOPBACK}", "s=-", f"c=IN IP4 {LOOPBACK}", "t=0 0"]
        lines += [f"m=audio {port} RTP/AVP {ALAW} {EVENTS}", "a=rtpmap:8 PCMA/8000"]
        lines += [f"a=rtpmap:{EVENTS} telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv", ""]
        return "\r\n".join(lines)
