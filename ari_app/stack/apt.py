"""Uses the machine's apt-get as an ordinary user with a state of its own: which packages, and their files.

Knows nothing of Asterisk or of the cache's layout. Signatures and checksums are apt's work.
"""

import os
import re
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from ari_app.stack.errors import StackError
from ari_app.stack.progress import Advance

ARCHIVE_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CHECK_EVERY_S = 0.2
Check = Callable[[], None]  # raises where what is waited for is not wanted any more
_NO_SPACE = ("No space left on device", "not enough free space", "enough free space")
_UNREACHABLE = ("Could not resolve", "Could not connect", "Connection failed", "Temporary failure", "unreachable",
                "Connection timed out", "Cannot initiate the connection", "connection timed out")  # fmt: skip


def nothing() -> None:
    """The check of whoever always wants what he asked for."""


class NotInSuite(StackError):
    """The mirror answers, but this suite of it has not what is needed: another suite may."""


@dataclass(frozen=True, order=True)
class Package:
    """One line of packages.lock."""

    name: str
    version: str
    arch: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.arch} {self.sha256}"


class Apt:
    """apt-get against one suite of one mirror, everything it keeps being under `home`."""

    def __init__(
        self, home: Path, mirror: str, suite: str, *, keys: Path = ARCHIVE_KEYS, check: Check = nothing
    ) -> None:
        for tool in ("apt-get", "dpkg-deb", "tar"):
            if shutil.which(tool) is None:
                raise StackError(
                    f"{tool} is missing, and with it the way to fetch Asterisk and Redis: install asterisk (22.10.1 or "
                    "newer) and redis-server (7.2 or newer) so that they are on PATH"
                )
        if not keys.is_file():
            raise StackError(f"{keys} is missing: install the package debian-archive-keyring")
        self.home, self.mirror, self.suite, self._keys, self._check = home, mirror, suite, keys, check

    def update(self, advance: Advance) -> None:
        self._prepare()
        self._run(("update",), advance)

    def pin(self, packages: Iterable[Package]) -> None:
        """Prefer exactly these versions, wherever the mirror still lists them."""
        text = "".join(f"Package: {p.name}\nPin: version {p.version}\nPin-Priority: 1001\n\n" for p in packages)
        (self.home / "preferences").write_text(text)

    def resolve(self, roots: Sequence[str]) -> list[Package]:
        """`roots` and everything they need, none of it looked for on this machine."""
        out = self._run(("install", "--print-uris", *roots))
        found = re.findall(r"^'[^']+' (\S+)_(\S+)_(\w+)\.deb \d+ SHA256:([0-9a-f]{64})$", out, re.MULTILINE)
        packages = sorted(Package(name, unquote(version), arch, sha) for name, version, arch, sha in found)
        if not packages:
            raise StackError(f"the mirror {self.mirror} names no packages with SHA256 sums in suite {self.suite}")
        return packages

    def download(self, packages: Sequence[Package], target: Path, advance: Advance) -> None:
        """The .deb files into `target`; those that are there already, whole, are not fetched again."""
        target.mkdir(parents=True, exist_ok=True)
        self._run(("download", *(f"{p.name}:{p.arch}={p.version}" if p.arch != "all" else f"{p.name}={p.version}"
                                 for p in packages)), advance, cwd=target)  # fmt: skip

    def _prepare(self) -> None:
        for name in ("lists/partial", "cache/archives/partial"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        (self.home / "status").write_text("")
        (self.home / "preferences").write_text("")
        # Packages only: neither file lists nor desktop metadata nor translations
        line = f"deb [signed-by={self._keys} targets=Packages] {self.mirror} {self.suite} main\n"
        (self.home / "sources.list").write_text(line)
        # read last of all: hooks of the machine's own configuration are for root, its proxy stays
        (self.home / "apt.conf").write_text(
            "#clear APT::Update::Pre-Invoke;\n#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n#clear DPkg::Pre-Install-Pkgs;\n"
        )

    def _run(self, words: Sequence[str], advance: Advance | None = None, *, cwd: Path | None = None) -> str:
        """One apt-get; what it says on its status pipe moves the progress."""
        status_in, status_out = os.pipe()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:  # a full pipe would stop apt
            try:
                child = subprocess.Popen(
                    ["apt-get", "-c", str(self.home / "apt.conf"), *self._options(status_out), *words],
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd,
                    pass_fds=(status_out,), env={**os.environ, "LC_ALL": "C.UTF-8"},
                )  # fmt: skip
            finally:
                os.close(status_out)
            with child:
                try:
                    for line in self._told(status_in):
                        if advance and (percent := re.match(r"(?:dl|pm)status:[^:]*:([\d.]+):", line)):
                            advance(int(float(percent.group(1))))
                except BaseException:
                    child.terminate()  # broken off: apt goes on with what it has at the next try
                    raise
                finally:
                    os.close(status_in)
            output.seek(0)
            out = output.read()
        if child.returncode != 0:
            with suppress(OSError), (self.home / "log").open("a") as log:
                log.write(f"# {' '.join(words[:4])}\n{out}\n")
            raise self._fault(out)
        return out

    def _told(self, pipe: int) -> Iterator[str]:
        """The lines of a pipe until its end; `check` is called between them, also while none comes."""
        rest = b""
        while True:
            self._check()
            if not select.select([pipe], [], [], CHECK_EVERY_S)[0]:
                continue
            if not (more := os.read(pipe, 65_536)):
                return
            *lines, rest = (rest + more).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)

    def _options(self, status_fd: int) -> list[str]:
        options = {
            "Dir::State": self.home,
            "Dir::State::Lists": self.home / "lists",
            "Dir::State::status": self.home / "status",
            "Dir::Cache": self.home / "cache",
            "Dir::Etc::sourcelist": self.home / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": self.home / "preferences",
            "Dir::Etc::preferencesparts": "/dev/null",
            "APT::Install-Recommends": "false",
            "APT::Status-Fd": status_fd,
            "APT::Sandbox::User": "",  # as root, apt would become a user who may not write here
            "APT::Get::Assume-Yes": "true",
            "APT::Update::Error-Mode": "any",  # a list that did not arrive is a fault, not a warning
            "Acquire::Languages": "none",
            "Acquire::ForceHash": "sha256",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "30",
            "Debug::NoLocking": "true",  # the cache has a lock of its own
        }
        return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]

    def _fault(self, out: str) -> StackError:
        """apt's complaint as one sentence that says what to do."""
        faults = [line[3:].strip() for line in out.splitlines() if line.startswith("E: ")]
        text = " ".join(faults) or out.strip().rpartition("\n")[2]
        whole = out + text
        if any(word in whole for word in _NO_SPACE):
            return StackError(f"the disk of {self.home} is full: free 500 MB, or set RINGBRIDGE_CACHE_DIR elsewhere")
        if any(word in whole for word in _UNREACHABLE):
            return StackError(
                f"the Debian mirror {self.mirror} does not answer: check the network, or set RINGBRIDGE_DEBIAN_MIRROR "
                "to a mirror that can be reached"
            )
        if "does not have a Release file" in whole:
            return NotInSuite(
                f"the mirror {self.mirror} has no suite {self.suite}: set RINGBRIDGE_DEBIAN_MIRROR to one that has"
            )
        if "not signed" in whole or "NO_PUBKEY" in whole or "signatures" in whole:
            return StackError(f"{self.mirror} is not signed by Debian's keys: install a newer debian-archive-keyring")
        if "Unable to locate package" in whole or "unmet dependencies" in whole:
            return NotInSuite(
                f"suite {self.suite} of {self.mirror} lacks packages ({text[:200]}): set RINGBRIDGE_DEBIAN_MIRROR to "
                "another mirror"
            )
        return StackError(f"apt-get could not do its work ({text[:300]}): its whole output is in {self.home / 'log'}")
