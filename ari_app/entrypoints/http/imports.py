"""/v1/imports: many users, or many grants, of one file. First the whole file is checked, against the store, too: with
one bad line nothing is done. What breaks off after that is sent again, and each line takes effect once."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
import structlog
from fastapi import APIRouter, Query, Request, Response

from ari_app.domain.errors import CallerError, Unavailable
from ari_app.domain.ledger_types import check_expiry
from ari_app.domain.tenants import MARK, tenant_of
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import whole
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.import_lines import MISTAKES_MAX, GrantLine, Lines, UserLine, read_lines
from ari_app.entrypoints.http.problems import Mistake, Problem
from ari_app.entrypoints.http.reply import AGAIN_S, IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.whose import operators_alone, user_id
from ari_app.ports.keys import ApiKey
from ari_app.ports.ledger import Conflict, Kind, Refused, Why
from ari_app.ports.users import NumberTaken, OwnedNumber, User

router = APIRouter(prefix="/v1/imports", tags=["imports"])
log = structlog.get_logger()

REMEMBERED_MS = 35 * 86_400_000
"""So long an import's file, as long as the ledger remembers its grants."""
AT_ONCE = 50
"""Lines that are asked about, or done, together."""
T = TypeVar("T")
DryRun = Annotated[bool, Query(description="Check the file, and do nothing.")]
NOT_GRANTED = {
    Why.EXPIRED: ("expires_at", "malformed-body", "this time has passed."),
    Why.FULL: ("expires_at", "malformed-body", "the account has too many different expiries already."),
}
FILE = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/x-ndjson")},
    }
}


class Imported(msgspec.Struct):
    """`mistakes`: lines that could not be done though the file was good: somebody else was faster."""

    lines: int
    done: int
    dry_run: bool
    mistakes: list[Mistake]


@router.post("/users", summary="Put many users", responses=gives("Imported", 413, 415),
             openapi_extra=FILE | IDEMPOTENT)  # fmt: skip
async def import_users(request: Request, dry_run: DryRun = False) -> Response:
    """A file of users (`id`, `numbers`, `name`, `locale`, `tenant`), CSV or a JSON object a line. Each becomes as its
    line says; the numbers count as proved. One bad line, and nothing is done; the answer names them all."""
    key, raw = await _asked(request)
    idempotency_key(request)
    d = doors(request)
    found = await read_lines(raw, request.headers.get("content-type", ""), UserLine)
    users = await _users(d, key, found)
    _refuse(found)
    if dry_run:
        return reply(Imported(found.count, 0, True, []))

    async def put(at: int, user: User) -> Mistake | None:
        done = await d.membership.put_user(user)
        return _taken(at, done.number) if isinstance(done, NumberTaken) else None

    # One after the other: what one line gives up the next one may take.
    return await _done(found.count, [lambda a=at, u=user: put(a, u) for at, user in users], 1)  # type: ignore[misc]  # bound now


@router.post("/grants", summary="Give minutes to many", responses=gives("Imported", 409, 413, 415),
             openapi_extra=FILE | IDEMPOTENT)  # fmt: skip
async def import_grants(request: Request, dry_run: DryRun = False) -> Response:
    """A file of grants (`user`, `kind`, `seconds`, `expires_at`, `tenant`), CSV or a JSON object a line. Needs an
    Idempotency-Key: the same file with the same key counts once, however often it is sent; another file with it is
    refused. One bad line, and nothing is done; the answer names them all, and comes when all is safe on disk."""
    key, raw = await _asked(request)
    once = idempotency_key(request)
    if once is None and not dry_run:
        sentence = "Idempotency-Key: needed, so that a file that is sent again gives nothing twice."
        raise Problem("malformed-request", sentence, "Idempotency-Key")
    d = doors(request)
    found = await read_lines(raw, request.headers.get("content-type", ""), GrantLine)
    grants = await _grants(d, key, found)
    _refuse(found)
    if dry_run:
        return reply(Imported(found.count, 0, True, []))
    await _same_file(d, key, once or "", raw)
    seen: Counter[tuple[str, ...]] = Counter()

    def step(at: int, user: str, line: GrantLine, expires_at_ms: int | None) -> Callable[[], Awaitable[Mistake | None]]:
        same = (user, line.kind, str(line.seconds), str(expires_at_ms))
        seen[same] += 1
        op = _operation(key.owner, once or "", same, seen[same])

        async def give() -> Mistake | None:
            done = await d.ledger.grant(
                op=op, payer=user, kind=Kind(line.kind), seconds=line.seconds, now_ms=d.now_ms(),
                expires_at_ms=expires_at_ms,
            )  # fmt: skip
            assert not isinstance(done, Conflict)  # the operation's name says all that is granted
            return Mistake(at, *NOT_GRANTED[done.why]) if isinstance(done, Refused) else None

        return give

    return await _done(found.count, [step(*one) for one in grants], AT_ONCE, d.ledger.durable)


