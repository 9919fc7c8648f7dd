"""The tasks that must last as long as the process: better no service than half of one. Knows none of them by name."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any


class DiedError(Exception):
    """A task ended that must not; the message says which, and of what."""


async def must_not_end(task: Coroutine[Any, Any, None], what: str) -> None:
    """Raises DiedError whenever `task` ends otherwise than by being cancelled."""
    try:
        await task
    except (DiedError, ExceptionGroup) as e:  # of a task that has lasting ones of its own
        raise DiedError(causes(e)) from e
    except Exception as e:
        raise DiedError(f"{what} stopped by a fault: {type(e).__name__}: {e}") from e
    raise DiedError(f"{what} ended")


def causes(e: BaseException) -> str:
    """What went wrong, in words, also of a whole group."""
    if isinstance(e, BaseExceptionGroup):
        return "; ".join(causes(one) for one in e.exceptions)
    return str(e) if isinstance(e, DiedError) else f"{type(e).__name__}: {e}"
