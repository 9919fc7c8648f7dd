"""The guide and the examples of the docs do what they say, against a real stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from ari_app.ports.webhooks import new_secret
from tests.ringbridge import Ringbridge
from tests.support import until_sync

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
GUIDE = (DOCS / "getting-started.md").read_text("utf-8")
RUN = {".sh": "sh", ".py": sys.executable, ".mjs": "node"}
BUSY = "+8613900000022"
CALLS = ("place_call.sh", "place_call.py", "place_call_urllib.py", "place_call.mjs")


def runs(file: str) -> list[str]:
    """The command for an example. Skips where its language is absent, but not in CI."""
    program = RUN[Path(file).suffix]
    if shutil.which(program) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not here")
        pytest.skip(f"{program} is not here")
    return [program, str(EXAMPLES / file)]


def of(app: Ringbridge) -> dict[str, str]:
    return {**os.environ, "RINGBRIDGE_API": app.api, "RINGBRIDGE_API_KEY": app.key}


@pytest.fixture(scope="module")
def ran(ringbridge: Ringbridge) -> Iterator[dict[str, tuple[str, Future[subprocess.CompletedProcess[str]]]]]:
    """Example → its caller, and what came of it. All at once: they wait for phones."""

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=of(ringbridge), capture_output=True, text=True, timeout=60, check=False)

    with ThreadPoolExecutor(len(CALLS)) as pool:
        found = {}
        for n, file in enumerate(CALLS):
            caller = ringbridge.user(f"docs_{file.replace('.', '_')}", f"+86139{1700 + n}0010")
            if shutil.which(RUN[Path(file).suffix]):
                found[file] = caller, pool.submit(run, [*runs(file), caller, BUSY])
        yield found


@pytest.mark.parametrize("file", CALLS)
def test_an_example_places_a_call_and_follows_it_to_its_end(
    file: str, ran: dict[str, tuple[str, Future[subprocess.CompletedProcess[str]]]], ringbridge: Ringbridge
) -> None:
    runs(file)
    caller, going_on = ran[file]
    done = going_on.result()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    call = ringbridge.show(lines[0].removeprefix("call "))
    assert (call["state"], call["reason"], call["caller"]) == ("ended", "callee_busy", caller)
    told = [f"call.{state}" for state in ringbridge.states(call["id"])]
    assert lines[1:] == [*told, f"callee_busy {call['charged_s']} s charged"]


@pytest.mark.parametrize("file", CALLS)
def test_an_example_that_cannot_call_says_why(file: str, ringbridge: Ringbridge) -> None:
    command, env = runs(file), of(ringbridge)
    for given, told, said in (
        ([], env, "usage: "),
        (["nobody", BUSY], {**env, "RINGBRIDGE_API_KEY": ""}, "usage: "),
        (["nobody", BUSY], env, "unknown-user"),
    ):
        done = subprocess.run([*command, *given], env=told, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_every_example_has_its_line_in_the_guide() -> None:
    said = re.findall(r"docs/examples/(\S+) alice \+8613900000026", GUIDE)
    assert sorted(said) == sorted(CALLS)


def test_what_live_events_shows_hears_of_a_call_and_ends_with_a_wrong_key(
    ringbridge: Ringbridge, tmp_path: Path
) -> None:
    [shown] = re.findall(
        r"^```python\n(.*?)^```", (DOCS / "live-events.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (listener := tmp_path / "listener.py").write_text(shown)
    caller = ringbridge.user("docs_listener", "+8613917090010")
    going_on = subprocess.Popen([sys.executable, str(listener)], env=of(ringbridge), stdout=subprocess.PIPE, text=True)
    try:
        assert going_on.stdout is not None
        until_sync(lambda: ringbridge.metric('streams_open{kind="events"}') >= 1, within_s=15)
        ringbridge.until_ended(ringbridge.call(caller, BUSY))
        for told in going_on.stdout:
            if told == "call.ended\n":
                break
    finally:
        going_on.kill()
        going_on.communicate(timeout=10)
    wrong = of(ringbridge) | {"RINGBRIDGE_API_KEY": "rb_wrong"}
    done = subprocess.run(
        [sys.executable, str(listener)], env=wrong, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, json.loads(done.stderr)["type"]) == (1, "unauthorized")


def signed(secret: str) -> tuple[str, list[str]]:
    """A body, and the three headers with it: id, time, signature."""
    now = datetime.now(UTC)
    body = json.dumps({"type": "call.ended", "timestamp": "2026-11-23T08:33:12.123Z", "id": "evt_c1_6", "data": {}})
    return body, ["evt_c1_6", str(int(now.timestamp())), Webhook(secret).sign("evt_c1_6", now, body)]


def test_an_example_receives_webhooks(ringbridge: Ringbridge) -> None:
    made = ringbridge.ask("POST", "/v1/webhooks", {"url": "http://127.0.0.1:3000/hook", "events": ["notice.done"]}).body
    env = {**os.environ, "RINGBRIDGE_WEBHOOK_SECRET": made["secret"]}
    receiver = subprocess.Popen([*runs("webhook.py"), "0"], env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        url = receiver.stdout.readline().removeprefix("listening at ").strip()
        assert ringbridge.ask("PATCH", f"/v1/webhooks/{made['id']}", {"url": url + "hook"}).status == 200
        tested = ringbridge.ask("POST", f"/v1/webhooks/{made['id']}/test").body
        assert (tested["status"], tested["delivered"]) == (204, True)
        assert receiver.stdout.readline().startswith("webhook.test evt_")
        body, (id, at, signature) = signed(new_secret())
        headers = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers), timeout=10)
        assert refused.value.code == 400
    finally:
        receiver.terminate()
        receiver.communicate(timeout=10)
        ringbridge.ask("DELETE", f"/v1/webhooks/{made['id']}")


def test_an_example_tells_a_genuine_webhook_from_another() -> None:
    secret = new_secret()
    body, headers = signed(secret)
    command = [*runs("webhook.mjs"), *headers]
    for given, sent, said in (
        (secret, body, "call.ended evt_c1_6\n"),
        (secret, body + " ", ""),
        (new_secret(), body, ""),
    ):
        env = {**os.environ, "RINGBRIDGE_WEBHOOK_SECRET": given}
        done = subprocess.run(command, input=sent, env=env, capture_output=True, text=True, timeout=30, check=False)
        assert done.stdout == said, done.stderr
        assert (done.returncode == 0) is bool(said)


def test_what_the_guide_says_to_type_works(ringbridge: Ringbridge) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    curls = [block for block in blocks if block.startswith("curl")]
    assert len(curls) == 2
    # a busy machine's carrier that answers no OPTIONS for a moment is a trunk that is down: every call is refused
    until_sync(lambda: ringbridge.ask("GET", "/readyz").status == 200, 15, "a call can be placed")
    said = [
        subprocess.run(["sh", "-c", curl], env=of(ringbridge), capture_output=True, text=True, timeout=30, check=True)
        for curl in (*curls, curls[-1])
    ]
    user, call, again = (json.loads(one.stdout) for one in said)
    assert "id" in call, (call, ringbridge.tail())
    try:
        assert "id" in again, (again, ringbridge.tail())
        assert (user["id"], user["verified"]) == ("alice", ["+8613900000002"])
        assert (call["caller"], call["metadata"], again["id"]) == ("alice", {"order": "A-1001"}, call["id"])
    finally:
        ringbridge.hang_up(call["id"])
        ringbridge.until_ended(call["id"])
