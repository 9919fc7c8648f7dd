"""Asks a server whether it really answers, by its own protocol. Starts nothing, and takes any fault for a no."""

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress

_TIMEOUT_S = 2.0
_NO = (OSError, ValueError)


def redis_answers(port: int, password: str) -> bool:
    """PING after AUTH; a server still loading its file answers LOADING, which is a no."""
    with suppress(*_NO), _connect(port) as link:
        link.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        return _read_until(link, lambda text: "+PONG\r\n" in text)
    return False


def ari_get(port: int, path: str, user: str, password: str) -> object:
    """The JSON of a GET, or None."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/ari/{path}")
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy has no way to this loopback
    with suppress(*_NO), opener.open(request, timeout=_TIMEOUT_S) as reply:
        answer: object = json.load(reply)
        return answer
    return None


def asterisk_booted(port: int, user: str, secret: str) -> bool:
    """AMI tells a newcomer FullyBooted once every module is loaded, not before."""
    return _ami(port, user, secret, "", lambda text: "Event: FullyBooted" in text)


def ask_qualify(port: int, user: str, secret: str, endpoint: str) -> bool:
    """Have Asterisk send an OPTIONS to the trunk now, not at the next round."""
    action = f"Action: PJSIPQualify\r\nEndpoint: {endpoint}\r\nActionID: q\r\n\r\n"
    return _ami(port, user, secret, action, lambda text: "ActionID: q" in text)


def sip_answers(port: int) -> bool:
    """Any reply to an OPTIONS will do: somebody speaks SIP there."""
    with suppress(*_NO), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(0.5)
        link.bind(("127.0.0.1", 0))
        mine = link.getsockname()[1]
        link.connect(("127.0.0.1", port))
        link.send(
            (
                f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{mine};branch=z9hG4bK{mine}\r\n"
                f"From: <sip:probe@127.0.0.1:{mine}>;tag={mine}\r\nTo: <sip:127.0.0.1:{port}>\r\n"
                f"Call-ID: probe-{mine}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:probe@127.0.0.1:{mine}>\r\n"
                "Max-Forwards: 1\r\nContent-Length: 0\r\n\r\n"
            ).encode()
        )
        return link.recv(2048).startswith(b"SIP/2.0")
    return False


def _ami(port: int, user: str, secret: str, action: str, wanted: Callable[[str], bool]) -> bool:
    with suppress(*_NO), _connect(port) as link:
        link.sendall(f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n{action}".encode())
        return _read_until(link, wanted)
    return False


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)


def _read_until(link: socket.socket, wanted: Callable[[str], bool]) -> bool:
    text = ""
    while chunk := link.recv(4096):
        text += chunk.decode("utf-8", errors="replace")
        if wanted(text):
            return True
        if len(text) > 65_536 or "Authentication failed" in text:
            break
    return False
