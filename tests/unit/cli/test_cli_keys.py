"""`ringbridge key`, against an API over memory."""

import json
from datetime import UTC, datetime

import pytest

from ari_app.entrypoints.cli_keys import ends_in_words
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
    assert row[1:4] == ["-", "shop", "read,call"]
    assert row[5] != "never"
    assert (row[6], row[-1]) == ("in", "(2030-01-01T00:00:00.000Z)")
    assert said(run("key", "revoke", row[0])) == f"revoked {row[0]} (shop)"
    assert "unauthorized" in run("trunks", "status", "--key", secret).err
    assert "unknown-key" in run("key", "revoke", row[0]).err


def test_keys_as_json(run: Run, served: Served) -> None:
    made = json.loads(said(run("key", "make", "shop", "--scope", "admin", "--json")))
    listed = json.loads(run("key", "list", "--json").out)["keys"]
    assert {name: made[name] for name in listed[-1]} == listed[-1]
    assert json.loads(said(run("key", "revoke", made["id"], "--json")))["id"] == made["id"]
    assert "forbidden" in run("key", "list", "--key", "rb_viewer").err


def test_a_key_is_rotated_and_the_old_one_says_how_long_it_goes_on(run: Run, served: Served) -> None:
    old = json.loads(said(run("key", "make", "shop", "--scope", "read", "--json")))
    ran = run("key", "rotate", old["id"], "--overlap", "3600")
    secret = said(ran)
    assert secret.startswith("rb_")
    assert f"takes the place of {old['id']}" in ran.err
    assert secret not in ran.err
    for either in (old["secret"], secret):
        assert run("trunks", "status", "--key", either).code == 0
    listed = {one["id"]: one for one in json.loads(run("key", "list", "--json").out)["keys"]}
    after = listed[old["id"]]["replaced_by"]
    [row] = [line for line in run("key", "list").out.splitlines() if line.startswith(old["id"])]
    assert row.endswith(f", replaced by {after}")
    assert "key-replaced" in run("key", "rotate", old["id"], "--json").err
    ended = run("key", "rotate", after, "--overlap", "0", "--expires", "2030-01-01T00:00:00Z", "--json")
    assert json.loads(said(ended))["expires_at"] == "2030-01-01T00:00:00.000Z"
    assert "unauthorized" in run("trunks", "status", "--key", secret).err


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-12-01T00:00:00.000Z", "in 7 days (2026-12-01T00:00:00.000Z)"),
        ("2026-11-23T13:30:00.000Z", "in 1 hour (2026-11-23T13:30:00.000Z)"),
        ("2026-11-23T12:00:30.000Z", "in 30 seconds (2026-11-23T12:00:30.000Z)"),
        ("2026-11-23T11:50:00.000Z", "10 minutes ago (2026-11-23T11:50:00.000Z)"),
        (None, "never"),
    ],
)
def test_when_a_key_ends_is_told_in_words(at: str | None, words: str) -> None:
    assert ends_in_words({"expires_at": at}, datetime(2026, 11, 23, 12, tzinfo=UTC)) == words


def test_tenants_from_the_command_line(run: Run, served: Served) -> None:
    assert "acme acme: open" in run("tenants", "put", "acme").out
    assert "50 a second, 100 at once" in run("tenants", "put", "acme", "--name", "Acme", "--requests-per-s", "50").out
    assert "acme Acme: open" in run("tenants", "put", "acme", "--requests-burst", "70").out, "what is not given stays"
    made = run("key", "make", "shop", "--scope", "admin", "--tenant", "acme")
    assert " of acme (admin)" in made.err
    secret = said(made)
    assert "forbidden" in run("tenants", "list", "--key", secret).err
    [row] = [line.split() for line in run("key", "list", "--tenant", "acme").out.splitlines() if " shop " in line]
    assert row[1] == "acme"
    shown = json.loads(said(run("tenants", "show", "acme", "--json")))
    assert (shown["requests_per_s"], shown["requests_burst"]) == (50, 70)
    assert "closed since" in run("tenants", "close", "acme").out
    assert "is closed" in run("key", "list", "--key", secret).err
    assert json.loads(said(run("tenants", "list", "--json")))["tenants"][0]["closed_at"] is not None
    assert [line.split()[0] for line in run("tenants", "list").out.splitlines()[-1:]] == ["acme"]
    opened = json.loads(said(run("tenants", "put", "acme", "--requests-per-s", "0", "--json")))
    assert (opened["closed_at"], opened["requests_per_s"], opened["requests_burst"]) == (None, None, 70)
    assert run("key", "list", "--key", secret).code == 0
    assert "unknown-tenant" in run("tenants", "show", "nobody").err
