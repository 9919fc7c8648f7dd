"""What a stack is made of, worked out from its options and its stored state. Starts and stops nothing."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ari_app.domain.trunks import Trunk
from ari_app.stack import ports
from ari_app.stack import tools as programs
from ari_app.stack.customer import Customer, certificate_of, customer_files
from ari_app.stack.device_tls import own_certificate
from ari_app.stack.errors import BrokenOff, StackError
from ari_app.stack.fetch import cache_dir, fetched_prefix
from ari_app.stack.marks import marked
from ari_app.stack.progress import Say, say_on_stderr
from ari_app.stack.servers import (
    AMI_BENCH_USER,
    AMI_USER,
    ARI_USER,
    CARRIER_TRUNK,
    TRUNK_FILE,
    Carrier,
    Pbx,
    Redis,
    Server,
)
from ari_app.stack.shaken import SHAKEN_FILE, SHAKEN_MODULES_FILE, render_shaken, shaken_modules
from ari_app.stack.state import State, StateDir, new_secrets
from ari_app.stack.tools import Tools
from ari_app.stack.transports import OurEnd, bind_address
from ari_app.stack.trunks import render_trunks

PARTS = ("redis", "carrier", "pbx")
PORT_NAMES: Mapping[str, tuple[str, ...]] = {
    "redis": ("redis_port",),
    "carrier": ("carrier_sip_port", "carrier_tls_port", "carrier_rtp_start", "carrier_rtp_end"),
    "pbx": (
        "http_port",
        "ami_port",
        "pbx_sip_port",
        "pbx_tls_port",
        "pbx_devices_tls_port",
        "pbx_rtp_start",
        "pbx_rtp_end",
    ),
}


@dataclass(frozen=True)
class StackOptions:
    """What to run and how. Everything has a default; a part that is False is somebody else's."""

    state_dir: Path = Path(".ringbridge")
    cache_dir: Path | None = None  # default: RINGBRIDGE_CACHE_DIR, else ~/.cache/ringbridge
    redis: bool = True
    pbx: bool = True
    carrier: bool = True
    media_timeout_s: int = 60  # 0: a silent leg is never hung up
    stasis_app: str = "ringbridge"
    tone_zone: str = "cn"
    trunks: Sequence[Trunk] = ()  # besides the simulated carrier's
    trunk_text: str = ""  # PJSIP sections as they stand, for what `trunks` cannot say
    carrier_address: tuple[str, int] | None = None  # where the PBX finds the carrier, if not directly
    carrier_transport: Literal["udp", "tcp", "tls"] = "udp"
    carrier_customer: Customer | None = None  # the carrier wants a name and a password; then it speaks TLS, too
    sip_host: str = ""  # where SIP listens; empty: on this machine alone, unless a carrier is elsewhere
    sip_server: str = ""  # what devices call this PBX: a name in its certificate
    tls_certificate: tuple[str, str] | None = None  # for devices over TLS, and its key; None: a self-made one
    tls_ca_file: str = ""  # who vouches for carriers over TLS; empty: whom the machine trusts, or our own carrier
    carrier_values: Mapping[str, object] = field(default_factory=dict)  # more placeholders of the carrier's templates
    ports: Mapping[str, int] = field(default_factory=dict)  # the user's own choice, by the names in PORT_NAMES
    asterisk: str | None = None  # the program to use, else PATH, else fetched
    redis_server: str | None = None
    say: Say = say_on_stderr
    wanted: Callable[[], bool] = lambda: True  # asked all the time while a start goes on; False: break it off

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in PARTS if getattr(self, part))

    def check_wanted(self) -> None:
        if not self.wanted():
            raise BrokenOff("the start was broken off")


@dataclass(frozen=True)
class StackInfo:
    """How to reach what runs. A part that is not ours has empty values."""

    ari_url: str
    ari_user: str
    ari_password: str = field(repr=False)
    ami_host: str
    ami_port: int
    ami_user: str
    ami_secret: str = field(repr=False)
    ami_bench_user: str
    ami_bench_secret: str = field(repr=False)
    redis_url: str = field(repr=False)
    agi_port: int  # of the app: where the PBX asks who calls
    agi_secret: str = field(repr=False)
    cel_path: Path | None
    pbx_sip_port: int
    pbx_devices_tls_port: int
    pbx_certificate: Path | None  # to be trusted by devices that speak TLS to it
    carrier_sip_port: int
    carrier_tls_port: int
    carrier_certificate: Path | None  # to be trusted by whoever speaks TLS to it
    carrier_dir: Path | None
    logs: Mapping[str, Path]
    started_here: tuple[str, ...]


