"""The ways to verify a delivery that docs/webhooks.md shows do verify it, and refuse what was changed."""

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ari_app.hooks.signing import signed_headers
from ari_app.ports.webhooks import new_secret

TEXT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text("utf-8")
BODY = '{"type":"call.ended","data":{"reason":"通话"}}'.encode()


def block(language: str, holding: str) -> str:
    [found] = [one for one in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if holding in one]
    return str(found)


def test_the_python_of_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    given: dict[str, Any] = {"SECRET": new_secret()}
    exec(block("python", "def receive"), given)
    headers = signed_headers("evt_c1_1", time.time_ns() // 1_000_000, BODY, [given["SECRET"]])
    assert given["receive"](headers, BODY) == 204
    assert "call.ended" in capsys.readouterr().out
    assert given["receive"](headers, BODY + b" ") == 401


def test_the_shell_of_the_docs(tmp_path: Path) -> None:
    secret = new_secret()
    headers = signed_headers("evt_c1_1", time.time_ns() // 1_000_000, BODY, [secret])
    (tmp_path / "body.json").write_bytes(BODY)
    told = {"SECRET": secret, "WEBHOOK_ID": headers["webhook-id"], "WEBHOOK_TIMESTAMP": headers["webhook-timestamp"]}
    done = subprocess.run(
        ["bash", "-c", block("sh", "openssl dgst")], cwd=tmp_path, env=dict(os.environ) | told, capture_output=True,
        text=True, timeout=20,
    )  # fmt: skip
    assert f"v1,{done.stdout.strip()}" == headers["webhook-signature"], done.stderr
