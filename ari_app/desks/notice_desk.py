"""Where notices are asked for, reminded of and cancelled. All that is wrong with a request is told at once.

Reads users and settings, has the text spoken, writes the notice down. Whom to ring when is notice_rounds.py's business.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from base64 import b32encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from ari_app.domain.notices import REMINDS_MAX, Notice, Now, Recipient, Retry, all_quiet, first_due_ms
from ari_app.domain.quiet import Quiet, after_quiet, is_quiet
from ari_app.domain.tenants import OPERATOR, is_sealed, may_see, tenant_of
from ari_app.domain.wanted import Party
from ari_app.engine.asks import Refusal
from ari_app.engine.making import Payer, Person, language_of
from ari_app.ports.notices import Happened, Notices
from ari_app.ports.speech import Refused, Speech, Spoken, voice_of

AT_ONCE = 50
"""Recipients that are looked up at the same time."""
AHEAD_MAX_MS = 28 * 86_400_000
"""How far ahead a notice may be asked for: an audio file is kept for some time only."""
LATE_MAX_MS = 60_000
"""A time that has passed for longer is a mistake, rather than a wish to ring everybody now."""


@dataclass(frozen=True, slots=True)
class NoticeAsk:
    """As asked for. `text`, or an audio file, or (`audio_id`) one that was sent before. `gap_ms`, `tries` None: the
    operator's. `at_ms` None: now."""

    sender: str
    recipients: tuple[str, ...]
    text: str = ""
    audio: bytes = b""
    audio_id: str = ""
    confirm: str = "1"
    tries: int | None = None
    gap_ms: int | None = None
    quiet: Quiet | None = None
    at_ms: int | None = None
    language: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tenant: str = OPERATOR
    """Who asks: users are looked for among his own."""

    @property
    def fingerprint(self) -> str:
        body = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "tenant"}
        body |= {"audio": hashlib.sha256(self.audio).hexdigest(), "metadata": dict(self.metadata)}
        body["quiet"] = str(self.quiet)
        return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """Of the operator. `gap_ms` is the least, and what is taken where none is asked for. `lines_percent`: of the lines
    of the trunks, those that may be taken when a notice's call begins."""

    recipients_max: int = 500
    tries: int = 3
    gap_ms: int = 300_000
    quiet: tuple[Quiet, ...] = ()
    timezone: str = "UTC"
    parallel: int = 20
    lines_percent: int = 80
    rounds: int = 2
    keep_s: int = 90 * 86_400


Mistakes = list[Refusal]


