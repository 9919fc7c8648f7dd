"""The one table of settings: name, default, kind, unit, help, section. Nothing here reads a file.

A wait's field ends in `_ms` and holds milliseconds; its option ends in `_s` and is written in seconds. An amount's
field ends in `_micro` and holds millionths; its option has no such end and is written in whole units.
"""

from dataclasses import dataclass, fields
from typing import Literal

from ari_app.config.conference_options import ConferenceOptions
from ari_app.config.device_options import DeviceOptions
from ari_app.config.kinds import (
    Option,
    country,
    flag,
    limits,
    money,
    one_of,
    option,
    redis_address,
    rounding,
    seconds,
    several,
    text,
    whole,
    zone,
)
from ari_app.config.live_options import LiveOptions
from ari_app.config.privacy_options import PrivacyOptions
from ari_app.config.sound_options import SoundOptions
from ari_app.config.webhook_options import WebhookOptions
from ari_app.domain.limits import Limit
from ari_app.domain.reach import LOOPBACK

DAY_S = 86_400
LAST = {"devices": 1, "conferences": 1, "privacy": 1, "webhooks": 1, "sounds": 2}
"""Sections that come behind the others."""
SIMULATED_PREFIX = "+86139"
"""Numbers of the demo and of the tests: the simulated carrier has a phone for each."""
E164 = text("a number such as +864001234567", r"\+[1-9][0-9]{5,14}")
PREFIX = text("a prefix such as +86139", r"\+[1-9][0-9]{0,14}")
NAME = text("letters, digits, _ and -, at most 40", r"[A-Za-z0-9_-]{1,40}")
PATH = text("a path")
QUIET = r"(?!(.{5})-\1)([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]"
WEB = text("an address such as http://127.0.0.1:8088", r"https?://\S+", empty=True)


