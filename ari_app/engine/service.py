"""The one door through which calls begin and are cancelled: HTTP, CLI, and requests over the PBX itself come through
here, so that all are checked, charged and made idempotent alike. A refusal is a value.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from base64 import b32encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import structlog

from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route, Terms
from ari_app.domain.causes import Reason
from ari_app.domain.errors import Unavailable
from ari_app.domain.numbers import Number, Own, Rules, may_call, shown
from ari_app.domain.plans import Plan
from ari_app.domain.trunks import Trunk, dialled, in_order
from ari_app.engine.admission import Admission
from ari_app.engine.fleet import Fleet, Place
from ari_app.flows import callback
from ari_app.ports.telephony import Asked, LinkLost, PbxError, Telephony
from ari_app.ports.users import User, Users

log = structlog.get_logger()

OVERLOAD_AGAIN_S = 1

RefusalType = Literal[
    "invalid-number", "unknown-user", "number-not-verified", "destination-blocked", "emergency-number",
    "balance-empty", "too-many-calls", "idempotency-conflict", "no-capacity", "draining",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no call: a stable type, a sentence for a person, the field at fault."""

    type: RefusalType
    sentence: str
    at: str = ""
    retry_after_s: int | None = None
    call: str = ""


@dataclass(frozen=True, slots=True)
class CallAsk:
    """A callback as asked for. Caller and callee are user ids or numbers as written."""

    caller: str
    callee: str
    max_duration_s: int | None = None
    confirm_caller: bool | None = None
    waiting: Literal["ringback", "music"] | None = None
    early_media: Literal["all", "none"] | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for the same request, whatever the order of its fields."""
        body = {name: getattr(self, name) for name in self.__dataclass_fields__}
        text = json.dumps(body | {"metadata": dict(self.metadata)}, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator has set, as far as accepting a call goes."""

    terms: Terms
    platform_number: str
    rules: Rules
    trunks: Sequence[Trunk]
    caller_ring_ms: int
    callee_ring_ms: int
    tries_max: int


def call_id(owner: str, idempotency_key: str | None) -> str:
    """Derived from key and Idempotency-Key, so that no crash can lose the link between them; else random."""
    if idempotency_key is None:
        seed = secrets.token_bytes(17)
    else:
        seed = hashlib.sha256(f"{owner}\0{idempotency_key}".encode()).digest()
    return "c" + b32encode(seed)[:26].decode().lower()


