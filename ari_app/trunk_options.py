"""Every option of sip_trunks.conf: one table, from which come the checks, the example file and the reference page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap

from ari_app.config.kinds import Kind, money, price, rounding, text, whole
from ari_app.domain.trunks import PLATFORM
from ari_app.trunk_addresses import host, host_and_port, optional_host, sources
from ari_app.trunk_kinds import caller_id, causes, choice, hours, listed, prefixes, yes_or_no

TLS_PORT = 5061
CODECS = ("alaw", "ulaw", "g722", "opus", "g729", "gsm")
FORMATS = ("e164", "digits", "00", "national")
USER = r"[A-Za-z0-9+._~*#-]{1,64}"
LOGIN = r"[!#-\[\]-~]{1,128}"  # printable, no space, quotation mark or backslash
PATH = r"/[^\s;#]{1,500}"


@dataclass(frozen=True, slots=True)
class TrunkOption:
    field: str  # of domain.trunks.Trunk
    kind: Kind
    help: str
    default: object = None  # None: must be given
    such_as: str = ""  # where the default is nothing
    secret: bool = False
    unset: str = ""  # what the default is called on the page, where it is more than a value


OPTIONS: Mapping[str, TrunkOption] = {
    # ---- where it is
    "host": TrunkOption("host", host(), "The carrier's SIP address. Must be given."),
    "port": TrunkOption("port", whole(1, 65535), f"Its port; with tls {TLS_PORT} if none is given.", 5060),
    "transport": TrunkOption(
        "transport", choice("udp", "tcp", "tls"),
        "How SIP travels. With tls the carrier must prove its name by a certificate.", "udp"),
    "srtp": TrunkOption(
        "srtp", choice("no", "sdes"),
        "Whether the sound is encrypted. Its keys travel in SIP, so it needs tls to be of use.", "no"),
    "codecs": TrunkOption(
        "codecs", listed(f"a list (commas between) of {', '.join(CODECS)}", choice(*CODECS).parse, empty=False),
        "What sound may be, the best first.", ("alaw", "ulaw")),
    "match": TrunkOption(
        "match", sources(), "Addresses that it sends from, besides host: calls from there are this carrier's.",
        (), "192.0.2.7, 198.51.100.0/28"),
    "outbound_proxy": TrunkOption(
        "outbound_proxy", host_and_port(), "Where requests go first, if not to host itself.", "",
        "sbc.example.net:5060"),
    # ---- who we are to it
    "username": TrunkOption(
        "username", text("a name without spaces", LOGIN, empty=True),
        "With password: how the carrier knows us. Without both it knows us by our address.", "", "8600410000"),
    "password": TrunkOption(
        "password", text("the password itself, env:NAME for a variable, or file:PATH", r".{1,512}", empty=True),
        "Is told to nobody. env:NAME takes it from the environment, file:PATH from a file (its folder: this file's).",
        "", "env:TELCO_PASSWORD", secret=True),
    "register": TrunkOption(
        "register", yes_or_no(), "Whether the carrier must be told where we are. Needs username and password.", False),
    "expires": TrunkOption("expires_s", whole(60, 86400), "How long a registration lasts, in seconds.", 3600),
    "from_user": TrunkOption(
        "from_user", text("letters, digits and + . _ ~ * # -", USER, empty=True),
        "Stands in From instead of the number shown, which is asserted by the header of identity.", "", "8600410000"),
    "from_domain": TrunkOption(
        "from_domain", optional_host(), "Stands behind the @ of From instead of our address.", "", "ims.example.net"),
    # ---- numbers
    "number_format": TrunkOption(
        "number_format", choice(*FORMATS),
        "How the carrier wants a number: +8613900000001, 8613900000001, 008613900000001, or as it is dialled within "
        "its country. Short numbers stay as they are.", "e164"),
    "prepend": TrunkOption(
        "prepend", text("up to 16 of 0 to 9, * and #", r"[0-9*#]{1,16}", empty=True),
        "Dialled before the number, such as a carrier's access code.", "", "9001"),
    "caller_id": TrunkOption(
        "caller_id", caller_id(),
        "What the called person sees: always the platform's number; the user's own number if he has proved it "
        "(and the platform's if not); one fixed number; or one of a pool, the same for the same pair.", PLATFORM),
    "caller_id_format": TrunkOption(
        "caller_id_format", choice(*FORMATS), "How the carrier wants the number shown.", "e164"),
    "identity": TrunkOption(
        "identity", choice("pai", "rpid", "none"),
        "The header that asserts who calls: P-Asserted-Identity, Remote-Party-ID, or none.", "pai"),
    "privacy": TrunkOption(
        "privacy", yes_or_no(), "Whether the number shown is for the carrier alone, and hidden from the called person.",
        False),
    "diversion": TrunkOption(
        "diversion", yes_or_no(),
        "Whether a Diversion header names the platform's number wherever another number is shown.", False),
    "stir_shaken": TrunkOption(
        "stir_shaken", choice("no", "A", "B", "C"), "With which attestation calls are signed.", "no"),
    "stir_shaken_key": TrunkOption(
        "stir_shaken_key", text("a path from / on, on the PBX", PATH, empty=True), "The key that signs.", "",
        "/etc/asterisk/stir/key.pem"),
    "stir_shaken_cert_url": TrunkOption(
        "stir_shaken_cert_url", text("an address such as https://…", r"https?://[!-~]{1,500}", empty=True),
        "Where everybody finds its certificate.", "", "https://certs.example.net/ours.pem"),
    # ---- routing
    "priority": TrunkOption("priority", whole(1, 1000), "The smaller goes first; the others when it fails.", 10),
    "weight": TrunkOption(
        "weight", whole(0, 1000),
        "Its share of the calls among those of one priority. 0: after those that have one, the cheaper first.", 0),
    "prefixes": TrunkOption(
        "prefixes", prefixes(), "Numbers that it takes, by their beginning; none: every number. The longest wins.",
        (), "+86, +852, 10"),
    "hours": TrunkOption(
        "hours", hours(),
        "When it takes calls, by the clock of the setting timezone; none: always. A time that ends before it begins "
        "goes on into the next day.", (), "mon-fri 08:00-20:00, sat 09:00-12:00"),
    "max_channels": TrunkOption(
        "max_channels", whole(0, 100_000), "Calls at a time, over all processes; 0: no limit.", 0),
    "max_cps": TrunkOption("max_cps", whole(0, 1000), "New calls a second, over all processes; 0: no limit.", 0),
    "causes": TrunkOption(
        "causes", causes(), "What this carrier means by a status or a cause, where the common table would be wrong.",
        (), "486=trunk_failed, 21=busy"),
    # ---- money
    "price": TrunkOption("price_micro_per_min", price(), "What the carrier takes for a minute.", 0),
    "increment": TrunkOption("price_increment", rounding(), "How the carrier rounds: initial/next seconds.", "60/60"),
    "currency": TrunkOption("currency", text("three capital letters", r"[A-Z]{3}"), "Of the price.", "CNY"),
    "rates": TrunkOption(
        "rates", text("a path, seen from this file's folder", r"[^;#]{1,500}", empty=True),
        "A price deck: CSV with the columns prefix, price, increment, valid_from. For numbers that it does not name, "
        "price counts.", (), "telco.csv"),
    "spend_alarm": TrunkOption(
        "spend_alarm_micro", money(), "Spent in a day, it is told to the operator; 0: never.", 0),
    "spend_max": TrunkOption(
        "spend_max_micro", money(), "Spent in a day, the trunk takes no more calls; 0: no limit.", 0),
}  # fmt: skip

PASS_THROUGH = "endpoint/NAME"
PASS_THROUGH_HELP = (
    "Any other option of this carrier's PJSIP endpoint in Asterisk, as it stands; those that Ringbridge sets itself "
    "are refused."
)
PASS_THROUGH_SUCH_AS = ("endpoint/rtp_symmetric", "yes")

EXAMPLE_HEAD = """\
# Ringbridge's carriers: one section a trunk. The section's name is the trunk's name in calls, reports and logs.
# Every option is shown with its default; take the ; away to change it. After a space, ; or # begins a comment.
# Copy this file to sip_trunks.conf and name it in trunks_file; docs/trunks.md explains more.
"""


def example() -> str:
    """sip_trunks.example.conf."""
    lines = [EXAMPLE_HEAD, "[telco]"]
    for name, option in OPTIONS.items():
        lines += _about(option.help, _expected(option))
        given = f"{name} = sip.example.net" if option.default is None else f";{name} = {shown(option)}".rstrip()
        lines += [given, ""]
    lines += _about(PASS_THROUGH_HELP, "Expected: an option that Asterisk knows.")
    return "\n".join([*lines, f";{' = '.join(PASS_THROUGH_SUCH_AS)}", ""])


def _about(help: str, expected: str) -> list[str]:
    return [f"; {line}" for sentence in (help, expected) for line in wrap(sentence, 108)]


def _expected(option: TrunkOption) -> str:
    """Never ends an example with a full stop, which would be copied too."""
    return f"Expected: {option.kind.words}." + (f" Such as: {option.such_as}" if option.such_as else "")


def shown(option: TrunkOption) -> str:
    """Its default, as a file would have it."""
    return str(option.kind.show(option.default)) if option.default not in ((), "") else ""


def reference() -> str:
    """The table of options in docs/trunks.md."""
    lines = ["| option | default | expected | what it does |", "| --- | --- | --- | --- |"]
    for name, option in OPTIONS.items():
        default = "" if option.default is None or not shown(option) else f"`{shown(option)}`"
        such_as = f", such as `{option.such_as}`" if option.such_as else ""
        lines.append(f"| `{name}` | {default} | {option.kind.words}{such_as} | {option.help} |")
    such_as = " = ".join(PASS_THROUGH_SUCH_AS)
    lines.append(f"| `{PASS_THROUGH}` |  | an option that Asterisk knows, such as `{such_as}` | {PASS_THROUGH_HELP} |")
    return "\n".join(lines) + "\n"
