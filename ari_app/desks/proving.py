"""A user proves that a number is his: a code is read out to it (flows/verification.py), and he gives it back.

Who can hear the phone can know the code, and nobody else: it is drawn anew for each call, and leaves this program over
the ear alone. Guessing is kept few: by the code, by the user, and by how many codes are read out at all (Attempts).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from ari_app.domain.call import Call
from ari_app.domain.limits import Limit, longest_s
from ari_app.domain.tenants import tenant_of
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.attempts import rule_of, sentence_of
from ari_app.engine.service import call_id
from ari_app.flows import verification
from ari_app.ports.limits import Limits, of_guess
from ari_app.ports.users import How, User, Users
from ari_app.ports.verifications import Attempt, Code, Verifications

log = structlog.get_logger()

DIGITS = 6


@dataclass(frozen=True, slots=True)
class ProofRules:
    """Of the operator: how long a code is good, how often it may be guessed, how many wrong ones one user may give."""

    life_ms: int = 600_000
    tries: int = 5
    guesses: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """The call that reads the code out, and until when that is good."""

    call: Call
    expires_at_ms: int
    tries: int


class Place(Protocol):
    """Of engine.service.CallService."""

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal: ...


Verify = Callable[[str, str, How, int], Awaitable[User | None]]
"""Of engine.membership.Membership: a proved number may let his team grow."""


class Proving:
    def __init__(
        self, calls: Place, codes: Verifications, limits: Limits, rules: ProofRules, *, users: Users, verify: Verify,
        find: Callable[[str], Awaitable[Call | None]], now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        """`find`: a call by its id, wherever it is."""
        self._users = users
        self._calls = calls
        self._codes = codes
        self._limits = limits
        self._rules = rules
        self._verify = verify
        self._find = find
        self._now_ms = now_ms

    async def begin(self, user: User, number: str, *, owner: str, idempotency_key: str | None) -> Begun | Refusal:
        """Ring a number of the user's and read a code out. The same key again is the same call and the same code. May
        raise Unavailable, UnreadableRecord; asked again with its key, the code counts that was read out."""
        owned = user.owned(number)
        if owned is None:
            return Refusal("unknown-number", "This number is none of the user's.", "number")
        once = idempotency_key or secrets.token_urlsafe(24)
        if owned.is_verified and (idempotency_key is None or await self._find(call_id(owner, once)) is None):
            return Refusal("number-verified", "This number has been proved to be the user's already.", "number")
        request = verification.Request(user.id, number)
        ask = Ask(verification.TYPE, request, given={verification.CODE: drawn()}, tenant=tenant_of(user.id))
        answer = await self._calls.place(ask, owner=owner, idempotency_key=once)
        if isinstance(answer, Refusal):
            return answer
        return await self._begun(user.id, number, answer)

    async def _begun(self, user_id: str, number: str, call: Call) -> Begun:
        """Of two who ask at once one code is read out: that of the call that stands."""
        expires_at_ms = call.created_at_ms + self._rules.life_ms
        digest = digest_of(call.id, call.given[verification.CODE])
        code = Code(call.id, digest, call.created_at_ms, expires_at_ms, self._rules.tries)
        await self._codes.put(user_id, number, code)
        return Begun(call, expires_at_ms, self._rules.tries)

    async def confirm(self, user: User, number: str, code: str) -> User | Refusal:
        """The user with his number proved. May raise Unavailable; asked again, it does no harm but that a wrong code
        counts once more."""
        if user.owned(number) is None:
            return Refusal("unknown-number", "This number is none of the user's.", "number")
        guess, what = secrets.token_hex(8), of_guess(user.id)
        keep_s = longest_s(self._rules.guesses)
        hit = await self._limits.mark(what, guess, self._rules.guesses, at_ms=self._now_ms(), keep_s=keep_s)
        if hit is not None:
            again_s = -(-hit.again_ms // 1000)
            return Refusal("too-many-codes", sentence_of(what, hit), "code", again_s, rule=rule_of(what, hit.limit))
        attempt = await self._codes.attempt(user.id, number, self._now_ms())
        refused = self._judged(attempt, code)
        if refused is None or refused.type != "wrong-code":
            await self._limits.take_back(what, guess)
        else:
            log.info("wrong code", user=user.id, number=number)
        return refused or await self._proved(user, number, attempt)

    def _judged(self, attempt: Attempt | None, code: str) -> Refusal | None:
        """None: it is right."""
        if attempt is None:
            sentence = "No code that was read out to this number is good now: ask for a new one."
            return Refusal("no-code", sentence, "code")
        if attempt.left < 0:
            again_s = max(1, -(-(attempt.code.expires_at_ms - self._now_ms()) // 1000))
            sentence = "This code was guessed as often as may be: ask for a new one."
            return Refusal("too-many-codes", sentence, "code", again_s, rule=f"code-{attempt.code.tries}-tries")
        if not hmac.compare_digest(digest_of(attempt.code.call, code), attempt.code.digest):
            left = f"{attempt.left} {'tries are' if attempt.left != 1 else 'try is'} left"
            return Refusal("wrong-code", f"This is not the code that was read out to the number; {left}.", "code")
        return None

    async def _proved(self, user: User, number: str, attempt: Attempt | None) -> User | Refusal:
        """Proved first, and the code spent then: whatever dies in between, the same code may be given again. A spent
        one proves nothing, and tells whoever has lost the answer that it had."""
        assert attempt is not None
        if attempt.is_spent:
            now = await self._users.get(user.id) or user
            owned = now.owned(number)
            is_proved = owned is not None and owned.is_verified
            return now if is_proved else Refusal("no-code", "This code was used: ask for a new one.", "code")
        proved = await self._verify(user.id, number, "code", self._now_ms())
        await self._codes.spend(user.id, number, attempt.code.call)
        log.info("number proved", user=user.id, number=number, call=attempt.code.call)
        return proved or Refusal("unknown-number", "This number is none of the user's any more.", "number")


def drawn() -> str:
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


def digest_of(call: str, code: str) -> str:
    """Another one for each call: of two that are the same nobody sees that they are."""
    return hashlib.sha256(f"{call}\0{code}".encode()).hexdigest()
