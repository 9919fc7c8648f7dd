"""What this process must not tell: its own secrets, and whatever has the form of one of its keys, taken out of a text.

The last net under logs and problems: nobody should put a secret into a sentence, and an error of a library may.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from ari_app.config import Settings
from ari_app.config.options import table
from ari_app.nodes_file import NodeSpec

HIDDEN = "[hidden]"
LEAST = 8
"""Characters: what is shorter stands in ordinary words, too, and is fit for tests only."""
OURS = re.compile(r"rbc?_[A-Za-z0-9_-]{43}|whsec_[A-Za-z0-9+/]{43}=")
"""A key, a click token or a webhook's secret that was made here (ports/{keys,click,webhooks}.py)."""

_concealed: set[str] = set()


def conceal(*secrets: str) -> None:
    """From now on, as they are, and as they stand in an address or in a Basic header."""
    for secret in secrets:
        if len(secret) >= LEAST:
            _concealed.update({secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()})


def conceal_those_of(settings: Settings, nodes: Iterable[NodeSpec] = ()) -> None:
    for node in nodes:
        conceal(node.ari_password, node.ami_password, f"{node.ari_user}:{node.ari_password}")
    for field, option, _ in table().values():
        if option.secret:
            conceal(str(getattr(settings, field)))
    conceal(
        _password(settings.redis_url), unquote(_password(settings.redis_url)),
        f"{settings.ari_user}:{settings.ari_password}",
    )  # fmt: skip


def without_secrets(text: str) -> str:
    for secret in _concealed:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return OURS.sub(HIDDEN, text) if "rb" in text or "whsec_" in text else text


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:  # no address at all; who needs one says so
        return ""
