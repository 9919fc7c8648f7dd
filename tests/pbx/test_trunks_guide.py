"""docs/trunks-guide.md is done as it stands, line by line, by somebody in an empty folder: the files that it shows are
written, its commands run in a shell, against a carrier that wants a name and a password. Only the carrier's address,
and the address of the spare one (where nobody is), are put in."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ari_app.config.options import table as options
from ari_app.entrypoints.client import Client
from ari_app.entrypoints.views import at_ms
from ari_app.stack.customer import Customer
from tests.ground import OtherCarrier, more_carriers
from tests.support import until_sync

pytestmark = pytest.mark.timeout(240)

GUIDE = (Path(__file__).parents[2] / "docs" / "trunks-guide.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|ini|csv)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
CUSTOMER = Customer("8600410000", "the-password")
MINE, THEIRS = "+8613900000001", "+8613900000026"  # answers and stays; answers and hangs up
DIFFERS = {"trunks diff": 3}
"""What a command's exit code is, if not 0."""


@dataclass
class Newcomer:
    """In a folder of his own, with a shell."""

    folder: Path
    up: subprocess.Popen[str] | None = None
    done: list[tuple[str, str]] = field(default_factory=list)

    def shell(self, line: str, within_s: float = 60) -> str:
        ran = subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=within_s, check=False,
        )  # fmt: skip
        wanted = next((code for words, code in DIFFERS.items() if words in line), 0)
        assert ran.returncode == wanted, f"{line}\n{ran.stdout}{ran.stderr}{self._told()}"
        assert CUSTOMER.password not in ran.stdout + ran.stderr
        self.done.append((line, ran.stdout + ran.stderr))
        return ran.stdout

    def ask(self, *path: str) -> Any:
        """The API, besides the guide: a command takes longer."""
        said = json.loads((self.folder / ".ringbridge" / "api.json").read_text())
        return Client(said["api"], said["key"]).get("v1", *path)

    def begin_up(self) -> None:
        log = (self.folder / "up.log").open("a")
        self.up = subprocess.Popen(
            ["ringbridge", "up"], executable=Path(sys.executable).parent / "ringbridge", cwd=self.folder,
            env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True,
        )  # fmt: skip
        until_sync(self._is_ready, 60, "ringbridge up is ready", 0.2)

    def _is_ready(self) -> bool:
        assert self.up is not None
        assert self.up.poll() is None, self._told()
        return (self.folder / ".ringbridge" / "api.json").exists()

    def leave(self) -> None:
        """Ctrl-C ends what `up` began, the servers too."""
        if self.up is not None and self.up.poll() is None:
            self.up.send_signal(signal.SIGINT)
            if self.up.wait(60) == 0:
                return
        self.shell("ringbridge stack stop")

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("RINGBRIDGE_") or k == "RINGBRIDGE_CACHE_DIR"}
        path = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        return env | {"PATH": path, "RINGBRIDGE_HTTP_PORT": "0"}

    def _told(self) -> str:
        log = self.folder / "up.log"
        return log.read_text()[-3_000:] if log.exists() else ""


@contextmanager
def newcomer(folder: Path) -> Iterator[Newcomer]:
    folder.mkdir()
    who = Newcomer(folder)
    try:
        yield who
    finally:
        who.leave()


def write(who: Newcomer, text: str, carrier: OtherCarrier) -> None:
    """A file that the guide shows, under the name in its first line."""
    name = text.splitlines()[0].lstrip("#; ")
    text = text.replace("sip.example.net\nport = 5060", f"127.0.0.1\nport = {carrier.port}")
    (who.folder / name).write_text(text.replace("192.0.2.7\nport = 5060", "127.0.0.1\nport = 9"))


def bill_of(who: Newcomer) -> None:
    """As the carrier would write it that agrees with us."""
    rows = list(csv.DictReader(who.shell("ringbridge report settlement --legs").splitlines()))
    lines = ["number,start,duration,cost"]
    for row in rows:
        if row["trunk"] == "telco" and row["answered_at"]:
            talk_s = (at_ms(row["ended_at"]) - at_ms(row["answered_at"])) // 1000
            lines.append(f"{row['number']},{row['answered_at']},{talk_s},{int(row['cost_micro']) / 1e6:.6f}")
    assert len(lines) == 4, "the test's leg, and two of the call"
    (who.folder / "bill.csv").write_text("\n".join(lines) + "\n")


