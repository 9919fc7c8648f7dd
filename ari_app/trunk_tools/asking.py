"""Asks one Asterisk what it has been told of its trunks, and has it read their files again. Over ARI and AMI, from an
ordinary program: no event loop. Knows no trunk."""

from __future__ import annotations

import base64
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import quote

ANSWER_S = 3.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a PBX is asked directly


class Silent(Exception):
    """Asterisk does not answer, or refuses to."""


@dataclass(frozen=True, slots=True)
class Ari:
    url: str  # as the setting has it: with or without /ari
    user: str
    password: str = field(repr=False)

    def answers(self) -> bool:
        return self._ask("GET", "asterisk/ping") is not None

    def reload(self, module: str) -> bool:
        """Returns when it has read its files. False: it has no such module."""
        return self._ask("PUT", f"asterisk/modules/{module}") is not None

    def shown(self, kind: str, name: str, of: str = "res_pjsip") -> Mapping[str, str] | None:
        """An object of a module as it is in force there, each field as text. None: there is none of the name."""
        found = self._ask("GET", f"asterisk/config/dynamic/{quote(of)}/{quote(kind)}/{quote(name)}")
        if not isinstance(found, list):
            return None
        return {str(one["attribute"]): str(one["value"]) for one in found}

    def _ask(self, method: str, path: str) -> object:
        """The JSON, True for an answer without one, None for 404."""
        base = self.url.rstrip("/").removesuffix("/ari")
        request = urllib.request.Request(f"{base}/ari/{path}", method=method)
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        try:
            with _OPENER.open(request, timeout=ANSWER_S) as answer:
                said = answer.read()
            return json.loads(said) if said else True
        except urllib.error.HTTPError as refused:
            if refused.code == HTTPStatus.NOT_FOUND:
                return None
            raise Silent(f"ARI answers {refused.code} to {method} {path}") from None
        except (OSError, ValueError, HTTPException) as why:  # HTTPException: cut off in the midst of its answer
            reason = getattr(why, "reason", None) or why
            raise Silent(f"ARI does not answer: {reason}") from None


@dataclass(frozen=True, slots=True)
class Ami:
    host: str
    port: int
    user: str
    secret: str = field(repr=False)

    def registrations(self) -> dict[str, str]:
        """Name of the registration → Registered, Unregistered, Rejected, Stopped."""
        return {
            one["ObjectName"]: one["Status"]
            for one in self._list("PJSIPShowRegistrationsOutbound")
            if one.get("Event") == "OutboundRegistrationDetail" and "ObjectName" in one and "Status" in one
        }

    def _list(self, action: str) -> Iterator[Mapping[str, str]]:
        asked = (
            f"Action: Login\r\nUsername: {self.user}\r\nSecret: {self.secret}\r\nEvents: off\r\n\r\n"
            f"Action: {action}\r\nActionID: {action}\r\n\r\n"
        )
        try:
            with socket.create_connection((self.host, self.port), timeout=ANSWER_S) as link:
                link.sendall(asked.encode())
                yield from _messages(_until_complete(link, action))
        except OSError as why:
            raise Silent(f"AMI does not answer: {why}") from None


def ami_of(url: str, user: str, secret: str) -> Ami | None:
    """By a setting such as tcp://127.0.0.1:5038; None where there is none."""
    host, _, port = url.removeprefix("tcp://").rpartition(":")
    return Ami(host, int(port), user, secret) if host and port.isdecimal() else None


def _until_complete(link: socket.socket, action: str) -> str:
    said = b""
    while chunk := link.recv(65_536):
        said += chunk
        text = said.decode("utf-8", errors="replace")
        if "EventList: Complete" in text and text.endswith("\r\n\r\n"):
            return text
        answers = [
            one
            for one in _messages(text)
            if one.get("ActionID") == action or "Authentication" in one.get("Message", "")
        ]
        if refused := [one for one in answers if one.get("Response") == "Error" and one.get("Message")]:
            if "No " in refused[0]["Message"]:  # none of them: that is an answer
                return ""
            raise Silent(f"AMI refuses {action}: {refused[0]['Message']}")
    raise Silent("AMI closed the connection")


def _messages(text: str) -> Iterator[dict[str, str]]:
    for block in text.split("\r\n\r\n"):
        pairs = (line.partition(": ") for line in block.split("\r\n"))
        yield {name: value for name, colon, value in pairs if colon}
