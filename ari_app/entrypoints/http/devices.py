"""/v1/users/{id}/devices: SIP devices of a user. A password is shown once, to who made it; nobody can look it up again.
Translates only: what a device may do is the PBX's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path, Request, Response

from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import AddDevice, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.users import UserId, known_user
from ari_app.ports.devices import (
    DEVICE_ID,
    REALM,
    Device,
    Gone,
    TooMany,
    device_id,
    digest_of,
    new_password,
    new_username,
)
from ari_app.ports.users import User

router = APIRouter(prefix="/v1/users", tags=["users"])
log = structlog.get_logger()

DeviceId = Annotated[str, Path(description="As listed.", max_length=40)]


class At(msgspec.Struct):
    """`state`: online (registered, and it answers), offline, or unknown (this PBX could not be asked)."""

    node: str
    state: str


class DeviceView(msgspec.Struct):
    """`server`, `port` and `transport` are where it registers, by `username`; `at`: how it stands with each PBX that
    the answering process has."""

    id: str
    name: str
    transport: str
    username: str
    server: str
    port: int
    realm: str
    created_at: str
    at: list[At]


class DeviceMadeView(DeviceView):
    """`password`: shown this once; null where the request was made before."""

    password: str | None


class DeviceList(msgspec.Struct):
    """Oldest first."""

    devices: list[DeviceView]


@dataclass(frozen=True, slots=True)
class Made:
    device: Device
    password: str | None


@router.post("/{id}/devices", status_code=201, summary="Give a user a device",
             responses=gives("NewDeviceMade", 404, 409, 413, 415, status=201),
             openapi_extra=takes(AddDevice) | IDEMPOTENT)  # fmt: skip
async def add_device(request: Request, id: UserId) -> Response:
    """Every PBX knows it within a second. The answer alone has `password`: keep it. The same request again names the
    same device, and its password is not shown again."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    body = await read(request, AddDevice)
    d = doors(request)
    user = await known_user(d, key, id)
    made = await _made(d, user, body, device_id(key.owner, user.id, once))
    log.info("device added", device=made.device.id, user=user.id, by=key.id, is_new=made.password is not None)
    view = await _view(d, made.device)
    return reply(DeviceMadeView(**msgspec.structs.asdict(view), password=made.password), 201)


@router.get("/{id}/devices", summary="List a user's devices", responses=gives("Devices", 404))
async def list_devices(request: Request, id: UserId) -> Response:
    """All of them, without their passwords."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    user = await known_user(d, key, id)
    return reply(DeviceList([await _view(d, device) for device in await d.devices.of(user.id)]))


@router.post("/{id}/devices/{device}/password", summary="Give a device another password",
             responses=gives("NewDeviceMade", 404))  # fmt: skip
async def change_password(request: Request, id: UserId, device: DeviceId) -> Response:
    """The old one is no longer good within a second; a phone that registered with it rings for ten minutes more at
    most. To lock one out at once, remove the device."""
    key = await allowed(request, "call")
    d = doors(request)
    there = await _known(d, await known_user(d, key, id), device)
    password = new_password()
    changed = await d.devices.change_digest(there.user, there.id, digest_of(there.username, password))
    if changed is None:
        raise _unknown()
    log.info("password of a device changed", device=changed.id, user=changed.user, by=key.id)
    return reply(DeviceMadeView(**msgspec.structs.asdict(await _view(d, changed)), password=password))


@router.delete("/{id}/devices/{device}", summary="Remove a device", responses=gives("Device", 404))
async def remove_device(request: Request, id: UserId, device: DeviceId) -> Response:
    """Within a second it registers no more and is rung no more. What it talks goes on."""
    key = await allowed(request, "call")
    d = doors(request)
    there = await _known(d, await known_user(d, key, id), device)
    view = await _view(d, there)
    if await d.devices.remove(there.user, there.id) is None:
        raise _unknown()
    log.info("device removed", device=there.id, user=there.user, by=key.id)
    return reply(view)


async def _made(d: Doors, user: User, body: AddDevice, id: str) -> Made:
    """Raises Problem (409)."""
    username, password = new_username(), new_password()
    asked = Device(
        id=id, user=user.id, name=body.name, transport=body.transport, username=username,
        digest=digest_of(username, password), created_at_ms=d.now_ms(),
    )  # fmt: skip
    done = await d.devices.add(asked, d.device_terms.most)
    if isinstance(done, TooMany):
        sentence = f"A user may have {d.device_terms.most} devices; remove one that is not used."
        raise Problem("too-many-devices", sentence)
    if isinstance(done, Gone):
        sentence = "The device that was made with this Idempotency-Key was removed since."
        raise Problem("idempotency-conflict", sentence, "Idempotency-Key")
    if (done.device.name, done.device.transport) != (asked.name, asked.transport):
        sentence = "This Idempotency-Key was used before, for another device."
        raise Problem("idempotency-conflict", sentence, "Idempotency-Key")
    return Made(done.device, password if done.is_new else None)


async def _known(d: Doors, user: User, id: str) -> Device:
    if DEVICE_ID.fullmatch(id):
        for device in await d.devices.of(user.id):
            if device.id == id:
                return device
    raise _unknown()


def _unknown() -> Problem:
    return Problem("unknown-device", "This user has no device with this id.", "device")


async def _view(d: Doors, device: Device) -> DeviceView:
    states = await d.device_states(device.username)
    terms = d.device_terms
    return DeviceView(
        id=device.id, name=device.name, transport=device.transport, username=device.username, server=terms.server,
        port=terms.tls_port if device.transport == "tls" else terms.port, realm=REALM,
        created_at=views.rfc3339(device.created_at_ms), at=[At(node, state) for node, state in states.items()],
    )  # fmt: skip
