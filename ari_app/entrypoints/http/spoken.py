"""In which language a request is answered, and what the answer says of that. Knows no words and no route."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from starlette.types import Scope

from ari_app.entrypoints import languages
from ari_app.entrypoints.words import Language

HEADERS = "ringbridge.headers"
"""In the scope: (name, value) pairs that every answer to this request carries."""
SPOKEN = "ringbridge.spoken"


def spoken(scope: Scope) -> Language:
    """For whatever is said to the user in the answer; asked for, it is told in the answer's head."""
    known = scope.get(SPOKEN)
    if known is None:
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-language")
        doors = scope.get("state", {}).get("doors")
        known = scope[SPOKEN] = _language_of(accepted, "en" if doors is None else doors.language)
        said = ((b"content-language", known.encode()), (b"vary", b"Accept-Language"))
        scope[HEADERS] = (*scope.get(HEADERS, ()), *said)
    return cast(Language, known)


@lru_cache(maxsize=256)
def _language_of(accepted: bytes, default: Language) -> Language:
    return languages.language_of(accepted.decode("latin-1"), default)
