"""Where espeak-ng is looked for: the machine's own first, then the fetched one, and nothing is fetched for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ari_app.stack import fetch
from ari_app.stack.voice import find_espeak


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The prefix of this version of Ringbridge, as far as the voice needs it."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    prefix = tmp_path / "cache" / fetch.fetched_name()
    for path in ("usr/lib64/ld-linux-x86-64.so.2", "usr/bin/espeak-ng"):
        program(prefix / path)
    (prefix / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    (prefix / fetch.MANIFEST).touch()
    return prefix


def test_the_machines_own_goes_first(fetched: Path) -> None:
    own = program(fetched.parents[1] / "bin/espeak-ng")
    assert find_espeak(fetched.parent) == (str(own),)


def test_the_fetched_one_finds_its_libraries_and_its_voices(fetched: Path) -> None:
    """One of its libraries has one of its own, in a directory beside the others."""
    loader, option, libraries, espeak, voices = find_espeak(fetched.parent) or ()
    assert loader == str(fetched / "usr/lib64/ld-linux-x86-64.so.2")
    assert option == "--library-path"
    where = fetched / "usr/lib/x86_64-linux-gnu"
    assert libraries.split(os.pathsep) == [str(where), str(where / "pulseaudio")]
    assert espeak == str(fetched / "usr/bin/espeak-ng")
    assert voices == f"--path={where}"


def test_what_was_not_fetched_wholly_is_not_there(fetched: Path) -> None:
    (fetched / fetch.MANIFEST).unlink()
    assert find_espeak(fetched.parent) is None
