"""Requests of the engine over the ARI client: what goes wrong with one, in the words of the Telephony port."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import structlog

from ari_app.adapters.ari import errors
from ari_app.adapters.ari.client import Client
from ari_app.ports.telephony import LinkLost, NoSuchChannel, PbxError, TimedOut

log = structlog.get_logger()
T = TypeVar("T")


class Asking:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._told_odd_reply = False

    async def ask(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except errors.NotFound as e:
            raise NoSuchChannel(e.status, e.message) from e
        except errors.AriError as e:
            raise PbxError(e.status, e.message) from e
        except errors.RequestTimeout as e:  # no answer on a link that stands: drop it, and the snapshot will tell
            self._client.drop(str(e))
            raise (TimedOut if e.sent else LinkLost)(str(e)) from e
        except errors.UndecodableReply as e:
            raise PbxError(500, str(e)) from e
        except errors.AriFault as e:
            raise LinkLost(str(e)) from e

    async def do(self, asking: Awaitable[object]) -> None:
        """Ask for something whose reply says nothing that we need."""
        await self.ask(self.for_effect(asking))

    async def for_effect(self, asking: Awaitable[object]) -> None:
        """What was carried out is done, whatever the reply looks like."""
        try:
            await asking
        except errors.UndecodableReply as e:
            if not self._told_odd_reply:
                self._told_odd_reply = True
                log.warning("replies of the PBX have another shape than described", first=str(e))
