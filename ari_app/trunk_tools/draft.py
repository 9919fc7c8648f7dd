"""One carrier of pjsip.conf on its way to a section of sip_trunks.conf: options, and comments on what has no place.

A password is written only where that is asked for, and no comment has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ari_app.config.kinds import Unfit
from ari_app.config.sections import first_word
from ari_app.trunk_endpoint import FREE, KNOWN, MARK, OURS, wrong_value
from ari_app.trunk_options import CODECS, OPTIONS, TLS_PORT, shown
from ari_app.trunk_tools.asterisk_conf import Block, Setting
from ari_app.trunk_tools.found_trunk import FoundTrunk
from ari_app.trunks_file import looks_secret

SHOWN_MAX = 80
NOT_TAKEN = "not taken over"
CUT_OFF = re.compile(r"(^|\s)[;#]")
STRUCTURE = frozenset(["type", "aors", "outbound_auth", "transport", "allow", "disallow", "send_pai", "send_rpid"])
STRUCTURE |= {"media_encryption", "from_user", "from_domain", "outbound_proxy"}
"""Of an endpoint: what is put into other words."""
AS_OURS = frozenset((name, "no") for name in ("direct_media", "allow_transfer", "allow_subscribe", "webrtc"))
READ_OF_PARTS = frozenset(["type", "contact", "match", "endpoint", "username", "password", "auth_type", "server_uri"])
READ_OF_PARTS |= {"client_uri", "outbound_auth", "expiration", "line", "outbound_proxy", "transport"}


class Draft:
    """One section of the new file."""

    def __init__(self, found: FoundTrunk, name: str, with_passwords: bool) -> None:
        self.found, self.name, self.with_passwords = found, name, with_passwords
        self.options: list[str] = []
        self.notes: list[str] = []

    def lines(self, file: str) -> list[str]:
        endpoint = self.found.endpoint
        self._where()
        self._login()
        self._codecs()
        self._identity()
        for name in ("from_user", "from_domain"):
            self._put(name, endpoint.get(name))
        self._rest()
        renamed = "" if self.name == endpoint.name else f", there called {said(endpoint.name)}"
        head = f"; from {said(file)}, line {endpoint.line}{renamed}"
        return [head, f"[{self.name}]", *self.options, *(f"; {note}" for note in self.notes)]

    def _put(self, option: str, setting: Setting | None, value: str | None = None) -> bool:
        """The option, unless it is the default, or will not do."""
        if setting is None or not (value := setting.value if value is None else value):
            return False
        try:
            parsed = OPTIONS[option].kind.parse(value)
        except Unfit:
            self._note(setting, f"expected {OPTIONS[option].kind.words}")
            return False
        written = str(OPTIONS[option].kind.show(parsed))
        if CUT_OFF.search(written):
            self._note(setting, "; or # would begin a comment")
            return False
        if written != shown(OPTIONS[option]):
            self.options.append(f"{option} = {written}")
        return True

    def _note(self, setting: Setting, why: str = "") -> None:
        value = f" = {said(setting.value)}" if _may_be_told(setting) else ""
        name = setting.name if setting.name in KNOWN | READ_OF_PARTS else first_word(setting.name)
        self.notes.append(f"{NOT_TAKEN}: {name}{value} (line {setting.line}){why and f': {why}'}")

    # ---- where it is, and who we are to it

    def _where(self) -> None:
        assert self.found.place is not None
        place, line = self.found.place
        transport = place.transport or self.found.transport or "udp"
        self._put("host", Setting("host", place.host, line))
        self._put("transport", Setting("transport", transport, line))
        if place.port and not (transport == "tls" and place.port == str(TLS_PORT)):
            self._put("port", Setting("port", place.port, line))
        elif transport == "tls" and not place.port:
            self.notes.append(f"port: {TLS_PORT}, as none was given")
        for contact in self.found.contacts[1:]:
            self._note(contact, "a trunk has one address; make another trunk of it")
        self._match(place.host)
        self._put("srtp", self.found.endpoint.get("media_encryption"))
        proxy = self.found.endpoint.get("outbound_proxy")
        if self.found.registration and not proxy:
            proxy = self.found.registration.get("outbound_proxy")
        if proxy:
            at = re.sub(r"\Asips?:", "", proxy.value).partition(";")[0]
            self._put("outbound_proxy", proxy, at)

    def _match(self, host: str) -> None:
        matches = [
            Setting("match", part.strip(), one.line)
            for identify in self.found.identifies
            for one in identify.all("match")
            for part in one.value.split(",")
        ]
        kept = []
        for one in dict.fromkeys(matches):
            try:
                kept += OPTIONS["match"].kind.parse(one.value)
            except Unfit as why:
                self._note(one, str(why).lstrip(":; "))
        sources = [one for one in dict.fromkeys(kept) if one.removesuffix("/32").lower() != host.lower()]
        if sources:
            self._put("match", matches[0], ", ".join(sources))

    def _login(self) -> None:
        auth, registration = self.found.auth, self.found.registration
        username, password = (auth.get("username"), auth.get("password")) if auth else (None, None)
        if username and password and self._put("username", username):
            self._password(password)
        elif auth:
            what = "expected a username and a password in clear" if username else "it has no username"
            self.notes.append(f"{NOT_TAKEN}: the login of line {auth.line}: {what}")
        if registration and username and password:
            self.options.append("register = yes")
            self._put("expires", registration.get("expiration"))
        elif registration:
            self.notes.append(f"{NOT_TAKEN}: the registration of line {registration.line}: it has no login")

    def _password(self, setting: Setting) -> None:
        value, variable = setting.value, f"{re.sub('[^A-Z0-9]', '_', self.name.upper())}_PASSWORD"
        is_plain = not CUT_OFF.search(value) and not value.startswith(("env:", "file:")) and len(value) <= 512
        if self.with_passwords and is_plain and value.isprintable():
            self.options.append(f"password = {value}")
            return
        self.options += [
            f"; set the variable {variable} to the password of line {setting.line}, or put that into a file and write",
            "; password = file:PATH",
            f"password = env:{variable}",
        ]

    # ---- what it is asked, and what is left

    def _codecs(self) -> None:
        codecs: list[str] = []
        for one in self.found.endpoint.settings:
            if one.name not in ("allow", "disallow"):
                continue
            for part in (part.strip().lower() for part in one.value.split(",")):
                name = part.removeprefix("!")
                if one.name == "disallow" or part.startswith("!"):
                    codecs = [] if name == "all" else [codec for codec in codecs if codec != name]
                elif name in CODECS:
                    codecs += [name] if name not in codecs else []
                elif name:
                    self._note(one, f"{said(name)} is not among {', '.join(CODECS)}")
        if codecs and tuple(codecs) != OPTIONS["codecs"].default:
            self.options.append(f"codecs = {', '.join(codecs)}")

    def _identity(self) -> None:
        truths = ("yes", "true", "on", "1")
        pai, rpid = (self.found.endpoint.value(name).lower() in truths for name in ("send_pai", "send_rpid"))
        if not pai:
            self.options.append(f"identity = {'rpid' if rpid else 'none'}")

    def _rest(self) -> None:
        passed: dict[str, Setting] = {}
        for one in self.found.endpoint.settings:
            if one.name in FREE and not wrong_value(one.name, one.value) and not CUT_OFF.search(one.value):
                if one.name in passed:
                    self._note(passed[one.name], "given again below")
                passed[one.name] = one
            elif one.name not in STRUCTURE and (one.name, one.value.lower()) not in AS_OURS:
                self._note(one, OURS.get(one.name, "" if one.name in FREE else "Asterisk 22 knows no such option"))
        self.options += [f"{MARK}{one.name} = {one.value}" for one in passed.values()]
        for part in self._parts():
            for one in part.settings:
                if one.name not in READ_OF_PARTS:
                    self._note(one)

    def _parts(self) -> Iterator[Block]:
        yield from self.found.aors
        yield from self.found.identifies
        yield from (part for part in (self.found.auth, self.found.registration) if part)


def _may_be_told(setting: Setting) -> bool:
    """Under a name that Asterisk does not know there may stand a password."""
    is_known = setting.name in KNOWN - {"set_var"} or setting.name in READ_OF_PARTS - {"password"}
    is_plain = is_known or re.fullmatch(r"[0-9.]{1,6}|yes|no|true|false", setting.value)
    return bool(is_plain) and not looks_secret(setting.name) and not looks_secret(setting.value)


def said(value: str) -> str:
    return value if len(value) <= SHOWN_MAX else f"{value[:SHOWN_MAX]}…"
