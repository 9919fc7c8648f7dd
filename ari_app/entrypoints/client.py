"""A thin client of the HTTP API, for the command line. Knows paths of no route; what goes wrong is one sentence."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ari_app import client
from ari_app.client import ApiError, Request, Ringbridge
from ari_app.client.clients import ANSWER_WITHIN_S
from ari_app.client.live import Message, Reader
from ari_app.entrypoints.languages import language_of_locale

SILENT_AT_MOST_S = 60.0
"""A stream that says nothing for so long is dead: its heartbeats come more often."""
ADDRESS_FILE = "api.json"
ADDRESS = "RINGBRIDGE_API"  # the environment's word for it
CHUNK = 64 * 1024  # bytes
FILE_WITHIN_S = 3_600.0
"""All of a file's lines may be done before there is an answer."""
UNAUTHORIZED = 401
NOTHING_MORE = 204


class Failure(Exception):
    """What a person is told, in one sentence; the command ends with exit code 1."""


class ApiRefused(Failure):
    """The API answered, and the answer is no. `problem` is its body (application/problem+json)."""

    def __init__(self, status: int, problem: dict[str, Any], more: str = "") -> None:
        super().__init__(
            f"{problem.get('detail') or 'the API answered ' + str(status)} ({problem.get('type', status)}){more}"
        )
        self.status = status
        self.problem = problem


class Unreachable(Failure):
    """Nobody answered; what was asked may have been done."""


class Client:
    """Raises Failure for an address that is none. `is_left_behind`: the address was not given, `up` left it once."""

    def __init__(self, api: str, key: str, *, is_left_behind: bool = False) -> None:
        try:
            self._api = Ringbridge(api, key, retry=None, language=language_of_locale(os.environ))
        except ValueError as e:
            raise Failure(str(e)) from None
        self.api = self._api.api
        self._is_left_behind = is_left_behind

    def get(self, *path: str, **query: object) -> Any:
        return self._ask("GET", path, None, query=query)

    def put(self, *path: str, body: object = None) -> Any:
        return self._ask("PUT", path, body)

    def patch(self, *path: str, body: object) -> Any:
        return self._ask("PATCH", path, body)

    def post(self, *path: str, body: object, once: str | None = None, **query: object) -> Any:
        """`once`: the Idempotency-Key."""
        return self._ask("POST", path, body, once, query)

    def delete(self, *path: str, **query: object) -> Any:
        return self._ask("DELETE", path, None, query=query)

    def post_file(self, *path: str, data: bytes, content_type: str, once: str | None = None, **query: object) -> Any:
        asked: Request[Any] = Request("POST", path, Any, query, key=once or None, file=data, media=content_type)
        with self._told(), self._api.opened(asked, {}, FILE_WITHIN_S) as answer:
            return asked.read(answer.status, answer.read(), answer.headers.items())

    def chunks(self, *path: str, **query: object) -> Iterator[bytes]:
        """What is no JSON, such as a sound. Asks when the first one is taken; Failure where it breaks off."""
        with self._told(), self._api.opened(Request("GET", path, bytes, query), {}, ANSWER_WITHIN_S) as answer:
            while chunk := answer.read(CHUNK):
                yield chunk
            if answer.length:  # less came than was announced, of which read(size) says nothing
                raise Unreachable(f"{self.api} broke off in the midst of it: ask again")

    def stream(self, *path: str, last_id: str = "", **query: object) -> Iterator[Message]:
        """Events as they come, behind `last_id`, until the server ends it; `end`: nothing will come any more."""
        asked: Request[None] = Request("GET", path, None, query)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
        reader = Reader(last_id)
        with self._told(), self._api.opened(asked, headers, SILENT_AT_MOST_S) as answer:
            if answer.status == NOTHING_MORE:
                yield Message(last_id, "end", "")
            for line in answer:
                if (message := reader.feed(line.decode().rstrip("\r\n"))) is not None:
                    yield message

    def _ask(
        self, method: str, path: tuple[str, ...], body: object, once: str | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Any:  # fmt: skip
        with self._told():
            return self._api.send(Request(method, path, Any, query or {}, body, once or None))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever goes wrong, as a Failure."""
        try:
            yield
        except ApiError as e:
            more = ""
            if e.status == UNAUTHORIZED and self._is_left_behind:
                more = f": {self.api} is another Ringbridge's now; start yours with `ringbridge up`"
            raise ApiRefused(e.status, e.problem, more) from None
        except client.Unreachable as e:
            raise Unreachable(f"{e}: is `ringbridge up` running?") from None


def connect(api: str | None = None, key: str | None = None, state_dir: Path | None = None) -> Client:
    """A client for the address and key that were given, or are in the environment, or that `up` left behind."""
    api, key = api or os.environ.get(ADDRESS), key or os.environ.get("RINGBRIDGE_API_KEY")
    is_given = bool(api)
    if not (api and key):
        left = state_dir or Path(told_setting("state_dir") or ".ringbridge")
        found = _left_behind(left / ADDRESS_FILE)
        api, key = api or found.get("api"), key or found.get("key")
    if not api or not key:
        raise Failure(
            "no API is known here: start one with `ringbridge up`, or name it with --api and --key "
            "(RINGBRIDGE_API and RINGBRIDGE_API_KEY)"
        )
    return Client(api, key, is_left_behind=not is_given)


def _left_behind(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise Failure(
            f"{path} cannot be read ({e.strerror}): name your state directory in RINGBRIDGE_STATE_DIR"
        ) from None
    except ValueError:
        raise Failure(f"{path} is damaged: start `ringbridge up` again, which writes it anew") from None
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def told_setting(name: str, config: str | None = None) -> str | None:
    """One setting as written, from the environment or the file, without checking the others; None: not given.

    For commands that must work while the configuration has a mistake elsewhere.
    """
    if told := os.environ.get(f"RINGBRIDGE_{name.upper()}", "").strip():
        return told
    file = Path(config or os.environ.get("RINGBRIDGE_CONFIG") or "ringbridge.toml")
    try:
        value = tomllib.loads(file.read_text("utf-8")).get(name)
    except (OSError, ValueError):
        return None
    return None if value is None else str(value)
