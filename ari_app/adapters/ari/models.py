"""The things that ARI answers with, as frozen structs: Channel, Bridge, Playback... Field names are Asterisk's own.

Knows the API description that Asterisk 22.10.1 ships (`rest-api/*.json`), against which a test holds every field.
Knows nothing of sockets. A field that Asterisk adds later is skipped; one that it leaves out has a default here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ari_app.adapters.ari.timestamps import epoch_ms


class Model(msgspec.Struct, frozen=True):
    """Base of everything that comes from Asterisk."""


class CallerID(Model, frozen=True, gc=False):
    name: str = ""
    number: str = ""


class DialplanCEP(Model, frozen=True, gc=False):
    context: str = ""
    exten: str = ""
    priority: int = 0
    app_name: str = ""
    app_data: str = ""


class Channel(Model, frozen=True):
    """`state`: Down, Rsrvd, OffHook, Dialing, Ring, Ringing, Up, Busy, Dialing Offhook, Pre-ring, Unknown.
    `channelvars` holds the global `channelvars` of ari.conf and the variables set with `report_events`."""

    id: str
    name: str = ""
    state: str = ""
    protocol_id: str = ""
    caller: CallerID = CallerID()
    connected: CallerID = CallerID()
    accountcode: str = ""
    dialplan: DialplanCEP = DialplanCEP()
    creationtime: str = ""
    language: str = ""
    channelvars: dict[str, Any] | None = None
    caller_rdnis: str = ""
    tenantid: str = ""

    @property
    def created_ms(self) -> int:
        return epoch_ms(self.creationtime)


class Bridge(Model, frozen=True):
    id: str
    technology: str = ""
    bridge_type: str = ""
    bridge_class: str = ""
    creator: str = ""
    name: str = ""
    channels: tuple[str, ...] = ()
    video_mode: str = ""
    video_source_id: str = ""
    creationtime: str = ""
    bridgevars: dict[str, Any] | None = None

    @property
    def created_ms(self) -> int:
        return epoch_ms(self.creationtime)


class Playback(Model, frozen=True, gc=False):
    """`state`: queued, playing, continuing, done, failed."""

    id: str
    media_uri: str = ""
    next_media_uri: str = ""
    target_uri: str = ""
    language: str = ""
    state: str = ""


class LiveRecording(Model, frozen=True, gc=False):
    name: str
    format: str = ""
    target_uri: str = ""
    state: str = ""
    duration: int | None = None
    talking_duration: int | None = None
    silence_duration: int | None = None
    cause: str = ""


class StoredRecording(Model, frozen=True, gc=False):
    name: str
    format: str = ""


class Application(Model, frozen=True):
    name: str
    channel_ids: tuple[str, ...] = ()
    bridge_ids: tuple[str, ...] = ()
    endpoint_ids: tuple[str, ...] = ()
    device_names: tuple[str, ...] = ()
    events_allowed: tuple[dict[str, Any], ...] = ()
    events_disallowed: tuple[dict[str, Any], ...] = ()


class Endpoint(Model, frozen=True):
    """`state`: unknown, offline, online. For PJSIP: does any contact answer OPTIONS (or is not asked)."""

    technology: str
    resource: str
    state: str = ""
    channel_ids: tuple[str, ...] = ()


class TextMessage(Model, frozen=True, rename={"from_": "from"}):
    from_: str = ""
    to: str = ""
    body: str = ""
    variables: Any = None


class ContactInfo(Model, frozen=True, gc=False):
    """`contact_status`: Unreachable, Reachable, Unknown, NonQualified, Created, Removed."""

    uri: str
    contact_status: str = ""
    aor: str = ""
    roundtrip_usec: str = ""


class Peer(Model, frozen=True, gc=False):
    peer_status: str
    cause: str = ""
    address: str = ""
    port: str = ""
    time: str = ""


class DeviceState(Model, frozen=True, gc=False):
    name: str
    state: str = ""


class Mailbox(Model, frozen=True, gc=False):
    name: str
    old_messages: int = 0
    new_messages: int = 0


class FormatLangPair(Model, frozen=True, gc=False):
    language: str
    format: str


class Sound(Model, frozen=True):
    id: str
    text: str = ""
    formats: tuple[FormatLangPair, ...] = ()


class RTPstat(Model, frozen=True, gc=False):
    """Packets and octets since the start; jitter and round trip in seconds as Asterisk measures them."""

    txcount: int = 0
    rxcount: int = 0
    txjitter: float = 0.0
    rxjitter: float = 0.0
    txploss: int = 0
    rxploss: int = 0
    rtt: float = 0.0
    maxrtt: float = 0.0
    minrtt: float = 0.0
    local_ssrc: int = 0
    remote_ssrc: int = 0
    txoctetcount: int = 0
    rxoctetcount: int = 0
    channel_uniqueid: str = ""


class Variable(Model, frozen=True, gc=False):
    value: str = ""


class Variables(Model, frozen=True):
    variables: dict[str, Any] = {}


class BuildInfo(Model, frozen=True, gc=False):
    os: str = ""
    kernel: str = ""
    options: str = ""
    machine: str = ""
    date: str = ""
    user: str = ""


class SystemInfo(Model, frozen=True, gc=False):
    version: str = ""
    entity_id: str = ""


class ConfigInfo(Model, frozen=True, gc=False):
    name: str = ""
    default_language: str = ""
    max_channels: int = 0
    max_open_files: int = 0
    max_load: float = 0.0


class StatusInfo(Model, frozen=True, gc=False):
    startup_time: str = ""
    last_reload_time: str = ""

    @property
    def started_ms(self) -> int:
        return epoch_ms(self.startup_time)


class AsteriskInfo(Model, frozen=True, gc=False):
    build: BuildInfo = BuildInfo()
    system: SystemInfo = SystemInfo()
    config: ConfigInfo = ConfigInfo()
    status: StatusInfo = StatusInfo()


class AsteriskPing(Model, frozen=True, gc=False):
    asterisk_id: str = ""
    ping: str = ""
    timestamp: str = ""


class Module(Model, frozen=True, gc=False):
    name: str
    description: str = ""
    use_count: int = 0
    status: str = ""
    support_level: str = ""


class LogChannel(Model, frozen=True, gc=False):
    channel: str
    type: str = ""
    status: str = ""
    configuration: str = ""


class ConfigTuple(Model, frozen=True, gc=False):
    attribute: str
    value: str = ""


class RequiredDestination(Model, frozen=True):
    protocol_id: str = ""
    destination: str = ""
    additional_protocol_params: tuple[dict[str, str], ...] = ()


class ReferTo(Model, frozen=True):
    requested_destination: RequiredDestination = RequiredDestination()
    destination_channel: Channel | None = None
    connected_channel: Channel | None = None
    bridge: Bridge | None = None


class ReferredBy(Model, frozen=True):
    source_channel: Channel | None = None
    connected_channel: Channel | None = None
    bridge: Bridge | None = None