async def _asked(request: Request) -> tuple[ApiKey, bytes]:
    key = await allowed(request, "admin")
    operators_alone(key)
    return key, await whole(request, doors(request).import_max)


async def _same_file(d: Doors, key: ApiKey, once: str, raw: bytes) -> None:
    """Raises Problem where another one came under this Idempotency-Key. Asked before the first line is done: a file in
    which a line was bad may be put right."""
    name, digest = (hashlib.sha256(said).hexdigest() for said in (f"{key.owner}\0{once}".encode(), raw))
    if await d.imported.first(name[:24], digest, REMEMBERED_MS) != digest:
        sentence = "This Idempotency-Key came before with another file; nothing was done. Give this one its own."
        raise Problem("idempotency-conflict", sentence, "Idempotency-Key")


def _operation(owner: str, once: str, same: tuple[str, ...], nth: int) -> str:
    """The same for the same line of the same import, wherever it stands: of equal lines each counts."""
    said = "\0".join((owner, "import", once, *same, str(nth)))
    return "g" + hashlib.sha256(said.encode()).hexdigest()[:24]


# ---- checking, against the store, too ------------------------------------------------------------------------------


async def _users(d: Doors, key: ApiKey, found: Lines[UserLine]) -> list[tuple[int, User]]:
    now_ms = d.now_ms()
    users: dict[str, tuple[int, User]] = {}
    owners: dict[str, tuple[int, str]] = {}
    for at, line in found.good:
        id = _kept(found, key, at, "id", line.id, line.tenant)
        if id is not None and id in users:
            found.wrong(at, "id", "malformed-body", f"this user stands in line {users[id][0]}, too.")
        numbers = _numbers(d, found, at, line)
        for number in numbers:
            before, owner = owners.setdefault(number, (at, id or ""))
            if owner != (id or "") or (not id and before != at):
                found.wrong(at, "numbers", "number-taken", f"{number} stands in line {before}, too.")
        if id is not None:
            proved = tuple(OwnedNumber(number, "admin", now_ms) for number in numbers)
            users.setdefault(id, (at, User(id, proved, line.name or "", line.locale or "")))
    named = {at: "tenant" if line.tenant else "id" for at, line in found.good}
    await _tenants_known(d, found, [(at, user.id, named[at]) for at, user in users.values()])
    asked = [(at, user, one.number) for at, user in users.values() for one in user.numbers]
    for (at, user, number), holder in zip(asked, await _each([n for *_, n in asked], d.users.by_number), strict=True):
        if holder is not None and holder.id != user.id and not _gives_up(users.get(holder.id), at, number):
            found.mistakes.append(_taken(at, number))
    return list(users.values())


def _gives_up(line: tuple[int, User] | None, before: int, number: str) -> bool:
    """Whether the number's owner of now stands further up in the file, without it."""
    return line is not None and line[0] < before and line[1].owned(number) is None


async def _grants(d: Doors, key: ApiKey, found: Lines[GrantLine]) -> list[tuple[int, str, GrantLine, int | None]]:
    grants: list[tuple[int, str, GrantLine, int | None]] = []
    for at, line in found.good:
        expires_at_ms = _expiry(d, found, at, line.expires_at)
        id = _kept(found, key, at, "user", line.user, line.tenant)
        if id is not None:
            grants.append((at, id, line, expires_at_ms))
    ids = list(dict.fromkeys(id for _, id, _, _ in grants))
    known = {id for id, user in zip(ids, await _each(ids, d.users.get), strict=True) if user is not None}
    for at, id, _, _ in grants:
        if id not in known:
            found.wrong(at, "user", "unknown-user", f"There is no user {id}.")
    return grants


