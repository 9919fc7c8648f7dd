"""Who this process is, so that another one on the same host can tell whether it still lives. Knows /proc only.

An owner is `<where>/<pid>/<start>`: where pids mean the same (boot of the kernel, pid namespace), the pid, and when
the process started, as a pid is used again. Without /proc nobody is ever known to be dead, and leases run out instead.
"""

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    return f"{_where()}/{os.getpid()}/{_started(os.getpid()) or 0}"


def is_dead(owner: str) -> bool:
    """True only for a process that ran here, where we can look, and is gone (a zombie is)."""
    parts = owner.rsplit("/", 2)
    if len(parts) != 3 or parts[0] != _where() or not parts[1].isdecimal() or _started(os.getpid()) is None:
        return False
    pid = int(parts[1])
    return not _is_hidden(pid) and str(_started(pid)) != parts[2]


def _is_hidden(pid: int) -> bool:
    """Another user's, and /proc does not show those (hidepid, ProtectProc): it lives, and nothing more is known."""
    if (_PROC / str(pid)).exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _where() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = str((_PROC / "self/ns/pid").readlink()).strip("pid:[]")
        return f"{socket.gethostname()}/{boot}/ns{namespace}"  # one word: in the log a bare number looks like a phone's
    except OSError:
        return f"{socket.gethostname()}/unknown"


def _started(pid: int) -> int | None:
    """In ticks since the boot; None if there is no such living process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may have anything in it
    return None if state in ("Z", "X") else int(fields[18])
