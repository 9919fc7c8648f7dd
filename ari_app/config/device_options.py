"""The settings of users' devices. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ari_app.config.kinds import one_of, option, seconds, text, whole


@dataclass(frozen=True)
class DeviceOptions:
    # A table: the formatter would give each of its lines five.
    # fmt: off
    devices_max: int = option(5, whole(0, 100), "SIP devices that one user may have.", section="devices")
    device_ring: Literal["first", "off"] = option("first", one_of("first", "off"),
        "Whether a leg to a user rings his registered devices before his phone number.", section="devices")
    device_ring_s: int = option(20, whole(1, 300),
        "How long a device may ring before the phone number does.", section="devices", unit="s")
    device_pdd_ms: int = option(2_500, seconds(200, 60),
        "A device that has given no sign of ringing by then is gone: the phone number rings.",
        section="devices", unit="s")
    sip_server: str = option("", text("a host name or address", r"[A-Za-z0-9._:-]{1,253}", empty=True),
        "Where devices are told to register. Empty: the host of ari_url, or for the embedded Asterisk sip_host.",
        section="devices")
    sip_port: int = option(5060, whole(1, 65535),
        "The port there, udp and tcp, of your own Asterisk; the embedded one has its own.", section="devices")
    sip_tls_port: int = option(5061, whole(1, 65535), "Likewise over TLS.", section="devices")
    sip_host: str = option("", text("an IP address", r"[0-9A-Fa-f.:]+", empty=True),
        "Address on which the embedded Asterisk listens for SIP, such as 0.0.0.0. Empty: 127.0.0.1, unless a carrier "
        "is elsewhere. A change needs a restart of Asterisk.", section="devices")
    sip_tls_certificate_file: str = option("", text("a path", empty=True),
        "Certificate (PEM, with those between) that the embedded Asterisk shows to devices over TLS. Empty: one is "
        "made, which devices must be told to trust.", section="devices")
    sip_tls_key_file: str = option("", text("a path", empty=True), "Its key.", section="devices")
    # fmt: on
