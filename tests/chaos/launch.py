"""`ringbridge` on a wall clock that can be stepped: `launch.py CLOCK up …`. CLOCK is a file of eight bytes, the
milliseconds by which its clock is ahead of the machine's.

The program itself knows nothing of this. The monotonic clock is the machine's own, as after a step by NTP.
"""

from __future__ import annotations

import mmap
import struct
import sys
import time

STEP = struct.Struct("q")


def main() -> None:
    sys.path.pop(0)  # this folder, whose names are not the program's
    with open(sys.argv.pop(1), "r+b") as file:
        cell = mmap.mmap(file.fileno(), STEP.size, access=mmap.ACCESS_READ)
    machines_ns = time.time_ns

    def time_ns() -> int:
        ahead_ms: int = STEP.unpack(cell[: STEP.size])[0]
        return machines_ns() + ahead_ms * 1_000_000

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
    from ari_app.entrypoints.cli import main as ringbridge

    ringbridge()


if __name__ == "__main__":
    main()
