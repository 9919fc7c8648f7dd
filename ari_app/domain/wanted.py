"""What a request for a call of some type wants: which phones are rung, who pays, on which terms. A flow makes it of its
own request; the engine makes the call of it. Values only; knows no flow.

A flow that may be asked for from outside has, beside its plan:

    Request            a frozen dataclass: the fields that are asked for, with their defaults
    wants(request)     a Wants

and is then served by the API and the CLI under its TYPE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Party:
    """One phone. `who`: a user's id, or a number as written. `at`: the field of the request that names it.
    `is_himself`: he is rung as a user of ours, and so must have a number that is proved to be his. `shows_payer`:
    where the operator lets it, he sees the payer's number; else the platform's. `language`: in which he is spoken to,
    where he has none of his own."""

    role: str
    who: str
    at: str
    is_himself: bool = False
    shows_payer: bool = False
    language: str = ""
    rings_devices: bool = True
    """Whether a user's registered devices may be rung in place of his number."""


@dataclass(frozen=True, slots=True)
class Next:
    """Another call, that one which has ended leaves behind: a flow may tell of some by `after(call)`. Of each `key` one
    is placed, `delay_ms` after the end. `fields`: of the other flow's Request."""

    key: str
    type: str
    fields: Mapping[str, object]
    given: Mapping[str, str] = field(default_factory=dict)
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Wants:
    """`payer`: a user, by id or number, as written; "": nobody pays. `terms`: of domain.call.Terms, what differs from
    the operator's; None: it does not. `given`: what only the flow understands. `talks_together`: all of them at once,
    and so as many as the payer's plan allows."""

    parties: tuple[Party, ...]
    payer: str = ""
    payer_at: str = "caller"
    terms: Mapping[str, object] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    talks_together: bool = False
