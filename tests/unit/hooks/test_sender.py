"""The sender against receivers as strangers run them, and what it may not be led to."""

import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import AF_INET
from typing import Any

import pytest

from ari_app.adapters.http_sender import ANSWER_MAX, RETRY_AFTER_MAX_S, HttpSender, retry_after_s
from ari_app.domain.reach import LOOPBACK, Reach, reach_of
from ari_app.ports.sender import Answer
from tests.receivers import HUGE, Receiver

HERE = reach_of(LOOPBACK)
OPEN_TO_ALL = Reach(plain=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@asynccontextmanager
async def sending(reach: Reach = HERE, timeout_ms: int = 3_000, **more: Any) -> AsyncIterator[HttpSender]:
    sender = HttpSender(reach, timeout_ms, **more)
    try:
        yield sender
    finally:
        await sender.close()


async def sent(receiver: Receiver, url: str = "", reach: Reach = HERE, **more: Any) -> Answer:
    async with sending(reach, **more) as sender:
        return await sender.post(url or receiver.url, b'{"a":1}', {"webhook-id": "evt_1"})


async def test_what_is_sent_arrives_as_it_is(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    answer = await sent(receiver)
    assert (answer.status, answer.is_good, answer.why) == (204, True, "")
    [got] = receiver.got
    assert got.body == b'{"a":1}'
    assert got.id == "evt_1"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["user-agent"].startswith("Ringbridge")


async def test_connections_are_used_again_and_cookies_are_not_kept(receiver: Receiver) -> None:
    async with sending() as sender:
        for _ in range(3):
            assert (await sender.post(receiver.url, b"{}", {})).is_good
    assert not any("cookie" in got.headers for got in receiver.got)


@pytest.mark.parametrize(
    ("mode", "status", "why"),
    [("500", 500, ""), ("410", 410, ""), ("reset", None, "reset"), ("hang", None, "timeout"), ("drip", None, "timeout"),
     ("long-head", None, "too long"), ("nonsense", None, "not HTTP"), ("slow", 204, ""), ("redirect", 204, ""),
     ("redirect-302", 302, "redirect 302 is not followed, only 307 and 308 are"),
     ("redirect-inner", None, "inner address"), ("redirect-loop", None, "too many redirects")],
)  # fmt: skip
async def test_whatever_a_receiver_does_is_an_answer(
    receiver: Receiver, mode: str, status: int | None, why: str
) -> None:
    receiver.mode = mode
    answer = await sent(receiver, timeout_ms=600)
    assert (answer.status, answer.why) == (status, why)
    assert answer.took_ms < 1_500
    assert len(receiver.asked) == {"redirect": 2, "redirect-loop": 4}.get(mode, 1)


async def test_the_body_goes_with_a_redirect(receiver: Receiver) -> None:
    receiver.mode = "redirect"
    assert (await sent(receiver)).is_good
    assert [(got.body, got.id) for got in receiver.got] == [(b'{"a":1}', "evt_1")]


async def test_an_answer_without_end_is_left(receiver: Receiver) -> None:
    receiver.mode = "huge"
    assert (await sent(receiver)).status == 200
    assert receiver.sent < HUGE // 2, f"of an answer no more than {ANSWER_MAX} bytes are wanted"


async def test_nobody_there_is_told_so(receiver: Receiver) -> None:
    receiver.stop()
    assert (await sent(receiver)).why == "refused"

    async def nowhere(_host: str, _port: int) -> Sequence[tuple[int, str]]:
        raise OSError(-2, "Name or service not known")

    assert (await sent(receiver, "https://nobody.example/", lookup=nowhere)).why == "no such host"


async def test_a_receiver_says_when_to_come_again(receiver: Receiver) -> None:
    receiver.mode = "429"
    assert (await sent(receiver)).retry_after_s == 7


def test_retry_after_is_seconds_or_a_date_and_no_more_than_a_day() -> None:
    now = datetime(2026, 11, 23, 8, 0, 0, tzinfo=UTC)
    assert retry_after_s("120") == 120
    assert retry_after_s(" 99999999999999999999 ") == RETRY_AFTER_MAX_S
    assert retry_after_s("Mon, 23 Nov 2026 08:01:00 GMT", lambda: now) in (60, 61)
    assert retry_after_s("Mon, 23 Nov 2020 08:01:00 GMT", lambda: now) == 0
    assert [retry_after_s(odd) for odd in ("", "soon", "-1", "1.5", "²")] == [None] * 5
    far = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +99999999999999999999999"
    assert [retry_after_s(odd) for odd in far] == [None] * 2


@pytest.mark.parametrize("at", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "0.0.0.0"])
async def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver, at: str) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[tuple[int, str]]:
        return [(AF_INET, at)]

    answer = await sent(receiver, f"http://good.example:{receiver.port}/", OPEN_TO_ALL, lookup=lookup)
    assert (answer.status, answer.why) == (None, "inner address")
    assert receiver.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1", "0"])
