"""Files that no operator should write, by chance: trunks files, price decks, Asterisk's own. Each has a secret where a
hurried hand puts one. Knows no parser."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from ari_app.trunk_endpoint import KNOWN
from ari_app.trunk_options import OPTIONS, example, shown

SECRET = "hunter2-Xk9"
VALUES = (
    "yes", "no", "udp", "tls", "tcp", "sdes", "h.example", "192.0.2.7", "192.0.2.0/28", "[::1]:5070", "::1", "0", "1",
    "5060", "99999", "-1", "1e9", "+8613900000001", "+86", "0086", "10", "fixed +8613900000001", "pool", "verified",
    "e164", "00", "mon-fri 08:00-20:00", "00:00-24:00", "8-20", "486=busy", "21=busy, 486=trunk_failed", "0.06", "0,06",
    "6/6", "60", "CNY", "alaw, ulaw", "alaw,,", "none", "", " ", "=", "=x", "\\", '"', "'", "%s", "{}", "${HOST}",
    "../../x", "/dev/zero", "/", "env:NOWHERE", "env:", "file:", "file:/nowhere", "file:/proc/self/environ", "file:.",
    "A", "9" * 400, "a" * 70, "é", "中文", "🙂", "\u0660\u0661", "\uff11", "sip:h", "sip:h:5070", "sips:[::1]",
    "sip:u@h;transport=tcp", "!all,alaw", "all", "a,b", "telco",
)  # fmt: skip
WITH_A_PARTNER = ("host", "username", "password", "rates", "stir_shaken_key", "stir_shaken_cert_url")
RIGHT = tuple(
    f"{name} = {option.such_as or shown(option)}" for name, option in OPTIONS.items() if name not in WITH_A_PARTNER
)
"""Lines that will do."""
ODD = (
    "\x00",
    "\x07",
    "\x1b[2J",
    "\x85",
    "\u2028",
    "\u202e",
    "\r",
    "\ufeff",
    "\t",
    "\x7f",
    "\udcff",
    "\n\n",
    "x" * 5000,
)
ENDPOINT = (*sorted(KNOWN)[::9], "x", "", "rtp_symetric")
NAMES = (
    "telco",
    "Telco",
    "a",
    "b",
    "transport-udp",
    "global",
    "carrier",
    "two words",
    "",
    "x" * 60,
    "ä",
    "a]b",
    "../x",
    "*",
)
LEAKS: Sequence[Callable[[str], str]] = (
    lambda secret: f"password = {secret}", lambda secret: f"password {secret}", lambda secret: f"password: {secret}",
    lambda secret: f"password={secret} ; the new one", lambda secret: f"pasword = {secret}",
    lambda secret: f"password == {secret}", lambda secret: f"password = {secret}\npassword = {secret}",
    lambda secret: f"username = bob, password = {secret}", lambda secret: f"[a] password = {secret}",
    lambda secret: f"[password = {secret}]", lambda secret: f"password: {secret} = 1",
    lambda secret: f"password =\n{secret}", lambda secret: f"{secret} = password",
    lambda secret: f"outbound_proxy = bob:{secret}@h", lambda secret: f"host = sip:bob:{secret}@h",
    lambda secret: f"endpoint/password = {secret}", lambda secret: f"endpoint/outbound_auth = {secret}",
    lambda secret: f"password = {secret}{'y' * 600}", lambda secret: f"password = \x01{secret}",
)  # fmt: skip
LEAKS_OF_PJSIP: Sequence[Callable[[str], str]] = (
    lambda secret: f"password={secret}", lambda secret: f"md5_cred={secret}", lambda secret: f"pasword={secret}",
    lambda secret: f"outbound_auth/password={secret}", lambda secret: f"contact=sip:bob:{secret}@h",
    lambda secret: f"server_uri=sip:bob:{secret}@h", lambda secret: f"set_var=KEY={secret}",
    lambda secret: f"password {secret}", lambda secret: f"password = {secret} \\; x",
    lambda secret: f"oauth_secret={secret}",
)  # fmt: skip
PJSIP = (
    "type", "aors", "outbound_auth", "contact", "match", "endpoint", "username", "server_uri", "transport", "allow",
    "remote_hosts", "sends_auth", "sends_registrations", "expiration", "protocol", "outbound_proxy", "disallow",
    "registration/expiration", "aor/max_contacts", "identify/match",
)  # fmt: skip
KINDS = ("endpoint", "aor", "auth", "registration", "identify", "transport", "wizard", "global")
ODD_LINES = (";--", "--;", ";", "\\;", "#include x", "#exec rm", "[", "x", "=>", "a+=b", ";-- x --; a=b")
CARRIER = (
    "[telco]", "type=endpoint", "aors=telco", "outbound_auth=telco", "[telco]", "type=aor", "contact=sip:h.example",
    "[telco]", "type=auth", "username=u", f"password={SECRET}",
)  # fmt: skip
NAMES_OF_PJSIP = (*NAMES[:6], "telco", "telco", "6001")
OF_TEMPLATES = ("", "", "", "(!)", "(+)", "(a)", "(!,telco)", "(+type=aor)", "(", "(,)")
HEADERS = ("prefix,price,increment,valid_from", "prefix;price", "price\tprefix", "prefix,price,initial,next", "prefix",
           "Prefix,Price,Destination", "prefix,prise", "", '"prefix","price"')  # fmt: skip
CELLS = (
    "86", "+86", "0086", "*", "852", "0.06", "0,06", "-1", "", '"', '"a,b"', "6/6", "60", "2026-12-01", "2026-11-31",
    "2026-12-01T00:00:00Z", "9" * 300, "8.6E+10", "#", "none", "é",
)  # fmt: skip


def trunks_file(dice: random.Random) -> str:
    """A third of them is right, but for chance."""
    if dice.random() < 0.3:
        lines = ["[telco]", "host = h.example", f"username = u\npassword = {SECRET}", *dice.sample(RIGHT, 4)]
        return _spoiled(dice, "\n".join(lines))
    begun = ["[telco]", "host = h.example"] if dice.random() < 0.5 else []
    made = begun + [_line(dice) for _ in range(dice.randrange(10))]
    if dice.random() < 0.03:
        made = example().splitlines()
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(made))
            made[at] = made[at].lstrip("; ") if dice.random() < 0.5 else made[at][dice.randrange(len(made[at]) + 1) :]
    made.insert(dice.randrange(len(made) + 1), dice.choice(LEAKS)(SECRET))
    return _spoiled(dice, "\n".join(made))


def _line(dice: random.Random) -> str:
    drawn = dice.random()
    if drawn < 0.1:
        return f"[{dice.choice(NAMES)}]"
    if drawn < 0.2:
        return f"endpoint/{dice.choice(ENDPOINT)} = {dice.choice(VALUES)}"
    if drawn < 0.25:
        return dice.choice(VALUES)
    return (
        f"{dice.choice((*OPTIONS, *OPTIONS, 'hosst', ''))}{dice.choice((' = ', '=', ' ', ': '))}{dice.choice(VALUES)}"
    )


def deck(dice: random.Random) -> str:
    if dice.random() < 0.3:
        rows = [f"{dice.randrange(1, 9999)};{dice.random():.4f}" for _ in range(dice.randrange(1, 9))]
        return _spoiled(dice, "\n".join(["prefix;price", *rows]))
    separator = dice.choice(",,;\t")
    lines = [dice.choice(HEADERS)]
    lines += [separator.join(dice.choices(CELLS, k=dice.randrange(6))) for _ in range(dice.randrange(20))]
    return _spoiled(dice, "\n".join(lines))


def pjsip_conf(dice: random.Random) -> str:
    lines = list(CARRIER) if dice.random() < 0.5 else []
    for _ in range(dice.randrange(1, 5)):
        lines.append(f"[{dice.choice(NAMES_OF_PJSIP)}]{dice.choice(OF_TEMPLATES)}")
        lines.append(f"type={dice.choice(KINDS)}")
        lines += [_setting(dice) for _ in range(dice.randrange(8))]
    lines.insert(dice.randrange(len(lines) + 1), dice.choice(LEAKS_OF_PJSIP)(SECRET))
    return _spoiled(dice, "\n".join(lines))


def _setting(dice: random.Random) -> str:
    if dice.random() < 0.1:
        return dice.choice(
            (";--", "--;", ";", "\\;", "#include x", "#exec rm", "[", "x", "=>", "a+=b", ";-- x --; a=b")
        )
    name = dice.choice(PJSIP) if dice.random() < 0.7 else dice.choice(sorted(KNOWN)[::5])
    value = "telco" if dice.random() < 0.3 else dice.choice(VALUES)
    return f"{name}{dice.choice(('=', ' = ', '=>', ' += '))}{value}"


def _spoiled(dice: random.Random, text: str) -> str:
    """One in eight has what no text has."""
    if dice.random() < 0.125:
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(ODD) + text[at:]
    return text.replace("\n", "\r\n") if dice.random() < 0.1 else text
