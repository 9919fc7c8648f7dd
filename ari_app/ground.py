"""What must stand before the app: the operator's files read, the embedded servers started. And what his settings mean
for accepting a call. Knows no Redis and no PBX link."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from ari_app.adapters.speech import SpeechRules
from ari_app.concealed import conceal_those_of
from ari_app.config import Settings
from ari_app.config.prompts import SAY
from ari_app.desks.notice_desk import NoticeRules
from ari_app.desks.proving import ProofRules
from ari_app.domain.breaker import Rule
from ari_app.domain.call import Terms
from ari_app.domain.numbers import CallerId, Rules
from ari_app.domain.plans import Plans
from ari_app.domain.quiet import quiet
from ari_app.domain.trunks import Trunk
from ari_app.engine.asks import Policy
from ari_app.engine.attempts import AttemptRules
from ari_app.engine.keeping import Keeping
from ari_app.engine.on_net import OnNet
from ari_app.engine.provisioning import Provisioning
from ari_app.engine.spending import Spend, SpendRules
from ari_app.entrypoints.http.doors import DeviceTerms
from ari_app.entrypoints.http.limits import Limits
from ari_app.entrypoints.views_report import Terms as ReportTerms
from ari_app.hooks.couriers import CourierRules
from ari_app.hooks.relay import FeedRules
from ari_app.nodes_file import NodeSpec, the_one
from ari_app.plans_file import shipped
from ari_app.ports.speech import Language
from ari_app.stack import Stack, StackInfo, StackOptions
from ari_app.trunks_file import EMBEDDED
from ari_app.trunks_in_force import carriers_held, carriers_of

EMBEDDED_CARRIER = Trunk(
    name=EMBEDDED,
    host="127.0.0.1",
    caller_id=CallerId("verified"),
    price_micro_per_min=60_000,
    price_increment="60/60",
)
"""The simulated carrier: 0.06 a minute and leg, so that a demo shows what a call costs."""


@dataclass(slots=True)
class Ground:
    """What must stand before the app: servers (ours or the operator's), trunks and plans. `is_in_use`: calls could be
    placed on it, or another process serves it by now; then what this start began may outlive us."""

    settings: Settings
    stack: Stack | None
    info: StackInfo | None
    trunks: Sequence[Trunk]
    is_in_use: bool = False
    plans: Plans = field(default_factory=shipped)
    nodes: tuple[NodeSpec, ...] = ()
    version: int | None = None  # of the trunks; None where no file of them is named
    beside: tuple[Trunk, ...] = ()  # the trunks that are in no file
    given: Settings | None = None  # as the operator gave them, without the addresses of what is embedded


def stack_of(settings: Settings, wanted: Callable[[], bool] = lambda: True) -> Stack | None:
    """The embedded servers that these settings need; None where everything is the operator's own. Raises Mistakes."""
    return stack_for(settings, carriers_of(settings).trunks if settings.is_embedded else (), wanted)


def stack_for(settings: Settings, trunks: Sequence[Trunk], wanted: Callable[[], bool] = lambda: True) -> Stack | None:
    """Likewise, with these carriers beside the simulated one."""
    if settings.redis_url and not settings.is_embedded:
        return None
    embedded = settings.is_embedded
    return Stack(
        StackOptions(
            state_dir=Path(settings.state_dir), cache_dir=Path(settings.cache_dir).expanduser(),
            redis=not settings.redis_url, pbx=embedded, carrier=embedded,
            media_timeout_s=settings.media_timeout_s, stasis_app=settings.ari_app, trunks=trunks if embedded else (),
            tls_ca_file=settings.sip_tls_ca_file, wanted=wanted, sip_host=settings.sip_host,
            sip_server=settings.sip_server, tls_certificate=_tls_certificate(settings),
        )
    )  # fmt: skip


def _tls_certificate(settings: Settings) -> tuple[str, str] | None:
    """Absolute, as Asterisk has another folder."""
    if not settings.sip_tls_certificate_file:
        return None
    return str(Path(settings.sip_tls_certificate_file).resolve()), str(Path(settings.sip_tls_key_file).resolve())


def lay_ground(settings: Settings, wanted: Callable[[], bool] = lambda: True) -> Ground:
    """Start what is embedded and is not running yet. Blocks, as long as it is `wanted`; then raises BrokenOff, and
    nothing that it started runs. Raises StackError or config.Mistakes, for a person."""
    given = settings
    if settings.debian_mirror:
        os.environ.setdefault("RINGBRIDGE_DEBIAN_MIRROR", settings.debian_mirror)
    with carriers_held(settings, wanted) as (files, carriers):
        beside = (EMBEDDED_CARRIER,) if settings.is_embedded else ()
        stack = stack_for(settings, carriers.trunks, wanted)
        info = stack.start() if stack is not None else None
    if info is not None:
        settings = replace(
            settings,
            redis_url=settings.redis_url or info.redis_url,
            ari_url=settings.ari_url or info.ari_url,
            ari_user=settings.ari_user if settings.ari_url else info.ari_user,
            ari_password=settings.ari_password or info.ari_password,
            ami_url=settings.ami_url or (f"tcp://{info.ami_host}:{info.ami_port}" if info.ari_url else ""),
            ami_user=settings.ami_user if settings.ami_url else info.ami_user,
            ami_password=settings.ami_password or info.ami_secret,
            cel_file=settings.cel_file or str(info.cel_path or ""),
            agi_port=info.agi_port if info.ari_url else settings.agi_port,
            agi_secret=info.agi_secret if info.ari_url else settings.agi_secret,
            # What is free where the carrier is simulated: with these addresses it no longer looks so.
            unlimited_prefixes=given.free_prefixes,
            webhook_allow=given.webhook_inner,
        )
    nodes = files.nodes or (the_one(settings),)
    conceal_those_of(settings, nodes)
    return Ground(
        settings, stack, info, (*carriers.trunks, *beside), plans=files.plans, nodes=nodes, version=carriers.version,
        beside=beside, given=given,
    )  # fmt: skip


def limits_of(settings: Settings) -> Limits:
    s = settings
    return Limits(
        key_rate=s.key_rate, key_burst=s.key_burst, tenant_rate=s.tenant_rate, tenant_burst=s.tenant_burst,
        wrong_keys_max=s.wrong_keys_max, proxies=s.http_proxies,
    )  # fmt: skip


def keeping_of(settings: Settings) -> Keeping:
    s = settings
    return Keeping(86_400 * s.call_days, 86_400 * s.call_details_days or None, 60 * s.private_minutes)


def attempt_rules_of(settings: Settings) -> AttemptRules:
    return AttemptRules(
        settings.pair_limits, settings.number_limits, settings.free_prefixes, settings.verify_number_limits,
        settings.verify_user_limits,
        settings.verify_tenant_limits,
    )  # fmt: skip


def notice_rules_of(s: Settings) -> NoticeRules:
    own = quiet(s.quiet_hours)
    return NoticeRules(
        recipients_max=s.notice_recipients_max, tries=s.notice_tries, gap_ms=s.notice_gap_ms,
        quiet=() if own is None else (own,), timezone=s.timezone, parallel=s.notice_parallel,
        lines_percent=s.notice_lines_percent, rounds=s.notice_rounds,
        keep_s=86_400 * min(s.call_days, s.call_details_days or s.call_days),
    )  # fmt: skip


def proof_rules_of(settings: Settings) -> ProofRules:
    return ProofRules(settings.code_life_ms, settings.code_tries_max, settings.wrong_code_limits)


def feed_rules_of(settings: Settings) -> FeedRules:
    return FeedRules(settings.feed_hours * 3_600_000, settings.feed_entries_max)


def courier_rules_of(s: Settings) -> CourierRules:
    return CourierRules(
        first_ms=s.webhook_retry_ms, most_ms=max(s.webhook_retry_ms, s.webhook_retry_max_ms),
        probe_ms=max(s.webhook_retry_ms, s.webhook_probe_ms), give_up_ms=s.webhook_give_up_h * 3_600_000,
        lanes=s.webhook_lanes, at_once=s.webhook_sending_max,
    )  # fmt: skip


def spend_rules_of(settings: Settings) -> SpendRules:
    return SpendRules(
        user=Spend(settings.user_spend_alarm_micro, settings.user_spend_max_micro),
        team=Spend(settings.team_spend_alarm_micro, settings.team_spend_max_micro),
        timezone=settings.timezone,
    )


def speech_rules_of(settings: Settings, given: Settings) -> SpeechRules:
    """`given`: as the operator gave them; with an Asterisk of his own only he knows which folder it can read."""
    s = settings
    folder = s.sounds_dir or (str(Path(s.state_dir) / "sounds") if given.is_embedded else "")
    return SpeechRules(
        Path(folder).expanduser() if folder else None, s.speech_command,
        voices={"en": s.speech_voice_en, "zh": s.speech_voice_zh}, words_per_minute=s.speech_words_per_minute,
        text_max=s.speech_text_max, timeout_s=s.speech_timeout_ms / 1000, at_once=s.speech_at_once,
        audio_bytes_max=s.audio_bytes_max, audio_lasts_max_ms=1000 * s.audio_max_s,
        audio_timeout_s=max(60, s.audio_max_s), days=s.sounds_days, bytes_max=1_000_000 * s.sounds_mb_max,
    )  # fmt: skip


def prompts_soon(settings: Settings) -> list[tuple[str, Language]]:
    """What Mandarin callers will be told, where they are the rule: the first of them would wait for each, or hear it in
    English."""
    if settings.language != "zh":
        return []
    parts = [part for wording in settings.sounds.values() for part in wording.zh]
    words = [part.removeprefix(SAY) for part in parts if part.startswith(SAY) and "{n}" not in part]
    return [(text, "zh") for text in (*words, *"0123456789")]


def rest_rule_of(s: Settings) -> Rule:
    return Rule(s.trunk_rest_after, s.trunk_rest_ms, max(s.trunk_rest_ms, s.trunk_rest_max_ms))


def device_terms_of(ground: Ground) -> DeviceTerms:
    s, info = ground.settings, ground.info
    if info is not None and info.ari_url:
        server = s.sip_server or (s.sip_host if s.sip_host not in ("", "0.0.0.0", "::") else "127.0.0.1")
        return DeviceTerms(s.devices_max, server, info.pbx_sip_port, info.pbx_devices_tls_port)
    server = s.sip_server or urlsplit(ground.nodes[0].ari_url).hostname or ""
    return DeviceTerms(s.devices_max, server, s.sip_port, s.sip_tls_port)


def own_ports_of(ground: Ground) -> frozenset[int]:
    """Of the servers behind us: no webhook is sent there, be its address allowed."""
    s = ground.settings
    urls = (s.redis_url, s.ari_url, s.ami_url, *(one.ari_url for one in ground.nodes))
    found = {int(port) for url in urls for port in re.findall(r":([0-9]{1,5})\b", url)}
    return frozenset(found | ({ground.info.agi_port} if ground.info is not None else set()))


def on_net_of(s: Settings, devices: Provisioning) -> OnNet | None:
    if s.device_ring == "off":
        return None
    return OnNet(devices.of, 1000 * s.device_ring_s, s.device_pdd_ms, s.platform_number)


def report_terms_of(settings: Settings) -> ReportTerms:
    return ReportTerms(
        settings.timezone, settings.minute_worth_micro, settings.currency, settings.cost_days, settings.max_duration_s
    )


def policy_of(settings: Settings) -> Policy:
    terms = Terms(
        slice_s=settings.slice_s, margin_s=settings.margin_s, warning_s=settings.warning_s,
        increment=settings.increment, max_duration_s=settings.max_duration_s, max_live_calls=settings.max_live_calls,
        pdd_timeout_ms=settings.pdd_timeout_ms, trunk_wait_ms=settings.trunk_wait_ms,
        confirm_timeout_ms=settings.confirm_timeout_ms,
        media_timeout_ms=1000 * settings.media_timeout_s, hold_retry_ms=settings.hold_retry_ms,
        confirm_caller=settings.confirm_caller, prompt=settings.prompt and bool(settings.sounds["prompt"].en),
        announce_limit_ms=settings.announce_limit_ms, waiting=settings.waiting,
        early_media=settings.early_media, ends_with_host=settings.conference_ends_with_host,
        confirm_joining=settings.conference_confirm, alone_timeout_ms=settings.conference_alone_ms,
        tones=settings.conference_tones, consent=settings.recording_consent,
    )  # fmt: skip
    return Policy(
        terms=terms,
        platform_number=settings.platform_number,
        rules=Rules(settings.countries, settings.blocked_prefixes, settings.block_premium),
        caller_ring_ms=1000 * settings.caller_ring_timeout_s,
        callee_ring_ms=1000 * settings.callee_ring_timeout_s,
        tries_max=settings.trunk_tries_max,
        phones_max={
            "personal": settings.conference_personal_max,
            "team": settings.conference_team_max,
            "certified": settings.conference_certified_max,
        },
    )
