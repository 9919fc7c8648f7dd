"""The first admin key: the operator's, or one made once and kept in the state directory. There is one at a time."""

from __future__ import annotations

from pathlib import Path

import structlog

from ari_app.concealed import conceal
from ari_app.config import Mistake, Mistakes
from ari_app.domain.tenants import OPERATOR
from ari_app.ports.keys import FIRST, SCOPES, ApiKey, Keys, described, new_secret
from ari_app.whole_files import written_whole

log = structlog.get_logger()


async def first_key(keys: Keys, own: str, state_dir: Path, now_ms: int) -> str:
    """Put the key in, and revoke the one that stood there before. Gives its secret. `own`: the operator's, or "".

    Raises OSError where the state directory cannot be written; Mistakes where `own` is another key's: the command line
    reads RINGBRIDGE_API_KEY, too, and who has a program's key there must not make that the first one.
    """
    kept = state_dir / "api-key"
    secret = own or (kept.read_text().strip() if kept.exists() else "")
    if not secret:
        secret = new_secret()
        write_secret(kept, secret + "\n")
    conceal(secret)
    digest, key = described(secret, FIRST, SCOPES, now_ms)
    known = await keys.find(digest)
    if known is None:
        await keys.add(digest, key)
    elif own and not _is_first(known):
        raise Mistakes([Mistake("api_key (RINGBRIDGE_API_KEY)", _why_not(known))])
    for old in await keys.of(OPERATOR):
        if _is_first(old) and old.id != key.id:
            await keys.delete(old)
            log.warning("first key replaced: the one before it works no more", key=old.id)
    return secret


def _is_first(key: ApiKey) -> bool:
    return key.name == FIRST and key.is_operators


def _why_not(key: ApiKey) -> str:
    whose = "" if key.is_operators else f" of the tenant {key.tenant}"
    which = f"it is the key “{key.name}”{whose}, not a first key"
    return f"{which}: unset it where the server starts, or choose another secret"


def write_secret(path: Path, text: str) -> None:
    """0600 from its first moment, and whole or not at all, also beside files of other users (/tmp)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with written_whole(path) as file:
        file.write(text.encode())
