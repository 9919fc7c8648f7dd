"""The first admin key: the operator's, or one made once and kept in the state directory. There is one at a time."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from ari_app.ports.keys import SCOPES, Keys, described, new_secret

log = structlog.get_logger()

FIRST = "first"


async def first_key(keys: Keys, own: str, state_dir: Path, now_ms: int) -> str:
    """Put the key in, and revoke the one that stood there before. Gives its secret. `own`: the operator's, or "".

    Raises OSError where the state directory cannot be written.
    """
    kept = state_dir / "api-key"
    secret = own or (kept.read_text().strip() if kept.exists() else "")
    if not secret:
        secret = new_secret()
        write_secret(kept, secret + "\n")
    digest, key = described(secret, FIRST, SCOPES, now_ms)
    if await keys.find(digest) is None:
        await keys.add(digest, key)
    for old in await keys.all():
        if old.name == FIRST and old.id != key.id:
            await keys.delete(old.id)
            log.warning("first key replaced: the one before it works no more", key=old.id)
    return secret


def write_secret(path: Path, text: str) -> None:
    """0600, and whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        f.write(text)
    draft.replace(path)
