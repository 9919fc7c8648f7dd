"""A call as it is asked for, what the operator has set about that, and why there is none. Values only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ari_app.domain.call import Terms
from ari_app.domain.numbers import Rules

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
    rule: str = ""
    """Of `too-many-calls`: the limit that was hit, for programs."""


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
    caller_ring_ms: int
    callee_ring_ms: int
    tries_max: int
