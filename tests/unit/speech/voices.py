"""Voices for tests: the real one where it is to be had, and small programs in its place that note each run."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

from ari_app.adapters.speech import SpeechRules, VoiceSpeech
from ari_app.stack import StackError
from ari_app.stack.tools import Command
from ari_app.stack.voice import find_espeak
from tests.ground import skipping
from tests.unit.speech.wavs import tone, wav


def espeak() -> Command:
    with skipping():
        found = find_espeak()
        if found is None:
            raise StackError("espeak-ng, which is neither on PATH nor fetched")
        return found


def real(folder: Path, **rules: Any) -> VoiceSpeech:
    found = espeak()
    return VoiceSpeech(SpeechRules(folder, **rules), lambda: found)


class FakeVoice:
    """A program that says everything as 300 ms of a tone. `does`: a line of Python before that."""

    def __init__(self, home: Path, does: str = "") -> None:
        self.home = home
        self._runs, self._program = home / "runs", home / "voice.py"
        sound = base64.b64encode(wav(tone(600, 300))).decode()
        self._program.write_text(
            "import base64, os, sys, time\n"
            "text = sys.stdin.read()\n"
            f"open({str(self._runs)!r}, 'a').write(' '.join(sys.argv[1:]) + '|' + text)\n"
            f"{does}\n"
            f"sys.stdout.buffer.write(base64.b64decode({sound!r}))\n"
        )

    @property
    def runs(self) -> list[str]:
        """Of each, what it was called with and was given."""
        return self._runs.read_text().splitlines() if self._runs.exists() else []

    def speech(self, prompts: Any = (), **rules: Any) -> VoiceSpeech:
        command = f"{sys.executable} -I -S {self._program} {{language}} {{voice}}"
        return VoiceSpeech(SpeechRules(self.home / "sounds", **{"command": command, **rules}), lambda: None, prompts)
