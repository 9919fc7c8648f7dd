"""The last net under what is told: this process's own secrets are taken out of logs and problems, in each form."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import structlog

from ari_app import concealed, logs
from ari_app.config import load
from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import new_secret
from ari_app.ports.webhooks import new_secret as new_webhook_secret

SECRET = "p@ss/word with=signs"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(concealed, "_concealed", set())
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("form", [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode()])
def test_a_secret_of_ours_is_hidden_in_each_form_and_all_else_stays(form: str) -> None:
    assert concealed.without_secrets(f"at {form}, of course") == f"at {form}, of course"
    concealed.conceal(SECRET)
    assert concealed.without_secrets(f"at {form}, of course") == "at [hidden], of course"


def test_a_key_made_here_is_known_by_its_form_and_a_short_word_is_none() -> None:
    concealed.conceal("", "redis", "1234567")
    assert concealed.without_secrets(f"GET /v1/users/{new_secret()}?x") == "GET /v1/users/[hidden]?x"
    assert concealed.without_secrets("redis 1234567 rb_root") == "redis 1234567 rb_root"
    assert concealed.without_secrets(f"signed with {new_webhook_secret()}.") == "signed with [hidden]."


def test_every_setting_that_is_secret_is_hidden_and_the_passwords_in_addresses_too() -> None:
    env = {
        "RINGBRIDGE_API_KEY": "the-first-admin-key", "RINGBRIDGE_ARI_PASSWORD": "ari-password",
        "RINGBRIDGE_AMI_PASSWORD": "ami-password", "RINGBRIDGE_REDIS_URL": "redis://:redis%2Fpassword@127.0.0.1:1/0",
    }  # fmt: skip
    concealed.conceal_those_of(load(env=env).settings)
    basic = base64.b64encode(b"ringbridge:ari-password").decode()
    told = f"the-first-admin-key ari-password ami-password redis%2Fpassword redis/password Basic {basic}"
    assert concealed.without_secrets(told) == " ".join(["[hidden]"] * 5 + ["Basic", "[hidden]"])


def test_neither_a_log_line_nor_its_traceback_nor_a_problem_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    concealed.conceal(SECRET)
    logs.configure(style="json")
    try:
        raise ValueError(f"cannot reach redis://:{quote(SECRET, safe='')}@127.0.0.1")
    except ValueError as e:
        structlog.get_logger().exception("stumbled", why=str(e), url=[SECRET])
    told = capsys.readouterr().err
    assert "cannot reach" in told
    assert "word" not in told
    body = Problem("malformed-request", f"{SECRET}: there is no such parameter.", SECRET).response().body
    assert json.loads(body)["field"] == "[hidden]"
    assert SECRET.encode() not in body
