"""REGISTER and INVITE as anybody may send them: what a server answers. Knows SIP as far as a test needs (RFC 3261,
7616); shares no code with Asterisk or with the product."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

WAIT_S = 5


@dataclass(frozen=True)
class Answer:
    status: int
    text: str

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}: *(.*)\r$", self.text, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""


@dataclass
class Asker:
    """At one address; each request is a dialog of its own. `trusts`: the server's certificate, for tls."""

    port: int
    transport: Literal["udp", "tcp", "tls"] = "udp"
    trusts: Path | None = None

    def __post_init__(self) -> None:
        self._link = self._connect()
        self._link.settimeout(WAIT_S)
        self.host, self.local_port = self._link.getsockname()

    def close(self) -> None:
        self._link.close()

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register(self, username: str, password: str, *, expires_s: int = 60) -> Answer:
        """With name and password where it is asked for them."""
        call, contact = uuid.uuid4().hex, f"<sip:{username}@{self.host}:{self.local_port};transport={self.transport}>"
        headers = {"Contact": contact, "Expires": str(expires_s)}
        return self._proved("REGISTER", f"sip:127.0.0.1:{self.port}", username, username, password, call, headers)

    def invite(self, to: str, *, by: str, username: str = "", password: str = "") -> Answer:
        """The first final answer, or the first 18x; it is not carried on. `by`: whom the From header names."""
        call, contact = uuid.uuid4().hex, f"<sip:{by}@{self.host}:{self.local_port};transport={self.transport}>"
        uri = f"sip:{to}@127.0.0.1:{self.port}"
        return self._proved("INVITE", uri, by, username or by, password, call, {"Contact": contact}, to=to)

    def _proved(
        self, method: str, uri: str, by: str, username: str, password: str, call: str, headers: dict[str, str],
        to: str = "",
    ) -> Answer:  # fmt: skip
        first = self._ask(method, uri, by, to or by, call, 1, headers)
        if first.status != 401 or not password:
            return first
        asked = dict(re.findall(r'(\w+)="?([^",]*)"?', first.header("WWW-Authenticate").partition(" ")[2]))
        proof = _digest(method, uri, username, password, asked)
        return self._ask(method, uri, by, to or by, call, 2, headers | {"Authorization": proof})

    def _ask(self, method: str, uri: str, by: str, to: str, call: str, n: int, headers: dict[str, str]) -> Answer:
        contact = f"{self.host}:{self.local_port}"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {contact};rport;branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards: 70",
            f"From: <sip:{by}@127.0.0.1>;tag={call[:8]}",
            f"To: <sip:{to}@127.0.0.1>",
            f"Call-ID: {call}",
            f"CSeq: {n} {method}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        body = _SDP.format(host=self.host) if method == "INVITE" else ""
        lines += ["Content-Type: application/sdp"] * bool(body) + [f"Content-Length: {len(body)}", "", body]
        self._link.sendall("\r\n".join(lines).encode())
        return self._answered(call, f"{n} {method}")

    def _answered(self, call: str, cseq: str) -> Answer:
        while True:
            text = self._link.recv(65_536).decode(errors="replace")
            found = re.match(r"SIP/2.0 (\d+)", text)
            if found and call in text and f"CSeq: {cseq}" in text and int(found[1]) > 100:
                return Answer(int(found[1]), text)

    def _connect(self) -> socket.socket:
        if self.transport == "udp":
            link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            link.connect(("127.0.0.1", self.port))
            return link
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_S)
        if self.transport == "tcp":
            return plain
        context = ssl.create_default_context(cafile=str(self.trusts))
        return context.wrap_socket(plain, server_hostname="127.0.0.1")


def _digest(method: str, uri: str, username: str, password: str, asked: dict[str, str]) -> str:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    ha1, ha2 = md5(f"{username}:{asked['realm']}:{password}"), md5(f"{method}:{uri}")
    cnonce = uuid.uuid4().hex[:16]
    proof = md5(f"{ha1}:{asked['nonce']}:00000001:{cnonce}:auth:{ha2}")
    return (
        f'Digest username="{username}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
        f'response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}", '
        f'opaque="{asked.get("opaque", "")}"'
    )


_SDP = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
