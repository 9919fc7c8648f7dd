"""What may befall the app in the midst of calls, and its end. Each is struck, lasts, and is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from tests.acceptance.house import House


class Blow(ABC):
    name: str
    is_blind = True
    """Whether events of the PBX are lost while it lasts."""

    @abstractmethod
    def strike(self, house: House) -> None: ...

    @abstractmethod
    def end(self, house: House) -> None:
        """Back when calls can be placed again."""


class Killed(Blow):
    name = "killed"

    def strike(self, house: House) -> None:
        house.kill()

    def end(self, house: House) -> None:
        house.again()


class LinkCut(Blow):
    """The WebSocket is gone, and cannot be had again for a time."""

    name = "link cut"

    def strike(self, house: House) -> None:
        house.refuse(house.ari)

    def end(self, house: House) -> None:
        house.accept(house.ari)
        house.until(lambda: house.app.ask("GET", "/readyz").status == 200, 10, "the app is ready again")


class LinkStalled(Blow):
    """Bytes stop in both directions, and nobody is told. They come later."""

    name = "link stalled"
    is_blind = False

    def strike(self, house: House) -> None:
        house.do(house.ari.stall)

    def end(self, house: House) -> None:
        house.do(house.ari.resume)


BLOWS: dict[str, Callable[[], Blow]] = {"killed": Killed, "link cut": LinkCut, "link stalled": LinkStalled}
