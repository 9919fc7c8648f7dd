"""Ports of tests: nobody else's, while the process lives."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ari_app.stack import ports as stacks
from tests.ports import POOL, claim, hold

CLAIMS = "import sys; from tests.ports import claim; print(*claim(200), flush=True); sys.stdin.read()"


def test_no_two_processes_have_a_port_in_common_and_one_that_ends_gives_its_ports_back() -> None:
    mine = set(claim(20))
    claimants = [
        subprocess.Popen([sys.executable, "-c", CLAIMS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    theirs = []
    for one in claimants:
        assert one.stdout is not None
        theirs.append({int(port) for port in one.stdout.readline().split()})
    assert [len(one) for one in theirs] == [200, 200]
    assert not theirs[0] & theirs[1]
    assert not mine & (theirs[0] | theirs[1])
    assert not any(hold(port) for port in theirs[0])
    for one in claimants:
        one.communicate("")
    assert any(hold(port) for port in theirs[0])  # not all: other tests of this machine want some too


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_a_program_holds_is_passed_over(kind: socket.SocketKind) -> None:
    script = "from tests.ports import claim; print(*claim())"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", int(said)))
        assert not hold(int(said))


def test_they_are_no_stacks_ports_and_none_that_the_kernel_lends_to_clients() -> None:
    of_stacks = [stacks.slot_ports(slot) for slot in range(stacks.SLOTS)]
    single = {at[name] for at in of_stacks for name in stacks.FIXED_PORTS}
    sound = min(port for at in of_stacks for name, port in at.items() if name.endswith("_start"))
    assert not single & set(POOL)
    assert sound >= POOL.stop
    lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert lent >= POOL.stop