class CallService:
    def __init__(
        self,
        *,
        fleet: Fleet,
        users: Users,
        is_resolved: Callable[[str, str], Awaitable[bool]],
        read_number: Callable[[str], Number | None],
        policy: Policy,
        now_ms: Callable[[], int],
        plan_of: Callable[[User], Awaitable[Plan]],
    ) -> None:
        self.policy = policy
        self.is_draining = False
        self._fleet = fleet
        self._users = users
        self._is_resolved = is_resolved
        self._read = read_number
        self._now_ms = now_ms
        self._plan_of = plan_of
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- callback -----------------------------------------------------------------------------------------------

    async def place(self, ask: CallAsk, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal:
        """Accept a callback and set it going. `owner` is who asks (an API key's id): keys are his own. The same key
        again gives the answer that it gave, whether new calls are taken or not.

        Raises Unavailable where Redis does not answer, UnreadableRecord where the key's call cannot be read here.
        """
        new_id = call_id(owner, idempotency_key)
        if idempotency_key is not None and (there := await self._fleet.find(new_id)) is not None:
            return await self._the_same_again(there, ask)
        place = self._place(new_id)
        if isinstance(place, Refusal):
            return place
        answer: Call | Refusal | None = None
        try:
            answer = await self._place_at(place, ask, new_id, has_key=idempotency_key is not None)
        finally:
            if (admission := _admission(place)) is not None:
                admission.placed(new_id, has_begun=isinstance(answer, Call))
        return answer

    async def _place_at(self, place: Place, ask: CallAsk, new_id: str, *, has_key: bool) -> Call | Refusal:
        made = await self._make(ask, new_id)
        if isinstance(made, Refusal):
            return made
        if has_key and await self._is_resolved(made.payer, new_id):
            return await self._spent(new_id, ask)
        begun = await self._fleet.begin(made, place)
        if begun is not made and isinstance(begun, Call):  # asked for twice at the same time
            return await self._the_same_again(begun, ask)
        return self._begun(await self._fleet.first_word(made))

    def _place(self, new_id: str) -> Place | Refusal:
        if self.is_draining:
            return Refusal("draining", "This server is about to stop and takes no new calls.", retry_after_s=10)
        place = self._fleet.place()
        if isinstance(place, Place):
            if (admission := _admission(place)) is not None and not admission.admit(new_id):
                sentence = "The telephone exchange has as many calls to set up as it can."
                return Refusal("no-capacity", sentence, retry_after_s=OVERLOAD_AGAIN_S)
            return place
        sentence = "All lines are taken right now." if place.is_full else "No telephone exchange can be reached now."
        return Refusal("no-capacity", sentence, retry_after_s=5)

    async def _spent(self, known_id: str, ask: CallAsk) -> Call | Refusal:
        """The key of a call that is over and paid for: placed and ended while we looked, or forgotten after
        `call_days`. What the ledger remembers of it would be taken for minutes that the new call holds."""
        if (there := await self._fleet.find(known_id)) is not None:
            return await self._the_same_again(there, ask)
        sentence = "This Idempotency-Key stood for a call that is not kept any more: take a new one."
        return Refusal("idempotency-conflict", sentence, "Idempotency-Key")

    async def _the_same_again(self, there: Call, ask: CallAsk) -> Call | Refusal:
        if there.fingerprint != ask.fingerprint:
            return Refusal(
                "idempotency-conflict", "This Idempotency-Key was used before, for another request.", "Idempotency-Key"
            )
        return self._begun(await self._fleet.first_word(there))

    def _begun(self, call: Call) -> Call | Refusal:
        if call.end is not None and call.holds == 0:
            if call.end.reason is Reason.BALANCE_EMPTY:
                return Refusal("balance-empty", "There are no minutes left for this call.", "caller", call=call.id)
            if call.end.reason is Reason.REFUSED:
                return Refusal(
                    "too-many-calls",
                    f"This user has {call.terms.max_live_calls} live calls, as many as his plan allows.",
                    "caller",
                    10,
                    call.id,
                )
        return call

    # ---- making it ----------------------------------------------------------------------------------------------

    async def _make(self, ask: CallAsk, new_id: str) -> Call | Refusal:
        who, there = await asyncio.gather(self._caller(ask.caller), self._callee(ask.callee))
        if isinstance(who, Refusal):
            return who
        user, own = who
        if isinstance(there, Refusal):
            return there
        callee_user, callee_number = there
        if callee_number.text == own.number:
            return Refusal("invalid-number", "Caller and callee are the same number.", "callee")
        legs = []
        for role, number, ring_ms, shows in (
            (CALLER, own.number, self.policy.caller_ring_ms, None),
            (CALLEE, callee_number.text, self.policy.callee_ring_ms, own),
        ):
            routes = self._routes(number, shows, new_id)
            if not routes:
                return Refusal("destination-blocked", "No carrier takes calls to this number.", role)
            its_user = user.id if role == CALLER else callee_user.id if callee_user else None
            legs.append(Leg(role=role, number=number, routes=routes, ring_timeout_ms=ring_ms, user=its_user))
        return Call(
            id=new_id, type=callback.TYPE, created_at_ms=self._now_ms(), payer=user.id, legs=tuple(legs),
            terms=self._terms(ask, await self._plan_of(user)), metadata=dict(ask.metadata),
            fingerprint=ask.fingerprint, now_ms=self._now_ms(),
        )  # fmt: skip

    def _terms(self, ask: CallAsk, plan: Plan) -> Terms:
        """The settings', but for what the payer's plan and the request have of their own."""
        t = self.policy.terms
        t = replace(
            t, increment=plan.increment or t.increment, slice_s=plan.slice_s or t.slice_s,
            max_live_calls=plan.max_live_calls or t.max_live_calls,
        )  # fmt: skip
        asked = {
            name: value
            for name in ("confirm_caller", "waiting", "early_media")
            if (value := getattr(ask, name)) is not None
        }
        longest_s = t.max_duration_s if ask.max_duration_s is None else min(ask.max_duration_s, t.max_duration_s)
        return replace(t, max_duration_s=longest_s, **asked)

    def _routes(self, number: str, own: Own | None, key: str) -> tuple[Route, ...]:
        routes = []
        for trunk in in_order(number, self.policy.trunks, key)[: self.policy.tries_max]:
            shows = shown(trunk.caller_id, self.policy.platform_number, own, pair=f"{own and own.number} {number}")
            routes.append(
                Route(
                    trunk=trunk.name, dialled=dialled(trunk, number), shown=shows.number, why=str(shows.why),
                    price_micro_per_min=trunk.price_micro_per_min, price_increment=trunk.price_increment,
                    currency=trunk.currency, causes=trunk.causes,
                )
            )  # fmt: skip
        return tuple(routes)

    async def _caller(self, written: str) -> tuple[User, Own] | Refusal:
        """The user who is rung first and pays. Nobody can make the platform ring a stranger as himself."""
        user = await self._users.get(written) if _may_be_id(written) else None
        number = None
        if user is None:
            number = self._read(written)
            if number is None:
                return _nobody(written, "caller")
            user = await self._users.by_number(number.text)
            if user is None:
                return Refusal("number-not-verified", "This number belongs to no user: it cannot call.", "caller")
        owned = user.owned(number.text) if number else next(iter(user.numbers), None)
        if owned is None:
            return Refusal("number-not-verified", "This user has no number that could be rung.", "caller")
        if not owned.is_verified:
            return Refusal("number-not-verified", "This number has not been proved to be the user's.", "caller")
        if (refused := may_call(self._read(owned.number), self.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, "caller")
        return user, Own(owned.number, owned.is_verified)

    async def _callee(self, written: str) -> tuple[User | None, Number] | Refusal:
        user = await self._users.get(written) if _may_be_id(written) else None
        if user is not None and not user.numbers:
            return Refusal("invalid-number", "This user has no number that could be rung.", "callee")
        number = self._read(user.numbers[0].number if user else written)
        if user is None and number is None:
            return _nobody(written, "callee")
        if (refused := may_call(number, self.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, "callee")
        assert number is not None
        return user or await self._users.by_number(number.text), number

    # ---- over the PBX itself ------------------------------------------------------------------------------------

    def asked_over_pbx(self, asked: Asked, telephony: Telephony) -> None:
        """A user event, or a channel in `Stasis(app,call,…)`: the same checks, charging and idempotency. `telephony`:
        of the PBX that asks."""
        task = asyncio.create_task(self._asked_over_pbx(asked, telephony))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _asked_over_pbx(self, asked: Asked, telephony: Telephony) -> None:
        said = await self._answer_over_pbx(asked)
        if asked.channel is not None:
            try:
                await telephony.send_back(asked.channel, said)
            except (PbxError, LinkLost) as e:
                log.info("the channel that asked was not sent back", channel=asked.channel, why=str(e))

    async def _answer_over_pbx(self, asked: Asked) -> dict[str, str]:
        """What the channel goes on with. Never raises: a channel that nobody sends back waits in Stasis for ever."""
        who = {"caller": asked.caller, "callee": asked.callee, "key": asked.key, "channel": asked.channel}
        try:
            ask = CallAsk(asked.caller, asked.callee)
            answer = await self.place(ask, owner="ari", idempotency_key=asked.key or None)
        except Unavailable as e:
            log.warning("call asked for over ARI not placed", **who, why=str(e))
            return _refused("no-capacity")
        except Exception:
            log.exception("call asked for over ARI stopped by a fault", **who)
            return _refused("internal-error")
        if isinstance(answer, Refusal):
            log.warning("call asked for over ARI refused", **who, why=answer.type, sentence=answer.sentence)
            return _refused(answer.type, answer.call)
        return {"RINGBRIDGE_STATUS": "ACCEPTED", "RINGBRIDGE_ERROR": "", "RINGBRIDGE_CALL": answer.id}


def _admission(place: Place) -> Admission | None:
    return None if place.engine is None else place.engine.admission


def _refused(error: str, call: str = "") -> dict[str, str]:
    return {"RINGBRIDGE_STATUS": "REFUSED", "RINGBRIDGE_ERROR": error, "RINGBRIDGE_CALL": call}


def _nobody(written: str, at: str) -> Refusal:
    """What is neither a user nor a number that can be called. A word was meant as a user, digits as a number."""
    if any(sign.isalpha() for sign in written):
        return Refusal("unknown-user", "There is no such user, and it is not a phone number.", at)
    return Refusal("invalid-number", "This is not a phone number that can be called, and no user has this id.", at)


def _may_be_id(written: str) -> bool:
    return bool(written) and not written.startswith("+")
