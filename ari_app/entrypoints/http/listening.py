"""The port of the API, taken before anything else: knows sockets, and must not load what serves them."""

from __future__ import annotations

import socket


class PortTaken(OSError):
    """Nobody can listen there; the message is a sentence for the operator."""


def listen(host: str, port: int) -> socket.socket:
    """The socket for `Server`: the port is ours from here on; port 0 takes a free one. Raises PortTaken."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
    except OSError as e:
        raise PortTaken(
            f"the API cannot listen on {host} port {port} ({e.strerror}): set RINGBRIDGE_HTTP_HOST or "
            "RINGBRIDGE_HTTP_PORT"
        ) from None
    return sock


def url_of(sock: socket.socket) -> str:
    """Where this machine reaches it, without a slash at the end."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
