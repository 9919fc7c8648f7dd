"""The embedded servers for real: started, found again, killed, stopped. One story, told in order.

Nothing here places a call; that is for those who own calls.
"""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.domain.trunks import Trunk
from ari_app.stack import Stack, StackError, StackInfo, StackOptions
from ari_app.stack.process import until

PARTS = ("redis", "carrier", "pbx")


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> StackOptions:
    return StackOptions(state_dir=tmp_path_factory.mktemp("stack") / "state", say=lambda _: None)


@pytest.fixture(scope="module")
def stack(options: StackOptions) -> Iterator[Stack]:
    found = Stack(options)
    found.start()
    yield found
    found.stop()


def states(stack: Stack) -> dict[str, str]:
    return {part.part: part.state for part in stack.status()}


def pids(stack: Stack) -> dict[str, int | None]:
    return {part.part: part.pid for part in stack.status()}


def ari(info: StackInfo, path: str) -> object:
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    passwords.add_password(None, info.ari_url, info.ari_user, info.ari_password, is_authenticated=True)
    opener = urllib.request.build_opener(
        urllib.request.HTTPBasicAuthHandler(passwords), urllib.request.ProxyHandler({})
    )
    with opener.open(f"{info.ari_url}/{path}", timeout=5) as reply:
        return json.load(reply)


def redis_says(info: StackInfo, *commands: str) -> str:
    port, password = re.findall(r":([0-9a-f]+)@127\.0\.0\.1:(\d+)", info.redis_url)[0][::-1]
    with socket.create_connection(("127.0.0.1", int(port)), timeout=5) as link:
        link.sendall("".join(f"{command}\r\n" for command in (f"AUTH {password}", *commands, "QUIT")).encode())
        said = b""
        while chunk := link.recv(4096):
            said += chunk
    return said.decode()


def test_every_part_answers_and_the_trunk_is_up(stack: Stack) -> None:
    info = stack.info()
    assert states(stack) == dict.fromkeys(PARTS, "running")
    assert ari(info, "asterisk/ping")
    endpoint = ari(info, "endpoints/PJSIP/carrier")
    assert isinstance(endpoint, dict)
    assert endpoint["state"] == "online"
    assert "+PONG" in redis_says(info, "PING")


def test_nobody_gets_in_without_the_password(stack: Stack) -> None:
    info = stack.info()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ari(replace(info, ari_password="guess"), "asterisk/ping")
    assert "WRONGPASS" in redis_says(replace(info, redis_url="redis://:0@" + info.redis_url.split("@")[1]), "PING")


@pytest.mark.parametrize("part", ["pbx", "carrier"])
def test_asterisk_has_nothing_to_complain_of(stack: Stack, part: str) -> None:
    log = stack.info().logs[part].read_text()
    assert "modules will be loaded" in log
    assert [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line] == []


@pytest.mark.parametrize("part", ["pbx", "carrier"])
def test_every_module_that_is_asked_for_runs(stack: Stack, options: StackOptions, part: str) -> None:
    wanted = re.findall(
        r"^(?:load|require) = (\S+)", (options.state_dir / part / "etc/modules.conf").read_text(), re.MULTILINE
    )
    shown = stack.asterisk_rx(part, "module show")
    running = {line.split()[0] for line in shown.splitlines() if re.search(r"\sRunning\s", line)}
    assert len(wanted) > 20
    assert set(wanted) - running == set()


def test_prompts_tones_and_music_are_there(stack: Stack, options: StackOptions) -> None:
    assert (stack.prepare().data_dir / "sounds/en/queue-thankyou.gsm").is_file()
    assert "gsm" in stack.asterisk_rx("pbx", "core show file formats")
    assert "cn" in stack.asterisk_rx("pbx", "indication show")
    assert "chords" in stack.asterisk_rx("pbx", "moh show files")


def test_a_recording_finds_its_place(stack: Stack, options: StackOptions) -> None:
    """ARI's recordings go to the spool directory, which Asterisk does not make."""
    assert (options.state_dir / "pbx/spool/recording").is_dir()


def test_a_call_from_a_trunk_can_reach_no_phone(stack: Stack) -> None:
    shown = stack.asterisk_rx("pbx", "dialplan show ringbridge-inbound")
    assert "Hangup" in shown
    assert "Dial(" not in shown
    assert "Include" not in shown


def test_what_is_secret_is_for_this_user_alone(stack: Stack, options: StackOptions) -> None:
    secret = stack.info().ari_password
    holders = [path for path in options.state_dir.rglob("*") if path.is_file() and secret in path.read_text("latin-1")]
    assert {path.name for path in holders} >= {"stack.json", "ari.conf"}
    assert [path for path in holders if path.stat().st_mode & 0o077] == []
    assert options.state_dir.stat().st_mode & 0o077 == 0