def known_parts(parts: Iterable[str] | None) -> list[str]:
    wanted = list(PARTS if parts is None else parts)
    for part in wanted:
        if part not in PARTS:
            raise StackError(f"there is no part “{part}”: the parts are {', '.join(PARTS)}")
    return wanted


def find_tools(options: StackOptions) -> Tools:
    """The machine's own servers where they are new enough, the fetched ones for the rest."""
    needs_asterisk = options.pbx or options.carrier
    asterisk = programs.asterisk_on_path(options.say, options.asterisk) if needs_asterisk else None
    redis = programs.redis_on_path(options.say, options.redis_server) if options.redis else None
    return programs.combine(
        asterisk, redis, lambda: fetched_prefix(cache_dir(options.cache_dir), options.say, check=options.check_wanted),
        needs_asterisk=needs_asterisk, needs_redis=options.redis,
    )  # fmt: skip


def settle(options: StackOptions, home: StateDir, state: State, stopped: Sequence[str]) -> None:
    """Give `state` its secrets and ports: those it had, unless somebody else took them meanwhile."""
    state.secrets = new_secrets(state.secrets)
    known = {name for names in PORT_NAMES.values() for name in names} | set(ports.APP_PORTS)
    if unknown := options.ports.keys() - known:
        raise StackError(f"there is no port called {', '.join(sorted(unknown))}")
    for part in state.processes:
        for name in PORT_NAMES[part]:
            if name in options.ports and options.ports[name] != state.ports[name]:
                raise StackError(f"{part} runs with {name} {state.ports[name]}: stop it before you change that")
    open_names = {name for part in stopped for name in PORT_NAMES[part]} | (known - state.ports.keys())
    fixed = {name: port for name, port in options.ports.items() if name in open_names}
    wanted = {name: port for name, port in (state.ports | fixed).items() if name in open_names}
    if wanted.keys() == open_names and not ports.taken(wanted):
        state.ports |= wanted
        return
    chosen = ports.choose(str(home.path), fixed)
    state.ports |= {name: port for name, port in chosen.items() if name in open_names}


def is_settled(state: State) -> bool:
    """Whether a start has got as far as choosing ports and secrets, of this version's parts."""
    return state.ports.keys() >= {name for names in PORT_NAMES.values() for name in names} | set(ports.APP_PORTS)


def servers(options: StackOptions, home: StateDir, state: State) -> dict[str, Server]:
    """Every part as `state` has it, also those that `options` leaves out."""
    at, secret = state.ports, state.secrets
    run = {part: home.run_dir(part) for part in PARTS}
    trunks = _trunks(options, state)
    common = {"pbx_sip_port": at["pbx_sip_port"], "carrier_sip_port": at["carrier_sip_port"]}
    pbx = {
        **common,
        **_asterisk_values(run["pbx"], at["pbx_sip_port"], at["pbx_rtp_start"], at["pbx_rtp_end"]),
        "http_port": at["http_port"],
        "ami_port": at["ami_port"],
        "ari_user": ARI_USER,
        "ari_password": secret["ari_password"],
        "ami_user": AMI_USER,
        "ami_secret": secret["ami_secret"],
        "ami_bench_user": AMI_BENCH_USER,
        "ami_bench_secret": secret["ami_bench_secret"],
        "sip_bind": options.sip_host or bind_address(trunks),
        "devices_tls_port": at["pbx_devices_tls_port"],
        "system_name": "rb" + hashlib.sha256(os.fsencode(home.path)).hexdigest()[:6],
        "stasis_app": options.stasis_app,
        "agi_address": f"127.0.0.1:{at['agi_port']}",
        "agi_secret": secret["agi_secret"],
        "node": "",
        "tone_zone": options.tone_zone,
        "baseline_trunk": CARRIER_TRUNK,
        "media_timeout_s": options.media_timeout_s,
    }
    carrier = {
        **common,
        **_asterisk_values(run["carrier"], at["carrier_sip_port"], at["carrier_rtp_start"], at["carrier_rtp_end"]),
        "record_dir": run["carrier"] / "records",
        **options.carrier_values,
    }
    files = {
        TRUNK_FILE: marked(render_trunks(trunks, _our_end(options, home, state))) + options.trunk_text,
        SHAKEN_FILE: render_shaken(trunks),
        SHAKEN_MODULES_FILE: shaken_modules(trunks),
    }
    of_customer = customer_files(options.carrier_customer, run["carrier"], at["carrier_tls_port"])
    return {
        "redis": Redis(run["redis"], at["redis_port"], secret["redis_password"]),
        "carrier": Carrier(run["carrier"], carrier, of_customer, "carrier", options.carrier_customer is not None),
        "pbx": Pbx(run["pbx"], pbx, files, "pbx", options.sip_server, options.tls_certificate),
    }


