"""Every event type of Asterisk 22.10.1 as a frozen struct. Field names are Asterisk's own; `at_ms` is ours.

Knows the event model of `rest-api/events.json` (a test compares); must not know sockets, calls or flows. How bytes
become one of these, and what happens to a type that is not here: wire.py.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.timestamps import epoch_ms


class Event(msgspec.Struct, frozen=True, tag_field="type", tag=True):
    """`type` is the class's name. `at_ms`: when Asterisk sent it, by Asterisk's clock."""

    type: ClassVar[str] = "Event"

    application: str = ""
    timestamp: str = ""

    @property
    def at_ms(self) -> int:
        return epoch_ms(self.timestamp)


# --- the application itself -------------------------------------------------------------------------------------------
class ApplicationRegistered(Event, frozen=True): ...


class ApplicationUnregistered(Event, frozen=True): ...


class ApplicationReplaced(Event, frozen=True):
    """Another connection took this application's name: this one gets no more events."""


class ApplicationMoveFailed(Event, frozen=True, kw_only=True):
    channel: m.Channel
    destination: str = ""
    args: tuple[str, ...] = ()


class MissingParams(Event, frozen=True, kw_only=True):
    params: tuple[str, ...] = ()


# --- channels ---------------------------------------------------------------------------------------------------------
class StasisStart(Event, frozen=True, kw_only=True):
    channel: m.Channel
    args: tuple[str, ...] = ()
    replace_channel: m.Channel | None = None


class StasisEnd(Event, frozen=True, kw_only=True):
    channel: m.Channel


class ChannelCreated(Event, frozen=True, kw_only=True):
    channel: m.Channel


class ChannelDestroyed(Event, frozen=True, kw_only=True):
    """`cause`: Q.850. `tech_cause`: the SIP status, 0 where the end was not SIP's doing."""

    channel: m.Channel
    cause: int = 0
    cause_txt: str = ""
    tech_cause: int = 0


class ChannelHangupRequest(Event, frozen=True, kw_only=True):
    channel: m.Channel
    cause: int = 0
    tech_cause: int = 0
    soft: bool = False


class ChannelStateChange(Event, frozen=True, kw_only=True):
    channel: m.Channel


class Dial(Event, frozen=True, kw_only=True):
    """`dialstatus`: "" begun, RINGING, PROGRESS, ANSWER, BUSY, CHANUNAVAIL, CONGESTION, NOANSWER, CANCEL..."""

    peer: m.Channel
    dialstatus: str = ""
    caller: m.Channel | None = None
    dialstring: str = ""
    forward: str = ""
    forwarded: m.Channel | None = None


class ChannelDtmfReceived(Event, frozen=True, kw_only=True):
    channel: m.Channel
    digit: str = ""
    duration_ms: int = 0


class ChannelVarset(Event, frozen=True, kw_only=True):
    """`channel` is absent for a global variable."""

    variable: str
    value: str = ""
    channel: m.Channel | None = None


class ChannelDialplan(Event, frozen=True, kw_only=True):
    channel: m.Channel
    dialplan_app: str = ""
    dialplan_app_data: str = ""


class ChannelCallerId(Event, frozen=True, kw_only=True):
    channel: m.Channel
    caller_presentation: int = 0
    caller_presentation_txt: str = ""


class ChannelConnectedLine(Event, frozen=True, kw_only=True):
    channel: m.Channel


class ChannelHold(Event, frozen=True, kw_only=True):
    channel: m.Channel
    musicclass: str = ""


class ChannelUnhold(Event, frozen=True, kw_only=True):
    channel: m.Channel


class ChannelTalkingStarted(Event, frozen=True, kw_only=True):
    channel: m.Channel


class ChannelTalkingFinished(Event, frozen=True, kw_only=True):
    """`duration` in milliseconds."""

    channel: m.Channel
    duration: int = 0


class ChannelToneDetected(Event, frozen=True, kw_only=True):
    channel: m.Channel


