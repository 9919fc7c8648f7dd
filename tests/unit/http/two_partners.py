"""Two partners on one API over memory: acme, who has one of everything, and beta, who tries to get at it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.domain.call import Call, Terms
from ari_app.domain.numbers import Rules
from ari_app.domain.recordings import file_of
from ari_app.domain.trunks import Trunk
from ari_app.engine.asks import Ask, Policy, Refusal
from ari_app.engine.making import CallMaker
from ari_app.engine.service import call_id
from ari_app.engine.trunk_book import TrunkBook
from ari_app.ports.devices import Device
from ari_app.ports.keys import SCOPES, described
from ari_app.ports.tenants import Tenant
from ari_app.ports.users import OwnedNumber, User
from tests.support import personal
from tests.unit.http.conference_bench import Hall, a_conference
from tests.unit.http.http_bench import NOW_MS, Answer, Bench, a_call, a_test

DEMO, LI = "+8613900000001", "+8613900000009"
"""Numbers of acme's users; LI's is not proved."""
NOBODYS = "+8613900000077"
RECORDED = file_of("s", "mixed", NOW_MS, "acme")
DEVICE = "vaaaaaaaaaaaaaaaa"


def of_acme(call: Call) -> Call:
    legs = tuple(replace(leg, user=f"{leg.user}@acme") if leg.user else leg for leg in call.legs)
    return replace(call, payer=f"{call.payer}@acme" if call.payer else "", legs=legs)


@dataclass
class Making:
    """The service as it makes calls of what is asked; it begins none."""

    maker: CallMaker
    made: dict[str, Call] = field(default_factory=dict)

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal:
        call = await self.maker.make(ask, call_id(owner, idempotency_key))
        if isinstance(call, Call):
            self.made[call.id] = call
        return call


@dataclass
class Partners:
    api: Bench
    making: Making
    hall: Hall
    ids: dict[str, str]
    """What acme has: word → id."""

    async def ask(self, key: str, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.api.ask(method, path, body, key=key, **more)

    async def of_acme(self) -> dict[str, Any]:
        """All that beta must not be able to change, as the stores have it."""
        api, user = self.api, "demo@acme"
        notice = self.ids["notice"]
        account = api.ledger.accounts[user]
        return {
            "users": [await api.users.get(one) for one in (user, "li@acme")],
            "numbers": [await api.users.by_number(one) for one in (DEMO, LI)],
            "account": (account, repr(account)),
            "team": await api.teams.get("staff@acme"), "seats": await api.teams.seats("staff@acme"),
            "devices": await api.devices.of(user), "keys": await api.keys.of("acme"),
            "tenant": await api.tenants.get("acme"),
            "webhooks": [one for one in await api.webhooks.all() if one.tenant == "acme"],
            "waiting": await api.webhooks.standing(self.ids["webhook"]),
            "notice": (await api.notices.find(notice), await api.notices.events(notice)),
            "recipients": await api.notices.recipients(notice),
            "calls": (await api.calls.list(tenant="acme"), await api.calls.load("c1"), await api.calls.events("c1")),
            "ended": list(api.engine.cancelled), "told": list(self.hall.told), "added": list(self.hall.added),
            "recorded": dict(api.tapes.kept), "pins": repr(vars(api.pins)), "attempts": repr(vars(api.limits)),
            "code": repr(vars(api.codes)),
        }  # fmt: skip


async def two_partners() -> Partners:
    api = await Bench().with_keys()
    for name in ("acme", "beta"):
        await api.tenants.put(Tenant(name, name.title(), 1))
        await api.keys.add(*described(f"rb_{name}", name, SCOPES, 1, None, name))
    await api.users.put(User("demo@acme", (OwnedNumber(DEMO, "admin", 1),), "Demo"))
    await api.unproved("li@acme", LI, code="302118")
    hall = Hall(of_acme(a_conference()))
    api.engine.live |= {"c1": of_acme(a_call()), "c9": hall.call}
    api.engine.live["c2"] = replace(of_acme(a_call("c2")), words=("record mixed",))
    api.engine.tell = hall.tell  # type: ignore[method-assign]  # as the flow would take it
    await api.store(of_acme(a_call()), "queued")
    api.engine.live["c7"] = api.service.test = a_test()
    making = Making(_maker(api))
    api.service.place = making.place  # type: ignore[method-assign]  # who is meant is what is tried here
    api.service.add = hall.add  # type: ignore[attr-defined]
    await api.charge("c1", user="demo@acme")
    await api.teams.put("staff@acme", name="Staff", is_certified=True)
    await api.membership.join("staff@acme", "demo@acme")
    await api.devices.add(Device(DEVICE, "demo@acme", "", "udp", "rbdx", "0", 1), 9)
    api.tapes.kept[RECORDED] = b"RIFF"
    ids = {"call": "c1", "other": "c2", "conference": "c9", "recording": RECORDED, "device": DEVICE, "leg": "p1"}
    ids["notice"] = (await api.ask("POST", "/v1/notices", NOTICE, key="acme")).json["id"]
    ids["webhook"] = (await api.ask("POST", "/v1/webhooks", HOOK, key="acme")).json["id"]
    ids["key"] = (await api.ask("POST", "/v1/keys", {"name": "crm", "scopes": ["call"]}, key="acme")).json["id"]
    return Partners(api, making, hall, ids)


NOTICE = {"sender": "demo", "recipients": ["li", "+8613900000028"], "text": "The fire drill is at ten."}
HOOK = {"url": "http://127.0.0.1:8123/hook", "events": ["call.*"]}


def _maker(api: Bench) -> CallMaker:
    policy = Policy(Terms(), "+864001234567", Rules(("CN",)), 45_000, 60_000, 4)
    return CallMaker(
        users=api.users, read_number=PhoneNumbers("CN").read, policy=policy,
        trunks=TrunkBook([Trunk("carrier", "sip.example.net")]), now_ms=lambda: NOW_MS, entitled=personal,
    )  # fmt: skip
