"""Devices told to an Asterisk over ARI, live: three objects of PJSIP for each (auth, aor, endpoint), which a `memory`
wizard beside pjsip.conf keeps (sorcery.conf). A restart of Asterisk forgets them; no reload does.

Over HTTP, not over the event socket, where the requests of calls would wait behind these. Knows PJSIP's options and
what Asterisk does with them (docs/asterisk.md); knows no user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import aiohttp

from ari_app.adapters.ari import errors
from ari_app.adapters.ari.http import HttpPool
from ari_app.adapters.ari.settings import LinkSettings, LinkStatus
from ari_app.adapters.ari.system import Asterisk, Endpoints
from ari_app.domain.errors import Unavailable
from ari_app.ports.devices import REALM, USERNAME, Device, NotProvided

CLASS = "res_pjsip"
CONTEXT = "ringbridge-device"
EXPIRES_S = 600
"""A phone says at least so often that it is still there, and with which password."""
QUALIFY_S, QUALIFY_TIMEOUT_S = 20, 2
"""How often a registered phone is asked whether it is there, and how long its answer may take; this also keeps the way
through a home router open."""
CODECS = "ulaw,alaw,g722"
LACKS = "Asterisk keeps no devices: it needs sorcery.conf and more of `ringbridge pbx-config` (docs/devices.md)"

Fields = tuple[tuple[str, str], ...]


class AriDevices:
    """`may_act`: whether this PBX is ours now; else nothing is asked of it."""

    def __init__(
        self, url: str, user: str, password: str, *, settings: LinkSettings | None = None, media_timeout_s: int = 60,
        may_act: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        base = url.rstrip("/")
        self._base_url = base if base.endswith("/ari") else base + "/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._settings = settings or LinkSettings()
        self._media_timeout_s = media_timeout_s
        self._may_act = may_act
        self._session: aiohttp.ClientSession | None = None
        self._pool: HttpPool | None = None

    async def names(self) -> frozenset[str]:
        try:
            found = await Endpoints(self._opened().send).listByTech("PJSIP")
        except errors.NotFound:  # an Asterisk without a single endpoint
            return frozenset()
        except errors.AriFault as e:
            raise Unavailable(str(e)) from e
        return frozenset(one.resource for one in found if USERNAME.fullmatch(one.resource))

    async def put(self, devices: Sequence[Device]) -> None:
        """All auths, all aors, then all endpoints: with each new aor Asterisk looks through all endpoints that it has,
        so that thousands of devices, told one by one, would take it minutes."""
        for device in devices:
            await self._put("auth", device.username, _auth(device))
        for device in devices:
            await self._put("aor", device.username, AOR)
        for device in devices:
            await self._put("endpoint", device.username, _endpoint(device, self._media_timeout_s))

    async def remove(self, username: str) -> None:
        for kind in ("endpoint", "aor", "auth"):  # the endpoint first: without it nobody registers
            try:
                await Asterisk(self._opened().send).deleteObject(CLASS, kind, username)
            except errors.NotFound:
                continue
            except errors.AriFault as e:
                raise Unavailable(str(e)) from e

    async def state(self, username: str) -> Literal["online", "offline", "unknown"]:
        try:
            found = await Endpoints(self._opened().send).get("PJSIP", username)
        except errors.NotFound:
            return "unknown"
        except errors.AriFault as e:
            raise Unavailable(str(e)) from e
        return "online" if found.state == "online" else "offline"

    async def close(self) -> None:
        session, self._session, self._pool = self._session, None, None
        if session is not None:
            await session.close()

    async def _put(self, kind: str, name: str, fields: Fields) -> None:
        told = [{"attribute": key, "value": value} for key, value in fields]
        try:
            await Asterisk(self._opened().send).updateObject(CLASS, kind, name, fields=told)
        except errors.UndecodableReply:  # carried out
            return
        except (errors.Forbidden, errors.BadRequest, errors.Conflict, errors.NotFound) as e:
            raise NotProvided(f"{e.message}: {LACKS}") from e  # without what was asked: it has the digest
        except errors.AriFault as e:
            raise Unavailable(str(e)) from e

    def _opened(self) -> HttpPool:
        if self._pool is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=self._settings.connect_ms / 1000)
            connector = aiohttp.TCPConnector(limit=2, keepalive_timeout=self._settings.http_keepalive_ms / 1000)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers)
            self._pool = HttpPool(self._session, self._base_url, self._check_ours, self._settings, LinkStatus())
        return self._pool

    def _check_ours(self) -> None:
        if not self._may_act():
            raise errors.LinkLost("not the owner of this PBX now", sent=False)


AOR: Fields = (
    ("max_contacts", "1"),
    ("remove_existing", "yes"),  # a phone that moved, or came back after a crash, is believed; the last one rings
    ("default_expiration", str(EXPIRES_S // 2)),
    ("maximum_expiration", str(EXPIRES_S)),
    ("minimum_expiration", "30"),
    ("qualify_frequency", str(QUALIFY_S)),
    ("qualify_timeout", str(QUALIFY_TIMEOUT_S)),
)


def _auth(device: Device) -> Fields:
    return (
        ("auth_type", "digest"),
        ("username", device.username),
        ("realm", REALM),
        ("password_digest", f"MD5:{device.digest}"),
    )


def _endpoint(device: Device, media_timeout_s: int) -> Fields:
    return (
        ("context", CONTEXT),
        ("disallow", "all"),
        ("allow", CODECS),
        ("aors", device.username),
        ("auth", device.username),
        ("identify_by", "username,auth_username"),
        ("callerid", f"<{device.username}>"),
        # sound goes through this PBX: a call can be warned, recorded and cut; and it finds its way through a router
        ("direct_media", "no"),
        ("rtp_symmetric", "yes"),
        ("force_rport", "yes"),
        ("rewrite_contact", "yes"),
        # encrypted sound is never silently in clear
        ("media_encryption", "sdes" if device.transport == "tls" else "no"),
        ("media_encryption_optimistic", "no"),
        ("rtp_timeout", str(media_timeout_s)),
        ("rtp_timeout_hold", str(media_timeout_s)),
        ("trust_id_inbound", "no"),
        ("trust_id_outbound", "no"),
        ("send_pai", "no"),
        ("send_rpid", "no"),
        ("send_connected_line", "no"),
        ("send_diversion", "no"),
        ("timers", "no"),
        ("allow_transfer", "no"),  # a REFER would place a call that nobody pays for
        ("allow_subscribe", "no"),
        ("device_state_busy_at", "0"),
    )
