"""The search for secrets finds them in each form; what it does not find would be no proof otherwise."""

import base64
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.secrets_hunt import Hunt

SECRET = "se+cret/with=signs 123"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("behind", ["", "x", "xy", "xyz"])
def test_base64_is_seen_whatever_stands_around_it(user: str, behind: str) -> None:
    hunt = Hunt({"it": SECRET})
    hunt.look("a header", b"Basic " + base64.b64encode(f"{user}:{SECRET}{behind}".encode()))
    hunt.look("nothing", base64.b64encode(b"ringbridge:another secret, as long"))
    assert hunt.found == ["it in a header"]


def test_an_address_a_file_and_a_command_line_are_seen(tmp_path: Path) -> None:
    hunt = Hunt({"it": SECRET, "path": str(tmp_path)})
    hunt.look("an address", f"redis://:{quote(SECRET, safe='')}@x".encode())
    for name, mode in (("open", 0o644), ("closed", 0o600)):
        (tmp_path / name).write_text(f"password = {SECRET}")
        (tmp_path / name).chmod(mode)
    assert hunt.in_files_of_others(tmp_path) == 2
    assert hunt.in_text_files(tmp_path, "clo*") == 1
    assert hunt.found == ["it in an address", "it in open (mode 644)", "it in closed"]
    Hunt({"it": SECRET}).in_environment(os.getpid())
