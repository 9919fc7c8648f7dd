"""SIP that no honest phone sends: RFC 4475's kinds of torture and worse, toll fraud, floods. Knows bytes and UDP alone.

Everything goes to one port of the loopback, from an address that no trunk has, and ends by itself.
"""

from __future__ import annotations

import random
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

STRANGER = "127.0.0.3"
NUMBER = "+8613900000004"
PACE_S = 0.002
"""Between two packets of the torture. A flood has its own pace."""
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.3\r\ns=-\r\nc=IN IP4 127.0.0.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n"
)


def request(method: str, to: str, port: int, *, user: str = "alice", body: str = "", more: Sequence[str] = (),
            cseq: str = "1", length: str | None = None, branch: str = "") -> bytes:  # fmt: skip
    """A good request of a stranger, but for what is said otherwise. `to` is the user part it is for."""
    target = f"sip:{to}@127.0.0.1:{port}" if to else f"sip:127.0.0.1:{port}"
    lines = [
        f"{method} {target} SIP/2.0",
        f"Via: SIP/2.0/UDP {STRANGER}:5999;rport;branch={branch or 'z9hG4bK' + uuid.uuid4().hex}",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{STRANGER}>;tag={uuid.uuid4().hex[:8]}",
        f"To: <{target}>",
        f"Call-ID: {uuid.uuid4().hex}",
        f"CSeq: {cseq} {method}",
        f"Contact: <sip:{user or 'x'}@{STRANGER}:5999>",
        *more,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body) if length is None else length}",
    ]
    return "\r\n".join([*lines, "", body]).encode("utf-8", "surrogateescape")


def invite(to: str, port: int, **more: object) -> bytes:
    return request("INVITE", to, port, body=SDP, **more)  # type: ignore[arg-type]


Bend = Callable[[bytes], bytes]


def _put(old: str, new: str | bytes) -> Bend:
    told = new.encode("latin-1") if isinstance(new, str) else new
    return lambda raw: raw.replace(old.encode(), told, 1)


