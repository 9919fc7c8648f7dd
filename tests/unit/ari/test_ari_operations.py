"""A signature becomes a request."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.adapters.ari.channels import Channels
from ari_app.adapters.ari.media import Bridges
from ari_app.adapters.ari.operations import Param, build
from ari_app.adapters.ari.system import Applications, Asterisk, Endpoints

CHANNELS = Channels.operations()


def test_path_query_and_body_each_get_their_own() -> None:
    request = build(
        CHANNELS["create"], ("PJSIP/1@carrier", "app"), {"channelId": "c1.b.1", "variables": {"TIMEOUT(absolute)": "9"}}
    )
    assert (request.method, request.uri) == ("POST", "channels/create")
    assert request.query == [Param("endpoint", "PJSIP/1@carrier"), Param("app", "app"), Param("channelId", "c1.b.1")]
    assert request.body == b'{"variables":{"TIMEOUT(absolute)":"9"}}'


def test_what_is_none_is_not_sent() -> None:
    assert build(CHANNELS["hangup"], ("c",), {"reason": None}).query == []


def test_booleans_and_lists_are_spelled_as_ari_reads_them() -> None:
    request = build(Bridges.operations()["addChannel"], ("b", ["x", "y"]), {"inhibitConnectedLineUpdates": True})
    assert request.query == [Param("channel", "x,y"), Param("inhibitConnectedLineUpdates", "true")]


def test_a_filter_is_the_whole_body() -> None:
    request = build(Applications.operations()["filter"], ("app",), {"filter": {"disallowed": []}})
    assert (request.uri, request.body) == ("applications/app/eventFilter", b'{"disallowed":[]}')


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    request = build(CHANNELS["get"], ("../x?y=1;2+3",), {})
    assert request.uri == "channels/..%2Fx%3Fy%3D1%3B2%2B3"


def test_a_python_keyword_gets_an_underscore() -> None:
    request = build(Endpoints.operations()["sendMessage"], (), {"to": "pjsip:a", "from_": "pjsip:b", "body": "hi"})
    assert Param("from", "pjsip:b") in request.query
    assert request.body == b""


@pytest.mark.parametrize(
    ("args", "kwargs", "says"),
    [
        (("c1",), {"endpont": "x"}, "no parameter 'endpont'"),
        ((), {}, "needs channelId, endpoint"),
        (("c1", None), {}, "needs endpoint"),
        (tuple("0123456789abcdefghijk"), {}, "takes at most"),
        (("c1", "e"), {"channelId": "c2"}, "twice"),
    ],
)
def test_a_wrong_call_is_a_type_error_before_anything_is_sent(
    args: tuple[str, ...], kwargs: dict[str, str], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        build(CHANNELS["originateWithId"], args, kwargs)


def test_a_method_asks_its_transport() -> None:
    asked: list[Any] = []
    asterisk = Asterisk(asked.append)  # type: ignore[arg-type]
    asterisk.ping()  # type: ignore[unused-coroutine]
    assert [request.line for request in asked] == ["GET /asterisk/ping"]