def test_the_secrets_do_not_show_when_info_is_printed(stack: Stack) -> None:
    info = stack.info()
    shown = repr(info)
    assert info.ari_password not in shown
    assert info.ami_secret not in shown
    assert info.redis_url not in shown


def test_only_loopback_is_listened_on(stack: Stack) -> None:
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"{port:04X}" for part in stack.status() for name, port in part.ports.items() if "rtp" not in name}
    found = [line[1].split(":") for line in listening if line[3] == "0A" and line[1].split(":")[1] in ours]
    assert len(found) >= 5
    assert {address for address, _ in found} == {"0100007F"}


def test_a_second_start_changes_nothing(stack: Stack, options: StackOptions) -> None:
    before = pids(stack)
    again = Stack(options).start()
    assert again.started_here == ()
    assert pids(stack) == before
    assert (again.ari_url, again.redis_url) == (stack.info().ari_url, stack.info().redis_url)


def test_the_starter_s_death_touches_no_server(stack: Stack, options: StackOptions) -> None:
    stack.stop()
    code = (
        "import pathlib, sys, time; from ari_app.stack import Stack, StackOptions\n"
        "Stack(StackOptions(state_dir=pathlib.Path(sys.argv[1]))).start(); print('up', flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(options.state_dir)],
        stdout=subprocess.PIPE, start_new_session=True, cwd=root, text=True,
    )  # fmt: skip
    assert starter.stdout
    assert starter.stdout.readline() == "up\n"
    os.killpg(starter.pid, signal.SIGKILL)  # its whole session, as a closed terminal would
    starter.wait(5)
    starter.stdout.close()
    assert states(stack) == dict.fromkeys(PARTS, "running")
    assert Stack(options).start().started_here == ()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_died_is_seen_and_started_again_alone(stack: Stack, part: str) -> None:
    before = pids(stack)
    pid = before[part]
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: states(stack)[part] == "failed", within_s=5)
    assert stack.start().started_here == (part,)
    assert {name for name, now in pids(stack).items() if now != before[name]} == {part}


def test_trunks_are_changed_without_a_restart(stack: Stack, options: StackOptions) -> None:
    before = pids(stack)
    Stack(replace(options, trunks=[Trunk("second", "127.0.0.1", 5099)], media_timeout_s=7)).start()
    assert pids(stack) == before
    assert "second" in stack.asterisk_rx("pbx", "pjsip show endpoints")
    assert re.search(r"rtp_timeout +: 7\b", stack.asterisk_rx("pbx", "pjsip show endpoint carrier"))
    Stack(options).start()
    assert "second" not in stack.asterisk_rx("pbx", "pjsip show endpoints")


def somebody_on(port: int) -> AbstractContextManager[object]:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as taken:  # another checkout's server was quicker: that is somebody, too
        if taken.errno != errno.EADDRINUSE:
            raise
        return nullcontext()


def test_ports_that_somebody_took_meanwhile_are_chosen_anew(stack: Stack, options: StackOptions) -> None:
    old = stack.info()
    stack.stop()
    port = int(old.ari_url.rsplit(":", 1)[1].split("/")[0])
    with somebody_on(port):
        with pytest.raises(StackError, match=f"port {port}"):
            Stack(replace(options, ports={"http_port": port})).start()
        assert states(stack) == dict.fromkeys(PARTS, "stopped")
        new = stack.start()
    assert new.ari_url != old.ari_url
    assert new.ari_password == old.ari_password
    assert ari(new, "asterisk/ping")


def test_a_server_that_cannot_start_says_why_and_leaves_nothing_behind(tmp_path: Path, options: StackOptions) -> None:
    broken = Stack(replace(options, state_dir=tmp_path))
    broken_redis = tmp_path / "redis/appendonlydir"
    broken_redis.mkdir(parents=True)
    (broken_redis / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(StackError, match=r"redis ended while it started.*manifest"):
        broken.start()
    assert "running" not in states(broken).values()


def test_stopping_is_thorough_and_may_be_repeated(stack: Stack) -> None:
    stack.start()
    before = [pid for pid in pids(stack).values() if pid]
    assert len(before) == 3
    assert sorted(stack.stop(["pbx"])) == ["pbx"]
    assert states(stack) == {"redis": "running", "carrier": "running", "pbx": "stopped"}
    assert sorted(stack.stop()) == ["carrier", "redis"]
    assert stack.stop() == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in before)
    assert states(stack) == dict.fromkeys(PARTS, "stopped")


def test_money_in_redis_outlives_a_stop(stack: Stack) -> None:
    assert "+OK" in redis_says(stack.start(), "SET kept 1")
    stack.stop()
    assert "$1\r\n1" in redis_says(stack.start(), "GET kept")
