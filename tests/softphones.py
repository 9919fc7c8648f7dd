"""Softphones of users: devices that register at a PBX by name and password, answer calls, and place some.

All devices of one `softphones` are one small Asterisk with the carrier's dialplan, so each is a phone of the number
table, and what it saw is read as the carrier's record is. Knows SIP addresses and passwords, no more of the product."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ari_app.stack import Stack, Tools, process
from ari_app.stack.carrier import CarrierCall, CarrierRecord
from ari_app.stack.customer import MODULES, certificate_of
from ari_app.stack.dial_in import DialIn
from ari_app.stack.dial_in import dial_in as make_call
from ari_app.stack.pjsip import Section, text_of
from ari_app.stack.servers import Carrier
from tests.callers import Caller
from tests.ports import claim
from tests.support import until_sync

SOUND = (9_800, 9_999)
"""Ports for what is heard, of all softphones on this machine: Asterisk takes the next where one is taken."""
LOOPBACK = "127.0.0.1"
CODECS = "alaw,ulaw"
Transport = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True)
class Device:
    """`user` is what it registers as (its AOR), `login` the name of its password where that is another. `phone`: which
    phone of the number table it is, by the last two digits. `port`: of the PBX for this transport."""

    user: str
    password: str = field(repr=False)
    phone: int = 1
    transport: Transport = "udp"
    port: int | None = None
    login: str = ""
    srtp: bool = False
    expires_s: int = 60


class Softphones:
    """`with softphones(…) as phones:`"""

    def __init__(self, home: Path, stack: Stack, pbx_port: int, devices: Sequence[Device]) -> None:
        self._tools: Tools = stack.prepare()
        self._devices = {device.user: device for device in devices}
        self._numbers = {device.user: f"{100 + at}{device.phone:02}" for at, device in enumerate(devices)}
        self._pbx_port = pbx_port
        self.port, tls_port = claim(2)
        values = {
            "run_dir": home, "sip_port": self.port, "rtp_start": SOUND[0], "rtp_end": SOUND[1],
            "record_dir": home / "records", "pbx_sip_port": pbx_port, "carrier_sip_port": self.port,
        }  # fmt: skip
        self._server = Carrier(home, values, self._files(home, tls_port), "carrier", has_customer=True)
        self._record = CarrierRecord(home / "records")
        self._process: process.Spawned | None = None

    # ---- their lives --------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._server.write(self._tools)
        argv, home = self._server.argv(self._tools), self._server.home
        self._process = process.spawn(argv, marker=self._server.marker, cwd=home, log=home / "console.log")
        until_sync(self._server.ready, 20, "the softphones run")

    def until_registered(self, within_s: float = 10) -> None:
        """Every one of them."""

        def are_all() -> bool:
            lines = self.rx("pjsip show registrations").splitlines()
            return sum("Registered " in line for line in lines) == len(self._devices)

        try:
            until_sync(are_all, within_s, "all are registered", every_s=0.1)
        except AssertionError as e:
            raise AssertionError(f"{e}:\n{self.rx('pjsip show registrations')}\n{self.log()}") from e

    def vanish(self) -> None:
        """As if the power failed: no BYE, nothing unregistered, and nobody who answers."""
        if self._process is not None:
            self._process.child.kill()
            self._process.child.wait(5)
            self._process = None

    def stop(self) -> None:
        """As who closes the program: every call is hung up, every device unregistered."""
        if self._process is not None and self._process.identity is not None:
            self.rx("channel request hangup all")
            self.rx("pjsip send unregister *all")
            until_sync(
                lambda: "Registered " not in self.rx("pjsip show registrations"), 3, "they are unregistered", 0.1
            )
            process.stop(self._process.identity, grace_s=5)
            self._process.child.wait(5)
        self._process = None

    # ---- what they do and saw -----------------------------------------------------------------------------------

    def dial(self, user: str, to: str, *, keys: str = "", hang_up_after_s: float = 30, ring_s: float = 30) -> Caller:
        """This device places a call; its tone is its phone's."""
        device = self._devices[user]
        does = DialIn(self._numbers[user], to, keys, hang_up_after_s, ring_s)
        id = make_call(self._server.home, self._port_of(device), does, line=user, via=_via(device))
        return Caller(id, self._record, self.rx)

    def calls(self, *, with_tones: bool = False) -> list[CarrierCall]:
        """All that came to them ("outbound": the platform called) and that they placed ("inbound")."""
        return self._record.calls(with_tones=with_tones)

    def calls_of(self, user: str, *, with_tones: bool = False) -> list[CarrierCall]:
        """Those that came to this device."""
        return [call for call in self.calls(with_tones=with_tones) if call.number == self._numbers[user]]

    def rx(self, command: str) -> str:
        argv = self._server.rx(self._tools, command)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        return done.stdout

    def log(self) -> str:
        return self._server.log.read_text(errors="replace")[-2000:]

    # ---- their configuration ------------------------------------------------------------------------------------

    def _port_of(self, device: Device) -> int:
        return device.port or self._pbx_port

    def _files(self, home: Path, tls_port: int) -> dict[str, str]:
        sections = [section for device in self._devices.values() for section in self._sections(device)]
        tls = (
            ("protocol", "tls"),
            ("bind", f"{LOOPBACK}:{tls_port}"),
            ("method", "tlsv1_2"),
            ("cert_file", str(certificate_of(home))),
            ("priv_key_file", str(home / "etc/carrier.key")),
        )
        takes_both = "\n[platform](+)\nmedia_encryption = sdes\nmedia_encryption_optimistic = yes\n"
        modules = (*MODULES, "res_pjsip_outbound_registration.so", "res_pjsip_outbound_authenticator_digest.so")
        return {
            "pjsip_customer.conf": text_of([Section("loopback-tls", "transport", tls), *sections]) + takes_both,
            "modules_customer.conf": "".join(f"require = {module}\n" for module in modules),
        }

    def _sections(self, device: Device) -> Iterator[Section]:
        pbx, user = f"{LOOPBACK}:{self._port_of(device)}", device.user
        transport = {"udp": "loopback", "tcp": "loopback-tcp", "tls": "loopback-tls"}[device.transport]
        login = (("auth_type", "digest"), ("username", device.login or user), ("password", device.password))
        yield Section(user, "auth", login)
        yield Section(
            user,
            "endpoint",
            (
                ("transport", transport),
                ("context", "from-platform"),
                ("disallow", "all"),
                ("allow", CODECS),
                ("outbound_auth", user),
                ("from_user", user),
                ("media_encryption", "sdes" if device.srtp else "no"),
                ("media_address", LOOPBACK),
            ),
        )
        yield Section(
            f"{user}-reg",
            "registration",
            (
                ("transport", transport),
                ("outbound_auth", user),
                ("server_uri", f"sip:{pbx}{_via(device)}"),
                ("client_uri", f"sip:{user}@{pbx}"),
                ("contact_user", self._numbers[user]),
                ("expiration", str(device.expires_s)),
                ("retry_interval", "1"),
                ("forbidden_retry_interval", "2"),
                ("max_random_initial_delay", "0"),
            ),
        )


@contextmanager
def softphones(home: Path, stack: Stack, pbx_port: int, devices: Sequence[Device]) -> Iterator[Softphones]:
    """They run from here to the end of the block, in a directory of their own; `stack` knows the programs."""
    phones = Softphones(home, stack, pbx_port, devices)
    phones.start()
    try:
        yield phones
    finally:
        phones.stop()


def _via(device: Device) -> str:
    return "" if device.transport == "udp" else f";transport={device.transport}"
