"""The three servers: what each needs on disk, how it is called, and when it is ready. Starts none of them."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ari_app.stack import device_tls, probe
from ari_app.stack.customer import make_certificate
from ari_app.stack.music import write_music
from ari_app.stack.render import conf_dir, render, render_dir, write_changed
from ari_app.stack.tools import Tools
from ari_app.whole_files import sync_folder

ARI_USER = AMI_USER = "ringbridge"
AMI_BENCH_USER = "benchmark"
CARRIER_TRUNK = "carrier"
CALL_FILES = "spool/outgoing"
"""Below an Asterisk's directory: what is put there is a call that it places (its pbx_spool)."""
TRUNK_FILE = "pjsip_trunks.conf"
WHOLE = "redis.restored"
"""Beside the data of Redis: those of a restore, whole, that are about to take their place."""

RELOAD = "module reload "
# files that a running Asterisk takes in without dropping a call, and the command for it
RELOADS = {
    TRUNK_FILE: f"{RELOAD}res_pjsip.so",
    "stir_shaken.conf": f"{RELOAD}res_stir_shaken.so",
    "extensions.conf": "dialplan reload",
    "extensions_callers.conf": "dialplan reload",
    "musiconhold.conf": "moh reload",
    "logger.conf": "logger reload",
}
_ASTERISK_DIRS = ("etc", "lib/keys", "db", "spool/recording", "cache", "run", "log", "agi-bin", "records", "moh")


class Server(Protocol):
    """One part of the stack."""

    @property
    def name(self) -> str: ...
    @property
    def home(self) -> Path: ...
    @property
    def log(self) -> Path: ...
    @property
    def pid_file(self) -> Path: ...
    @property
    def marker(self) -> str: ...  # see process.Identity
    def argv(self, tools: Tools) -> Sequence[str]: ...
    def write(self, tools: Tools) -> set[str]: ...  # names of configuration files that changed
    def ready(self) -> bool: ...


@dataclass(frozen=True)
class Redis:
    home: Path
    port: int
    password: str
    name: str = "redis"

    @property
    def log(self) -> Path:
        return self.home / "redis.log"

    @property
    def pid_file(self) -> Path:
        return self.home / "redis.pid"

    @property
    def marker(self) -> str:
        return str(self.home / "redis.conf")

    def argv(self, tools: Tools) -> Sequence[str]:
        return (*tools.redis, self.marker)

    def write(self, tools: Tools) -> set[str]:
        finish_restore(self.home)
        return write_changed(self.home, {"redis.conf": self._conf()})

    def ready(self) -> bool:
        return probe.redis_answers(self.port, self.password)

    def _conf(self) -> str:
        return f"""\
# Written by Ringbridge: changes made here are lost.
bind 127.0.0.1
port {self.port}
requirepass {self.password}
dir "{self.home}"
logfile "{self.log}"
pidfile "{self.pid_file}"
daemonize no
# the process is known again by its command line, which a title would replace
set-proc-title no
# minutes are money: every write goes to the file; a lost second after a power cut is what WAITAOF guards against
appendonly yes
appendfsync everysec
# the append-only file is the record; snapshots would only double the writing
save ""
# an account must never be thrown out to make room
maxmemory 0
maxmemory-policy noeviction
"""


def finish_restore(data: Path) -> None:
    """Of a restore that was killed after the old data were set aside, and before the restored ones took their place:
    a server that began with nothing there would grant every month anew."""
    whole = data.with_name(WHOLE)
    if whole.is_dir() and not os.path.lexists(data):
        whole.rename(data)
        sync_folder(data.parent)


