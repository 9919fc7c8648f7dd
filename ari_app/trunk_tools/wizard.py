"""pjsip_wizard.conf: one section of the wizard spelled out as the sections of pjsip.conf that Asterisk makes of it."""

from __future__ import annotations

import re

from ari_app.trunk_tools.asterisk_conf import Block, Conf, Setting

PARTS = {
    "endpoint": "endpoint", "aor": "aor", "outbound_auth": "auth", "registration": "registration",
    "identify": "identify",
}  # fmt: skip
PATTERNS = ("contact_pattern", "server_uri_pattern", "client_uri_pattern")
OWN = frozenset(("type", "transport", "remote_hosts", "outbound_proxy", "sends_auth", "sends_registrations", *PATTERNS))
HOST, USER = "${REMOTE_HOST}", "${USERNAME}"


def spelled_out(conf: Conf) -> Conf:
    """The same file without a wizard."""
    made = Conf(conf.file, warnings=list(conf.warnings))
    for block in conf.blocks:
        made.blocks += _sections(block, made) if block.kind == "wizard" and not block.is_template else [block]
    return made


def _sections(wizard: Block, conf: Conf) -> list[Block]:
    parts = {
        part: Block(wizard.name, wizard.line, [Setting("type", kind, wizard.line)]) for part, kind in PARTS.items()
    }
    parts["outbound_auth"].name = f"{wizard.name}-oauth"
    _general(wizard, parts)
    for one in wizard.settings:
        part, slash, name = one.name.partition("/")
        if slash and part in parts:
            parts[part].settings.append(Setting(name, one.value, one.line))
        elif one.name not in OWN and not _is_no(one):
            conf.warn(one.line, f"{one.name}: not taken over")
    _hosts(wizard, parts)
    wanted = ["endpoint", "aor", "identify"]
    wanted += ["outbound_auth"] if _is_yes(wizard, "sends_auth") else []
    wanted += ["registration"] if _is_yes(wizard, "sends_registrations") else []
    return [parts[part] for part in wanted]


def _general(wizard: Block, parts: dict[str, Block]) -> None:
    def put(part: str, name: str, value: str, at: str) -> None:
        found = wizard.get(at)
        parts[part].settings.append(Setting(name, value, found.line if found else wizard.line))

    put("endpoint", "aors", wizard.name, "remote_hosts")
    put("identify", "endpoint", wizard.name, "remote_hosts")
    for name in ("transport", "outbound_proxy"):
        if value := wizard.value(name):
            put("endpoint", name, value, name)
    if _is_yes(wizard, "sends_auth"):
        put("endpoint", "outbound_auth", parts["outbound_auth"].name, "sends_auth")
        put("registration", "outbound_auth", parts["outbound_auth"].name, "sends_auth")


def _hosts(wizard: Block, parts: dict[str, Block]) -> None:
    found = wizard.get("remote_hosts")
    user = parts["outbound_auth"].value("username")
    patterns = (
        ("aor", "contact", wizard.value("contact_pattern") or f"sip:{HOST}"),
        ("registration", "server_uri", wizard.value("server_uri_pattern") or f"sip:{HOST}"),
        ("registration", "client_uri", wizard.value("client_uri_pattern") or f"sip:{USER}@{HOST}"),
        ("identify", "match", HOST),
    )
    for host in found.value.split(",") if found else ():
        for part, name, pattern in patterns:
            if part == "identify" and wizard.get("identify/match"):
                continue
            place = re.sub(r"(?<!:):[0-9]+\Z", "", host.strip()) if part == "identify" else host.strip()
            value = pattern.replace(HOST, place).replace(USER, user)
            parts[part].settings.append(Setting(name, value, found.line if found else wizard.line))


def _is_yes(wizard: Block, name: str) -> bool:
    return wizard.value(name).lower() in ("yes", "true", "on", "1", "y", "t")


def _is_no(one: Setting) -> bool:
    return one.value.lower() in ("no", "false", "off", "0", "n", "f")
