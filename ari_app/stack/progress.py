"""Says how far a long step is: a bar on a terminal, plain lines elsewhere. Knows nothing of what is done."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

Say = Callable[[str], None]
Advance = Callable[[int], None]  # takes per cent, 0 to 100


def say_on_stderr(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


@contextmanager
def step(title: str, say: Say) -> Iterator[Advance]:
    """A step of some seconds; the caller calls what it gets with the per cent done."""
    if say is say_on_stderr and sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(title, total=100)
            yield lambda percent: bar.update(task, completed=percent)
            bar.update(task, completed=100)
        return
    told = 0

    def in_quarters(percent: int) -> None:
        nonlocal told
        if percent // 25 > told:
            told = percent // 25
            say(f"{title}: {told * 25} %")

    say(f"{title} …")
    yield in_quarters
