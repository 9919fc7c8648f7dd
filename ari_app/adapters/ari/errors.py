"""What can go wrong with one ARI request, as types. Knows HTTP status codes; knows no call, no transport."""

from __future__ import annotations


class AriFault(Exception):
    """Any failure of an ARI request: Asterisk said no, or no answer can come."""


class AriError(AriFault):
    """Asterisk answered with a status of 400 or more. `message` is its own sentence."""

    def __init__(self, status: int, message: str, request: str = "") -> None:
        super().__init__(f"{status} {message}" + (f" ({request})" if request else ""))
        self.status = status
        self.message = message
        self.request = request


class BadRequest(AriError):
    """400: a parameter is wrong, or the channel that it names is gone."""


class Unauthorized(AriError):
    """401: wrong user or password."""


class Forbidden(AriError):
    """403: a read-only user, or (rtp_statistics) a channel technology that cannot do this."""


class NotFound(AriError):
    """404: no such channel, bridge, playback..."""


class Conflict(AriError):
    """409: the id lives already, or the channel is not in a state that allows this."""


class Unprocessable(AriError):
    """422: the channel is not in Stasis (it still rings after `originate`, or it has left)."""


class LinkLost(AriFault):
    """The reply can never come. `sent` False: the request never left us. True: it MAY have been carried out."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class RequestTimeout(AriFault):
    """No reply in time, the link still stands. `sent` as in LinkLost: a sent request may still be carried out."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class UndecodableReply(AriFault):
    """Asterisk carried the request out, but its reply does not have the described shape."""


_BY_STATUS: dict[int, type[AriError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
}


def error_of(status: int, message: str, request: str) -> AriError:
    return _BY_STATUS.get(status, AriError)(status, message, request)
