"""`make soak`: the full counts, seeded; ends by itself; writes soak-results/<time>-<seed>.json.

Each section is a run of pytest with SOAK=1; what it prints is kept, so that a failure can be replayed with its seed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
MILLION = "tests/contract/test_ledger_million.py"
SETTLEMENT = ["tests/contract/test_costs_month.py", "tests/unit/trunks/test_costing.py", "tests/unit/settling"]
SECTIONS = {
    "laws": (["tests/laws"], {"RINGBRIDGE_LAW_RUNS": "9000", "RINGBRIDGE_TEETH_RUNS": "3000"}),
    "contract": (["tests/contract", "--ignore", MILLION], {}),
    "million": ([MILLION], {}),
    "kills": (["tests/acceptance/test_storm.py", "tests/acceptance/test_blows.py", "-k", "not in_a_row"], {}),
    "questions": (["tests/acceptance/test_killed_at_a_question.py"], {}),
    "row500": (["tests/acceptance/test_storm.py", "-k", "in_a_row"], {}),
    "sound": (["tests/pbx/test_sound.py"], {}),
    "trunks": (["tests/pbx/test_trunks_applied.py", "tests/unit/trunks/test_trunk_applies.py"], {}),
    "trunk-limits": (["tests/acceptance/test_trunk_limits.py", "tests/pbx/test_trunk_failover.py"], {}),
    "fresh": (["tests/acceptance/test_fresh_clone.py"], {}),
    "money": (["tests/pbx/test_money.py"], {}),
    "settlement": (SETTLEMENT, {}),
    "many": (["tests/acceptance/test_many_calls.py"], {}),
    "nodes": (["tests/acceptance/test_nodes.py", "tests/acceptance/test_two_pbxes.py"], {}),
    "notices": (["tests/acceptance/test_notices_killed.py", "tests/pbx/test_notices_rung.py"], {}),
    "recordings": (["tests/pbx/test_recording.py", "tests/pbx/test_verification.py"], {}),
    "conference": (["tests/acceptance/test_conferences_killed.py", "tests/pbx", "-k", "conference"], {}),
    "overload": (["tests/overload"], {}),
    "fuzz": ([f"tests/hostile/test_{name}.py" for name in ("odd_frames", "odd_facts", "fuzzed_by_coverage")], {}),
    "api-fuzz": (["tests/hostile/test_api_fuzzed.py"], {}),
    "trunks-fuzz": (["tests/hostile/test_trunks_fuzzed.py", "tests/unit/trunks/test_rate_deck.py"], {}),
    "sip-torture": (["tests/hostile/test_sip_torture.py"], {}),
    "speech": (["tests/unit/speech"], {}),
}
CHAOS = "tests/chaos/test_chaos_full.py"
SECTIONS |= {f"chaos{part}": ([CHAOS], {"CHAOS_PART": str(part)}) for part in range(1, 7)}
"""Seeds of their own; together more than 1,000 calls under more than 200 faults. Those of 5 are of carriers, mostly; 6
begins with every call type."""
PART_OF_IT = ("tests/pbx",)  # chosen by -k
ELSEWHERE = sorted({path for paths, _ in SECTIONS.values() for path in paths if path.startswith("tests/")})
SECTIONS["spared"] = (
    ["tests", "-m", "soak", *(f"--deselect={path}" for path in ELSEWHERE if path not in PART_OF_IT)],
    {},
)
"""What `make test` is spared, and no section above has."""
SECTION_S_MAX = 3_900
FIGURES = (" calls: ", " s: ", " accounts: ", " operations", " tries, ", " recipients, ")
"""A line that is printed with one of these is kept as a figure."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help=f"some of: {','.join(SECTIONS)}")
    asked = parser.parse_args()
    names = asked.only.split(",") if asked.only else list(SECTIONS)
    if unknown := set(names) - SECTIONS.keys():
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    results = [run(name, asked.seed) for name in names]
    record = {"seed": asked.seed, "commit": commit.stdout.strip(), "at": time.strftime("%FT%TZ", time.gmtime())}
    record |= {"passed": all(r["passed"] for r in results), "sections": results}  # type: ignore[dict-item]
    folder = Path("soak-results")
    folder.mkdir(exist_ok=True)
    file = folder / f"{time.strftime('%Y%m%dT%H%M%S')}-{asked.seed}.json"
    file.write_text(json.dumps(record, indent=1) + "\n")
    say(f"{'all sections passed' if record['passed'] else 'FAILED'}; {file}")
    return 0 if record["passed"] else 1


def run(name: str, seed: int) -> dict[str, object]:
    paths, more = SECTIONS[name]
    say(f"{name} ...")
    env = {**os.environ, "SOAK": "1", "SEED": str(seed), "CI": "true", **more}
    command = [sys.executable, "-m", "pytest", "-q", "-rP", "--timeout", str(SECTION_S_MAX), *paths]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SECTION_S_MAX, check=False
        )
        printed, passed = done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        printed, passed = f"{late.stdout or ''}\nnot done within {SECTION_S_MAX} s", False
    seconds = round(time.monotonic() - began)
    lines = printed.strip().splitlines()
    say(f"{name}: {'passed' if passed else 'FAILED'} in {seconds} s: {lines[-1] if lines else ''}")
    figures = [line for line in lines if any(mark in line for mark in FIGURES)]
    return {"name": name, "passed": passed, "seconds": seconds, "figures": figures, "last": lines[-60:]}


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