class ChannelTransfer(Event, frozen=True, kw_only=True):
    refer_to: m.ReferTo
    referred_by: m.ReferredBy
    state: str = ""


class ChannelUserevent(Event, frozen=True, kw_only=True):
    eventname: str
    userevent: Any = None
    channel: m.Channel | None = None
    bridge: m.Bridge | None = None
    endpoint: m.Endpoint | None = None


class CallBroadcast(Event, frozen=True, kw_only=True):
    channel: m.Channel
    caller: str = ""
    called: str = ""


class CallClaimed(Event, frozen=True, kw_only=True):
    channel: m.Channel
    winner_app: str = ""


# --- bridges ----------------------------------------------------------------------------------------------------------
class BridgeCreated(Event, frozen=True, kw_only=True):
    bridge: m.Bridge


class BridgeDestroyed(Event, frozen=True, kw_only=True):
    bridge: m.Bridge


class BridgeMerged(Event, frozen=True, kw_only=True):
    bridge: m.Bridge
    bridge_from: m.Bridge


class BridgeVideoSourceChanged(Event, frozen=True, kw_only=True):
    bridge: m.Bridge
    old_video_source_id: str = ""


class ChannelEnteredBridge(Event, frozen=True, kw_only=True):
    bridge: m.Bridge
    channel: m.Channel | None = None


class ChannelLeftBridge(Event, frozen=True, kw_only=True):
    bridge: m.Bridge
    channel: m.Channel


class BridgeBlindTransfer(Event, frozen=True, kw_only=True):
    channel: m.Channel
    exten: str = ""
    context: str = ""
    result: str = ""
    is_external: bool = False
    replace_channel: m.Channel | None = None
    transferee: m.Channel | None = None
    bridge: m.Bridge | None = None


class BridgeAttendedTransfer(Event, frozen=True, kw_only=True):
    transferer_first_leg: m.Channel
    transferer_second_leg: m.Channel
    result: str = ""
    is_external: bool = False
    destination_type: str = ""
    destination_bridge: str = ""
    destination_application: str = ""
    replace_channel: m.Channel | None = None
    transferee: m.Channel | None = None
    transfer_target: m.Channel | None = None
    transferer_first_leg_bridge: m.Bridge | None = None
    transferer_second_leg_bridge: m.Bridge | None = None
    destination_link_first_leg: m.Channel | None = None
    destination_link_second_leg: m.Channel | None = None
    destination_threeway_channel: m.Channel | None = None
    destination_threeway_bridge: m.Bridge | None = None


# --- media ------------------------------------------------------------------------------------------------------------
class PlaybackStarted(Event, frozen=True, kw_only=True):
    playback: m.Playback


class PlaybackContinuing(Event, frozen=True, kw_only=True):
    playback: m.Playback


class PlaybackFinished(Event, frozen=True, kw_only=True):
    playback: m.Playback


class RecordingStarted(Event, frozen=True, kw_only=True):
    recording: m.LiveRecording


class RecordingFinished(Event, frozen=True, kw_only=True):
    recording: m.LiveRecording


class RecordingFailed(Event, frozen=True, kw_only=True):
    recording: m.LiveRecording


# --- endpoints and devices --------------------------------------------------------------------------------------------
class EndpointStateChange(Event, frozen=True, kw_only=True):
    endpoint: m.Endpoint


class ContactStatusChange(Event, frozen=True, kw_only=True):
    endpoint: m.Endpoint
    contact_info: m.ContactInfo


class PeerStatusChange(Event, frozen=True, kw_only=True):
    endpoint: m.Endpoint
    peer: m.Peer


class DeviceStateChanged(Event, frozen=True, kw_only=True):
    device_state: m.DeviceState


class TextMessageReceived(Event, frozen=True, kw_only=True):
    message: m.TextMessage
    endpoint: m.Endpoint | None = None


EVENT_TYPES: tuple[type[Event], ...] = tuple(Event.__subclasses__())
for _event_type in EVENT_TYPES:
    _event_type.type = _event_type.__name__