BENDS: dict[str, Bend] = {
    # what is valid, and looks as if it were not (RFC 4475 section 3.1.1)
    "folded": _put("Max-Forwards: 70", "Max-Forwards:\r\n\t 70\r\nSubject:\r\n \r\n  x"),
    "compact": _put("Call-ID:", "i:"),
    "escaped": _put("sip:+", "sip:%2b"),
    "escaped nul": _put("sip:+", "sip:%00+"),
    "odd method": _put("CSeq: 1 INVITE", "CSeq: 0009 INVITE"),
    "no reason": _put("Contact:", "Proxy-Require: \r\nContact:"),
    "many": lambda raw: raw.replace(b"Max-Forwards: 70", b"\r\n".join([b"X-%d: y" % n for n in range(500)]), 1),
    "multipart": _put("application/sdp", "multipart/mixed;boundary=\"\r\n \""),
    # what is not (3.1.2)
    "separators": _put("SIP/2.0/UDP ", "SIP/2.0/UDP ;;,;,,"),
    "length larger": _put("Content-Length: ", "Content-Length: 9999"),
    "length negative": _put("Content-Length: ", "Content-Length: -"),
    "length twice": _put("Content-Length: ", "Content-Length: 5\r\nContent-Length: "),
    "length huge": _put("Content-Length: ", "Content-Length: 99999999999999999999"),
    "length no number": _put("Content-Length: ", "Content-Length: x"),
    "cseq huge": _put("CSeq: 1 ", "CSeq: 36893488147419103232 "),
    "cseq negative": _put("CSeq: 1 ", "CSeq: -1 "),
    "cseq other method": _put("CSeq: 1 INVITE", "CSeq: 1 BYE"),
    "cseq missing": _put("CSeq: 1 INVITE\r\n", ""),
    "quotes open": _put("From: <", "From: \"open <"),
    "brackets": _put("To: <", "To: <<"),
    "spaces": _put(" SIP/2.0\r\n", "  SIP/2.0  \r\n"),
    "version": _put(" SIP/2.0\r\n", " SIP/7.0\r\n"),
    "no version": _put(" SIP/2.0\r\n", "\r\n"),
    "scheme": _put("INVITE sip:", "INVITE nobodyKnowsThisScheme:"),
    "tel": _put("INVITE sip:+8613900000004@127.0.0.1", "INVITE tel:+8613900000004"),
    "date": _put("Max-Forwards: 70", "Date: Fri, 01 Jan 2010 16:00:00 EST"),
    "no via": lambda raw: b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"Via")),
    "no to": lambda raw: b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"To")),
    "no call-id": lambda raw: b"\r\n".join(line for line in raw.split(b"\r\n") if not line.startswith(b"Call-ID")),
    "branch empty": lambda raw: raw.replace(b"branch=z9hG4bK", b"branch=z9hG4bK\r\nX: ", 1),
    "broadcast": _put(f"SIP/2.0/UDP {STRANGER}:5999", "SIP/2.0/UDP 255.255.255.255:5060;received=255.255.255.255"),
    "via of ours": _put(f"SIP/2.0/UDP {STRANGER}:5999", "SIP/2.0/UDP 127.0.0.1:5060"),
    "unknown transport": _put("SIP/2.0/UDP", "SIP/2.0/CARRIERPIGEON"),
    "no hops": _put("Max-Forwards: 70", "Max-Forwards: 0"),
    "hops huge": _put("Max-Forwards: 70", "Max-Forwards: 99999999999"),
    "require": _put("Contact:", "Require: nothingSupportsThis\r\nContact:"),
    "contact *": _put("Contact: <", "Contact: *\r\nContact: <"),
    "expires huge": _put("Contact:", "Expires: 1" + "0" * 90 + "\r\nContact:"),
    "sdp of another kind": _put("m=audio 4000 RTP/AVP 8", "m=audio 9999999 RTP/AVP " + "9 " * 3_000),
    "sdp no address": _put("c=IN IP4 127.0.0.3", "c=IN IP4 " + "9" * 500),
    "sdp media many": lambda raw: raw + b"m=audio 4000 RTP/AVP 8\r\n" * 400,
    "line ends": lambda raw: raw.replace(b"\r\n", b"\n"),
    "returns": lambda raw: raw.replace(b"\r\n", b"\r"),
    "nul in a header": _put("From: <sip:", b"From: <sip:\0\0"),
    "nul in the line": _put("INVITE ", b"INVITE\0 "),
    "all nul": lambda raw: b"\0" * len(raw),
    "latin": _put("From: <", b"From: \xff\xfe\xc3\x28 <"),
    "long user": _put("From: <sip:", "From: <sip:" + "a" * 3_000),
    "long name": _put("From: <sip:", "From: \"" + "b" * 20_000 + "\" <sip:"),
    "long header": _put("Max-Forwards: 70", "X: " + "c" * 60_000),
    "long target": _put("INVITE sip:", "INVITE sip:" + "d" * 5_000),
    "deep": _put("Max-Forwards: 70", "X: " + "(" * 20_000),
    "vias": _put("Max-Forwards: 70", "\r\n".join([f"Via: SIP/2.0/UDP {STRANGER};branch=z{n}" for n in range(300)])),
    "routes": _put("Max-Forwards: 70", "\r\n".join(["Route: <sip:127.0.0.1;lr>"] * 100)),
    "keep-alive": lambda raw: b"\r\n\r\n",
    "nothing": lambda raw: b"",
    "an answer": lambda raw: b"SIP/2.0 200 OK\r\n" + raw.split(b"\r\n", 1)[1],
    "answer 999": lambda raw: b"SIP/2.0 4294967301 better not\r\n" + raw.split(b"\r\n", 1)[1],
    "stun": lambda raw: b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"\0" * 12,
    "tls": lambda raw: b"\x16\x03\x01\x02\x00\x01\x00",
}  # fmt: skip


