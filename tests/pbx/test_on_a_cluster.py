"""The whole app on a Redis Cluster: nothing but the address is another, and a real call is charged as ever."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import running
from tests.contract.redis_cluster import RedisCluster
from tests.ground import laid, number
from tests.support import until_sync


def test_a_real_call_is_charged_on_three_masters(tmp_path: Path) -> None:
    cluster = RedisCluster(_made(tmp_path / "cluster"))
    try:
        cluster.start()
        home = _made(tmp_path / "home")
        with laid(home, redis=False), running(home, REDIS_URL=cluster.url, INCREMENT="6/6") as app:
            anna = app.user("anna", number(12))
            call = app.call(anna, number(26))
            shown = app.until_ended(call)
            assert (shown["reason"], shown["charged_s"]) == ("completed", 6)
            assert app.balance(anna)["available_s"] == 3600 - 6
            assert [line["what"] for line in app.statement(anna)] == ["spent", "month"]
            assert app.states(call)[-1] == "ended"
            until_sync(lambda: app.ask("GET", "/readyz").status == 200, 10, "all parts answer in time")
    finally:
        cluster.stop()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
