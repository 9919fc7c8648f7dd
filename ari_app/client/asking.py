"""One request of the API as a value, what comes of it, and when it may be asked again. Pure: opens no connection."""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

T = TypeVar("T")
SAFE = ("GET", "HEAD", "PUT", "DELETE")
"""Methods that may be asked again whatever became of the first time."""
PROXY_FAILED = (502, 504)


class ApiFailure(Exception):
    """Whatever went wrong: ApiError or Unreachable."""


class ApiError(ApiFailure):
    """The API answered, and the answer is no. `type` is stable: see docs/api.md; `detail` is a sentence for the
    developer, `message` one for his user; `field`: of the request, at fault; `problem`: the whole body."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after_s: int | None = None) -> None:
        self.status = status
        self.problem = dict(problem)
        self.type = str(problem.get("type", ""))
        self.detail = str(problem.get("detail") or f"the API answered {status}")
        self.message = str(problem.get("message", ""))
        self.field = str(problem.get("field", ""))
        self.rule = str(problem.get("rule", ""))
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.detail} ({self.type or status})")


class Unreachable(ApiFailure):
    """Nobody answered, or not to the end: what was asked may have been done."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """`answer`: the type that the body is read as; None: there is none; bytes: as it came. `key`: the Idempotency-Key.
    `file`: a body that is no JSON, of this `media` type.
    `items`: the field of a page that holds its items."""

    method: str
    path: tuple[str, ...]
    answer: type[T] | None
    query: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    key: str | None = None
    file: bytes | None = None
    media: str = "application/json"
    items: str = ""

    def url(self, api: str) -> str:
        asked = {name: _word(value) for name, value in self.query.items() if value is not None}
        url = "/".join([api, *(quote(part, safe="") for part in self.path)])
        return f"{url}?{urlencode(asked)}" if asked else url

    def headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json, */*;q=0.5"}
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        if self.data is not None:
            headers["Content-Type"] = self.media
        return headers

    @property
    def data(self) -> bytes | None:
        if self.file is not None:
            return self.file
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def may_be_repeated(self) -> bool:
        """Also where it may have been done already."""
        return self.method in SAFE or self.key is not None

    def read(self, status: int, raw: bytes, headers: Iterable[tuple[str, str]]) -> T:
        """Raises ApiError, and Unreachable for an answer that is none of the API's."""
        if status >= 300:
            raise error(status, raw, headers)
        if status == 204 or self.answer is None or self.answer is bytes:
            return raw if self.answer is bytes else None  # type: ignore[return-value]  # T is bytes, or None
        try:
            return msgspec.json.decode(raw, type=self.answer)
        except msgspec.MsgspecError as e:
            raise Unreachable(f"what answered is not this API: {e}") from None


def error(status: int, raw: bytes, headers: Iterable[tuple[str, str]]) -> ApiError:
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    after = next((value for name, value in headers if name.lower() == "retry-after"), "")
    return ApiError(status, body if isinstance(body, dict) else {}, int(after) if after.isdecimal() else None)


@dataclass(frozen=True, slots=True)
class Retry:
    """A request is asked again at most `tries` times and for `within_s` in all: whatever was certainly not done (429),
    and, where to do it twice is to do it once (see Request.may_be_repeated), also after a 503 or a lost connection. A
    longer wait that the API asks for (Retry-After) is told at once. `tries=0`: never."""

    tries: int = 4
    within_s: float = 30.0
    first_s: float = 0.25

    def wait_s(self, request: Request[Any], failure: ApiFailure, n: int, gone_s: float) -> float | None:
        """Before try n (from 1), after so long; None: it is not asked again."""
        if n > self.tries or not _may_help(request, failure):
            return None
        asked_s = failure.retry_after_s if isinstance(failure, ApiError) else None
        wait_s = float(asked_s) if asked_s is not None else self.first_s * 2 ** (n - 1) * random.uniform(0.5, 1)
        return wait_s if gone_s + wait_s <= self.within_s else None


def _may_help(request: Request[Any], failure: ApiFailure) -> bool:
    if not isinstance(failure, ApiError):
        return request.may_be_repeated
    if failure.status == 429:
        return failure.retry_after_s is not None
    if failure.status == 503 and failure.problem and failure.retry_after_s is None:
        return False  # the API itself says that to wait is no help
    return request.may_be_repeated and (failure.status == 503 or failure.status in PROXY_FAILED)


def checked(api: str) -> str:
    """The API's address without its last slash. Raises ValueError."""
    try:
        parts = urlsplit(api)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        is_one = False
    if not is_one:
        raise ValueError(f"{api!r} is not the address of an API; expected one such as http://127.0.0.1:8080")
    return api.rstrip("/")


def is_here(api: str) -> bool:
    """On this machine: no proxy of the environment is on the way."""
    host = urlsplit(api).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def new_key() -> str:
    """An Idempotency-Key for who names none: tries of one request share it."""
    return secrets.token_hex(16)


def given(**fields: object) -> dict[str, object]:
    """A body without what was not given."""
    return {name: value for name, value in fields.items() if value is not None}


def _word(value: object) -> object:
    return ("true" if value else "false") if isinstance(value, bool) else value
