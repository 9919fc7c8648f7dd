"""Figures from rounds: medians, ratios, spread; the table and the shape of bench.json. Measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

from tests.bench.measure import Round, percentile
from tests.bench.witness import SetUp

STAGES: dict[str, Callable[[SetUp], float]] = {
    "request_to_caller": lambda s: s.to_caller_ms,
    "caller_answer_to_callee": lambda s: s.to_callee_ms,
    "callee_answer_to_bridge": lambda s: s.to_bridge_ms,
    "set_up": lambda s: s.whole_ms,
}
TARGETS: tuple[tuple[str, str, float, str], ...] = (
    ("ratios.cpu_asterisk", "<=", 1.6, "Asterisk CPU per call, against bare"),
    ("app_and_redis_ms_per_call", "<=", 12, "app + Redis CPU ms per call"),
    ("ratios.sustained_rate", ">=", 0.6, "sustained rate, against bare"),
    ("latency_ms.app.request_to_caller.p50", "<=", 15, "request → caller's INVITE, p50 ms"),
    ("latency_ms.app.caller_answer_to_callee.p50", "<=", 10, "caller's answer → callee's INVITE, p50 ms"),
    ("latency_ms.app.callee_answer_to_bridge.p50", "<=", 10, "callee's answer → both in the bridge, p50 ms"),
    ("ledger.pairs_per_s", ">=", 2500, "ledger, hold + settle pairs a second"),
    ("ledger.ratio_raw", ">=", 0.7, "ledger, against a raw client"),
)


def line(one: Round) -> str:
    cpu = "  ".join(f"{name} {ms:.1f}" for name, ms in one.cpu_ms_per_call.items())
    p50 = percentile([s.whole_ms for s in one.set_ups], 50)
    why = f"  {len(one.failures)} failed: {one.failures[0]}" if one.failures else ""
    return (
        f"  {one.side:4} {one.rate_per_s:5.0f}/s  {one.calls} calls  CPU ms a call: {cpu}"
        f"  set-up p50 {p50:.0f} p99 {one.p99_ms:.0f} ms{why}"
    )


def of_rounds(rounds: Sequence[Round]) -> dict[str, Any]:
    bare, app = [[r for r in rounds if r.side == side] for side in ("bare", "app")]
    latency = {"bare": _latency(bare), "app": _latency(app)}
    pairs = list(zip(bare, app, strict=True))
    added_ms = latency["app"]["set_up"]["p50"] - latency["bare"]["set_up"]["p50"]
    return {
        "ratios": {"cpu_asterisk": _ratio(pairs, "asterisk"), "cpu_carrier": _ratio(pairs, "carrier")},
        "cpu_ms_per_call": {"bare": _cpu(bare), "app": _cpu(app)},
        "app_ms_per_call": _median(r.cpu_ms_per_call["app"] for r in app),
        "redis_ms_per_call": _median(r.cpu_ms_per_call["redis"] for r in app),
        "app_and_redis_ms_per_call": _median(r.cpu_ms_per_call["app"] + r.cpu_ms_per_call["redis"] for r in app),
        "latency_ms": latency,
        "added_setup_p50_ms": round(added_ms, 1),
        "failures": {r.side: list(r.failures) for r in rounds if r.failures},
    }


def of_rates(best: dict[str, float], raw: dict[str, Any]) -> dict[str, Any]:
    return {"sustained_per_s": best, "sustained_raw": raw}


def tried(one: Round) -> dict[str, Any]:
    return {
        "side": one.side, "rate_per_s": one.rate_per_s, "calls": one.calls, "failures": len(one.failures),
        "kept_rate_per_s": round(one.kept_rate_per_s, 1), "p99_ms": round(one.p99_ms, 1),
        "is_sustained": one.is_sustained,
        "cpu_ms_per_call": {name: round(ms, 2) for name, ms in one.cpu_ms_per_call.items()},
    }  # fmt: skip


def finished(result: dict[str, Any]) -> dict[str, Any]:
    best = result["sustained_per_s"]
    ratio = round(best["app"] / best["bare"], 3) if best["bare"] else None
    whole = result | {"ratios": result["ratios"] | {"sustained_rate": ratio}}
    whole["targets"] = [
        {
            "what": path,
            "is": _at(whole, path),
            "want": f"{sign} {limit:g}",
            "met": _is_met(_at(whole, path), sign, limit),
        }
        for path, sign, limit, _ in TARGETS
        if _at(whole, path) is not None
    ]
    first = ("ratios", "app_ms_per_call", "redis_ms_per_call", "added_setup_p50_ms", "ledger", "targets")
    return {name: whole[name] for name in first if name in whole} | whole


def table(whole: dict[str, Any]) -> str:
    bare, app = whole["cpu_ms_per_call"]["bare"], whole["cpu_ms_per_call"]["app"]
    rows = [("", "bare Dial()", "this app")]
    rows += [(f"CPU ms a call: {name}", _spread(bare[name]), _spread(app[name])) for name in app]
    best = whole["sustained_per_s"]
    rows.append(("highest rate sustained, calls/s", f"{best['bare']:g}", f"{best['app']:g}"))
    for stage in STAGES:
        b, a = (whole["latency_ms"][side][stage] for side in ("bare", "app"))
        rows.append(
            (f"{stage.replace('_', ' ')}, p50/p99 ms", f"{b['p50']:g} / {b['p99']:g}", f"{a['p50']:g} / {a['p99']:g}")
        )
    for live, kb in whole["memory"].items():
        if live != "before":
            rows.append((f"KB a call at {live} live: asterisk / app", "",
                         f"{kb['asterisk_kb_per_call']:g} / {kb['app_kb_per_call']:g}"))  # fmt: skip
    wide = max(len(row[0]) for row in rows)
    text = [f"{name:<{wide}}  {b:>22}  {a:>22}" for name, b, a in rows]
    words = {path: what for path, _, _, what in TARGETS}
    text += ["", "targets:"]
    text += [
        f"  {'met   ' if t['met'] else 'MISSED'} {words[t['what']]}: {t['is']:g} ({t['want']})"
        for t in whole["targets"]
    ]
    text.append(f"load average before {whole['load_before']:.2f}, after {whole['load_after']:.2f}; {whole['took_s']} s")
    return "\n".join(text)


def _cpu(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    return {
        name: {"median": _median(values), "min": round(min(values), 2), "max": round(max(values), 2)}
        for name in rounds[0].cpu_ms_per_call
        if (values := [r.cpu_ms_per_call[name] for r in rounds])
    }


def _latency(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    set_ups = [s for r in rounds for s in r.set_ups]
    return {
        stage: {f"p{p}": round(percentile([of(s) for s in set_ups], p), 2) for p in (50, 90, 99)}
        for stage, of in STAGES.items()
    }


def _ratio(pairs: Sequence[tuple[Round, Round]], process: str) -> float:
    """Of each round to its neighbour, then the median: a slow minute of the machine is in both."""
    return _median(app.cpu_ms_per_call[process] / bare.cpu_ms_per_call[process] for bare, app in pairs)


def _median(values: Iterable[float]) -> float:
    return round(median(values), 3)


def _spread(one: dict[str, float]) -> str:
    return f"{one['median']:.1f} ({one['min']:.1f}-{one['max']:.1f})"


def _at(whole: dict[str, Any], path: str) -> Any:
    at: Any = whole
    for name in path.split("."):
        at = at.get(name) if isinstance(at, dict) else None
    return at


def _is_met(value: float, sign: str, limit: float) -> bool:
    return value <= limit if sign == "<=" else value >= limit
