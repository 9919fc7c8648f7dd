"""The command by which a phone of the simulated carrier calls the platform. It knows the stack and the carrier's
record; it needs no running API."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated

import typer

from ari_app.entrypoints.cli_common import ConfigOpt, Failure, JsonOpt, StateOpt, example, out, out_json, say
from ari_app.entrypoints.cli_stack import records_of, running, stack_app, state_dir_of, told

if TYPE_CHECKING:
    from ari_app.stack.carrier import CarrierCall
    from ari_app.stack.dial_in import Calling, DialIn

FromArg = Annotated[str, typer.Argument(metavar="FROM", help="The number of the phone; it plays 300 + 50nn Hz.")]
ToArg = Annotated[str, typer.Argument(metavar="TO", help="What it dials: the platform's number.")]
KeysOpt = Annotated[str, typer.Option(help="After the answer: keys, and pauses as w2 or w0.5: “w2 1234# w5 1”.")]
StayOpt = Annotated[float, typer.Option("--hang-up-after", help="Seconds after the answer.")]
RingOpt = Annotated[float, typer.Option("--ring", help="Hang up after so many seconds without an answer.")]
PortOpt = Annotated[int | None, typer.Option(help="The SIP port that is called instead of the embedded PBX's.")]
WaitOpt = Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is over, or leave at once.")]

LOOK_EVERY_S = 0.1
SPARE_S = 10  # how much later than it must be over it may be over
INTERRUPTED = 130


def register(_app: typer.Typer) -> None:
    """It is a command of `ringbridge stack`, which stands in cli_stack."""


@stack_app.command("dial-in", epilog=example("stack dial-in +8613900000005 +864001234567 --keys 'w2 1'"))
def dial_in(
    caller: FromArg, to: ToArg, keys: KeysOpt = "", hang_up_after: StayOpt = 60, ring: RingOpt = 60,
    port: PortOpt = None, wait: WaitOpt = True,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Let a phone of the simulated carrier call the platform; it records what it hears. Ctrl-C hangs it up. JSON: the
    carrier's record of the call, as `stack carrier-calls` has it; with --no-wait its id."""
    from ari_app.stack.dial_in import DialIn

    call = DialIn(caller, to, keys, hang_up_after, ring)
    with told():
        calling = _place(call, port, state_dir_of(state_dir, config))
        if not wait:
            return out_json({"id": calling.id}) if as_json else out(calling.id)
        seen, is_broken_off = _follow(calling, within_s=hang_up_after + ring + SPARE_S)
    if as_json:
        out(seen.to_json())
    else:
        out(_story(seen))
    if is_broken_off:
        raise typer.Exit(INTERRUPTED)
    return None


def _place(call: DialIn, port: int | None, state_dir: Path) -> Calling:
    from ari_app.stack.carrier import CarrierRecord
    from ari_app.stack.dial_in import Calling, dial_in

    stack = running(state_dir)
    id = dial_in(state_dir / "carrier", port or stack.info().pbx_sip_port, call)
    return Calling(id, CarrierRecord(records_of(state_dir)), lambda command: stack.asterisk_rx("carrier", command))


def _follow(calling: Calling, within_s: float) -> tuple[CarrierCall, bool]:
    """To its end; whether it was broken off by Ctrl-C."""
    is_broken_off, deadline = False, monotonic() + within_s
    while monotonic() < deadline:
        try:
            seen = calling.record()
            if seen is not None and seen.ended_at_ms is not None:
                return calling.record(with_tones=True) or seen, is_broken_off
            sleep(LOOK_EVERY_S)
        except KeyboardInterrupt:
            say("hanging up")
            is_broken_off = True
            calling.hang_up()
    raise Failure("the carrier has not written down the end of this call: see `ringbridge stack logs carrier`")


def _story(call: CarrierCall) -> str:
    answered = "" if call.talked_ms is None else f", talked {call.talked_ms / 1000:.1f} s"
    sound = f", heard: {call.recording}" if call.recording else ""
    return (
        f"{call.from_user} called {call.number}: SIP {call.sip_status}{answered}, hung up by {call.hung_up_by}{sound}"
    )
