"""What tests on real servers share: one stack and one app for the whole session, laid when the first test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from ari_app.stack import StackInfo
from tests.ground import SOAK, Ground, laid
from tests.ringbridge import Ringbridge
from tests.support import until_sync

Start = Callable[..., AbstractContextManager[Ringbridge]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not SOAK and (mark := item.get_closest_marker("soak")):
            item.add_marker(pytest.mark.skip(reason=f"{mark.args[0]}: SOAK=1"))


@pytest.fixture(autouse=True)
def logs_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that runs a whole program in this process sets its logs up; the next one, whichever that is, must not
    find its loggers fixed to that."""
    configure, before, was_configured = structlog.configure, structlog.get_config(), structlog.is_configured()

    def for_this_test(**given: Any) -> None:
        configure(**given | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", for_this_test)
    yield
    structlog.reset_defaults()
    if was_configured:
        configure(**before)


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with laid(tmp_path_factory.mktemp("ground")) as ground:
        yield ground


@pytest.fixture(scope="session")
def stack(ground: Ground) -> StackInfo:
    return ground.info


@pytest.fixture(scope="session")
def ringbridge(ground: Ground) -> Iterator[Ringbridge]:
    """The app on the session's stack. Every test has users and numbers of its own."""
    with running(ground.home) as app:
        yield app


@pytest.fixture(scope="session")
def paying_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A stack on which a silent phone is never hung up."""
    with laid(tmp_path_factory.mktemp("paying"), media_timeout_s=0) as ground:
        yield ground


PAYING = {
    "INCREMENT": "1/1",  # so that what is charged is what was talked
    "SLICE_S": "12",
    "WARNING_S": "10",
    "MARGIN_S": "2",
    "HOLD_RETRY_S": "0.5",
    "MEDIA_TIMEOUT_S": "0",
    "PROMPT": "true",
    "PLANS_FILE": str(Path(__file__).parent / "pbx" / "plans.toml"),
}


@pytest.fixture(scope="session")
def paying(paying_ground: Ground) -> Iterator[Ringbridge]:
    """An app that charges by the second, warns 10 s before the minutes end, and greets the caller."""
    with running(paying_ground.home, **PAYING) as app:
        yield app


@pytest.fixture
def start() -> Start:
    """`with start(home, SLICE_S="10") as app:` an app of the test's own; see `running`."""
    return running


@contextmanager
def running(home: Path, **settings: str) -> Iterator[Ringbridge]:
    """An app from its start to a clean end: it leaves when it is told to, and its log has nothing to complain of."""
    app = Ringbridge(home, **settings).start()
    try:
        yield app
    finally:
        code = app.terminate()
    assert code == 0, app.tail()
    assert app.complaints() == []


def nothing_is_left(ground: Ground, app: Ringbridge) -> None:
    """Not one channel, bridge, snoop, call or task, 5 s after the last call ended."""
    until_sync(lambda: not app.live(), 5, "no call lives in the app")
    until_sync(lambda: app.tasks() <= app.tasks_at_rest, 5, f"{app.tasks()} tasks, at rest there were")
    until_sync(lambda: not ground.on_the_pbx(), 5, f"no channel and no bridge lives: {ground.on_the_pbx()}")
    assert ground.rx("core show channels count").startswith("0 active channels")
    assert ground.complaints() == []
