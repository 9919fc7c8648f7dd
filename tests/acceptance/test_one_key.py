"""The same Idempotency-Key from twenty clients at once, and again when the process that took them was killed: one call,
one charge, one answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.acceptance.drive import DIED, Drive
from tests.acceptance.house import House, Placed
from tests.ground import number
from tests.ringbridge import Answer

CLIENTS = 20
TALK_MS = 2_000
SAME = ("id", "type", "caller", "callee", "payer", "created_at", "metadata")


def test_twenty_clients_and_a_killed_process_are_one_call(house: House) -> None:
    house.have()
    drive = Drive(house, talk_ms=TALK_MS)
    user, its = house.user("10")
    to, key = number(11), f"crm-{user}"
    body = {"caller": user, "callee": to, "metadata": {"order": "7"}}

    def ask(_client: int) -> Answer | None:
        try:
            return house.app.ask("POST", "/v1/calls", body, Idempotency_Key=key)
        except DIED:
            return None

    with ThreadPoolExecutor(CLIENTS) as clients:
        first = list(clients.map(ask, range(CLIENTS)))
        answered = next(answer for answer in first if answer is not None)
        house.app.until_state(answered.body["id"], "talking")  # before that a death may end it, with nothing to charge
        house.kill()
        house.again()  # and they ask again, as everybody does who knows of no answer
        again = list(clients.map(ask, range(CLIENTS)))
        other = house.app.ask("POST", "/v1/calls", {**body, "callee": number(12)}, Idempotency_Key=key)

    answers = [answer for answer in (*first, *again) if answer is not None]
    assert len(answers) >= CLIENTS
    assert {answer.status for answer in answers} == {201}
    assert len({tuple(str(answer.body[field]) for field in SAME) for answer in answers}) == 1
    assert (other.status, other.body["type"]) == (409, "idempotency-conflict")
    drive.verdict(Placed(answers[0].body["id"], user, its, to))  # rung once, charged once: by all witnesses
    assert [line["call"] for line in house.app.statement(user) if line["what"] == "spent"] == [answers[0].body["id"]]
