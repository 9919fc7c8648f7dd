"""A call as it is asked for, what the operator has set about that, and why there is none. Values only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import msgspec

from ari_app.domain.call import Terms
from ari_app.domain.numbers import Rules
from ari_app.domain.tenants import OPERATOR
from ari_app.flows import DEFAULT_TYPE, open_flows

RefusalType = Literal[
    "invalid-number", "unknown-user", "number-not-verified", "destination-blocked", "emergency-number",
    "balance-empty", "too-many-calls", "idempotency-conflict", "no-capacity", "draining",
    "too-many-participants", "participant-there", "call-over",
    "unknown-number", "number-verified", "no-code", "wrong-code", "too-many-codes", "malformed-body", "not-audio",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no call: a stable type, a sentence for a person, the field at fault."""

    type: RefusalType
    sentence: str
    at: str = ""
    retry_after_s: int | None = None
    call: str = ""
    rule: str = ""
    """Of `too-many-calls`: the limit that was hit, for programs."""


LATER = ("record",)
"""Fields that requests did not have once: those without them are the same as they were then."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A call as asked for: its type, and what its flow calls a request. `given`: what the flow needs beside that, and
    what is another one whenever the same is asked for again."""

    type: str
    request: Any
    metadata: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict, repr=False)
    private: bool = False
    """Its details are kept for a short time only."""
    tenant: str = OPERATOR
    """Who asks: users are looked for among his own. What is written in the request stays as he wrote it."""

    @property
    def fingerprint(self) -> str:
        """The same for the same request, whatever the order of its fields."""
        named = {} if self.type == DEFAULT_TYPE else {"type": self.type}
        asked = {field: said for field, said in asdict(self.request).items() if field not in LATER or said is not None}
        body = asked | {"metadata": dict(self.metadata)} | named | ({"private": True} if self.private else {})
        text = json.dumps(body, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def ask_of(
    fields: Mapping[str, object], type: str = DEFAULT_TYPE, metadata: Mapping[str, str] | None = None,
    *, private: bool = False,
) -> Ask:  # fmt: skip
    """Raises msgspec.ValidationError for fields that are not this type's, KeyError where there is no such type that
    may be asked for."""
    return Ask(type, msgspec.convert(dict(fields), open_flows()[type].Request), metadata or {}, private=private)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator has set, as far as accepting a call goes."""

    terms: Terms
    platform_number: str
    rules: Rules
    caller_ring_ms: int
    callee_ring_ms: int
    tries_max: int
    phones_max: Mapping[str, int] = field(default_factory=dict)
    """Plan → how many phones may talk together in one call."""
