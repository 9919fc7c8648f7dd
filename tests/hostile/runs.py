"""How often a test of this folder tries: a little each time; much, and by its SEED, in the soak.

There coverage drives some of them, too (`fuzzing.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings

from tests.ground import SOAK

SEED = int(os.environ.get("SEED", "1"))
CHECKS = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


def examples(some: int, *, soak: int) -> Callable[..., Any]:
    counted = settings(max_examples=soak if SOAK else some, deadline=None, suppress_health_check=CHECKS, database=None)
    return (lambda test: seed(SEED)(counted(test))) if SOAK else counted
