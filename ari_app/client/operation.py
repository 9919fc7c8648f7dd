"""How one description of an operation serves both clients: as a method of either it sends what it describes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from ari_app.client.asking import Request

if TYPE_CHECKING:
    from ari_app.client.clients import AsyncRingbridge, Ringbridge

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")


class Operation(Generic[P, T]):
    """`build`: from the arguments to the request."""

    def __init__(self, build: Callable[P, Request[T]]) -> None:
        self.build = self.__wrapped__ = build  # where help() and inspect look for the signature
        self.__doc__ = build.__doc__

    def __call__(self, client: Any, *args: P.args, **given: P.kwargs) -> Any:
        """As any function of a class: the client first."""
        return client.send(self.build(*args, **given))

    @overload
    def __get__(self, client: None, owner: type) -> Operation[P, T]: ...
    @overload
    def __get__(self, client: Ringbridge, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncRingbridge, owner: type) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self

        def ask(*args: P.args, **given: P.kwargs) -> Any:
            return client.send(self.build(*args, **given))

        ask.__name__, ask.__doc__ = self.build.__name__, self.build.__doc__
        ask.__wrapped__ = self.build  # type: ignore[attr-defined]  # for help() and inspect
        return ask


class Every(Generic[P, Item]):
    """The items of a list, page by page, as they are asked for."""

    def __init__(self, build: Callable[P, Request[Any]], _of: type[Item]) -> None:
        self.build = self.__wrapped__ = build  # where help() and inspect look for the signature
        self.__doc__ = build.__doc__

    def __call__(self, client: Any, *args: P.args, **given: P.kwargs) -> Any:
        return client.each(self.build(*args, **given))

    @overload
    def __get__(self, client: None, owner: type) -> Every[P, Item]: ...
    @overload
    def __get__(self, client: Ringbridge, owner: type) -> Callable[P, Iterator[Item]]: ...
    @overload
    def __get__(self, client: AsyncRingbridge, owner: type) -> Callable[P, AsyncIterator[Item]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self

        def ask(*args: P.args, **given: P.kwargs) -> Any:
            return client.each(self.build(*args, **given))

        ask.__name__, ask.__doc__ = self.build.__name__, self.build.__doc__
        ask.__wrapped__ = self.build  # type: ignore[attr-defined]  # for help() and inspect
        return ask