class NoticeDesk:
    def __init__(
        self, notices: Notices, speech: Speech, rules: NoticeRules, *, now_ms: Callable[[], int],
        payer: Callable[[str, str, str], Awaitable[Payer | Refusal]],
        anyone: Callable[[Party, str], Awaitable[Person | Refusal]],
    ) -> None:  # fmt: skip
        """`payer`, `anyone`: of engine.making.CallMaker."""
        self.rules = rules
        self.notices = notices
        self.speech = speech
        self._now_ms = now_ms
        self._payer = payer
        self._anyone = anyone

    async def create(self, ask: NoticeAsk, *, owner: str, idempotency_key: str | None) -> Notice | Mistakes:
        """Written down, and to be rung from `at_ms` on. Raises Unavailable."""
        new_id = notice_id(owner, idempotency_key)
        if idempotency_key is not None and (there := await self.notices.find(new_id)) is not None:
            return _the_same(there[0], ask)
        now_ms = self._now_ms()
        mistakes = self._of_request(ask, now_ms)
        payer = await self._payer(ask.sender, "sender", ask.tenant)
        people = await self._people(ask)
        if isinstance(payer, Refusal):
            mistakes.insert(0, payer)
        mistakes += [one for one in people if isinstance(one, Refusal)]
        if mistakes or isinstance(payer, Refusal):
            return mistakes
        said = await self._said(ask)
        if isinstance(said, Refused):
            sentence = f"{said.why}."
            return [
                Refusal("malformed-body", sentence, "text") if ask.text else Refusal("not-audio", sentence, "audio")
            ]
        notice = Notice(
            id=new_id, sender=payer.user.id, created_at_ms=now_ms, at_ms=ask.at_ms or now_ms, text=ask.text,
            said=said.id, said_ms=said.ms, language=_language(ask, payer), confirm=ask.confirm,
            retry=Retry(ask.tries or self.rules.tries, ask.gap_ms or self.rules.gap_ms, ask.quiet),
            count=len(ask.recipients), metadata=dict(ask.metadata), fingerprint=ask.fingerprint,
        )  # fmt: skip
        persons = [_as_sender_knows(one, payer) for one in people if isinstance(one, Person)]
        recipients = [_recipient(n, one) for n, one in enumerate(persons)]
        due_ms = first_due_ms(notice, Now(len(recipients)), recipients[0], self.rules.quiet, self.rules.timezone)
        recipients = [replace(r, due_ms=due_ms) for r in recipients]
        stored = await self.notices.create(notice, recipients, Happened("notice_created", now_ms))
        if stored != notice:
            return _the_same(stored, ask)
        await self.notices.fill(new_id, {r.n: due_ms for r in recipients})
        return notice

    async def remind(self, notice: str, *, owner: str, idempotency_key: str | None) -> int | None:
        """Whoever has not confirmed is rung again, as soon as gap and quiet hours let. The round; None: there were as
        many as may be."""
        at_ms, ask = self._now_ms(), f"{owner} {idempotency_key or secrets.token_hex(12)}"
        ask_id = hashlib.sha256(ask.encode()).hexdigest()[:24]
        return await self.notices.remind(notice, ask_id, at_ms, REMINDS_MAX, Happened("notice_reminded", at_ms))

    async def cancel(self, notice: str) -> bool:
        """Nobody new is rung. False: it was cancelled before."""
        at_ms = self._now_ms()
        return await self.notices.cancel(notice, at_ms, Happened("notice_cancelled", at_ms))

    # ---- inner --------------------------------------------------------------------------------------------------

    def _of_request(self, ask: NoticeAsk, now_ms: int) -> Mistakes:
        found: Mistakes = []
        if len(ask.recipients) > self.rules.recipients_max:
            found.append(_bad(f"at most {self.rules.recipients_max} recipients are taken.", "recipients"))
        if ask.gap_ms is not None and ask.gap_ms < self.rules.gap_ms:
            found.append(_bad(f"at least {self.rules.gap_ms / 1000:g} seconds are expected.", "retry.gap_s"))
        if ask.at_ms is not None and ask.at_ms < now_ms - LATE_MAX_MS:
            found.append(_bad("this time has passed.", "at"))
        if ask.at_ms is not None and ask.at_ms > now_ms + AHEAD_MAX_MS:
            found.append(_bad(f"at most {AHEAD_MAX_MS // 86_400_000} days ahead are taken.", "at"))
        quiets = [*self.rules.quiet, *([] if ask.quiet is None else [ask.quiet])]
        if is_quiet(after_quiet(now_ms, quiets, self.rules.timezone), quiets, self.rules.timezone):
            found.append(_bad("with the operator's quiet hours, no time of the day would be left.", "quiet_hours"))
        return found

    async def _people(self, ask: NoticeAsk) -> list[Person | Refusal]:
        found: list[Person | Refusal] = []
        written = ask.recipients[: self.rules.recipients_max]
        parties = [Party("callee", who, f"recipients.{n}") for n, who in enumerate(written)]
        for at in range(0, len(parties), AT_ONCE):
            some = parties[at : at + AT_ONCE]
            found += await asyncio.gather(*(self._anyone(party, ask.tenant) for party in some))
        seen: dict[str, str] = {}
        for n, one in enumerate(found):
            if isinstance(one, Person) and (other := seen.setdefault(one.number, one.party.at)) != one.party.at:
                found[n] = Refusal("invalid-number", f"This is the same phone as {other}.", one.party.at)
        return found

    async def _said(self, ask: NoticeAsk) -> Spoken | Refused:
        if ask.text:
            return await self.speech.say(ask.text, ask.language)
        if ask.audio:
            return await self.speech.take(ask.audio, ask.tenant)
        if not _is_his(ask) or await self.speech.find(ask.audio_id) is None:
            return Refused("no audio of this id is kept here (any more)")
        return Spoken(ask.audio_id, 0)


def notice_id(owner: str, idempotency_key: str | None) -> str:
    """As a call's id is derived: see engine/service.py."""
    if idempotency_key is None:
        seed = secrets.token_bytes(17)
    else:
        seed = hashlib.sha256(f"notice\0{owner}\0{idempotency_key}".encode()).digest()
    return "n" + b32encode(seed)[:26].decode().lower()


def _is_his(ask: NoticeAsk) -> bool:
    """Of a sound that is named by its id: a tenant's own audio file, not another's, nor what was spoken for anybody."""
    is_file = ask.audio_id.startswith("a") and is_sealed(ask.tenant, ask.audio_id[1:])
    return is_file or ask.tenant == OPERATOR


def quiet_of(notice: Notice, rules: NoticeRules) -> list[Quiet]:
    return all_quiet(notice, rules.quiet)


def _recipient(n: int, person: Person) -> Recipient:
    user = person.user
    return Recipient(n, person.party.who, person.number, "" if user is None else user.id, language_of(user))


def _as_sender_knows(person: Person, payer: Payer) -> Person:
    """Whoever asks, a tenant's notice has no user in it but the tenant's own: he sees it."""
    user = person.user
    is_own = user is None or may_see(tenant_of(payer.user.id), tenant_of(user.id))
    return person if is_own else replace(person, user=None)


def _language(ask: NoticeAsk, payer: Payer) -> str:
    """Of a text: what it is read in. Of an audio file: what is said around it, where the recipient has no language."""
    if ask.text:
        return voice_of(ask.text, ask.language)
    return ask.language or language_of(payer.user)


def _bad(sentence: str, at: str) -> Refusal:
    return Refusal("malformed-body", sentence, at)


def _the_same(there: Notice, ask: NoticeAsk) -> Notice | Mistakes:
    if there.fingerprint == ask.fingerprint:
        return there
    sentence = "This Idempotency-Key was used before, for another request."
    return [Refusal("idempotency-conflict", sentence, "Idempotency-Key")]
