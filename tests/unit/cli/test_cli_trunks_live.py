"""`trunks status` and `trunks test`: what an admin reads, and the exit code that a script goes by."""

import json
from dataclasses import replace

from ari_app.domain.call import Call
from ari_app.entrypoints.http.doors import TrunkNow
from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import a_test

RANG = ["trunks", "test", "carrier", "+8613900000004"]


def placed(served: Served, call: Call) -> None:
    served.bench.service.test = served.bench.engine.live[call.id] = call


def test_a_table_says_what_each_trunk_does(run: Run, served: Served) -> None:
    served.bench.trunks = [TrunkNow("carrier", "up"), TrunkNow("other", "down", "it does not answer")]
    head, carrier, other = run("trunks", "status").out.splitlines()
    assert head.split() == [
        "trunk",
        "state",
        "reg",
        "prio",
        "lines",
        "today",
        "ASR",
        "ACD",
        "NER",
        "PDD",
        "cost",
        "why",
    ]
    assert carrier.split()[:6] == ["carrier", "up", "none", "10", "3/30", "0"]
    assert other.endswith("it does not answer")
    assert [one["name"] for one in json.loads(run("trunks", "status", "--json").out)["trunks"]] == ["carrier", "other"]


def test_one_trunk_is_shown_with_what_is_set_of_it(run: Run, served: Served) -> None:
    shown = run("trunks", "status", "carrier").out
    assert shown.startswith("carrier: up\n")
    said = {line[2:23].strip(): line[24:] for line in shown.splitlines()[1:]}
    assert (said["host"], said["lines in use"], said["codecs"]) == ("sip.example.net", "3/30", "alaw, ulaw")
    assert (said["price"], said["registers"]) == ("0.00 CNY", "no")
    assert json.loads(run("trunks", "status", "carrier", "--json").out)["host"] == "sip.example.net"
    assert "unknown-trunk" in run("trunks", "status", "nobody").err


def test_a_test_that_was_answered_is_told_in_steps(run: Run, served: Served) -> None:
    placed(served, a_test())
    ran = run(*RANG, "--seconds", "2")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "+8613900000004 over carrier: call c7",
        "  dialled    8613900000004, showing +864001234567 (trunk_policy)",
        "  first sign after 120 ms",
        "  rings      08:33:12.253",
        "  answered   08:33:13.123",
        "  ended      we hung up after 2.0 s, cause 16",
        "  cost       0.06 CNY at 0.06 CNY a minute, 60/60",
    ]


def test_a_test_that_came_to_nothing_says_why_and_its_exit_code_too(run: Run, served: Served) -> None:
    test = a_test()
    failed = replace(
        test.legs[0].tries[0], rang_at_ms=None, answered_at_ms=None, cause=34, sip_status=503, how="remote"
    )
    placed(served, test.with_leg(replace(test.legs[0], tries=(failed,))))
    ran = run(*RANG)
    assert (ran.code, ran.out.splitlines()[2]) == (1, "  ended      trunk failed, SIP 503, cause 34")
    full = replace(failed, how="failed", why="channels", cause=None, sip_status=None)
    placed(served, test.with_leg(replace(test.legs[0], tries=(full,))))
    ran = run(*RANG)
    assert (ran.code, "never dialled: all lines of the trunk are taken" in ran.out) == (1, True)
    ran = run(*RANG, "--json")
    assert (ran.code, json.loads(ran.out)["passed_over"]) == (1, "channels")


def test_a_test_call_is_shown_among_the_calls(run: Run, served: Served) -> None:
    placed(served, a_test())
    assert "paid by nobody" in run("show", "c7").out
