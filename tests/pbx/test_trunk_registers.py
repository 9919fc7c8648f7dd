"""A carrier that wants a name and a password: the PBX registers, answers challenges and talks, over udp, tcp and tls.

One PBX with a trunk for each way, and some that must fail; all are looked at after the calls of all have been made at
once. The witness is the carrier: what came to it, over which transport, and what its phones heard."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from ari_app.domain.trunks import Trunk
from ari_app.stack import Customer, Stack
from ari_app.stack.carrier import CarrierCall
from ari_app.stack.customer import certificate_of, make_certificate
from tests.ground import Ground, laid, number, skipping
from tests.ports import claim
from tests.support import until_sync

CUSTOMER = Customer("ring.bridge", "s;e\\;c r=>et[1]")  # what an admin may well have, and no line may stumble over
WAYS = {"carrier": "udp", "tcp": "tcp", "tls": "tls"}  # trunk → transport; `carrier` is the stack's own
SHOWN = "+8613800001111"
TALK_S = 2


@dataclass
class Impostor:
    """Answers TLS at the carrier's address, with a certificate that nobody vouches for."""

    port: int
    certificate: Path
    heard: bytes = b""
    met: int = 0  # connections whose keys were agreed upon
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def listening(self) -> Iterator[None]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(timeout=5)

    def _serve(self) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate, self.certificate.with_suffix(".key"))
        with socket.create_server(("127.0.0.1", self.port)) as server:
            server.settimeout(0.2)
            while not self._over.is_set():
                with suppress(OSError):  # the time is up, or who called has hung up in disgust
                    link, _ = server.accept()
                    link.settimeout(1)
                    with link, tls.wrap_socket(link, server_side=True) as secure:
                        self.met += 1
                        self.heard += secure.recv(4096)


@dataclass(frozen=True)
class SignedUp:
    ground: Ground
    trunks: dict[str, Trunk]
    impostor: Impostor
    numbers: dict[str, tuple[str, str]]
    secure: dict[str, set[tuple[str, str]]]  # of each trunk's live legs: what the PBX says of SIP and of the sound

    def states(self) -> dict[str, str]:
        rows = re.findall(r"^ (\S+?)/sip:\S+ +\S+ +(\w+)", self.ground.rx("pjsip show registrations"), re.MULTILINE)
        return dict(rows)

    def legs(self, trunk: str) -> tuple[CarrierCall, CarrierCall]:
        first, second = (self.ground.rings(number, with_tones=True) for number in self.numbers[trunk])
        return first[0], second[0]


@pytest.fixture(scope="module")
def signed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedUp]:
    home = tmp_path_factory.mktemp("registers")
    sip, tls, nobody = claim(3)
    impostor = Impostor(nobody, certificate_of(home))
    (home / "etc").mkdir()
    with skipping():
        make_certificate(home)
    trunks = trunks_at(sip, tls, nobody, _key(home))
    ports = {"carrier_sip_port": sip, "carrier_tls_port": tls}
    with (
        impostor.listening(),
        laid(home / "s", redis=False, carrier_customer=CUSTOMER, ports=ports, trunks=tuple(trunks.values())) as ground,
    ):
        found = SignedUp(ground, trunks, impostor, {way: (number(1), number(2)) for way in WAYS}, {})
        until_sync(lambda: _are_there(found), 20, "every trunk is there", 0.2)
        _talk(found)
        yield found


def trunks_at(sip: int, tls: int, nobody: int, key: Path) -> dict[str, Trunk]:
    member = Trunk(
        "tcp", "127.0.0.1", sip, "tcp", username=CUSTOMER.username, password=CUSTOMER.password, register=True
    )
    url = "https://certs.example.net/ours.pem"
    trunks = (
        member,
        replace(member, name="tls", port=tls, transport="tls", srtp="sdes"),
        replace(member, name="wrong", transport="udp", password="another"),
        replace(member, name="impostor", port=nobody, transport="tls"),
        replace(member, name="stranger", transport="udp", username="", password="", register=False),
        replace(
            member, name="signed", register=False, stir_shaken="B", stir_shaken_key=str(key), stir_shaken_cert_url=url
        ),
    )
    return {trunk.name: trunk for trunk in trunks}