@dataclass(frozen=True)
class Asterisk:
    """What the product's PBX and the simulated carrier have in common."""

    home: Path
    values: Mapping[str, object]  # of the templates
    files: Mapping[str, str]  # written beside the rendered templates
    name: str

    @property
    def log(self) -> Path:
        return self.home / "log/messages.log"

    @property
    def pid_file(self) -> Path:
        return self.home / "run/asterisk.pid"

    @property
    def marker(self) -> str:
        return str(self.home / "etc/asterisk.conf")

    def argv(self, tools: Tools) -> Sequence[str]:
        return (*tools.asterisk, "-C", self.marker, "-f")

    def rx(self, tools: Tools, command: str) -> Sequence[str]:
        return (*tools.asterisk, "-C", self.marker, "-n", "-rx", command)  # -n: no colours

    def write(self, tools: Tools) -> set[str]:
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in _ASTERISK_DIRS:
            (self.home / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        write_music(self.home / "moh")
        values = {"prefix_modules": tools.modules_dir, "prefix_data": tools.data_dir, **self.values}
        return write_changed(self.home / "etc", {**dict(render_dir(conf_dir(self.name), values)), **self.files})

    def ready(self) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class Pbx(Asterisk):
    """The product's PBX: ready when ARI answers and every module is loaded."""

    sip_server: str = ""
    tls_certificate: tuple[str, str] | None = None

    def write(self, tools: Tools) -> set[str]:
        """And the first row of the event log: a log that says since when it is kept can prove what was never there."""
        changed = super().write(tools) | write_changed(self.home / "etc", {device_tls.FILE: self._devices_tls()})
        with suppress(FileExistsError), (self.home / "cel.csv").open("x", encoding="utf-8") as log:
            log.write(f'"LOG_BEGINS","{time.time():.6f}",' + ",".join(['""'] * 7) + "\n")
        return changed

    def _devices_tls(self) -> str:
        if self.tls_certificate is not None:
            certificate, key = map(Path, self.tls_certificate)
        elif device_tls.make_own_certificate(self.home, self.sip_server):
            certificate = device_tls.own_certificate(self.home)
            key = device_tls.key_of(certificate)
        else:
            return device_tls.HEAD
        bind = f"{self.values['sip_bind']}:{self.values['devices_tls_port']}"
        return device_tls.transport_text(bind, certificate, key)

    def ready(self) -> bool:
        ari = probe.ari_get(_int(self.values, "http_port"), "asterisk/ping", ARI_USER, str(self.values["ari_password"]))
        return ari is not None and probe.asterisk_booted(*self._ami())

    def lasting_changes(self, etc: Path) -> tuple[str, ...]:
        """Files in `etc` that depend on the trunks, would be written otherwise now, and are read by a start alone."""
        wanted = {name: text for name, text in self.files.items() if name not in RELOADS}
        wanted["pjsip.conf"] = render((conf_dir(self.name) / "pjsip.conf").read_text("utf-8"), self.values)
        return tuple(
            name
            for name, text in wanted.items()
            if not (etc / name).exists() or (etc / name).read_text("utf-8") != text
        )

    def trunk_is_up(self, trunk: str) -> bool:
        path = f"endpoints/PJSIP/{trunk}"
        found = probe.ari_get(_int(self.values, "http_port"), path, ARI_USER, str(self.values["ari_password"]))
        return isinstance(found, dict) and found.get("state") == "online"

    def ask_trunk(self, trunk: str) -> bool:
        return probe.ask_qualify(*self._ami(), trunk)

    def _ami(self) -> tuple[int, str, str]:
        return _int(self.values, "ami_port"), AMI_USER, str(self.values["ami_secret"])


@dataclass(frozen=True)
class Carrier(Asterisk):
    """The simulated carrier: ready when it answers SIP."""

    has_customer: bool = False  # who asks for a name and a password must first prove its own name

    def write(self, tools: Tools) -> set[str]:
        (self.home / CALL_FILES).mkdir(parents=True, exist_ok=True, mode=0o700)  # looked for at the start alone
        changed = super().write(tools)
        if self.has_customer:
            make_certificate(self.home)
        return changed

    def ready(self) -> bool:
        return probe.sip_answers(_int(self.values, "sip_port"))


def _int(values: Mapping[str, object], name: str) -> int:
    return int(str(values[name]))
