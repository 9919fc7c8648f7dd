"""How a channel of ours is made: asked for, waited for until it has entered the application, dialled.

Knows what Asterisk does between those steps (docs/asterisk.md); knows no call.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ari_app.adapters.ari.asking import Asking
from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.undialled import Undialled
from ari_app.ports.telephony import DialRequest, NoSuchChannel, PbxError, PbxEvent

PBX_RING_MARGIN_S = 2  # the PBX's own dial time-out comes after ours: ours knows why
STASIS_WITHIN_S = 2.0

CONFLICT, NOT_DIALLED = 409, 410
"""Asterisk also says 409 to the dial of a channel that has just been hung up: that must not be taken for "the id lives
already", which only `create` can tell."""


@dataclass(slots=True)
class _Entering:
    """A channel that was asked for and has not entered Stasis yet."""

    since_s: float = field(default_factory=time.monotonic)
    event: asyncio.Event = field(default_factory=asyncio.Event)


class Legs:
    """`tell` gets the facts that were held back of a channel, once it is known whether its phone was rung."""

    def __init__(self, client: Client, asking: Asking, app: str, tell: Callable[[PbxEvent], None]) -> None:
        self.undialled = Undialled(tell)
        self._client = client
        self._asking = asking
        self._app = app
        self._entering: OrderedDict[str, _Entering] = OrderedDict()  # the oldest first

    @property
    def waited_s(self) -> float:
        """For how long the oldest channel that was asked for has not entered Stasis."""
        entering = next(iter(self._entering.values()), None)
        return 0.0 if entering is None else time.monotonic() - entering.since_s

    def has_entered(self, channel: str) -> bool:
        """False: it was not asked for here."""
        entering = self._entering.get(channel)
        if entering is not None:
            entering.event.set()
        return entering is not None

    async def dial(self, request: DialRequest) -> None:
        """Create, then dial: so the leg is in Stasis from its birth, and it answers into the application even if that
        was away for a moment (a leg that rings by `originate` would be hung up).

        PbxError 409 means one thing: a channel of this id lives already. Whatever else is refused has another status.
        """
        await self.in_stasis(request.channel, self._create(request))
        try:
            await self._ring(request)
        except PbxError as e:
            if e.status != CONFLICT:
                raise
            raise PbxError(NOT_DIALLED, e.message) from e

    async def _ring(self, request: DialRequest) -> None:
        channel = request.channel
        ring_s = -(-request.ring_ms // 1000) + PBX_RING_MARGIN_S
        asking = [self._asking.do(self._client.channels.dial(channel, timeout=ring_s))]
        if request.bridge is not None:  # both travel at once, in this order: the bridge must be there before a sound
            asking.insert(0, self.join(request.bridge, channel))
        answers = await asyncio.gather(*asking, return_exceptions=True)
        if isinstance(answers[-1], PbxError):
            self.undialled.refused(channel)
        else:
            self.undialled.dialled(channel)
        failed = next(filter(None, answers), None)
        if isinstance(failed, PbxError):
            await self._hang_up_unused(channel)
        if failed is not None:
            raise failed

    async def in_stasis(self, channel: str, asking: Awaitable[object]) -> None:
        """Ask for a channel and wait until it has entered Stasis: before that it cannot be bridged or played to, and
        the answer to the request comes earlier."""
        ready = self._entering[channel] = _Entering()
        try:
            await self._asking.do(asking)
            async with asyncio.timeout(STASIS_WITHIN_S):
                await ready.event.wait()
        except TimeoutError as e:
            self.undialled.refused(channel)
            await self._hang_up_unused(channel)
            raise PbxError(422, "the channel did not enter the application") from e
        finally:
            del self._entering[channel]

    async def join(self, bridge: str, channel: str) -> None:
        await self._asking.do(self._client.bridges.addChannel(bridge, channel, inhibitConnectedLineUpdates=True))

    async def hang_up(self, channel: str) -> None:
        await self._asking.do(self._client.channels.hangup(channel))

    async def cut_off(self, channel: str, in_ms: int) -> None:
        await self._asking.do(self._client.channels.setChannelVars(channel, {"TIMEOUT(absolute)": _timer(in_ms)}))

    async def _hang_up_unused(self, channel: str) -> None:
        with suppress(NoSuchChannel):
            await self.hang_up(channel)

    async def _create(self, r: DialRequest) -> None:
        await self._asking.for_effect(
            self._client.channels.create(
                f"PJSIP/{r.device or f'{r.dialled}@{r.trunk}'}", self._app, appArgs=r.channel, channelId=r.channel,
                variables=_variables(r),
            )
        )  # fmt: skip
        self.undialled.created(r.channel)  # not earlier: where the id lives already (409), that channel was dialled


def _variables(r: DialRequest) -> dict[str, str]:
    """`create` has no caller id of its own: the number sent is the channel's connected line. Joining would overwrite
    that with the other leg's number, hence inhibitConnectedLineUpdates."""
    variables = {
        "CONNECTEDLINE(num,i)": r.shown,
        "CALLERID(num)": r.shown,
        "TIMEOUT(absolute)": _timer(r.life_ms),
    }
    if r.privacy:
        variables["CONNECTEDLINE(pres,i)"] = "prohib"
    if r.diversion:
        # without a count Asterisk takes the call for one that was never diverted, and sends no Diversion
        variables |= {
            "REDIRECTING(from-num,i)": r.diversion,
            "REDIRECTING(reason,i)": "unconditional",
            "REDIRECTING(count,i)": "1",
        }
    return variables


def _timer(in_ms: int) -> str:
    """For TIMEOUT(absolute): "65.500"; it takes fractions, and 0 would switch it off."""
    return f"{in_ms // 1000}.{in_ms % 1000:03d}" if in_ms > 0 else "0.001"