def _key(home: Path) -> Path:
    """For signing calls; Asterisk wants it to be readable by its owner alone."""
    key = home / "shaken.key"
    openssl = shutil.which("openssl") or "openssl"
    subprocess.run([openssl, "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", str(key)], check=True)
    key.chmod(0o600)
    return key


def _talk(found: SignedUp) -> None:
    """On each trunk one phone is called, and then the other for it; all trunks at once."""
    for way, (first, second) in found.numbers.items():
        call(found.ground, way, first, f"Dial(PJSIP/{second}@{way})")
    until_sync(lambda: all(len(_recorded(found, way)) == 2 for way in WAYS), 8, "all phones talk", 0.1)
    enough_ms = 1000 * TALK_S + 100
    until_sync(lambda: all(_heard_ms(found, way) > enough_ms for way in WAYS), 8, "sound", 0.2)
    for channel in found.ground.ari("GET", "channels"):  # by now the PBX, too, has had the answer of each
        way = channel["name"].split("/")[1].rpartition("-")[0]
        found.secure.setdefault(way, set()).add(
            (_says(found.ground, channel, "pjsip"), _says(found.ground, channel, "rtp"))
        )
    for channel in found.ground.ari("GET", "channels"):
        with suppress(OSError):  # one leg's end is the other's
            found.ground.ari("DELETE", f"channels/{channel['id']}")
    until_sync(lambda: all(leg.ended_at_ms for way in WAYS for leg in _recorded(found, way)), 5, "all is over")


def _are_there(found: SignedUp) -> bool:
    """Registered, and answered when it was asked whether it is there: else no channel is made."""
    states = found.states()
    online = {one["resource"] for one in found.ground.ari("GET", "endpoints") if one["state"] == "online"}
    return all(states.get(way) == "Registered" for way in WAYS) and {*WAYS, "stranger", "signed"} <= online


def _recorded(found: SignedUp, way: str) -> list[CarrierCall]:
    rung = [one for number in found.numbers[way] for one in found.ground.rings(number)]
    return [leg for leg in rung if leg.srtp is not None]


def _heard_ms(found: SignedUp, way: str) -> int:
    return min(leg.recorded_ms or 0 for leg in _recorded(found, way))


def _says(ground: Ground, channel: dict[str, str], what: str) -> str:
    value: str = ground.ari("GET", f"channels/{channel['id']}/variable?variable=CHANNEL({what},secure)")["value"]
    return value


def call(ground: Ground, trunk: str, number: str, then: str) -> None:
    """`then` is what the dialplan does when it answers."""
    ground.rx(f"dialplan add extension {trunk},1,{then} into trunk-talk replace")
    told = {"context": "trunk-talk", "extension": trunk, "priority": 1, "callerId": SHOWN, "timeout": 10}
    ground.ari("POST", "channels", {"endpoint": f"PJSIP/{number}@{trunk}", **told})


@pytest.mark.parametrize("way", WAYS)
def test_it_registers_over_each_transport(signed_up: SignedUp, way: str) -> None:
    assert signed_up.states()[way] == "Registered"
    seen = signed_up.ground.stack.asterisk_rx("carrier", "pjsip show aor ring.bridge")
    assert len(re.findall(r"^ *contact +:|^ *Contact:  ring", seen, re.MULTILINE)) >= len(WAYS)


def test_the_file_with_the_passwords_is_nobody_elses(signed_up: SignedUp) -> None:
    file = signed_up.ground.home / "pbx/etc/pjsip_trunks.conf"
    assert "password = s\\;e\\\\;c r=>et[1]" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_wrong_password_is_seen_as_rejected(signed_up: SignedUp) -> None:
    until_sync(lambda: signed_up.states()["wrong"] == "Rejected", 5, "rejected", 0.2)