def _kept(found: Lines[Any], key: ApiKey, at: int, name: str, written: str, tenant: str) -> str | None:
    id = user_id(key, f"{written}{MARK}{tenant}" if tenant and MARK not in written else written)
    if id is None or (tenant and tenant_of(id) != tenant):
        found.wrong(at, name, "malformed-body", "1 to 64 letters, digits, _ . : or -, and the tenant's name if any.")
        return None
    return id


def _numbers(d: Doors, found: Lines[UserLine], at: int, line: UserLine) -> list[str]:
    good = []
    for written in line.numbers:
        number = d.read_number(written)
        if number is None or number.is_short or number.is_emergency:
            sentence = f"{written} is not a phone number that a user can have."
            found.wrong(at, "numbers", "invalid-number", sentence)
        else:
            good.append(number.text)
    return list(dict.fromkeys(good))


def _expiry(d: Doors, found: Lines[GrantLine], at: int, written: str | None) -> int | None:
    if written is None:
        return None
    try:
        at_ms = views.at_ms(written)
        check_expiry(at_ms)
    except CallerError as e:
        found.wrong(at, "expires_at", "malformed-body", f"{e}.")
    except ValueError:
        found.wrong(at, "expires_at", "malformed-body", "a time such as 2026-12-31T16:00:00Z is expected.")
    else:
        if at_ms <= d.now_ms():
            found.wrong(at, "expires_at", "malformed-body", "this time has passed.")
        return at_ms
    return None


async def _tenants_known(d: Doors, found: Lines[Any], ids: Sequence[tuple[int, str, str]]) -> None:
    names = list(dict.fromkeys(tenant_of(id) for _, id, _ in ids if tenant_of(id)))
    known = {name for name, tenant in zip(names, await _each(names, d.tenants.get), strict=True) if tenant is not None}
    for at, id, field in ids:
        if (tenant := tenant_of(id)) and tenant not in known:
            found.wrong(at, field, "unknown-tenant", f"There is no tenant {tenant}.")


async def _each(asked: Sequence[str], ask: Callable[[str], Awaitable[T]]) -> list[T]:
    got: list[T] = []
    for begin in range(0, len(asked), AT_ONCE):
        got += await asyncio.gather(*(ask(one) for one in asked[begin : begin + AT_ONCE]))
        await asyncio.sleep(0)
    return got


def _refuse(found: Lines[Any]) -> None:
    """Raises Problem, where any line is bad."""
    if not found.mistakes:
        return
    told = sorted(found.mistakes, key=lambda one: one.line)
    bad = len({one.line for one in told})
    sentence = f"{bad} of {found.count} lines cannot be taken; nothing was done. The first, line {told[0].line}: "
    extra = {"lines": found.count, "bad_lines": bad, "mistakes": told[:MISTAKES_MAX]}
    raise Problem("bad-lines", f"{sentence}{told[0].detail}", f"line {told[0].line}", extra=extra)


# ---- doing ---------------------------------------------------------------------------------------------------------


async def _done(
    lines: int, steps: Sequence[Callable[[], Awaitable[Mistake | None]]], at_once: int,
    durable: Callable[[], Awaitable[None]] | None = None,
) -> Response:  # fmt: skip
    mistakes: list[Mistake] = []
    asked = 0
    try:
        for begin in range(0, len(steps), at_once):
            some = steps[begin : begin + at_once]
            asked += len(some)
            got = await asyncio.gather(*(step() for step in some), return_exceptions=True)
            for one in got:
                if isinstance(one, BaseException):
                    raise one
                mistakes += [one] if one is not None else []
            await asyncio.sleep(0)
        if durable is not None:
            await durable()
    except Unavailable as e:
        log.warning("import broken off", asked=asked, lines=lines, why=str(e))
        sentence = (
            f"The store did not confirm all of it; up to {asked} of {lines} lines may be done. Send the same file "
            "again, with the same Idempotency-Key: each line takes effect once."
        )
        raise Problem("unconfirmed", sentence, retry_after_s=AGAIN_S) from None
    log.info("import done", lines=lines, done=len(steps) - len(mistakes))
    return reply(Imported(lines, len(steps) - len(mistakes), False, mistakes))


def _taken(at: int, number: str) -> Mistake:
    return Mistake(at, "numbers", "number-taken", f"The number {number} belongs to another user.")
