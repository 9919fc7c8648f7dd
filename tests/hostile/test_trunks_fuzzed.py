"""Files of carriers that nobody should write: never anything but trunks or mistakes, each with a line that the file
has, and no word of a secret; never an import that its own check refuses. Replays with its SEED."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ari_app import concealed
from ari_app.config import Mistakes
from ari_app.domain.rates import Rate
from ari_app.domain.trunks import Trunk
from ari_app.rate_deck import load_deck
from ari_app.stack import render_trunks
from ari_app.stack.transports import OurEnd
from ari_app.trunk_tools.importing import import_file
from ari_app.trunks_file import read_content, read_trunks
from tests.ground import SOAK
from tests.hostile.runs import SEED
from tests.hostile.trunk_files import SECRET, deck, pjsip_conf, trunks_file

SHARE = {"trunks": 60_000, "deck": 25_000, "import": 25_000}
"""Together more than 100,000."""
ALMOST_NONE = 80  # a time for every so many, which is what `make test` does
OF_THE_WHOLE_FILE = ("no trunk here", "no line here", "too large", "no carrier here", "cannot be read")


def trunks_of(file: Path) -> str:
    found = read_trunks(file, elsewhere=True)
    assert all(isinstance(trunk, Trunk) for trunk in found.trunks)
    assert found.trunks
    assert render_trunks(found.trunks, OurEnd()).count("type = endpoint\n") == len(found.trunks), "Asterisk can have it"
    stand_in(file, found.warnings)
    return repr(found)


def rates_of(file: Path) -> str:
    found = load_deck(file, timezone="Asia/Shanghai")
    assert all(isinstance(rate, Rate) for rate in found)
    return repr(found)


def import_of(file: Path) -> str:
    made = import_file(file)
    stand_in(file, made.warnings)
    read = read_content(made.text, elsewhere=True)
    assert [trunk.name for trunk in read.trunks] == list(made.trunks)
    return made.text + repr(made)


@pytest.fixture(autouse=True)
def concealed_here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any word may be a password here, and in no other test."""
    monkeypatch.setattr(concealed, "_concealed", set())


@pytest.mark.parametrize(
    ("kind", "draw", "read"),
    [("trunks", trunks_file, trunks_of), ("deck", deck, rates_of), ("import", pjsip_conf, import_of)],
)
def test_a_hostile_file_is_trunks_or_mistakes(
    kind: str, draw: Callable[[random.Random], str], read: Callable[[Path], str], tmp_path: Path
) -> None:
    file = tmp_path / "t.conf"
    counts = {"taken": 0, "refused": 0}
    for n in range(SHARE[kind] if SOAK else SHARE[kind] // ALMOST_NONE):
        content = draw(random.Random(f"{SEED}-{kind}-{n}"))
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
        try:
            told = read(file)
            counts["taken"] += 1
        except Mistakes as e:
            stand_in(file, e.found)
            told = repr(e) + str(e)
            counts["refused"] += 1
        except Exception as e:
            raise AssertionError(f"{kind} {n} of seed {SEED}: {content!r}") from e
        assert SECRET not in told, f"{kind} {n} of seed {SEED}: {content!r}"
    print(f"{kind} operations: {counts['taken']} taken, {counts['refused']} refused")  # noqa: T201
    assert min(counts.values()) > 0, "both happen, else nothing was tried"


def stand_in(file: Path, found: tuple[object, ...]) -> None:
    """Each has a line that the file has, or is of the whole file."""
    assert len(found) <= 400
    lines = len(re.split(r"\r\n|\r|\n", file.read_bytes().decode("latin-1")))
    for one in map(str, found):
        at = re.match(rf"{re.escape(str(file))}:(\d+): ", one)
        is_whole = any(one.startswith(f"{file}: {what}") for what in (*OF_THE_WHOLE_FILE, "others may read it"))
        assert is_whole or (at and 1 <= int(at[1]) <= lines), one
