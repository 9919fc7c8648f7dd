"""Whose a user, a team, a call is. A tenant is a partner who builds on the platform: he sees and touches his own alone.

A tenant's users and teams have ids of their own within it: what it calls `17` is kept as `17@acme`, so that two
partners may both have a user 17, and neither can so much as name the other's. What has no such end is the operator's
own. Pure.
"""

from __future__ import annotations

import hashlib
import re

TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
"""The name of a tenant."""
MARK = "@"
"""Between id and tenant: in no id that anybody may choose, and needs no escape in a path."""
SEAL = 8
"""Signs of a name that tell whose it is."""
OPERATOR = ""
"""The tenant of whoever runs the platform: he sees all, and names others' users in full."""


def within(tenant: str, id: str) -> str:
    """The id as it is kept, of what this tenant calls `id`."""
    return f"{id}{MARK}{tenant}" if tenant else id


def tenant_of(id: str) -> str:
    """Of an id as it is kept; OPERATOR: no partner's."""
    return id.partition(MARK)[2]


def as_seen_by(tenant: str, id: str) -> str:
    """The id as its own tenant knows it; the operator sees it as it is kept."""
    return id.removesuffix(MARK + tenant) if tenant else id


def may_see(tenant: str, of: str) -> bool:
    """Whether `tenant` may see what is of tenant `of`."""
    return tenant in (OPERATOR, of)


def sealed(tenant: str, drawn: str) -> str:
    """Hexadecimal signs, drawn or of a content, whose last ones tell whose they are: of a file that is found by its
    name alone. The operator's stay as they are."""
    own = drawn[:-SEAL]
    return own + hashlib.sha256(f"{tenant}|{own}".encode()).hexdigest()[:SEAL] if tenant else drawn


def is_sealed(tenant: str, signs: str) -> bool:
    """The operator may have every file."""
    return sealed(tenant, signs) == signs


def kept(tenant: str, written: str, form: re.Pattern[str]) -> str | None:
    """The id as it is kept, of what `tenant` wrote; `form`: of an id within a tenant. None: nothing that he could mean
    is called so. In full he may name his own; the operator, everybody's."""
    own, mark, of = written.partition(MARK)
    if not form.fullmatch(own):
        return None
    if not mark:
        return within(tenant, own)
    return written if TENANT.fullmatch(of) and may_see(tenant, of) else None