@pytest.mark.parametrize("way", WAYS)
def test_both_phones_hear_each_other_on_the_trunk_that_asked_for_a_password(signed_up: SignedUp, way: str) -> None:
    first, second = signed_up.legs(way)
    assert {first.transport, second.transport} == {WAYS[way]}
    assert [hz for _, hz in first.heard[:TALK_S]] == [(400,)] * TALK_S
    assert [hz for _, hz in second.heard[:TALK_S]] == [(350,)] * TALK_S


def test_the_sound_is_encrypted_over_tls_and_there_alone(signed_up: SignedUp) -> None:
    """As the carrier and as the PBX say of each leg."""
    assert {way: {leg.srtp for leg in signed_up.legs(way)} for way in WAYS} == {
        "carrier": {False}, "tcp": {False}, "tls": {True},
    }  # fmt: skip
    assert {way: signed_up.secure[way] for way in WAYS} == {
        "carrier": {("0", "0")}, "tcp": {("0", "0")}, "tls": {("1", "1")},
    }  # fmt: skip


def test_without_a_password_no_phone_is_reached(signed_up: SignedUp) -> None:
    """The tooth: the carrier does ask."""
    ground, refused = signed_up.ground, number(1)
    before = ground.rx("core show calls")
    call(ground, "stranger", refused, "Wait(1)")
    until_sync(lambda: "0 active calls" in ground.rx("core show calls"), 5, before, 0.1)
    assert ground.rings(refused) == []


def test_who_cannot_prove_the_carriers_name_learns_nothing(signed_up: SignedUp) -> None:
    until_sync(lambda: signed_up.impostor.met >= 2, 20, "the PBX has tried", 0.2)
    assert signed_up.states()["impostor"] != "Registered"
    assert signed_up.impostor.heard == b""


def test_a_trunk_that_signs_says_which_number_called_which_and_how_sure_we_are(signed_up: SignedUp) -> None:
    ground, called = signed_up.ground, f"{number(41)}"
    ground.add_phone("41", r"CELGenUserEvent(SIGNED\,${URIENCODE(${PJSIP_HEADER(read\,Identity)})})", "Hangup(17)")
    call(ground, "signed", called, "Wait(1)")
    record = ground.info.carrier_dir / "records/cel.csv" if ground.info.carrier_dir else Path()
    row = until_sync(lambda: next((row for row in record.read_text().splitlines() if '"SIGNED"' in row), ""), 5)
    head, claim_part, _ = unquote(row.split('{""extra"":""')[1]).split(";")[0].split(".")
    assert _decoded(head)["x5u"] == "https://certs.example.net/ours.pem"
    claims = _decoded(claim_part)
    assert claims["attest"] == "B"
    assert claims["orig"] == {"tn": SHOWN.removeprefix("+")}
    assert claims["dest"] == {"tn": [called.removeprefix("+")]}


def _decoded(part: str) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def test_a_password_that_is_put_right_registers_at_once_and_nobody_else_does_so_again(signed_up: SignedUp) -> None:
    """Without the mark of its password Asterisk would find the registration unchanged, and wait for minutes."""
    ground = signed_up.ground
    until_sync(lambda: signed_up.states()["wrong"] == "Rejected", 5, "rejected", 0.2)
    mended = signed_up.trunks | {"wrong": replace(signed_up.trunks["wrong"], password=CUSTOMER.password)}
    left_s = _until_it_asks_again_s(ground, "tls")
    Stack(replace(ground.stack.options, trunks=tuple(mended.values()))).start()
    until_sync(lambda: signed_up.states()["wrong"] == "Registered", 5, "registered", 0.2)
    assert _until_it_asks_again_s(ground, "tls") <= left_s


def _until_it_asks_again_s(ground: Ground, trunk: str) -> int:
    """Counts down, and begins anew with each registration."""
    [left] = re.findall(rf"^ {trunk}/.*\(exp\. (\d+)s\)", ground.rx("pjsip show registrations"), re.MULTILINE)
    return int(left)