async def test_an_inner_address_is_not_connected_to_however_it_is_written(receiver: Receiver, host: str) -> None:
    answer = await sent(receiver, f"http://{host}:{receiver.port}/", OPEN_TO_ALL)
    assert answer.status is None
    assert receiver.asked == []


async def test_a_name_that_resolves_to_another_address_a_moment_later_gains_nothing(receiver: Receiver) -> None:
    """Looked up once for a connection; and that address was checked."""
    turns = [[(AF_INET, "203.0.114.1"), (AF_INET, "127.0.0.1")], [(AF_INET, "127.0.0.1")]]
    asked: list[str] = []

    async def lookup(host: str, _port: int) -> Sequence[tuple[int, str]]:
        asked.append(host)
        return turns[min(len(asked), len(turns)) - 1]

    async with sending(OPEN_TO_ALL, 300, lookup=lookup) as sender:
        first = await sender.post(f"http://rebinding.example:{receiver.port}/", b"{}", {})
        assert first.why in ("timeout", "unreachable", "refused"), "of the two the public one alone is tried"
        assert len(asked) == 1
        second = await sender.post(f"http://rebinding.example:{receiver.port}/", b"{}", {})
    assert second.why == "inner address"
    assert receiver.asked == []


async def test_a_host_that_is_allowed_by_name_is_reached_and_no_other_name_for_it(receiver: Receiver) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[tuple[int, str]]:
        return [(AF_INET, "127.0.0.1")]

    async with sending(reach_of(("Hooks.Inner",)), lookup=lookup) as sender:
        for host, is_good in (("hooks.inner", True), ("other.inner", False), ("127.0.0.1", False)):
            answer = await sender.post(f"http://{host}:{receiver.port}/", b"{}", {})
            assert answer.is_good is is_good, answer


async def test_our_own_servers_are_not_reached_even_where_their_address_is(receiver: Receiver) -> None:
    assert (await sent(receiver, own_ports=[receiver.port])).why == "inner address"


@pytest.fixture
def over_tls(tmp_path: Path, receiver: Receiver) -> Iterator[tuple[str, Path]]:
    """A server for 127.0.0.1 whose certificate nobody vouches for, and that certificate; it redirects to http."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=x",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip

    class Redirects(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(308)
            self.send_header("Location", receiver.url)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Redirects)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who does not trust it leaves
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}/", certificate
    server.shutdown()
    server.server_close()


async def test_tls_is_verified_and_no_redirect_leads_out_of_it(over_tls: tuple[str, Path], receiver: Receiver) -> None:
    url, certificate = over_tls
    assert "certificate" in (await sent(receiver, url)).why
    answer = await sent(receiver, url, tls=ssl.create_default_context(cafile=str(certificate)))
    assert answer.why == "redirect from https to http"
    assert (await sent(receiver, receiver.url.replace("http:", "https:"))).why.startswith("tls: ")
    assert receiver.got == []