def uses_carrier(options: StackOptions) -> bool:
    return options.carrier and options.pbx


def info(options: StackOptions, home: StateDir, state: State, *, started_here: tuple[str, ...]) -> StackInfo:
    at, secret = state.ports, state.secrets
    return StackInfo(
        ari_url=f"http://127.0.0.1:{at['http_port']}/ari" if options.pbx else "",
        ari_user=ARI_USER,
        ari_password=secret["ari_password"],
        ami_host="127.0.0.1",
        ami_port=at["ami_port"],
        ami_user=AMI_USER,
        ami_secret=secret["ami_secret"],
        ami_bench_user=AMI_BENCH_USER,
        ami_bench_secret=secret["ami_bench_secret"],
        redis_url=f"redis://:{secret['redis_password']}@127.0.0.1:{at['redis_port']}/0" if options.redis else "",
        agi_port=at["agi_port"] if options.pbx else 0,
        agi_secret=secret["agi_secret"],
        cel_path=home.path / "pbx/cel.csv" if options.pbx else None,
        pbx_sip_port=at["pbx_sip_port"],
        pbx_devices_tls_port=at["pbx_devices_tls_port"],
        pbx_certificate=_certificate(options, home),
        carrier_sip_port=at["carrier_sip_port"],
        carrier_tls_port=at["carrier_tls_port"],
        carrier_certificate=certificate_of(home.path / "carrier") if options.carrier_customer else None,
        carrier_dir=home.path / "carrier" if options.carrier else None,
        logs={part: log_of(home, part) for part in options.parts},
        started_here=started_here,
    )


def _certificate(options: StackOptions, home: StateDir) -> Path | None:
    if not options.pbx:
        return None
    return Path(options.tls_certificate[0]) if options.tls_certificate else own_certificate(home.path / "pbx")


def log_of(home: StateDir, part: str) -> Path:
    return home.path / part / ("redis.log" if part == "redis" else "log/messages.log")


def _asterisk_values(run: Path, sip_port: int, rtp_start: int, rtp_end: int) -> dict[str, object]:
    return {"run_dir": run, "sip_port": sip_port, "rtp_start": rtp_start, "rtp_end": rtp_end}


def _trunks(options: StackOptions, state: State) -> tuple[Trunk, ...]:
    """Every trunk that the PBX is told of, the simulated carrier's among them."""
    return (_carrier_trunk(options, state), *options.trunks) if options.carrier else tuple(options.trunks)


def _our_end(options: StackOptions, home: StateDir, state: State) -> OurEnd:
    own_carrier = str(certificate_of(home.run_dir("carrier"))) if options.carrier_customer else ""
    return OurEnd(
        sip_port=state.ports["pbx_sip_port"],
        tls_port=state.ports["pbx_tls_port"],
        tls_ca_file=options.tls_ca_file or own_carrier,
        media_timeout_s=options.media_timeout_s,
    )


def _carrier_trunk(options: StackOptions, state: State) -> Trunk:
    over_tls = options.carrier_transport == "tls"
    straight = ("127.0.0.1", state.ports["carrier_tls_port" if over_tls else "carrier_sip_port"])
    host, port = options.carrier_address or straight
    trunk = Trunk(CARRIER_TRUNK, host, port, options.carrier_transport, codecs=("ulaw", "alaw"))
    who = options.carrier_customer
    if who is None:
        return trunk
    srtp: Literal["no", "sdes"] = "sdes" if over_tls else "no"
    return replace(trunk, username=who.username, password=who.password, register=True, srtp=srtp)
