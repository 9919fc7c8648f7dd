"""`python -m tests.hostile.fuzzing TARGET --seconds N --seed N`: bytes chosen by what code they reach (atheris).

A target is the decoder with a corpus of real events, or a hypothesis test whose choices are made of those bytes. Ends
by itself; a fault ends it at once with its traceback, exit code not 0 and the bytes in the folder `--keep`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

TESTS = {
    "frames": ("test_odd_frames", "test_what_the_pbx_sends_becomes_facts_that_are_well_formed"),
    "call": ("test_odd_frames", "test_a_call_keeps_its_laws_whatever_the_pbx_says_of_it"),
    "facts": ("test_odd_facts", "test_no_facts_break_a_law_of_the_call"),
    "batches": ("test_odd_facts", "test_facts_that_come_together_leave_the_call_where_it_would_be_otherwise"),
    "records": ("test_odd_facts", "test_a_damaged_record_is_unreadable_or_can_be_wound_down"),
}
TARGETS = ("decoder", *TESTS)
INPUT_MAX = 4_096


def target(name: str) -> tuple[Callable[[bytes], object], list[bytes]]:
    """What takes the bytes, and what to begin with. Imported here, under instruments."""
    with atheris.instrument_imports(include=["ari_app"]):
        import importlib

        from tests.hostile import test_odd_frames
        from tests.hostile.odd_frames import FRAMES

        if name == "decoder":
            return _decoder(test_odd_frames.House), [json.dumps(frame).encode() for frame in FRAMES]
        module, test = TESTS[name]
        return getattr(importlib.import_module(f"tests.hostile.{module}"), test).hypothesis.fuzz_one_input, []


def _decoder(house: Callable[[], object]) -> Callable[[bytes], object]:
    """Frames of one connection, a line each."""

    def take(data: bytes) -> None:
        lived_in = house()
        for frame in data.split(b"\n"):
            lived_in.facts(frame)  # type: ignore[attr-defined]

    return take


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzzing", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", default=".")
    asked = parser.parse_args()
    take, corpus = target(asked.target)
    with TemporaryDirectory() as begun:
        for n, one in enumerate(corpus):
            (Path(begun) / str(n)).write_bytes(one)
        limits = {"max_total_time": asked.seconds, "seed": asked.seed, "max_len": INPUT_MAX, "len_control": 0}
        options = [f"-{name}={value}" for name, value in limits.items()]
        atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={asked.keep}/", "-print_final_stats=1", begun], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
