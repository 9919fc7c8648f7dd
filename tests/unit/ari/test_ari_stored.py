"""Recordings that the PBXes keep, asked for over HTTP: on whichever of them one is, while another is away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import encode_basic_auth, web

from ari_app.adapters.ari.stored import Keeper, StoredTapes
from ari_app.domain.errors import Unavailable
from ari_app.ports.tapes import Tape

AWAY = Keeper("away", "http://127.0.0.1:1", "u", "p")


class Pbx:
    """As much of ARI as this needs; `kept`: name → sound."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.live: set[str] = set()
        self.url = ""

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/ari/recordings/live/{name}", self._live)
        app.router.add_get("/ari/recordings/stored", self._all)
        app.router.add_get("/ari/recordings/stored/{name}/file", self._file)
        app.router.add_delete("/ari/recordings/stored/{name}", self._delete)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def keeper(self) -> Keeper:
        return Keeper("here", self.url, "u", "p")

    async def _live(self, request: web.Request) -> web.Response:
        assert request.headers["authorization"] == encode_basic_auth("u", "p")
        return web.json_response({}, status=200 if request.match_info["name"] in self.live else 404)

    async def _all(self, _request: web.Request) -> web.Response:
        return web.json_response([{"name": name, "format": "wav"} for name in self.kept])

    async def _file(self, request: web.Request) -> web.Response:
        sound = self.kept.get(request.match_info["name"])
        return web.Response(status=404) if sound is None else web.Response(body=sound)

    async def _delete(self, request: web.Request) -> web.Response:
        return web.Response(status=404 if self.kept.pop(request.match_info["name"], None) is None else 204)


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    pbx = Pbx()
    runner = await pbx.start()
    yield pbx
    await runner.cleanup()


async def sound_of(tape: object) -> bytes:
    assert isinstance(tape, Tape)
    sound = b"".join([chunk async for chunk in tape.chunks])
    assert tape.size == len(sound)
    return sound


async def test_it_is_fetched_from_whichever_has_it(pbx: Pbx) -> None:
    pbx.kept = {"a": b"RIFF" + bytes(300_000), "b": b""}
    empty = Pbx()
    runner = await empty.start()
    tapes = StoredTapes([empty.keeper(), pbx.keeper()], 2_000)
    assert await sound_of(await tapes.fetch("a")) == pbx.kept["a"]
    assert await sound_of(await tapes.fetch("b")) == b""
    assert await tapes.fetch("c") is None
    assert await tapes.files() == ["a", "b"]
    assert [await tapes.delete("a") for _ in range(2)] == [True, False]
    await runner.cleanup()


async def test_one_that_goes_on_is_told_as_such(pbx: Pbx) -> None:
    pbx.live, pbx.kept = {"a"}, {"a": b"RIFF"}
    assert await StoredTapes([pbx.keeper()], 2_000).fetch("a") == "running"


async def test_who_is_away_might_have_it(pbx: Pbx) -> None:
    """Found elsewhere it is given; not found, nobody says that it is not there."""
    pbx.kept = {"a": b"RIFF", "b": b"RIFF"}
    tapes = StoredTapes([AWAY, pbx.keeper()], 500)
    assert await sound_of(await tapes.fetch("a")) == b"RIFF"
    assert await tapes.delete("b")
    assert await tapes.files() == ["a"]
    for asking in (tapes.fetch("c"), tapes.delete("c")):
        with pytest.raises(Unavailable) as told:
            await asking
        assert "Basic" not in str(told.value)
