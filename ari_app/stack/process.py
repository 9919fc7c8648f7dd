"""Starts and stops single processes, and knows for sure whether a pid is still the one that was started."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CLOCK_HZ = os.sysconf("SC_CLK_TCK")
_NOFILE = 65_536
OURS = "RINGBRIDGE_"
PF_EXITING = 4  # linux/sched.h


@dataclass(frozen=True)
class Identity:
    """A process, told apart from any later one with the same pid, also over a reboot."""

    pid: int
    started_ticks: int  # since boot, field 22 of /proc/<pid>/stat
    boot_id: str
    marker: str  # a word of its command line that only our servers have: the path of its configuration


def identify(pid: int, marker: str) -> Identity | None:
    fields = _stat_fields(pid)
    if fields is None:
        return None
    return Identity(pid, int(fields[19]), boot_id(), marker)


def is_alive(identity: Identity) -> bool:
    """True only for the very process that was started; a zombie, or a stranger with its pid, is not it. One that is
    dying is still alive: it may hold the sockets and locks that a successor needs."""
    try:  # read first: if it is not on its way out after that, this was its whole command line
        words = Path(f"/proc/{identity.pid}/cmdline").read_bytes()
    except OSError:
        return False
    fields = _stat_fields(identity.pid)
    if fields is None or int(fields[19]) != identity.started_ticks or identity.boot_id != boot_id():
        return False
    if _is_leaving(fields):
        return _is_dying(fields)
    return not words or os.fsencode(identity.marker) in words  # none yet: it has only just been started


def is_dying(identity: Identity) -> bool:
    """Killed, and not quite gone: it answers nobody any more."""
    fields = _stat_fields(identity.pid)
    return fields is not None and _is_dying(fields) and is_alive(identity)


def from_pid_file(path: Path, marker: str) -> Identity | None:
    """The process that wrote `path`, if it is alive and has `marker` in its command line."""
    try:
        identity = identify(int(path.read_text()), marker)
    except (OSError, ValueError):
        return None
    return identity if identity and is_alive(identity) and not is_dying(identity) else None


def uptime_s(identity: Identity) -> int:
    since_boot_s = float(Path("/proc/uptime").read_text().split()[0])
    return max(0, int(since_boot_s - identity.started_ticks / _CLOCK_HZ))


def spawn(argv: Sequence[str], *, marker: str, cwd: Path, log: Path) -> "Spawned":
    """Start a server in a session of its own: neither Ctrl-C nor the death of this process reaches it. Its environment
    has nothing of our settings, some of which are secret: what it needs stands in its own files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _NOFILE if hard == resource.RLIM_INFINITY else min(hard, _NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))  # inherited by the server: sockets of calls
    try:
        with open(log, "ab", opener=_private) as out:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                env={name: value for name, value in os.environ.items() if not name.startswith(OURS)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                umask=0o077,
            )
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return Spawned(child, identify(child.pid, marker))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@dataclass
class Spawned:
    """A server that this very process started; `identity` is None if it was gone at once."""

    child: subprocess.Popen[bytes]
    identity: Identity | None

    @property
    def exit_code(self) -> int | None:
        return self.child.poll()  # also reaps it: no zombie while the starter lives


def stop(identity: Identity, *, grace_s: float) -> bool:
    """SIGTERM, then SIGKILL after `grace_s`. True when the process is gone."""
    if not _signal(identity, signal.SIGTERM):
        return True
    if until(lambda: not is_alive(identity), within_s=grace_s):
        return True
    _signal(identity, signal.SIGKILL)
    return until(lambda: not is_alive(identity), within_s=5)


def until(condition: Callable[[], bool], *, within_s: float, every_s: float = 0.05) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def _signal(identity: Identity, number: int) -> bool:
    """Send by pidfd: between the check and the signal, the pid cannot become somebody else's."""
    try:
        handle = os.pidfd_open(identity.pid)
    except OSError:
        return False
    try:
        if not is_alive(identity):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the third on; the second, the name, may hold blanks and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _is_leaving(fields: list[str]) -> bool:
    """On its way out, or out: it has no command line any more (proc(5), `state` and `flags`)."""
    return fields[0] in "ZX" or bool(int(fields[6]) & PF_EXITING)


def _is_dying(fields: list[str]) -> bool:
    """A killed process is gone when its last thread is. Until then the first one is a zombie beside the others, or
    gives back its memory, which for gigabytes takes a while, before its sockets (proc(5), `num_threads`)."""
    return _is_leaving(fields) and (fields[0] not in "ZX" or int(fields[17]) > 1)


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
