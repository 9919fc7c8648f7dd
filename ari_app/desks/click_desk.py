"""Calls from web pages: a token is made for one call by whoever has an API key, and used once by whoever has the token.

What may be is decided where every call is (engine/service.py); a token only says beforehand who is called, and who
calls. Its call's id follows from the token: however often, and whatever dies in between, there is one call. Knows no
request and no page.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from ari_app.domain.call import CALLEE, CALLER, Call
from ari_app.domain.numbers import Number
from ari_app.domain.wanted import Party
from ari_app.engine.asks import Ask, Refusal, ask_of
from ari_app.engine.making import Person
from ari_app.engine.service import call_id
from ari_app.ports.click import EXPIRES_IN_S, ClickToken, ClickTokens, Made, new_secret

KEPT_MS = 86_400_000
"""A token is known so long after it expired, for the page to look at its call and to hang up; and so long an
Idempotency-Key is remembered."""


@dataclass(frozen=True, slots=True)
class ClickAsk:
    """`callee`, `caller`: a user's id, or a number, as written; caller "": the page will say, and then by number."""

    callee: str
    caller: str = ""
    expires_in_s: int = EXPIRES_IN_S
    max_duration_s: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    private: bool = False

    @property
    def fingerprint(self) -> str:
        fields = [self.callee, self.caller, self.expires_in_s, self.max_duration_s, dict(self.metadata), self.origins]
        text = json.dumps([*fields, self.private], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Minted:
    """`call`: the id that its call will have."""

    secret: str
    token: ClickToken
    call: str


Why = Literal["expired", "used", "caller-known", "caller-needed", "caller-no-number"]


@dataclass(frozen=True, slots=True)
class NotClicked:
    why: Why


class Placing(Protocol):
    """Of engine.service.CallService."""

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal: ...


Who = Callable[[Party, str], Awaitable[Person | Refusal]]


class ClickDesk:
    def __init__(
        self, tokens: ClickTokens, service: Placing, *, himself: Who, anyone: Who,
        find: Callable[[str], Awaitable[Call | None]], read_number: Callable[[str], Number | None],
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        """`himself`, `anyone`: of engine.making.CallMaker. `find`: a call by its id."""
        self._tokens = tokens
        self._service = service
        self._himself, self._anyone = himself, anyone
        self._find = find
        self._read_number = read_number
        self._now_ms = now_ms

    async def make(
        self, ask: ClickAsk, *, tenant: str, owner: str, key: str, idempotency_key: str | None
    ) -> Minted | Refusal:
        """`key`: the hash of the API key. The same Idempotency-Key again has the same token."""
        if (refused := await self._refused(ask, tenant)) is not None:
            return refused
        secret, until_ms = new_secret(), self._now_ms() + ask.expires_in_s * 1000
        if idempotency_key is not None:
            pad = hashlib.sha512(f"{owner}\0{idempotency_key}".encode()).digest()
            once = hashlib.sha256(f"click\0{owner}\0{idempotency_key}".encode()).hexdigest()
            mine = Made(ask.fingerprint, _sealed(secret, pad), until_ms)
            made = await self._tokens.remember(once, mine, KEPT_MS)
            if made.fingerprint != mine.fingerprint:
                sentence = "This Idempotency-Key was used before, for another request."
                return Refusal("idempotency-conflict", sentence, "Idempotency-Key")
            secret, until_ms = _unsealed(made.sealed, pad), made.expires_at_ms
        token = ClickToken(
            _id(secret), owner, key, tenant, ask.callee, ask.caller, until_ms, ask.max_duration_s, dict(ask.metadata),
            ask.origins, ask.private,
        )  # fmt: skip
        await self._tokens.put(token, ask.expires_in_s * 1000 + KEPT_MS)
        return Minted(secret, token, _call_of(token))

    async def token(self, secret: str) -> ClickToken | None:
        return await self._tokens.find(_id(secret))

    async def click(self, token: ClickToken, caller: str | None) -> Call | Refusal | NotClicked:
        """The call, placed now or before."""
        if token.caller and caller is not None:
            return NotClicked("caller-known")
        if not token.caller and caller is None:
            return NotClicked("caller-needed")
        number = None if caller is None else self._read_number(caller)
        if caller is not None and number is None:  # not by id: those of others are guessed too easily
            return NotClicked("caller-no-number")
        if token.expires_at_ms <= self._now_ms() and await self.call(token) is None:
            return NotClicked("expired")
        rung = token.caller if number is None else number.text
        answer = await self._service.place(_ask(token, rung), owner=_owner(token), idempotency_key=token.id)
        if isinstance(answer, Refusal) and answer.type == "idempotency-conflict":
            return NotClicked("used")
        return answer

    async def call(self, token: ClickToken) -> Call | None:
        """That it placed. Raises UnreadableRecord."""
        return await self._find(_call_of(token))

    async def _refused(self, ask: ClickAsk, tenant: str) -> Refusal | None:
        """What would be refused for sure when it is clicked is refused now, to who can put it right."""
        callee = await self._anyone(Party(CALLEE, ask.callee, "callee"), tenant)
        if isinstance(callee, Refusal):
            return callee
        if not ask.caller:
            return None
        caller = await self._himself(Party(CALLER, ask.caller, "caller", is_himself=True), tenant)
        if isinstance(caller, Refusal):
            return caller
        same = caller.number == callee.number
        return Refusal("invalid-number", "The same number stands in caller and in callee.", "callee") if same else None


def _ask(token: ClickToken, caller: str) -> Ask:
    fields = {"caller": caller, "callee": token.callee, "max_duration_s": token.max_duration_s}
    return replace(ask_of(fields, metadata=token.metadata, private=token.private), tenant=token.tenant)


def _owner(token: ClickToken) -> str:
    """No key's own: a blank stands in no key's id."""
    return f"click {token.owner}"


def _call_of(token: ClickToken) -> str:
    return call_id(_owner(token), token.id)


def _id(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _sealed(secret: str, pad: bytes) -> str:
    """So that what is stored is of use to nobody who has not the Idempotency-Key, too."""
    return b64encode(bytes(a ^ b for a, b in zip(secret.encode(), pad, strict=False))).decode()


def _unsealed(sealed: str, pad: bytes) -> str:
    return bytes(a ^ b for a, b in zip(b64decode(sealed), pad, strict=False)).decode()
