"""`ringbridge number`, against an API over memory."""

from __future__ import annotations

import asyncio
import json

from tests.unit.cli.conftest import Run, Served
from tests.unit.cli.test_cli_keys import said

HIS, CODE = "+8613912345602", "302118"


def an_unproved_number(served: Served) -> None:
    asyncio.run(served.bench.unproved("li", HIS, CODE))


def test_a_number_is_rung_and_what_to_do_then_is_told(run: Run, served: Served) -> None:
    an_unproved_number(served)
    ran = run("number", "verify", "li", HIS, "--once", "k")
    assert "is rung (call c1); the code is good until 2026-11-23T08:43:12.123Z" in ran.out
    assert f"ringbridge number confirm li {HIS} CODE" in ran.err.replace("+8613900000001", HIS)
    assert CODE not in ran.out + ran.err
    [(_, _, once)] = served.bench.service.asked
    assert once == "k"
    told = json.loads(said(run("number", "verify", "li", HIS, "--json")))
    assert (told["call"], told["tries"]) == ("c1", 5)


def test_each_time_without_a_key_is_a_call_of_its_own(run: Run, served: Served) -> None:
    an_unproved_number(served)
    for _ in range(2):
        run("number", "verify", "li", HIS)
    assert len({once for _, _, once in served.bench.service.asked}) == 2


def test_the_code_given_back_proves_it_and_a_wrong_one_says_why_not(run: Run, served: Served) -> None:
    an_unproved_number(served)
    wrong = run("number", "confirm", "li", HIS, "000000")
    assert (wrong.code, "4 tries are left. (wrong-code)" in wrong.err) == (1, True)
    assert said(run("number", "confirm", "li", HIS, CODE)) == f"{HIS} is proved to be li's; proved are {HIS}"
    assert json.loads(said(run("number", "confirm", "li", HIS, CODE, "--json")))["verified"] == [HIS]
    assert "number-verified" in run("number", "verify", "li", HIS).err
