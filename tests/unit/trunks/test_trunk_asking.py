"""Who asks an Asterisk about its trunks and gets no whole answer is told so, whatever went wrong on the way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ari_app.trunk_tools.asking import Ari, Silent
from tests.ports import claim

BROKEN_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{"
NO_HTTP = b"+OK\r\n\r\n"


@contextmanager
def answering(said: bytes) -> Iterator[str]:
    """Somebody who says this to one request, and hangs up."""
    [port] = claim()
    with socket.create_server(("127.0.0.1", port)) as door:

        def answer() -> None:
            link, _ = door.accept()
            with link:
                link.recv(4096)
                link.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}/ari"
        thread.join(5)


@pytest.mark.parametrize("said", [b"", BROKEN_OFF, NO_HTTP])
def test_an_answer_that_is_broken_off_is_no_answer(said: bytes) -> None:
    with answering(said) as url, pytest.raises(Silent, match="does not answer"):
        Ari(url, "user", "password").shown("endpoint", "telco")
