"""The first admin key: the operator's, or one made once and kept in the state directory. There is one at a time."""

from __future__ import annotations

from pathlib import Path

import structlog

from ari_app.concealed import conceal
from ari_app.domain.tenants import OPERATOR
from ari_app.ports.keys import FIRST, SCOPES, Keys, described, new_secret
from ari_app.whole_files import written_whole

log = structlog.get_logger()


async def first_key(keys: Keys, own: str, state_dir: Path, now_ms: int) -> str:
    """Put the key in, and revoke the one that stood there before. Gives its secret. `own`: the operator's, or "".

    Raises OSError where the state directory cannot be written.
    """
    kept = state_dir / "api-key"
    secret = own or (kept.read_text().strip() if kept.exists() else "")
    if not secret:
        secret = new_secret()
        write_secret(kept, secret + "\n")
    conceal(secret)
    digest, key = described(secret, FIRST, SCOPES, now_ms)
    if await keys.find(digest) is None:
        await keys.add(digest, key)
    for old in await keys.of(OPERATOR):
        if old.name == FIRST and old.id != key.id:
            await keys.delete(old)
            log.warning("first key replaced: the one before it works no more", key=old.id)
    return secret


def write_secret(path: Path, text: str) -> None:
    """0600 from its first moment, and whole or not at all, also beside files of other users (/tmp)."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with written_whole(path) as file:
        file.write(text.encode())
