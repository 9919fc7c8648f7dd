"""Commands about the carriers in force: whether calls go out over each and how good it is, and a test call over one.
Clients of the API; knows how a telecom admin likes to read it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, Failure, JsonOpt, KeyOpt, example, money, out, out_json, say, table
from ari_app.entrypoints.client import Client, connect

WATCH_EVERY_S = 2.0
FOLLOW_EVERY_S = 0.2
QUIET = "-"
HEAD = ("trunk", "state", "reg", "prio", "lines", "today", "ASR", "ACD", "NER", "PDD", "cost", "why")
OWN_VIEW = ("name", "today", "state", "why", "roundtrip_ms", "rested_until", "registration", "channels_in_use")
MS = 1000

NameArg = Annotated[str | None, typer.Argument(metavar="NAME", help="One trunk, and what is set of it.")]
WatchOpt = Annotated[bool, typer.Option("--watch", help="Again every 2 seconds, until Ctrl-C.")]
TrunkArg = Annotated[str, typer.Argument(metavar="NAME", help="The trunk's name.")]
NumberArg = Annotated[str, typer.Argument(metavar="NUMBER", help="The phone to ring; best your own.")]
SecondsOpt = Annotated[int, typer.Option("--seconds", min=1, max=60, help="So long it stays up after its answer.")]


def register(trunks_app: typer.Typer) -> None:
    trunks_app.command("status", epilog=example("trunks status"))(trunks_status)
    trunks_app.command("test", epilog=example("trunks test main +8613900000004"))(trunks_test)


# ---- status ---------------------------------------------------------------------------------------------------------


def trunks_status(
    name: NameArg = None, watch: WatchOpt = False, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False
) -> None:  # fmt: skip
    """Show whether calls go out over each trunk, its lines, and how good it is today. With --watch --json: one line
    each time."""
    client = connect(api, key)
    _show(client, name, as_json)
    while watch:
        time.sleep(WATCH_EVERY_S)
        if sys.stdout.isatty() and not as_json:
            out("\x1b[H\x1b[J")
        _show(client, name, as_json)


def _show(client: Client, name: str | None, as_json: bool) -> None:
    found = client.get("v1", "trunks", name) if name else client.get("v1", "trunks")
    if as_json:
        out_json(found)
    elif name:
        _show_one(found)
    else:
        _show_all(found)


def _show_all(found: dict[str, Any]) -> None:
    if not found["trunks"]:
        return say("no trunk is in force: name a trunks_file, then `ringbridge trunks apply`")
    return table(HEAD, map(_row, found["trunks"]))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    today = one["today"]
    return (
        one["name"], one["state"], _registration(one), str(one["priority"]), _lines(one), str(today["legs"]),
        _percent(today["asr"]), _or_quiet(today["acd_s"], "{} s"), _percent(today["ner"]),
        _or_quiet(today["pdd_ms"], "{} ms"), money(today["cost"]), one["why"],
    )  # fmt: skip


def _show_one(one: dict[str, Any]) -> None:
    today = one["today"]
    out(f"{one['name']}: {one['state']}{', ' * bool(one['why'])}{one['why']}")
    pdd = (today["pdd_ms"], today["pdd_p50_ms"], today["pdd_p95_ms"])
    rows = [
        ("registration", _registration(one)),
        ("answers within", _or_quiet(one["roundtrip_ms"], "{} ms")),
        ("lines in use", _lines(one)),
        ("legs today", f"{today['legs']}, {today['answered']} answered"),
        ("ASR / NER", f"{_percent(today['asr'])} / {_percent(today['ner'])}"),
        ("ACD", _or_quiet(today["acd_s"], "{} s")),
        ("PDD mean / p50 / p95", " / ".join(_or_quiet(one_ms, "{} ms") for one_ms in pdd)),
        ("ended as", _counts(today["outcomes"])),
        ("failed by", _counts(today["failures"])),
        ("cost today", money(today["cost"])),
    ]  # fmt: skip
    if one["rested_until"]:
        rows.insert(0, ("rests until", one["rested_until"]))
    rows += [(field.replace("_", " "), _said(value)) for field, value in one.items() if field not in OWN_VIEW]
    for word, value in rows:
        out(f"  {word:<21} {value}")


def _registration(one: dict[str, Any]) -> str:
    if not one["registers"]:
        return "none"
    return str(one["registration"] or "unknown")


def _lines(one: dict[str, Any]) -> str:
    used = _or_quiet(one["channels_in_use"], "{}")
    return f"{used}/{one['max_channels']}" if one["max_channels"] else used


def _percent(share: float | None) -> str:
    return QUIET if share is None else f"{100 * share:.0f} %"


def _or_quiet(value: object, shown: str) -> str:
    return QUIET if value is None else shown.format(value)


def _counts(counts: dict[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {count}" for name, count in ordered) or QUIET


def _said(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case _ if not value:
            return QUIET
        case list():
            return ", ".join(map(str, value))
        case {"micro": _, "currency": _}:
            return money([value])
        case dict():
            return ", ".join(f"{name}={means}" for name, means in value.items())
    return str(value)


# ---- a test call ----------------------------------------------------------------------------------------------------


def trunks_test(
    name: TrunkArg, number: NumberArg, seconds: SecondsOpt = 10, api: ApiOpt = None, key: KeyOpt = None,
    as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Ring one phone over exactly this trunk, and tell step by step what happens. Exit code 0 if it rang or was
    answered, 1 if not. Nobody's minutes are taken; the carrier takes its price."""
    client = connect(api, key)
    test = client.post("v1", "trunks", name, "test", body={"number": number, "seconds": seconds})
    tell = _Teller(quiet=as_json)
    try:
        while True:
            tell(test)
            if test["state"] == "ended":
                break
            time.sleep(FOLLOW_EVERY_S)
            test = client.get("v1", "trunks", name, "test", test["call"])
    except KeyboardInterrupt:
        with suppress(Failure):
            client.delete("v1", "calls", test["call"])
        raise
    if as_json:
        out_json(test)
    if not test["reached"]:
        raise typer.Exit(1)


