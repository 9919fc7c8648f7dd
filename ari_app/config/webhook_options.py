"""The settings of webhooks. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.config.kinds import flag, option, seconds, several, text, whole


@dataclass(frozen=True)
class WebhookOptions:
    # A table: the formatter would give each of its lines five.
    # fmt: off
    webhook_timeout_ms: int = option(10_000, seconds(200, 60),
        "Longest wait for the answer of a webhook's receiver, redirects among it; then it has failed.",
        section="webhooks", unit="s")
    webhook_allow: tuple[str, ...] = option((), several(text(
        "a network such as 10.1.0.0/16, an address or the name of a host", r"[A-Za-z0-9._:/\[\]-]{1,200}")),
        "Inner addresses that webhooks may reach all the same, also without TLS; all others that are not of the open "
        "Internet are refused. Empty: this machine's own (127.0.0.0/8, ::1) while the simulated carrier is the only "
        "one, else none.", section="webhooks")
    webhook_http: bool = option(False, flag(),
        "Whether webhooks may be sent to any address without TLS (http); else to those of webhook_allow alone.",
        section="webhooks")
    webhook_lanes: int = option(8, whole(1, 100),
        "Calls (or notices) whose events go to one webhook's receiver at once; those of one call go one by one.",
        section="webhooks")
    webhook_sending_max: int = option(400, whole(0, 10_000),
        "Requests to all receivers at once, beyond the first one to each.", section="webhooks")
    webhook_retry_ms: int = option(5_000, seconds(100, 3_600),
        "First wait before what a receiver did not take is sent again; each further one is three times as long.",
        section="webhooks", unit="s")
    webhook_retry_max_ms: int = option(21_600_000, seconds(1_000, 86_400),
        "Longest wait between two tries of one event.", section="webhooks", unit="s")
    webhook_probe_ms: int = option(300_000, seconds(100, 86_400),
        "A receiver that takes nothing is asked that often at least whether it does again.", section="webhooks",
        unit="s")
    webhook_give_up_h: int = option(72, whole(1, 720),
        "Events that a receiver did not take for so long are given up; they can be replayed.", section="webhooks",
        unit="h")
    webhook_waiting_max: int = option(1_000_000, whole(100, 10_000_000),
        "Events that may wait for one webhook, about 200 bytes each; further ones are given up at once. As many that "
        "were given up are kept.", section="webhooks")
    webhook_deliveries: int = option(1_000, whole(10, 100_000),
        "Of each webhook, so many of the last attempts are kept for it to be seen.", section="webhooks")
    feed_hours: int = option(24, whole(1, 720),
        "Events are kept so long for live streams that come back, and for webhooks.", section="webhooks", unit="h")
    feed_entries_max: int = option(500_000, whole(1_000, 50_000_000),
        "And no more than so many, about 100 bytes each.", section="webhooks")
    # fmt: on