@dataclass(frozen=True)
class Settings(WebhookOptions, LiveOptions, SoundOptions, ConferenceOptions, DeviceOptions, PrivacyOptions):
    """Everything an operator can set. Secrets never appear in its repr."""

    # A table: the formatter would give each of its lines five.
    # fmt: off
    http_host: str = option("127.0.0.1", text("a host name or address", r"\S+"),
        "Address the API listens on.", section="http")
    http_port: int = option(8080, whole(0, 65535), "Port the API listens on; 0 takes any free one.", section="http")
    api_key: str = option("", text("visible characters, 200 at most", r"[!-~]{1,200}", empty=True),
        "The first admin key; best 16 characters or more. Empty: one is made and kept in the state directory. "
        "A new one revokes the one before.",
        section="http", secret=True)
    http_body_max: int = option(65536, whole(1024, 16_777_216),
        "Largest request body taken.", section="http", unit="bytes")
    import_max: int = option(20_000_000, whole(65_536, 1_000_000_000),
        "Largest file of users or grants that an import takes; it is kept in memory meanwhile.", section="http",
        unit="bytes")
    http_connections_max: int = option(1000, whole(1, 100_000),
        "Connections served at once; above it 503.", section="http")
    http_address_connections_max: int = option(200, whole(0, 100_000),
        "Of these, how many one address may have, unless it is one of http_proxies; above it 503. 0: no limit.",
        section="http")
    http_request_timeout_ms: int = option(20_000, seconds(1000, 3600),
        "A request must have come whole within this, and its answer have been taken; else the connection is closed.",
        section="http", unit="s")
    key_cache_ms: int = option(5000, seconds(0, 300),
        "How long a checked API key may be believed without asking Redis, so also how long a revoked key may "
        "live on in the other processes.", section="http", unit="s")
    key_rate: int = option(100, whole(0, 10_000),
        "Requests that one API key may make, of each process; the operator's with the scope admin ten times as many. "
        "Above it 429. 0: no limit.", section="http", unit="1/s")
    key_burst: int = option(200, whole(1, 100_000),
        "Requests that one API key may make at once; the operator's with the scope admin ten times as many.",
        section="http")
    tenant_rate: int = option(200, whole(0, 10_000),
        "Requests that all keys of a tenant may make together, of each process, where the tenant was given no limit of "
        "its own. Above it 429. 0: no limit.", section="http", unit="1/s")
    tenant_burst: int = option(400, whole(1, 100_000),
        "Requests that all keys of a tenant may make together at once.", section="http")
    wrong_keys_max: int = option(20, whole(0, 10_000),
        "Wrong API keys that are looked at from one address in a minute; above it 429. 0: no limit.", section="http")
    http_proxies: tuple[str, ...] = option(("127.0.0.1", "::1"), several(text("an IP address", r"[0-9A-Fa-f.:]+")),
        "Reverse proxies that are believed when they say, in X-Forwarded-For, which address asks.", section="http")

    redis_url: str = option(
        "", redis_address(),
        "Where Redis is: one server, some nodes of a Redis Cluster, or the sentinels and the name of their master "
        "(see docs/redis.md). Empty: the embedded one.", section="redis", secret=True)
    redis_replicas: int = option(0, whole(0, 5),
        "How many replicas must have a grant, correction or settlement on their disk, too, before it counts as safe.",
        section="redis")
    redis_timeout_ms: int = option(3000, seconds(50, 60),
        "Longest wait for one answer of Redis.", section="redis", unit="s")

    ari_url: str = option("", WEB,
        "Where Asterisk's HTTP server (ARI) is. Empty: the embedded Asterisk.", section="asterisk")
    ari_user: str = option("ringbridge", NAME, "User of ari.conf.", section="asterisk")
    ari_password: str = option("", text(empty=True),
        "Its password; needed with ari_url.", section="asterisk", secret=True)
    ari_app: str = option("ringbridge", NAME, "Name of the Stasis application.", section="asterisk")
    ari_timeout_ms: int = option(5000, seconds(100, 60),
        "Longest wait for one answer of Asterisk.", section="asterisk", unit="s")
    ari_ping_ms: int = option(2000, seconds(100, 60),
        "Time between two pings of the event socket.", section="asterisk", unit="s")
    ari_retry_ms: int = option(200, seconds(10, 60),
        "First wait before the lost link is tried again; it doubles from there.", section="asterisk", unit="s")
    ari_retry_max_ms: int = option(3000, seconds(10, 300),
        "Longest wait between two tries of the lost link.", section="asterisk", unit="s")
    ami_url: str = option("", text("an address such as tcp://127.0.0.1:5038", r"tcp://\S+:[0-9]+", empty=True),
        "Where the manager interface is (read only). Empty: the embedded Asterisk's, or none with ari_url.",
        section="asterisk")
    ami_user: str = option("ringbridge", NAME, "User of manager.conf.", section="asterisk")
    ami_password: str = option("", text(empty=True), "Its password.", section="asterisk", secret=True)
    cel_file: str = option("", text("a path", empty=True),
        "The file to which cel_custom writes, where this process can read it. Empty: the embedded Asterisk's, "
        "or none with ari_url.", section="asterisk")
    sip_tls_ca_file: str = option("", text("a path", empty=True),
        "Certificates (PEM) of those who may vouch for a carrier over TLS, where Asterisk can read them; a change of "
        "it needs a restart of Asterisk. Empty: whom its machine trusts, /etc/ssl/certs.", section="asterisk")

    platform_number: str = option("+864001234567", E164,
        "The number that rings the users, and is shown wherever theirs may not be.", section="platform")
    region: str = option("CN", country(),
        "Country whose way of writing numbers is understood without a country code.", section="platform")
    timezone: str = option("Asia/Shanghai", zone(), "Where the month turns.", section="platform")

    state_dir: str = option(".ringbridge", PATH,
        "What must outlive this process: ports, secrets, the embedded servers' data.", section="files")
    cache_dir: str = option("~/.cache/ringbridge", PATH,
        "Downloaded and unpacked packages; may be deleted at any time.", section="files")
    debian_mirror: str = option("", WEB,
        "Debian mirror for the embedded servers. Empty: the one this machine's apt uses.", section="files")
    trunks_file: str = option("", text("a path", empty=True),
        "The carriers (sip_trunks.conf). Empty: the embedded carrier alone.", section="files")
    pjsip_trunks_file: str = option("", text("a path", empty=True),
        "Where your own Asterisk reads its trunks, included in its pjsip.conf: `ringbridge trunks apply` writes them "
        "there. It must be there, and be read by Asterisk and written by Ringbridge. Empty: by hand, or the embedded "
        "Asterisk's.", section="files")
    plans_file: str = option("", text("a path", empty=True),
        "The free minutes of each plan (plans.toml). Empty: the shipped table.", section="files")

    nodes_file: str = option("", text("a path", empty=True),
        "Several PBXes (nodes.conf, see docs/nodes.md), in place of ari_url, ami_url and cel_file. Empty: one.",
        section="files")

    slice_s: int = option(60, whole(2, 3600),
        "Minutes are held in slices of this length; a slice is rounded up to whole increments.",
        section="minutes", unit="s")
    margin_s: int = option(15, whole(1, 600),
        "More is held when less than this and warning_s together is left, so with the defaults a call begins with "
        "two minutes; smaller than slice_s, and where not given at most a quarter of it.",
        section="minutes", unit="s")
    increment: str = option("60/60", rounding(),
        "How talk is rounded up for the user: initial/next.", section="minutes", unit="s/s")
    warning_s: int = option(60, whole(0, 3600),
        "The payer hears a warning this long before the minutes end; 0: never.", section="minutes", unit="s")
    minute_worth_micro: int = option(0, money(),
        "What a minute taken from a user is worth to you, in currency: reports then show the margin over what the "
        "carriers cost. 0: none is shown.", section="minutes")
    currency: str = option("CNY", text("three capital letters", r"[A-Z]{3}"), "The currency of minute_worth.",
        section="minutes")
    alive_mark_ms: int = option(2000, seconds(200, 60),
        "Time between two marks that a call was seen alive; after a fault on our side no more than this is "
        "lost or charged.", section="minutes", unit="s")

    max_live_calls: int = option(2, whole(1, 1000), "Calls one user may have at once.", section="calls")
    max_calls: int = option(200, whole(1, 100_000),
        "Calls this process has at once; above it 503 no-capacity.", section="calls")
    setup_lag_max_ms: int = option(150, seconds(0, 10),
        "A new call is refused (503 no-capacity) while the PBX, or this process, is behind by this much with what was "
        "asked of it, and before that where calls begin faster than they are set up. Above the usual time of an "
        "answer: raise it where the PBX or Redis is far away. 0: none is refused for that.", section="calls", unit="s")
    max_duration_s: int = option(7200, whole(1, DAY_S),
        "Longest talk, unless the request asks for less.", section="calls", unit="s")
    caller_ring_timeout_s: int = option(45, whole(1, 300),
        "How long the caller's phone may ring.", section="calls", unit="s")
    callee_ring_timeout_s: int = option(60, whole(1, 300),
        "How long the callee's phone may ring.", section="calls", unit="s")
    confirm_timeout_ms: int = option(10_000, seconds(500, 120),
        "How long who is asked for a key has to press one: the caller or who joins a conference to press 1, else he is "
        "hung up; who called the platform to key a number, else he is asked again, three times in all.",
        section="calls", unit="s")
    pdd_timeout_ms: int = option(10_000, seconds(200, 60),
        "A trunk that has given no sign of ringing by then has failed.", section="calls", unit="s")
    media_timeout_s: int = option(60, whole(0, 3600),
        "A leg from which no sound has come for so long is taken down; 0: never.", section="calls", unit="s")
    trunk_tries_max: int = option(4, whole(1, 20), "Trunks tried for one leg.", section="calls")
    trunk_wait_ms: int = option(2000, seconds(0, 30),
        "How long a leg waits for the last of its trunks, where that has as many calls, or as many a second, as it "
        "takes; then it has failed. For the others it does not wait.", section="calls", unit="s")
    trunk_rest_after: int = option(5, whole(1, 1000),
        "A trunk that fails so many times in a row is rested: it is tried only where there is no other one.",
        section="calls")
    trunk_rest_ms: int = option(30_000, seconds(100, DAY_S),
        "How long; then one call tries it. If that fails, too, it rests twice as long, and so on.",
        section="calls", unit="s")
    trunk_rest_max_ms: int = option(600_000, seconds(100, DAY_S),
        "Longest rest of a trunk.", section="calls", unit="s")
    hold_retry_ms: int = option(3000, seconds(100, 60),
        "Pause before minutes are asked for again where there were none, so that a top-up is noticed.",
        section="calls", unit="s")
    confirm_caller: bool = option(False, flag(),
        "The caller must press 1 to be connected (a guard against voicemail); a request may say otherwise.",
        section="calls")
    waiting: Literal["ringback", "music"] = option("ringback", one_of("ringback", "music"),
        "What the caller hears while the callee's phone rings; a request may say otherwise.", section="calls")
    early_media: Literal["all", "none"] = option("all", one_of("all", "none"),
        "Whether the callee network's own sound reaches the caller before the answer; a request may say "
        "otherwise.", section="calls")

    prompt: bool = option(True, flag(), "Whether the caller hears sound_prompt when he answers.", section="sounds")
    announce_limit_ms: int = option(15_000, seconds(100, 120),
        "Longest announcement before the caller is hung up.", section="sounds", unit="s")

    language: Literal["en", "zh"] = option("en", one_of("en", "zh"),
        "What is said to whoever has no locale of his own: English or Mandarin.", section="speech")
    sounds_dir: str = option("", text("a path", empty=True),
        "Where spoken texts and audio files are kept, and your own Asterisk reads them under the same path (see "
        "docs/prompts.md). Empty: in the state directory, for the embedded Asterisk; with ari_url nothing is spoken.",
        section="speech")
    speech_command: str = option("", text("a command line", r".{1,1000}", empty=True),
        "A voice of your own: reads a text (UTF-8) from its standard input, writes a WAV file to its standard output. "
        "{language} becomes en or zh, {voice} speech_voice_en or speech_voice_zh. Empty: espeak-ng.", section="speech")
    speech_voice_en: str = option("en-us", text("the name of a voice", r"[A-Za-z0-9_./+-]{1,100}"),
        "The voice for English.", section="speech")
    speech_voice_zh: str = option("cmn", text("the name of a voice", r"[A-Za-z0-9_./+-]{1,100}"),
        "The voice for Mandarin.", section="speech")
    speech_words_per_minute: int = option(170, whole(80, 400), "How fast espeak-ng speaks.", section="speech")
    speech_text_max: int = option(500, whole(20, 5000), "Longest text that is spoken.",
        section="speech", unit="characters")
    speech_timeout_ms: int = option(30_000, seconds(500, 600),
        "How long one text may take to be made into a sound; a prompt that takes more than two seconds is heard as a "
        "recording in English meanwhile.", section="speech", unit="s")
    speech_at_once: int = option(2, whole(1, 64), "Texts and audio files that are worked on at once.", section="speech")
    audio_bytes_max: int = option(10_000_000, whole(10_000, 100_000_000),
        "Largest audio file taken; http_body_max is another limit.", section="speech", unit="bytes")
    audio_max_s: int = option(180, whole(1, 3600), "Longest audio file taken.", section="speech", unit="s")
    sounds_days: int = option(30, whole(1, 3650),
        "Spoken texts and audio files are thrown away when they were not played for so long.",
        section="speech", unit="days")
    sounds_mb_max: int = option(500, whole(10, 1_000_000),
        "Room for them; above it, those that were not played for longest are thrown away (a minute is one MB).",
        section="speech", unit="MB")

    notice_recipients_max: int = option(500, whole(1, 500), "Recipients of one notice.", section="notices")
    notice_tries: int = option(3, whole(1, 10),
        "How often a recipient is rung who does not confirm; a request may say otherwise.", section="notices")
    notice_gap_ms: int = option(300_000, seconds(1000, DAY_S),
        "Least time between two rings of one recipient; a request may ask for more.", section="notices", unit="s")
    notice_rounds: int = option(2, whole(1, 5),
        "How often the notice is said to one who answers and presses nothing.", section="notices")
    notice_parallel: int = option(20, whole(1, 1000),
        "Calls of notices at once, of all notices and processes together.", section="notices")
    notice_lines_percent: int = option(80, whole(1, 100),
        "Of the lines of the trunks, those that may be taken when a notice's call begins: the others are for people "
        "who call.", section="notices", unit="%")
    quiet_hours: str = option("", text("hours such as 22:00-08:00", QUIET, empty=True),
        "Nobody is rung for a notice then; a notice may have quiet hours of its own besides. Empty: none.",
        section="notices")

    inbound_mode: Literal["menu", "missed", "busy"] = option("menu", one_of("menu", "missed", "busy"),
        "How a user is taken who calls the platform: menu: he hears his minutes and keys a number; missed: it rings, "
        "and who hangs up is called back; busy: he is refused at once, and called back.", section="inbound")
    inbound_numbers: tuple[str, ...] = option((),
        several(text("a number and its mode, such as +864001234567=missed", r"\+[1-9][0-9]{5,14}=(menu|missed|busy)")),
        "Numbers of the platform that are not taken as inbound_mode says.", section="inbound")
    inbound_connect: bool = option(True, flag(),
        "A user in the menu may be connected at once, by the number from which he seems to call; else he is always "
        "called back: a caller's number can be forged.", section="inbound")
    missed_ring_s: int = option(8, whole(1, 120),
        "How long it rings in the mode missed.", section="inbound", unit="s")
    returned_days: int = option(7, whole(0, 365),
        "Who was called by a user, and was shown the platform's number, is connected to him when he calls it so many "
        "days later; 0: never.", section="inbound", unit="days")
    inbound_calls_max: int = option(50, whole(1, 10_000),
        "Calls to the platform that live at once, of each process; above it busy.", section="inbound")
    inbound_limits: tuple[Limit, ...] = option((Limit(10, 60), Limit(60, 3600)), limits(),
        "Calls to the platform from one number in any so many seconds; above it busy. Off: no limit.",
        section="inbound")
    pin_limits: tuple[Limit, ...] = option((Limit(10, 3600),), limits(),
        "Wrong PINs of conferences from one number, likewise; above it every PIN is wrong.", section="inbound")
    agi_host: str = option("127.0.0.1", text("a host name or address", r"\S+"),
        "Address the FastAGI server listens on, which Asterisk asks who calls.", section="inbound")
    agi_port: int = option(0, whole(0, 65535),
        "Its port, for Asterisks of your own; the embedded one has another. 0: none, and calls to the platform are not "
        "taken.",
        section="inbound")
    agi_secret: str = option("", text("letters and digits, 8 at least", r"[A-Za-z0-9]{8,100}", empty=True),
        "By this the FastAGI server knows that it is Asterisk who asks; needed with agi_port.",
        section="inbound", secret=True)
    agi_peers: tuple[str, ...] = option(("127.0.0.1", "::1"), several(text("an IP address", r"[0-9A-Fa-f.:]+"), 1),
        "Addresses of those Asterisks that may ask it.", section="inbound")

    recording_consent: Literal["beep", "announcement", "none"] = option(
        "beep", one_of("beep", "announcement", "none"),
        "What everybody in a call hears before anything of it is recorded: a beep, or sound_recorded. none: nothing, "
        "where the law lets you.", section="calls")
    recording_days: int = option(30, whole(1, 3650),
        "How long recordings are kept in Asterisk; then they are thrown away.", section="calls", unit="days")

    allowed_countries: tuple[str, ...] = option((), several(country("*")),
        "Countries that may be called; *: all. Empty: the region alone.", section="limits")
    blocked_prefixes: tuple[str, ...] = option((), several(PREFIX),
        "Numbers that begin so are never called.", section="limits")
    block_premium: bool = option(True, flag(),
        "Refuse premium-rate and personal numbers, and those of no country, such as satellite phones'.",
        section="limits")
    number_check: str = option("valid", one_of("valid", "possible"),
        "valid: the number's range must be known to be in use; possible: its length alone must be right.",
        section="limits")

    pair_limits: tuple[Limit, ...] = option((Limit(3, 300), Limit(6, 600), Limit(10, DAY_S)), limits(),
        "Calls of one user to one number in any so many seconds, of those that reached a carrier; above it 429. "
        "Off: no limit.", section="limits")
    number_limits: tuple[Limit, ...] = option((Limit(30, 3600),), limits(),
        "Rings of one called number by all users together, likewise.", section="limits")
    unlimited_prefixes: tuple[str, ...] = option((), several(PREFIX),
        "Called numbers that begin so are free of pair_limits and number_limits. Empty: none; +86139, the simulated "
        "carrier's, where that is the only carrier.", section="limits")
    verify_number_limits: tuple[Limit, ...] = option((Limit(3, 3600), Limit(6, DAY_S)), limits(),
        "Codes that are read out to one number, on behalf of all users together, in any so many seconds, of those that "
        "reached a carrier; above it 429. Off: no limit. Free of it is whom unlimited_prefixes names.",
        section="limits")
    verify_user_limits: tuple[Limit, ...] = option((Limit(5, 3600), Limit(10, DAY_S)), limits(),
        "Codes that are read out on behalf of one user, likewise.", section="limits")
    verify_tenant_limits: tuple[Limit, ...] = option((Limit(60, 3600), Limit(300, DAY_S)), limits(),
        "Codes that are read out for all users of one tenant together, likewise: nobody's minutes pay for them.",
        section="limits")
    wrong_code_limits: tuple[Limit, ...] = option((Limit(10, 3600), Limit(20, DAY_S)), limits(),
        "Wrong codes that one user may give back in any so many seconds; above it 429. Off: no limit.",
        section="limits")
    code_tries_max: int = option(5, whole(1, 100), "How often one code may be guessed.", section="limits")
    code_life_ms: int = option(600_000, seconds(1000, DAY_S),
        "How long a code that was read out is good.", section="limits", unit="s")
    user_spend_alarm_micro: int = option(0, money(),
        "What the carriers may take a day for one user's calls before the log warns; 0: it never does. Each currency "
        "is counted for itself, and compared with this figure.", section="limits", unit="currency")
    user_spend_max_micro: int = option(0, money(),
        "Likewise, before his further calls are refused (429) until the day turns; 0: never.",
        section="limits", unit="currency")
    team_spend_alarm_micro: int = option(0, money(),
        "As user_spend_alarm, for all calls of a team's members that are made on the team's plan.",
        section="limits", unit="currency")
    team_spend_max_micro: int = option(0, money(),
        "As user_spend_max, likewise.", section="limits", unit="currency")

    node: str = option("pbx1", NAME,
        "Name of the Asterisk that this process serves; of those in nodes_file, the one at which it is at home.",
        section="process")
    lease_ttl_ms: int = option(4000, seconds(500, 300),
        "How long a dead process's Asterisk stays reserved for it.", section="process", unit="s")
    lease_margin_ms: int = option(1000, seconds(50, 60),
        "So long before its lease ends a process stops acting; smaller than half of lease_ttl_s.",
        section="process", unit="s")
    drain_timeout_ms: int = option(3_600_000, seconds(0, DAY_S),
        "Longest wait for live calls when an embedded `up` is stopped.", section="process", unit="s")
    call_days: int = option(90, whole(1, 3650), "How long ended calls are kept.", section="process", unit="days")
    cost_days: int = option(400, whole(35, 3650),
        "How long it is kept what each leg cost; 400 covers a year and the month that goes on.",
        section="process", unit="days")
    log_level: str = option("info", one_of("debug", "info", "warning", "error"),
        "Least grave line that is logged.", section="process")
    log_format: str = option("auto", one_of("auto", "console", "json"),
        "auto: console on a terminal, else json.", section="process")

    # fmt: on

    @property
    def is_embedded(self) -> bool:
        """Asterisk, its carrier and, without a redis_url, Redis are started by us."""
        return not (self.ari_url or self.nodes_file)

    @property
    def inbound_modes(self) -> dict[str, str]:
        """Of the numbers that have one of their own."""
        return dict(one.split("=") for one in self.inbound_numbers)

    @property
    def free_prefixes(self) -> tuple[str, ...]:
        """Of called numbers that no pair or number limit is for. A carrier of the operator's own may ring real phones
        of the same prefix."""
        is_simulated = self.is_embedded and not self.trunks_file
        return self.unlimited_prefixes or ((SIMULATED_PREFIX,) if is_simulated else ())

    @property
    def webhook_inner(self) -> tuple[str, ...]:
        """Inner addresses that webhooks may reach. A developer's first receiver runs beside the embedded stack; where
        real carriers are, tenants may be, too."""
        is_simulated = self.is_embedded and not self.trunks_file
        return self.webhook_allow or (LOOPBACK if is_simulated else ())

    @property
    def countries(self) -> tuple[str, ...]:
        return self.allowed_countries or (self.region,)


def table() -> dict[str, tuple[str, Option, object]]:
    """Option name → (field, option, default)."""
    return {
        _written(one.name): (
            one.name,
            one.metadata["option"],
            one.default,
        )
        for one in sorted(fields(Settings), key=lambda one: LAST.get(one.metadata["option"].section, 0))
    }


def _written(field: str) -> str:
    return field.removesuffix("_ms") + "_s" if field.endswith("_ms") else field.removesuffix("_micro")
