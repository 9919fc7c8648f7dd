"""Two partners with users of the same name on one platform, for real: each calls, sees its own and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ground import Ground, number
from tests.ringbridge import Ringbridge

TENANTS = ("left", "right")


@contextmanager
def asked_by(app: Ringbridge, tenant: str) -> Iterator[Ringbridge]:
    """The same app, asked with a key of the tenant's."""
    wanted = {"name": f"of {tenant}", "scopes": ["call", "read"], "tenant": tenant}
    made = app.ask("POST", "/v1/keys", wanted).body
    asking = copy.copy(app)
    asking.key = made["secret"]
    yield asking
    app.ask("DELETE", f"/v1/keys/{made['id']}")


def test_two_partners_with_the_same_user_call_and_see_their_own(ringbridge: Ringbridge, ground: Ground) -> None:
    numbers = {tenant: (number(10), number(11)) for tenant in TENANTS}
    for tenant, (mine, _) in numbers.items():
        assert ringbridge.ask("PUT", f"/v1/tenants/{tenant}", {"name": tenant.title()}).status in (200, 201)
        ringbridge.user(f"17@{tenant}", mine)
    left, right = TENANTS
    with asked_by(ringbridge, left) as one, asked_by(ringbridge, right) as other:
        calls = {
            tenant: app.call("17", numbers[tenant][1], key="first") for tenant, app in ((left, one), (right, other))
        }
        assert len(set(calls.values())) == 2, "one Idempotency-Key of two is two calls"
        for tenant, app, others in ((left, one, right), (right, other, left)):
            talking = app.until_state(calls[tenant], "talking")
            assert (talking["caller"], talking["payer"]) == ("17", "17")
            assert talking["legs"][0]["number"] == numbers[tenant][0]
            assert app.ask("DELETE", f"/v1/calls/{calls[others]}").status == 404
            assert app.ask("GET", f"/v1/calls/{calls[others]}/events").status == 404
            for listed in ("/v1/calls", "/v1/calls?user=17"):
                assert [call["id"] for call in app.ask("GET", listed).body["calls"]] == [calls[tenant]]
        for tenant, app in ((left, one), (right, other)):
            assert app.show(calls[tenant])["state"] == "talking", "nobody else has ended it"
            app.hang_up(calls[tenant])
        for tenant, app in ((left, one), (right, other)):
            assert app.until_ended(calls[tenant])["reason"] == "completed"
            assert app.balance("17")["available_s"] == 3600 - app.show(calls[tenant])["charged_s"]
            assert len(ground.rings(numbers[tenant][1])) == 1
        assert ringbridge.show(calls[left])["payer"] == "17@left"