def trunk(who: Newcomer, name: str) -> dict[str, Any]:
    found = {one["name"]: one for one in who.ask("trunks")["trunks"]}
    return dict(found.get(name, {}))


def done_as_it_stands(who: Newcomer, carrier: OtherCarrier, after: dict[str, Callable[[], None]]) -> None:
    """`after`: what is looked at when a line of the guide has run (the first such line that is left)."""
    for kind, text in BLOCK.findall(GUIDE.partition("## With your own Asterisk")[0]):
        if kind != "sh":
            write(who, text, carrier)
            continue
        lines = text.splitlines()
        for line in lines if lines[0].startswith("ringbridge") else ["\n".join(lines)]:
            if line.startswith("ringbridge settle "):
                bill_of(who)
            if line == "ringbridge up":
                who.begin_up()
            else:
                who.shell(line)
            if line in after:
                after.pop(line)()


@pytest.mark.soak("each of its commands has a test of its own, on the same servers")
def test_the_guide_takes_a_newcomer_from_an_empty_folder_to_a_settled_month(tmp_path: Path) -> None:
    with more_carriers(tmp_path, carrier_customer=CUSTOMER) as [north], newcomer(tmp_path / "shop") as who:
        north.add_phone("26", "Answer()", "Wait(1)", "Hangup()")  # as it does anyhow, only sooner

        def registers() -> None:
            until_sync(lambda: trunk(who, "telco").get("registration") == "registered", 15, "registered", 0.3)

        def new_one_is_known_at_once() -> None:
            """As soon as it is taken up, the manager link asks for it; it would be half a minute otherwise."""
            begun_s = time.monotonic()
            until_sync(lambda: trunk(who, "spare").get("state") == "down", 12, "spare is known", 0.3)
            assert trunk(who, "spare")["why"] == "it does not answer"
            assert time.monotonic() - begun_s < 12
            assert (trunk(who, "telco")["state"], trunk(who, "telco")["registration"]) == ("up", "registered")

        def gone_again() -> None:
            until_sync(lambda: trunk(who, "spare") == {}, 5, "spare is gone", 0.3)

        after = {
            "ringbridge up": registers,
            'ringbridge trunks apply --message "prices, and a spare carrier"': new_one_is_known_at_once,
            "ringbridge trunks rollback": gone_again,
        }
        done_as_it_stands(who, north, after)
        assert after == {}

        told = dict(who.done)
        tested = told[f"ringbridge trunks test telco {MINE} --seconds 2"]
        assert f"dialled    {MINE}, showing +864001234567 (trunk_policy)" in tested
        assert re.search(r"answered .*\n  ended      we hung up after [23]\.\d s", tested)
        assert "cost       0.06 CNY" in tested
        first, second, third = [one.number for one in north.calls()]
        assert (first, second, third) == (MINE, MINE, THEIRS), "the test, then the real call"
        assert north.calls()[0].from_user == "+864001234567"
        history = told["ringbridge trunks history"]
        assert "our first carrier" in history
        assert "prices, and a spare carrier" in history
        assert "agreed" in told["ringbridge settle bill.csv --trunk telco --to disputes.csv"]
        today = trunk(who, "telco")["today"]
        assert (today["legs"], today["answered"], today["asr"]) == (3, 3, 1.0)
        assert who.ask("users", "alice", "balance")["available_s"] == 3600 - 60, "the test took nobody's minutes"


def test_the_settings_for_ones_own_asterisk_are_some_that_there_are() -> None:
    for text in re.findall(r"^```toml\n(.*?)^```\n", GUIDE, re.MULTILINE | re.DOTALL):
        assert tomllib.loads(text).keys() <= options().keys()
    assert "pjsip_trunks_file" in GUIDE
