"""Bytes from Asterisk become events, whatever they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.adapters.ari import (
    ChannelDestroyed,
    ChannelVarset,
    Conflict,
    Dial,
    NotFound,
    StasisStart,
    UndecodableReply,
    UnknownEvent,
    Unprocessable,
)
from ari_app.adapters.ari.channels import Channels
from ari_app.adapters.ari.events import EVENT_TYPES
from ari_app.adapters.ari.operations import build
from ari_app.adapters.ari.timestamps import epoch_ms
from ari_app.adapters.ari.wire import decode, frame_of, reply_of

# As Asterisk 22.10.1 sent them.
DESTROYED = (
    b'{"type":"ChannelDestroyed","timestamp":"2026-11-23T08:47:53.115+0000","cause":19,'
    b'"cause_txt":"User alerting, no answer","tech_cause":480,'
    b'"channel":{"id":"c1.b.1","name":"PJSIP/carrier-00000001","state":"Ringing","protocol_id":"x@y",'
    b'"caller":{"name":"","number":""},"connected":{"name":"","number":"+8613912345678"},"accountcode":"",'
    b'"dialplan":{"context":"default","exten":"s","priority":1,"app_name":"Stasis","app_data":"ringbridge,c1,b"},'
    b'"creationtime":"2026-11-23T08:47:52.613+0000","language":"en","channelvars":{"CALL":"c1"}},'
    b'"application":"ringbridge","asterisk_id":"02:fc:00:00:00:01"}'
)
VARSET = (
    b'{"variable":"BRIDGEPEER","value":"","type":"ChannelVarset","timestamp":"2026-11-23T08:47:53.115+0000",'
    b'"channel":{"id":"c1.a.1","name":"n","state":"Up","protocol_id":"","caller":{"name":"","number":"1"},'
    b'"connected":{"name":"","number":""},"accountcode":"","dialplan":{"context":"c","exten":"s","priority":1,'
    b'"app_name":"","app_data":""},"creationtime":"2026-11-23T08:47:52.613+0000","language":"en"},"application":"r"}'
)


def test_an_event_says_which_channel_ended_how_and_when() -> None:
    event = decode(DESTROYED)
    assert isinstance(event, ChannelDestroyed)
    assert (event.type, event.channel.id, event.cause, event.tech_cause) == ("ChannelDestroyed", "c1.b.1", 19, 480)
    assert event.channel.channelvars == {"CALL": "c1"}
    assert event.channel.dialplan.app_data == "ringbridge,c1,b"
    assert event.at_ms == 1795423673115
    assert event.channel.created_ms == 1795423672613


def test_the_type_need_not_come_first() -> None:
    event = decode(VARSET)
    assert isinstance(event, ChannelVarset)
    assert event.channel is not None
    assert event.channel.id == "c1.a.1"


def test_a_dial_without_caller_is_a_leg_dialled_by_us() -> None:
    event = decode(b'{"type":"Dial","dialstatus":"PROGRESS","peer":{"id":"c1.b.1"}}')
    assert isinstance(event, Dial)
    assert event.caller is None
    assert event.dialstatus == "PROGRESS"


@pytest.mark.parametrize(
    ("stamp", "ms"),
    [
        ("1970-01-01T00:00:01.005+0000", 1005),
        ("2026-11-23T16:47:53.115+0800", 1795423673115),
        ("2024-02-29T23:59:59.999-0330", 1709263799999),
        ("", 0),
        ("yesterday", 0),
    ],
)
def test_time_stamps_are_integer_milliseconds_of_utc(stamp: str, ms: int) -> None:
    assert epoch_ms(stamp) == ms


def test_an_unknown_type_passes_through_whole() -> None:
    event = decode(b'{"type":"ChannelTeleported","timestamp":"1970-01-01T00:00:00.007+0000","to":"Mars"}')
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.raw["to"], event.at_ms) == ("ChannelTeleported", "Mars", 7)


def test_a_known_type_of_another_shape_passes_through_as_unknown() -> None:
    event = decode(b'{"type":"StasisStart","args":"not a list","channel":{"id":"x"}}')
    assert isinstance(event, UnknownEvent)
    assert event.raw["args"] == "not a list"


def test_a_new_field_is_no_reason_to_lose_an_event() -> None:
    event = decode(b'{"type":"StasisStart","args":["c1"],"channel":{"id":"x","colour":"red"},"mood":"good"}')
    assert isinstance(event, StasisStart)


@pytest.mark.parametrize(
    "frame", [b"", b"{", b"[]", b"17", b"null", b'"x"', b'{"type":7}', b"{}", b"\xff\xfe", b"[" * 200_000]
)
def test_what_is_no_event_is_none(frame: bytes) -> None:
    assert decode(frame) is None


ODD = st.sampled_from(
    [None, True, 0, -1, 2**70, 1.5, "", "x", [], [1], {}, {"id": "x"}, {"id": 1}, {"id": "x", "state": 0}]
)
FIELDS = [
    "channel",
    "bridge",
    "peer",
    "args",
    "timestamp",
    "id",
    "state",
    "cause",
    "playback",
    "request_id",
    "status_code",
]


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    decode(data)


@given(
    st.sampled_from([*(kind.__name__ for kind in EVENT_TYPES), "RESTResponse", "Nonsense"]),
    st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=5),
)
def test_no_event_raises_nor_gets_lost(kind: str, fields: dict[str, Any]) -> None:
    decoded = decode(json.dumps({"type": kind, **fields}).encode())
    if decoded is not None:
        assert kind in (type(decoded).__name__, getattr(decoded, "type", ""))
        assert isinstance(getattr(decoded, "at_ms", 0), int)


def test_a_request_frame_is_what_asterisk_reads() -> None:
    op = Channels.operations()["originateWithId"]
    request = build(op, ("c1.a.1", "PJSIP/+861390000001@carrier"), {"app": "r", "timeout": 30, "variables": {"A": "é"}})
    assert json.loads(frame_of(request, "17")) == {
        "type": "RESTRequest",
        "request_id": "17",
        "method": "POST",
        "uri": "channels/c1.a.1",
        "query_strings": [
            {"name": "endpoint", "value": "PJSIP/+861390000001@carrier"},
            {"name": "app", "value": "r"},
            {"name": "timeout", "value": "30"},
        ],
        "content_type": "application/json",
        "message_body": '{"variables":{"A":"é"}}',
    }


def test_a_refusal_has_its_type_and_asterisks_own_sentence() -> None:
    request = build(Channels.operations()["get"], ("c1.a.1",), {})
    with pytest.raises(NotFound, match=r"404 Channel not found \(GET /channels/c1.a.1\)") as caught:
        reply_of(request, 404, "Not Found", '{"message":"Channel not found"}')
    assert caught.value.message == "Channel not found"
    with pytest.raises(Conflict, match="Because"):
        reply_of(request, 409, "Because", "")
    with pytest.raises(Unprocessable):
        reply_of(request, 422, "", '{"error":"not in Stasis"}')


def test_a_reply_of_another_shape_is_told_from_a_refusal() -> None:
    request = build(Channels.operations()["get"], ("c1.a.1",), {})
    with pytest.raises(UndecodableReply):
        reply_of(request, 200, "OK", '{"id":17}')
