"""What a test of trunks has for a password stays in that test."""

import pytest

from ari_app import concealed


@pytest.fixture(autouse=True)
def concealed_here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concealed, "_concealed", set())
