"""A thin client of the HTTP API, for the command line. Knows paths of no route; what goes wrong is one sentence."""

from __future__ import annotations

import json
import os
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

ANSWER_WITHIN_S = 15.0
ADDRESS_FILE = "api.json"
ADDRESS = "RINGBRIDGE_API"  # the environment's word for it
CHUNK = 64 * 1024  # bytes
UNAUTHORIZED = 401


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
        self.api = api.rstrip("/")
        self._key = key
        self._is_left_behind = is_left_behind
        host = _host(self.api)
        is_here = host in ("localhost", "::1") or host.startswith("127.")
        proxies = [urllib.request.ProxyHandler({})] if is_here else []
        self._opener = urllib.request.build_opener(*proxies)

    def get(self, *path: str, **query: object) -> Any:
        return self._ask("GET", path, None, {}, _asked(query))

    def put(self, *path: str, body: object = None) -> Any:
        return self._ask("PUT", path, body, {})

    def patch(self, *path: str, body: object) -> Any:
        return self._ask("PATCH", path, body, {})

    def post(self, *path: str, body: object, once: str | None = None, **query: object) -> Any:
        """`once`: the Idempotency-Key."""
        return self._ask("POST", path, body, {"Idempotency-Key": once} if once else {}, _asked(query))

    def delete(self, *path: str, **query: object) -> Any:
        return self._ask("DELETE", path, None, {}, _asked(query))

    def chunks(self, *path: str) -> Iterator[bytes]:
        """What is no JSON, such as a sound. Asks when the first one is taken; Failure where it breaks off."""
        with self._told(), self._opener.open(self._asking("GET", path), timeout=ANSWER_WITHIN_S) as answer:
            while chunk := answer.read(CHUNK):
                yield chunk
            if answer.length:  # less came than was announced, of which read(size) says nothing
                raise Unreachable(f"{self.api} broke off in the midst of it: ask again")

    def _ask(self, method: str, path: tuple[str, ...], body: object, headers: dict[str, str], query: str = "") -> Any:
        asking = self._asking(method, path, body, headers, query)
        with self._told(), self._opener.open(asking, timeout=ANSWER_WITHIN_S) as answer:
            raw = answer.read()
            return None if answer.status == HTTPStatus.NO_CONTENT else json.loads(raw)

    def _asking(
        self, method: str, path: tuple[str, ...], body: object = None, headers: dict[str, str] | None = None,
        query: str = "",
    ) -> urllib.request.Request:  # fmt: skip
        url = "/".join([self.api, *(quote(part, safe="") for part in path)]) + query
        data = None if body is None else json.dumps(body).encode()
        asking = urllib.request.Request(
            url, data, method=method, headers={"Authorization": f"Bearer {self._key}"} | (headers or {})
        )
        if data is not None:
            asking.add_header("Content-Type", "application/json")
        return asking

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Whatever goes wrong, as a Failure."""
        try:
            yield
        except urllib.error.HTTPError as e:
            more = ""
            if e.code == UNAUTHORIZED and self._is_left_behind:
                more = f": {self.api} is another Ringbridge's now; start yours with `ringbridge up`"
            raise ApiRefused(e.code, _problem(e.read()), more) from None
        except (OSError, ValueError, HTTPException) as e:  # ValueError: an answer that is no JSON
            why = e.reason if isinstance(e, urllib.error.URLError) else e
            raise Unreachable(f"{self.api} does not answer ({why}): is `ringbridge up` running?") from None


def _asked(query: dict[str, object]) -> str:
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return f"?{asked}" if asked else ""


def _host(api: str) -> str:
    try:
        parts = urlsplit(api)
        if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0):
            return parts.hostname
    except ValueError:  # a port that is none
        pass
    raise Failure(f"{api!r} is not the address of an API; expected one such as http://127.0.0.1:8080")


def _problem(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


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