def torture(port: int, rng: random.Random, rounds: int) -> Iterator[bytes]:
    """Each bend of an INVITE, an OPTIONS and a REGISTER, each message cut off, and with bytes that are others."""
    for _ in range(rounds):
        for bend in BENDS.values():
            for method in ("INVITE", "REGISTER", "OPTIONS"):
                raw = bend(invite(NUMBER, port).replace(b"INVITE", method.encode()))
                yield raw
        for method in ("INVITE", "BYE", "CANCEL", "ACK", "PRACK", "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY", "PUBLISH",
                       "MESSAGE", "INFO", "!#$%&'*+-.^_`|~"):  # fmt: skip
            whole = invite(NUMBER, port).replace(b"INVITE", method.encode())
            yield whole
            for _ in range(4):
                yield whole[: rng.randrange(len(whole))]
                odd = bytearray(whole)
                for _ in range(rng.randrange(1, 12)):
                    odd[rng.randrange(len(odd))] = rng.randrange(256)
                yield bytes(odd)
        yield rng.randbytes(rng.randrange(1, 1_500))


TOLL_USERS = ("carrier", "ringbridge", "anonymous", "dev", "asterisk", "+864001234567", "", "x y")
"""Who the fraud says he is: the trunk itself (its name is no secret), the platform's number, nobody."""
TOLL_TARGETS = (NUMBER, "8613900000004", "0013900000004", "s", "h", "i", "t", "ringbridge-call", "baseline",
                "ringbridge", "Stasis", "call", f"{NUMBER}@carrier", "PJSIP/x", "1", "")  # fmt: skip
DIGEST = ('Authorization: Digest username="carrier",realm="asterisk",nonce="x",uri="sip:x",response="' + "0" * 32 + '",'
          "algorithm=MD5")  # fmt: skip


def toll_fraud(port: int) -> Iterator[bytes]:
    """INVITEs that hope to be routed: to numbers, to extensions and applications, as somebody who is known here."""
    for user in TOLL_USERS:
        for to in TOLL_TARGETS:
            yield invite(to, port, user=user, more=[f"P-Asserted-Identity: <sip:{NUMBER}@127.0.0.1>"])
        yield invite(NUMBER, port, user=user, more=[DIGEST, DIGEST.replace("Authorization", "Proxy-Authorization")])
        yield invite(NUMBER, port, user=user, more=["Route: <sip:carrier@127.0.0.1;lr>", "Diversion: <sip:carrier@x>"])
        yield invite("s", port, user=user, more=["Replaces: x;to-tag=1;from-tag=2", "Require: replaces"])
        for method in ("REFER", "SUBSCRIBE", "MESSAGE", "REGISTER", "PUBLISH", "UPDATE"):
            refer = ["Refer-To: <sip:+8613900000005@127.0.0.1>", "Event: presence", "Expires: 3600"]
            yield request(method, user or NUMBER, port, user=user, more=refer)


@dataclass
class Stranger:
    """One socket. `heard`: which answers came, and to what; "INVITE 401" → how many."""

    port: int
    address: str = STRANGER
    heard: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._socket.bind((self.address, 0))
        self._socket.connect(("127.0.0.1", self.port))
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def send(self, raw: bytes) -> None:
        try:
            self._socket.send(raw)
            self.sent += 1
        except (BlockingIOError, ConnectionRefusedError, OSError):
            pass  # too long for a datagram, or the port is gone: the test looks whether it is
        self.listen()

    def say(self, messages: Iterator[bytes], pace_s: float = PACE_S) -> int:
        """All of them, at this pace."""
        next_at = time.monotonic()
        for raw in messages:
            self.send(raw)
            next_at += pace_s
            time.sleep(max(0.0, next_at - time.monotonic()))
        return self.sent

    def listen(self) -> None:
        while True:
            try:
                raw = self._socket.recv(65_535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self.heard[_what(raw)] += 1


def _what(raw: bytes) -> str:
    head, _, rest = raw.partition(b"\r\n")
    words = head.split(b" ")
    if words[0] != b"SIP/2.0":
        return f"request {words[0].decode(errors='replace')}"
    method = next((line.split()[-1] for line in rest.split(b"\r\n") if line.lower().startswith(b"cseq:")), b"?")
    return f"{method.decode(errors='replace')} {words[1].decode()}"
