"""What must stand before the app: the operator's files read, the embedded servers started. And what his settings mean
for accepting a call. Knows no Redis and no PBX link."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ari_app.concealed import conceal_those_of
from ari_app.config import Settings
from ari_app.domain.call import Terms
from ari_app.domain.numbers import CallerId, Rules
from ari_app.domain.plans import Plans
from ari_app.domain.trunks import Trunk
from ari_app.engine.asks import Policy
from ari_app.entrypoints.http.limits import Limits
from ari_app.nodes_file import NodeSpec, the_one
from ari_app.operator_files import read_files
from ari_app.plans_file import shipped
from ari_app.stack import Stack, StackInfo, StackOptions
from ari_app.trunks_file import EMBEDDED, load_trunks

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


def stack_of(settings: Settings, wanted: Callable[[], bool] = lambda: True) -> Stack | None:
    """The embedded servers that these settings need; None where everything is the operator's own. Raises Mistakes."""
    if settings.redis_url and not settings.is_embedded:
        return None
    embedded = settings.is_embedded
    trunks = load_trunks(settings.trunks_file, embedded=True) if settings.trunks_file and embedded else ()
    return Stack(
        StackOptions(
            state_dir=Path(settings.state_dir), cache_dir=Path(settings.cache_dir).expanduser(),
            redis=not settings.redis_url, pbx=embedded, carrier=embedded,
            media_timeout_s=settings.media_timeout_s, stasis_app=settings.ari_app, trunks=trunks,
            wanted=wanted,
        )
    )  # fmt: skip


def lay_ground(settings: Settings, wanted: Callable[[], bool] = lambda: True) -> Ground:
    """Start what is embedded and is not running yet. Blocks, as long as it is `wanted`; then raises BrokenOff, and
    nothing that it started runs. Raises StackError or config.Mistakes, for a person."""
    if settings.debian_mirror:
        os.environ.setdefault("RINGBRIDGE_DEBIAN_MIRROR", settings.debian_mirror)
    files = read_files(settings)
    trunks = (*files.trunks, EMBEDDED_CARRIER) if settings.is_embedded else files.trunks
    stack = stack_of(settings, wanted)
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
        )
    nodes = files.nodes or (the_one(settings),)
    conceal_those_of(settings, nodes)
    return Ground(settings, stack, info, trunks, plans=files.plans, nodes=nodes)


def limits_of(settings: Settings) -> Limits:
    return Limits(settings.key_rate, settings.key_burst, settings.wrong_keys_max, settings.http_proxies)


def policy_of(settings: Settings) -> Policy:
    terms = Terms(
        slice_s=settings.slice_s, margin_s=settings.margin_s, warning_s=settings.warning_s,
        increment=settings.increment, max_duration_s=settings.max_duration_s, max_live_calls=settings.max_live_calls,
        pdd_timeout_ms=settings.pdd_timeout_ms, confirm_timeout_ms=settings.confirm_timeout_ms,
        media_timeout_ms=1000 * settings.media_timeout_s, hold_retry_ms=settings.hold_retry_ms,
        confirm_caller=settings.confirm_caller, prompt=settings.prompt and bool(settings.sound_prompt),
        announce_limit_ms=settings.announce_limit_ms, waiting=settings.waiting,
        early_media=settings.early_media,
    )  # fmt: skip
    return Policy(
        terms=terms,
        platform_number=settings.platform_number,
        rules=Rules(settings.countries, settings.blocked_prefixes, settings.block_premium),
        caller_ring_ms=1000 * settings.caller_ring_timeout_s,
        callee_ring_ms=1000 * settings.callee_ring_timeout_s,
        tries_max=settings.trunk_tries_max,
    )
