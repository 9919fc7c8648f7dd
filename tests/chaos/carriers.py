"""The PBX, Redis, and the carriers around them: `carrier` is the embedded one, `north` asks for a password, `south` has
sold few lines. Each can die, stand still, or refuse every call, and be had again.

The PBX reads its trunks from a file that nobody but `ringbridge trunks apply` writes, as an operator's own PBX does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ari_app.config import Settings
from ari_app.operator_files import load_carriers
from ari_app.stack import Stack, StackError, StackOptions
from ari_app.stack.customer import Customer
from ari_app.trunk_tools.pbxes import rendered
from tests.chaos.full_disk import redis_that_outlives_it
from tests.ground import Ground, OtherCarrier, place_held, skipping
from tests.ringbridge import FAST

EMBEDDED = "carrier"
OTHERS = ("north", "south")
CUSTOMER = Customer("chaos", "north-knows-this-one")
CARRIERS = (EMBEDDED, *OTHERS)
EVERY_CALL = "dialplan add extension _[+*#0-9]!,5,Hangup(34) into from-platform replace"
"""After the carrier has written the INVITE down. 34 is SIP 503."""


@dataclass(frozen=True)
class Servers:
    """What `start` starts is the PBX and Redis; each carrier is started by itself."""

    pbx: Stack
    carriers: Mapping[str, OtherCarrier]
    told: Path
    """What the PBX reads of its trunks."""
    _standing: set[str] = field(default_factory=set)

    def mend(self) -> None:
        """What is not there is started again, on the ports and the data that it had."""
        for carrier in self.carriers.values():
            if _pid(carrier) is None:
                carrier.start()
        self.pbx.start()

    def kill_carrier(self, name: str) -> None:
        if pid := _pid(self.carriers[name]):
            os.kill(pid, signal.SIGKILL)

    def stop_carrier(self, name: str) -> None:
        if pid := _pid(self.carriers[name]):
            self._standing.add(name)
            os.kill(pid, signal.SIGSTOP)

    def carrier_goes_on(self, name: str) -> None:
        self._standing.discard(name)
        if pid := _pid(self.carriers[name]):
            os.kill(pid, signal.SIGCONT)

    def carrier_refuses(self, name: str) -> None:
        self._rx(name, EVERY_CALL)

    def carrier_takes_calls(self, name: str) -> None:
        self._rx(name, "dialplan reload")

    def _rx(self, name: str, command: str) -> None:
        """One that is dead or stands still is not asked: it takes no call anyhow, and a new one takes all."""
        if name not in self._standing:
            with suppress(StackError):
                self.carriers[name].rx(command)


def _pid(carrier: OtherCarrier) -> int | None:
    return next(one.pid for one in carrier.stack.status() if one.part == "carrier")


@contextmanager
def laid_with_carriers(
    home: Path, others: Sequence[str], first: Callable[[Mapping[str, int]], str]
) -> Iterator[tuple[Ground, Servers]]:  # fmt: skip
    """`others`: some of OTHERS. `first`: the trunks file of the first start, from the carriers' ports. What the PBX is
    told of it is written by hand, as of `ringbridge pbx-config`."""
    told = home / "told" / "pjsip_trunks.conf"
    told.parent.mkdir(parents=True)
    with ExitStack() as running:
        with skipping():
            carriers = {EMBEDDED: _started(EMBEDDED, home, running)}
            for name in others:
                carriers[name] = _started(name, home / name, running, CUSTOMER if name == "north" else None)
            _tell(told, first({name: one.port for name, one in carriers.items()}))
            pbx = _pbx(home, told)
            pbx.start()
        whole = Stack(StackOptions(state_dir=home))  # to look at all of it, and to stop it
        running.callback(whole.stop)
        yield Ground(home, whole, whole.info()), Servers(pbx, carriers, told)


def _pbx(home: Path, told: Path) -> Stack:
    return Stack(
        StackOptions(
            state_dir=home, carrier=False, media_timeout_s=int(FAST["MEDIA_TIMEOUT_S"]),
            redis_server=str(redis_that_outlives_it(home)), trunk_text=f'#include "{told}"\n',
        )
    )  # fmt: skip


def _started(name: str, home: Path, running: ExitStack, customer: Customer | None = None) -> OtherCarrier:
    stack = Stack(StackOptions(state_dir=home, redis=False, pbx=False, carrier_customer=customer))
    info = stack.start()
    running.callback(stack.stop, ["carrier"])
    if name != EMBEDDED:
        running.enter_context(place_held(info))
    return OtherCarrier(name, stack, info)


def _tell(told: Path, text: str) -> None:
    file = told.with_name("first.conf")
    file.write_text(text)
    settings = Settings(ari_url="http://127.0.0.1", media_timeout_s=int(FAST["MEDIA_TIMEOUT_S"]))
    told.write_text(rendered(settings, load_carriers(settings, str(file))))
