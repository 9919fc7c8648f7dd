"""The one door through which calls begin and are cancelled: HTTP, CLI, and requests over the PBX itself come through
here, so that all are checked, charged and made idempotent alike. A refusal is a value.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from base64 import b32encode
from collections.abc import Awaitable, Callable

import structlog

from ari_app.domain.call import Call
from ari_app.domain.causes import Reason
from ari_app.domain.errors import Unavailable
from ari_app.domain.lanes import BESIDE
from ari_app.domain.numbers import Number
from ari_app.domain.plans import Entitlement
from ari_app.domain.wanted import Party
from ari_app.engine.abuse import AbuseCheck, NoCheck
from ari_app.engine.adding import Adding
from ari_app.engine.asks import Ask, Policy, Refusal, ask_of
from ari_app.engine.fleet import Fleet, NoPlace, Place
from ari_app.engine.lines_now import LinesNow
from ari_app.engine.making import CallMaker
from ari_app.engine.on_net import OnNet
from ari_app.engine.trunk_book import TrunkBook
from ari_app.ports.telephony import Asked, LinkLost, PbxError, Telephony
from ari_app.ports.users import User, Users

log = structlog.get_logger()

LEAVES_MS = 10_000
FULL_AGAIN_S, LIVE_CALLS_AGAIN_S = 5, 10
"""When a call will end nobody knows: so long one waits before it is worth asking again."""


def call_id(owner: str, idempotency_key: str | None, *, is_beside: bool = False) -> str:
    """Derived from key and Idempotency-Key, so that no crash can lose the link between them; else random."""
    if idempotency_key is None:
        seed = secrets.token_bytes(17)
    else:
        seed = hashlib.sha256(f"{owner}\0{idempotency_key}".encode()).digest()
    stem = BESIDE if is_beside else "c"
    return (stem + b32encode(seed).decode().lower())[:27]


class CallService:
    def __init__(
        self,
        *,
        fleet: Fleet,
        users: Users,
        is_resolved: Callable[[str, str], Awaitable[bool]],
        read_number: Callable[[str], Number | None],
        policy: Policy,
        trunks: TrunkBook,
        now_ms: Callable[[], int],
        entitled: Callable[[User], Awaitable[Entitlement]],
        national: Callable[[str], str] = lambda _number: "",
        lines: LinesNow | None = None,
        on_net: OnNet | None = None,
        abuse: AbuseCheck | None = None,
    ) -> None:
        self.is_draining = False
        self.leaves_ms: int | None = None
        """Of one that drains: when it will have left, at the latest; None: nobody knows."""
        self._now_ms = now_ms
        self._abuse: AbuseCheck = abuse or NoCheck()
        self._maker = CallMaker(
            users=users, read_number=read_number, policy=policy, trunks=trunks, now_ms=now_ms, entitled=entitled,
            national=national, lines=lines, on_net=on_net,
        )  # fmt: skip
        self._fleet = fleet
        self._adding = Adding(self._maker, self._abuse, fleet.tell)
        self._is_resolved = is_resolved
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def maker(self) -> CallMaker:
        """Who is meant by what is written."""
        return self._maker

    # ---- calls --------------------------------------------------------------------------------------------------

    async def place(
        self, ask: Ask, *, owner: str, idempotency_key: str | None = None, is_beside: bool = False
    ) -> Call | Refusal:
        """Accept a call and set it going. `owner` is who asks (an API key's id): keys are his own. The same key
        again gives the answer that it gave, whether new calls are taken or not. `is_beside`: see domain/lanes.py.

        Raises Unavailable where Redis does not answer, UnreadableRecord where the key's call cannot be read here.
        """
        new_id = call_id(owner, idempotency_key, is_beside=is_beside)
        if idempotency_key is not None and (there := await self._fleet.find(new_id)) is not None:
            return await self._the_same_again(there, ask)
        place = self.place_for(new_id)
        if isinstance(place, Refusal):
            return place
        answer: Call | Refusal | None = None
        try:
            answer = await self._place_at(place, ask, new_id, has_key=idempotency_key is not None)
        finally:
            if (admission := place.admission) is not None:
                admission.placed(new_id, has_begun=isinstance(answer, Call))
        return answer

    async def _place_at(self, place: Place, ask: Ask, new_id: str, *, has_key: bool) -> Call | Refusal:
        made = await self._maker.make(ask, new_id)
        if isinstance(made, Refusal):
            return made
        made = self._fleet.timed(made, place)
        answer: Call | Refusal | None = None
        try:
            answer = await self._begin_at(place, made, ask, has_key=has_key)
        finally:
            if not isinstance(answer, Call):
                self._maker.refused(made)
        return answer

    async def _begin_at(self, place: Place, made: Call, ask: Ask, *, has_key: bool) -> Call | Refusal:
        new_id = made.id
        if has_key and made.payer and await self._is_resolved(made.payer, new_id):
            return await self._spent(new_id, ask)
        if (refused := await self._abuse.refused(made)) is not None:
            return refused
        try:
            begun = await self._fleet.begin(made, place)
        except Unavailable:
            await self._abuse.take_back(made)  # if it was begun after all, its end puts that right
            raise
        if begun is not made and isinstance(begun, Call):  # asked for twice at the same time
            if not _same_phones(begun, made):
                await self._abuse.take_back(made)
            return await self._the_same_again(begun, ask)
        answer = self._begun(await self._fleet.first_word(made))
        if isinstance(answer, Refusal):  # now, and not only at its end: who asks again at once has called nobody yet
            await self._abuse.take_back(made)
        return answer

    def place_for(self, new_id: str) -> Place | Refusal:
        """Where a new call of this id may go now."""
        if self.is_draining:
            return Refusal("draining", "This server is about to stop and takes no new calls.", "", self._left_s)
        places = self._fleet.places()
        if isinstance(places, NoPlace):
            log.info("call refused: no node takes it", why=places.why)  # which may name inner addresses
            taken, closed = "All lines are taken right now.", "No telephone exchange can take the call now."
            sentence = taken if places.is_full else closed
            return Refusal("no-capacity", sentence, retry_after_s=FULL_AGAIN_S)
        for place in places:  # one that is slow keeps nobody from another
            admission = place.admission
            if admission is None or admission.admit(new_id, is_last_word=place is places[-1]):
                return place
        sentence = "The telephone exchange has as many calls to set up as it can."
        waits_s = [place.admission.again_s for place in places if place.admission is not None]
        return Refusal("no-capacity", sentence, retry_after_s=min(waits_s))

    @property
    def _left_s(self) -> int:
        """Until this process is gone: whoever is asked then is another one."""
        left_ms = LEAVES_MS if self.leaves_ms is None else self.leaves_ms - self._now_ms()
        return max(1, -(-left_ms // 1000))

    async def _spent(self, known_id: str, ask: Ask) -> Call | Refusal:
        """The key of a call that is over and paid for: placed and ended while we looked, or forgotten after
        `call_days`. What the ledger remembers of it would be taken for minutes that the new call holds."""
        if (there := await self._fleet.find(known_id)) is not None:
            return await self._the_same_again(there, ask)
        return _not_kept()

    async def _the_same_again(self, there: Call, ask: Ask) -> Call | Refusal:
        if there.is_forgotten:  # nobody knows any more what was asked for
            return _not_kept()
        if there.fingerprint != ask.fingerprint:
            return Refusal(
                "idempotency-conflict", "This Idempotency-Key was used before, for another request.", "Idempotency-Key"
            )
        return self._begun(await self._fleet.first_word(there))

    def _begun(self, call: Call) -> Call | Refusal:
        is_rung = any(leg.tries or call.dial_pending(leg) is not None for leg in call.legs)
        if call.end is not None and not is_rung:
            if call.end.reason is Reason.BALANCE_EMPTY:
                return Refusal("balance-empty", "There are no minutes left for this call.", "caller", call=call.id)
            if call.end.reason is Reason.REFUSED:
                return Refusal(
                    "too-many-calls",
                    f"This user has {call.terms.max_live_calls} live calls, as many as his plan allows.",
                    "caller",
                    LIVE_CALLS_AGAIN_S,
                    call.id,
                    rule="live-calls",
                )
        return call

    async def add(self, call: Call, party: Party, *, host: str, ask: str) -> Call | Refusal:
        """See Adding.add."""
        if self.is_draining:
            return Refusal("draining", "This server is about to stop and rings nobody new.", "", self._left_s)
        return await self._adding.add(call, party, host=host, ask=ask)

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
            ask = ask_of({"caller": asked.caller, "callee": asked.callee})
            answer = await self.place(ask, owner="ari", idempotency_key=asked.key or None)
        except Unavailable as e:
            log.warning("call asked for over ARI not placed", **who, why=str(e))
            return _refused("no-capacity")
        except Exception:
            log.exception("call asked for over ARI stopped by a fault", **who)
            return _refused("internal-error")
        if isinstance(answer, Refusal):
            why = answer.rule or answer.type
            log.warning("call asked for over ARI refused", **who, why=why, sentence=answer.sentence)
            return _refused(answer.type, answer.call)
        return {"RINGBRIDGE_STATUS": "ACCEPTED", "RINGBRIDGE_ERROR": "", "RINGBRIDGE_CALL": answer.id}


def _same_phones(one: Call, other: Call) -> bool:
    return (one.payer, [leg.number for leg in one.legs]) == (other.payer, [leg.number for leg in other.legs])


def _not_kept() -> Refusal:
    sentence = "This Idempotency-Key stood for a call that is not kept any more: take a new one."
    return Refusal("idempotency-conflict", sentence, "Idempotency-Key")


def _refused(error: str, call: str = "") -> dict[str, str]:
    return {"RINGBRIDGE_STATUS": "REFUSED", "RINGBRIDGE_ERROR": error, "RINGBRIDGE_CALL": call}
