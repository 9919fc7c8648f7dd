"""`ringbridge key`, against an API over memory."""

import json

from tests.unit.cli.conftest import Ran, Run, Served


def said(ran: Ran) -> str:
    """By the command; above it is the log of the server, which is in this process, too."""
    return ran.out.splitlines()[-1]


def test_a_key_is_made_listed_used_and_revoked(run: Run, served: Served) -> None:
    ran = run("key", "make", "shop", "--scope", "read", "--scope", "call", "--expires", "2030-01-01T00:00:00Z")
    secret = said(ran)
    assert secret.startswith("rb_")
    assert "shown this once" in ran.err
    assert secret not in ran.err
    assert run("trunks", "status", "--key", secret).code == 0
    [row] = [line.split() for line in run("key", "list").out.splitlines() if " shop " in line]
    assert row[1:3] + row[4:5] == ["shop", "read,call", "2030-01-01T00:00:00.000Z"]
    assert row[5] != "never"
    assert said(run("key", "revoke", row[0])) == f"revoked {row[0]} (shop)"
    assert "unauthorized" in run("trunks", "status", "--key", secret).err
    assert "unknown-key" in run("key", "revoke", row[0]).err


def test_keys_as_json(run: Run, served: Served) -> None:
    made = json.loads(said(run("key", "make", "shop", "--scope", "admin", "--json")))
    listed = json.loads(run("key", "list", "--json").out)["keys"]
    assert {name: made[name] for name in listed[-1]} == listed[-1]
    assert json.loads(said(run("key", "revoke", made["id"], "--json")))["id"] == made["id"]
    assert "forbidden" in run("key", "list", "--key", "rb_viewer").err
