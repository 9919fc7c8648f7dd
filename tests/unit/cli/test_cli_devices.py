"""`ringbridge device`, against an API over memory."""

import json

from tests.unit.cli.conftest import Ran, Run, Served


def lines(ran: Ran) -> dict[str, str]:
    return dict(line.split(" = ") for line in ran.out.splitlines() if " = " in line)


def test_a_device_is_given_listed_and_removed(run: Run, served: Served) -> None:
    run("user", "put", "li", "--number", "+8613900000001")
    ran = run("device", "add", "li", "--name", "desk phone", "--transport", "tcp")
    told = lines(ran)
    assert list(told) == ["server", "port", "transport", "username", "password", "realm"]
    assert told["transport"] == "tcp"
    assert "shown this once" in ran.err
    assert told["password"] not in ran.err
    [row] = [line for line in run("device", "list", "li").out.splitlines() if "desk phone" in line]
    assert told["username"] in row
    assert told["password"] not in row
    id = row.split()[0]
    assert run("device", "remove", "li", id).out.splitlines()[-1] == f"removed {id} (desk phone)"
    assert "unknown-device" in run("device", "remove", "li", id).err


def test_asked_again_it_says_that_the_password_is_not_shown_again(run: Run, served: Served) -> None:
    run("user", "put", "li", "--number", "+8613900000001")
    assert "password" in lines(run("device", "add", "li", "--once", "k1"))
    again = run("device", "add", "li", "--once", "k1")
    assert "password" not in lines(again)
    assert "not shown again" in again.err


def test_another_password_and_devices_as_json(run: Run, served: Served) -> None:
    run("user", "put", "li", "--number", "+8613900000001")
    made = json.loads(run("device", "add", "li", "--json").out.splitlines()[-1])
    changed = json.loads(run("device", "password", "li", made["id"], "--json").out.splitlines()[-1])
    assert changed["password"] != made.pop("password")
    assert json.loads(run("device", "list", "li", "--json").out.splitlines()[-1])["devices"] == [made]
    assert json.loads(run("device", "remove", "li", made["id"], "--json").out.splitlines()[-1])["id"] == made["id"]
    assert lines(run("device", "password", "li", made["id"])) == {}
