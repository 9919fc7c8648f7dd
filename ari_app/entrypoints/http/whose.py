"""What a key may see and do, beside its scopes: a tenant's reaches what is this tenant's alone, the operator's all.

What a key may not see is not there for it: 404, before anything is said of what it may do. Knows no store.
"""

from __future__ import annotations

from ari_app.domain.call import Call
from ari_app.domain.tenants import as_seen_by, kept, may_see
from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import ApiKey
from ari_app.ports.teams import TEAM_ID
from ari_app.ports.users import USER_ID


def user_id(key: ApiKey, written: str) -> str | None:
    """As it is kept; None: no user that this key could mean is called so."""
    return kept(key.tenant, written, USER_ID)


def team_id(key: ApiKey, written: str) -> str | None:
    return kept(key.tenant, written, TEAM_ID)


def shown(key: ApiKey, id: str) -> str:
    """A user's or a team's id, as the holder of the key knows it."""
    return as_seen_by(key.tenant, id)


def sees(key: ApiKey, call: Call) -> bool:
    return may_see(key.tenant, call.tenant)


def operators_alone(key: ApiKey) -> None:
    """Raises Problem (403). For what costs the operator money: asked for once it is clear that the key may see what it
    is asked of."""
    if not key.is_operators:
        raise Problem("forbidden", "This is the operator's alone; your key is a tenant's.")
