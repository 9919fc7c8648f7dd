"""An Asterisk that can only be told of trunks: it reads its file when it is asked to, takes each object in whole or not
at all, and shows what it has, as the real one does (tests/pbx/test_trunks_applied.py). Knows no product code but the
file's form."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ari_app.stack.marks import MARK, PjsipSection, sections
from tests.ports import claim

REFUSED = "nonsense"


class ToldPbx:
    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.file = home / "pjsip_trunks.conf"
        self.file.touch()
        self.objects: dict[tuple[str, str], PjsipSection] = {}
        self.elsewhere: dict[tuple[str, str], PjsipSection] = {}
        """What stands in another of its files: there it is never ours."""
        self.profiles: dict[str, dict[str, str]] = {}
        """By which it signs."""
        self.reloads = 0
        self.refuses = {REFUSED}
        """Values that it takes for no option."""
        self.is_deaf = False
        """It answers no reload."""
        self.clings_to = ""
        """A name of which it gives up nothing."""
        [self.port] = claim()
        self.url = f"http://127.0.0.1:{self.port}"

    def settings(self) -> dict[str, str]:
        """For nodes.conf, and for the environment."""
        return {"ari_url": self.url, "ari_password": "of-the-told-pbx", "pjsip_trunks_file": str(self.file)}

    def names(self) -> set[str]:
        return {name for kind, name in self.objects if kind == "endpoint"}

    def value(self, name: str, option: str, kind: str = "endpoint") -> str:
        return dict(self.objects[kind, name].values)[option]

    def reload(self) -> None:
        self.reloads += 1
        told = {one.key: one for one in sections(self.file.read_text())}
        found = {key: self.objects.get(key) if self._refuses(one) else one for key, one in told.items()}
        kept = {key: one for key, one in self.objects.items() if key[1] == self.clings_to}
        self.objects = kept | {key: one for key, one in found.items() if one is not None} | self.elsewhere

    def _refuses(self, one: PjsipSection) -> bool:
        return any(value in self.refuses for _, value in one.values)

    def shown(self, kind: str, name: str) -> list[dict[str, str]] | None:
        one = self.objects.get((kind, name))
        if one is None:
            return None
        pairs = [*one.values, *([(MARK, one.mark)] if one.mark else [])]
        return [{"attribute": option, "value": value} for option, value in pairs]

    @contextmanager
    def answering(self) -> Iterator[ToldPbx]:
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join(5)


def _handler(pbx: ToldPbx) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = self.path.removeprefix("/ari/asterisk/").split("/")
            if parts == ["ping"]:
                return self._answer(200, {"ping": "pong"})
            found = pbx.shown(parts[-2], parts[-1]) if parts[:3] == ["config", "dynamic", "res_pjsip"] else None
            if "res_stir_shaken" in parts and parts[-1] in pbx.profiles:
                found = [{"attribute": name, "value": value} for name, value in pbx.profiles[parts[-1]].items()]
            return self._answer(404 if found is None else 200, found)

        def do_PUT(self) -> None:
            if pbx.is_deaf:
                return self._answer(500, None)
            if self.path != "/ari/asterisk/modules/res_pjsip.so":
                return self._answer(404, None)
            pbx.reload()
            return self._answer(204, None)

        def _answer(self, status: int, body: object) -> None:
            said = json.dumps(body).encode() if status == 200 else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
