"""A code is read out to one phone; nobody pays. Judged as the other errand to one phone is."""

from __future__ import annotations

from tests.chaos.judging.trunk_test import ended_by_us, fitting, spans, was_up

__all__ = ["TYPE", "ended_by_us", "fitting", "spans", "was_up"]

TYPE = "verification"
