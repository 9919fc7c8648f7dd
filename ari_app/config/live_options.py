"""The settings of live events and of calls from web pages. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.config.kinds import option, seconds, several, text, whole


@dataclass(frozen=True)
class LiveOptions:
    # A table: the formatter would give each of its lines five.
    # fmt: off
    streams_max: int = option(500, whole(1, 100_000),
        "Live streams of events served at once, among the connections; above it 503.", section="http")
    key_streams_max: int = option(50, whole(1, 100_000),
        "Of these, how many one API key, or all of a tenant together, may have, of each process; "
        "above it 429.", section="http")
    stream_heartbeat_ms: int = option(15_000, seconds(100, 300),
        "A stream on which nothing happens says so often that it is alive; so often it is looked whether its key still "
        "holds, too.", section="http", unit="s")
    public_url: str = option("", text("an address such as https://calls.example.com", r"https?://[^\s?#]+", empty=True),
        "How this API is reached from outside, for the addresses that it gives out. Empty: as the request itself "
        "reached it.", section="http")
    click_origins: tuple[str, ...] = option((), several(text("an origin such as https://shop.example.com",
        r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")),
        "Web sites whose pages may place a call with a click token. Empty: any that has one, unless the token says "
        "otherwise.", section="http")
    # fmt: on
