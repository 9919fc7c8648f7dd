"""How one line of ARI's API description becomes a method: @operation("POST", "/bridges/{bridgeId}") on a signature.

The signature says everything: names in the path's braces go into the path, parameters marked `Body` into the JSON body,
all others into the query; the return type says how the reply is decoded. Must not know how a request travels (`Send`).
"""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec

R = TypeVar("R")

PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
"""What quote() leaves as it is."""

_IN_BODY = "in the JSON body"
Body = Annotated[dict[str, Any], _IN_BODY]
"""A dict that travels in the JSON body: {"variables": {...}}."""
BodyList = Annotated[list[Any], _IN_BODY]
WholeBody = Annotated[dict[str, Any], _IN_BODY, "is the JSON body"]
"""A dict that *is* the JSON body."""

Names = str | list[str]
"""One name or several: several travel as one comma-separated value."""


class Param(msgspec.Struct, frozen=True, gc=False):
    """One query parameter, as REST over the WebSocket spells it."""

    name: str
    value: str


class Operation(NamedTuple, Generic[R]):
    nickname: str
    method: str
    path: str
    names: tuple[str, ...]
    path_names: tuple[str, ...]
    required: frozenset[str]
    body_names: frozenset[str]
    whole_body: str
    decode: Callable[[str | bytes], R]

    def query_names(self) -> tuple[str, ...]:
        return tuple(n for n in self.names if n not in self.path_names and n not in self.body_names)


class Request(NamedTuple, Generic[R]):
    """`uri` is percent-encoded, without a leading slash, query or /ari prefix. `body` is JSON, or empty."""

    method: str
    uri: str
    query: list[Param]
    body: bytes
    decode: Callable[[str | bytes], R]

    @property
    def line(self) -> str:
        return f"{self.method} /{self.uri}"


class Send(typing.Protocol):
    """Carries out a request: the decoded reply, or an AriFault (errors.py)."""

    def __call__(self, request: Request[R]) -> Awaitable[R]: ...


class Resource:
    """`client.channels` and its siblings. `operations` of a class: its methods, as built from the decorator."""

    def __init__(self, send: Send) -> None:
        self._send = send

    @classmethod
    def operations(cls) -> dict[str, Operation[Any]]:
        found = ((name, getattr(member, "operation", None)) for name, member in vars(cls).items())
        return {name: op for name, op in found if op is not None}


F = TypeVar("F", bound=Callable[..., Any])


def operation(method: str, path: str) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        op = _operation(method, path, function)

        @functools.wraps(function)
        def call(self: Resource, *args: Any, **kwargs: Any) -> Any:
            return self._send(build(op, args, kwargs))

        typing.cast(Any, call).operation = op
        return typing.cast(F, call)

    return decorate


def build(op: Operation[R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request[R]:
    if args:
        kwargs = _by_name(op, args, kwargs)
    query: list[Param] = []
    in_path: dict[str, str] = {}
    body: Any = {}
    for name, value in kwargs.items():
        if value is None:
            continue
        if name in op.path_names:
            in_path[name] = _in_path(str(value))
        elif name not in op.names:
            raise TypeError(f"{op.nickname}() has no parameter {name!r}")
        elif name == op.whole_body:
            body = value
        elif name in op.body_names:
            body[name] = value
        else:
            query.append(Param(name.rstrip("_"), _text(value)))
    missing = [name for name in op.required if kwargs.get(name) is None]
    if missing:
        raise TypeError(f"{op.nickname}() needs {', '.join(sorted(missing))}")
    uri = op.path.format_map(in_path) if in_path else op.path
    return Request(op.method, uri, query, msgspec.json.encode(body) if body else b"", op.decode)


def _by_name(op: Operation[R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    if len(args) > len(op.names):
        raise TypeError(f"{op.nickname}() takes at most {len(op.names)} arguments")
    named = dict(zip(op.names, args, strict=False))
    if not named.keys().isdisjoint(kwargs):
        raise TypeError(f"{op.nickname}() got {', '.join(named.keys() & kwargs.keys())} twice")
    named.update(kwargs)
    return named


def _in_path(value: str) -> str:
    """Percent-encoded; our own ids need none, and quote() costs as much as the rest of the request."""
    return value if PLAIN.fullmatch(value) else quote(value, safe="")


def _text(value: Any) -> str:
    """True is "true"; a list of names is one comma-separated value, as ARI takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def _operation(method: str, path: str, function: Callable[..., Any]) -> Operation[Any]:
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    names = tuple(p.name for p in parameters)
    marks = {name: _marks(hints[name]) for name in names}
    whole = [name for name in names if len(marks[name]) > 1]
    return Operation(
        nickname=function.__name__,
        method=method,
        path=path.lstrip("/"),
        names=names,
        path_names=tuple(re.findall(r"{(\w+)}", path)),
        required=frozenset(p.name for p in parameters if p.default is inspect.Parameter.empty),
        body_names=frozenset(name for name in names if marks[name]),
        whole_body=whole[0] if whole else "",
        decode=_decoder(hints["return"]),
    )


def _marks(hint: Any) -> tuple[str, ...]:
    """`Body` or `Body | None` -> what Annotated carries; anything else -> nothing."""
    for part in (hint, *typing.get_args(hint)):
        if typing.get_origin(part) is Annotated:
            return tuple(part.__metadata__)
    return ()


def _decoder(returns: Any) -> Callable[[str | bytes], Any]:
    if returns is type(None):
        return lambda _body: None
    if returns is bytes:
        return lambda body: body
    return msgspec.json.Decoder(returns).decode