class _Teller:
    """Each step once, as soon as it is known."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._told: set[str] = set()

    def __call__(self, test: dict[str, Any]) -> None:
        for step, line in _steps(test):
            if step not in self._told and not self._quiet:
                out(line)
            self._told.add(step)


def _steps(test: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "begun", f"{test['number']} over {test['trunk']}: call {test['call']}"
    if test["dialled_at"]:
        yield "dialled", f"  dialled    {test['dialled']}, showing {test['shown']} ({test['why']})"
    if test["sign_ms"] is not None:
        yield "sign", f"  first sign after {test['sign_ms']} ms"
    for step, words in (("early_at", "sound of the network"), ("rang_at", "rings"), ("answered_at", "answered")):
        if test[step]:
            yield step, f"  {words:<10} {_clock(test[step])}"
    if test["state"] == "ended":
        yield "ended", f"  ended      {_end(test)}"
        yield "cost", f"  cost       {money([test['cost']])} at {money([test['price']])} a minute, {test['increment']}"


def _end(test: dict[str, Any]) -> str:
    if test["passed_over"]:
        return f"never dialled: {PASSED_OVER.get(test['passed_over'], test['passed_over'])}"
    codes = [f"{word} {test[of]}" for word, of in (("SIP", "sip_status"), ("cause", "cause")) if test[of] is not None]
    by = {"callee": "the phone hung up", "system": "we hung up", "api": "ended by the API"}
    words: list[str] = [str(test["outcome"] or test["reason"]).replace("_", " ")]
    if test["answered_at"]:
        words = [f"{by.get(test['hung_up_by'], test['hung_up_by'])} after {test['talk_ms'] / MS:.1f} s"]
    return ", ".join(words + codes)


PASSED_OVER = {
    "channels": "all lines of the trunk are taken (max_channels)",
    "cps": "too many calls begin just now (max_cps)",
    "uncounted": "Redis does not say whether there is a line",
    "no_contact": "the PBX knows no address for it, or cannot reach it",
}


def _clock(time_utc: str) -> str:
    return time_utc.partition("T")[2].rstrip("Z")
