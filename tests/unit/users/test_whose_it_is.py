"""Ids within a tenant: as they are written, kept and shown."""

from __future__ import annotations

import pytest

from ari_app.domain.recordings import FILE, file_of, may_hear
from ari_app.domain.tenants import as_seen_by, kept, may_see, tenant_of, within
from ari_app.ports.users import USER_ID


@pytest.mark.parametrize(
    ("tenant", "written", "as_kept"),
    [
        ("", "17", "17"),
        ("", "17@acme", "17@acme"),
        ("acme", "17", "17@acme"),
        ("acme", "17@acme", "17@acme"),
        ("acme", "17@beta", None),
        ("acme", "17@acme@beta", None),
        ("acme", "17@beta@acme", None),
        ("", "17@", None),
        ("", "17@ACME", None),
        ("", "17@acme\n", None),
        ("acme", "17@", None),
        ("acme", "", None),
        ("acme", "@acme", None),
        ("acme", "1 7", None),
        ("acme", "17\n", None),
        ("acme", "x" * 65, None),
    ],
)
def test_an_id_as_it_is_written_and_kept(tenant: str, written: str, as_kept: str | None) -> None:
    assert kept(tenant, written, USER_ID) == as_kept
    if as_kept is not None:
        assert may_see(tenant, tenant_of(as_kept))
        assert kept(tenant, as_seen_by(tenant, as_kept), USER_ID) == as_kept, "what is shown can be sent back"


def test_no_two_tenants_can_mean_the_same() -> None:
    assert len({within(tenant, "17") for tenant in ("", "acme", "beta")}) == 3


def test_a_recordings_name_says_to_its_tenant_alone_that_it_is_his() -> None:
    ours, acmes = file_of("s", "mixed", 1, ""), file_of("s", "mixed", 1, "acme")
    assert all(FILE.fullmatch(one) for one in (ours, acmes))
    assert [may_hear(who, acmes) for who in ("", "acme", "beta")] == [True, True, False]
    assert [may_hear(who, ours) for who in ("", "acme", "beta")] == [True, False, False]
    assert not may_hear("", "../etc/passwd")
    assert file_of("t", "mixed", 1, "acme")[:35] != acmes[:35], "nobody finds the next one"
