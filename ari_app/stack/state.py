"""What a stack remembers between two commands: ports, secrets, and which processes are its own. Starts nothing."""

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ari_app.stack.errors import StackError
from ari_app.stack.process import Identity

SECRETS = ("ari_password", "ami_secret", "ami_bench_secret", "redis_password", "agi_secret")
_SOCKET_PATH_MAX = 107  # bytes of a Unix socket's name, from sockaddr_un
_LONGEST_SOCKET = "/carrier/run/asterisk.ctl"
_PLAIN = re.compile(r"[\w./@+-]+", re.ASCII)  # what needs no quoting in any configuration file
_VERSION = 1


@dataclass
class State:
    """The content of stack.json."""

    ports: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    processes: dict[str, Identity] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)  # parts that were started, not stopped, and are gone


class StateDir:
    """The state directory: 0700, with stack.json (0600) and one directory a part."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._file = self.path / "stack.json"

    def create(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                self.path.chmod(0o700)
        except OSError as why:
            raise StackError(
                f"the state directory {self.path} cannot be used ({why.strerror}): set RINGBRIDGE_STATE_DIR to a "
                "directory of your own"
            ) from None

    def load(self) -> State:
        """What is stored; an empty State where nothing is."""
        try:
            raw = json.loads(self._file.read_text("utf-8"))
            processes = {name: Identity(**identity) for name, identity in raw["processes"].items()}
            return State(raw["ports"], raw["secrets"], processes, set(raw["failed"]))
        except FileNotFoundError:
            return State()
        except PermissionError:
            raise StackError(f"{self._file} belongs to another user: set RINGBRIDGE_STATE_DIR to your own") from None
        except OSError as why:
            raise StackError(
                f"{self._file} cannot be read ({why.strerror}): set RINGBRIDGE_STATE_DIR to a directory of your own"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StackError(
                f"{self._file} is damaged: stop the servers of this directory, then remove that file"
            ) from None

    def save(self, state: State) -> None:
        raw = {
            "version": _VERSION,
            "ports": state.ports,
            "secrets": state.secrets,
            "processes": {name: asdict(identity) for name, identity in state.processes.items()},
            "failed": sorted(state.failed),
        }
        fresh = self._file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            json.dump(raw, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._file)

    def run_dir(self, part: str) -> Path:
        """Where a part lives, by a name that is short enough for its control socket."""
        return self.short_path() / part

    def short_path(self) -> Path:
        """The state directory itself, or a link to it where its name is too long for a Unix socket, or has a blank."""
        name = str(self.path)
        if len(name + _LONGEST_SOCKET) <= _SOCKET_PATH_MAX and _PLAIN.fullmatch(name):
            return self.path
        digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"ringbridge-{os.getuid()}-{digest}" / "s"

    def make_link(self) -> None:
        """See to it that `short_path` leads here. Another user must not be able to put his own link there."""
        link = self.short_path()
        if link == self.path:
            return
        try:
            link.parent.mkdir(mode=0o700)
        except FileExistsError:
            found = link.parent.lstat()
            private = found.st_uid == os.getuid() and not stat.S_IMODE(found.st_mode) & 0o077
            if not stat.S_ISDIR(found.st_mode) or not private:
                raise StackError(f"{link.parent} is not a private directory of yours: remove it") from None
        if not link.is_symlink():
            link.symlink_to(self.path, target_is_directory=True)

    def drop_link(self) -> None:
        """Nothing runs: nothing of ours is left in the directory for temporary files."""
        link = self.short_path()
        if link != self.path:
            link.unlink(missing_ok=True)
            link.parent.rmdir()

    @contextmanager
    def locked(
        self, *, waiting: Callable[[], None] | None = None, check: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """One command at a time changes what runs."""
        self.create()
        self.make_link()
        with file_lock(self.path / "stack.lock", waiting=waiting, check=check):
            yield


def new_secrets(known: dict[str, str]) -> dict[str, str]:
    """`known`, completed. Letters and digits only: they go into five kinds of configuration files."""
    return {name: known.get(name) or secrets.token_hex(16) for name in SECRETS}


@contextmanager
def file_lock(
    path: Path,
    *,
    waiting: Callable[[], None] | None = None,
    check: Callable[[], None] = lambda: None,
    within_s: int = 900,
) -> Iterator[None]:
    """An exclusive lock that the kernel gives back when its holder dies. `check` is called while it is waited for, and
    may raise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        deadline, told = time.monotonic() + within_s, False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StackError(f"another ringbridge has held {path} for {within_s} s: end that one") from None
                if waiting and not told:
                    waiting()
                told = True
                check()
                time.sleep(0.1)
        yield
