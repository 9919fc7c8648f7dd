"""Templates: every placeholder must be known, and no value may write a line of its own."""

from pathlib import Path

import pytest

from ari_app.stack.errors import StackError
from ari_app.stack.render import conf_dir, render, render_dir, write_changed


def test_values_are_filled_in_and_unused_ones_do_no_harm() -> None:
    assert render("port = {{port}}\nbind = {{ bind }}\n", {"port": 5060, "bind": "::1", "x": 1}) == (
        "port = 5060\nbind = ::1\n"
    )


def test_an_unknown_placeholder_is_named_with_its_file_and_line() -> None:
    with pytest.raises(StackError, match=r"pbx/http\.conf, line 2: .*\{\{prot\}\}"):
        render("a = 1\nport = {{prot}}\n", {"port": 1}, name="pbx/http.conf")


def test_a_value_of_two_lines_is_refused() -> None:
    with pytest.raises(StackError, match="more than one line"):
        render("app = {{app}}\n", {"app": "ringbridge\npermit = 0.0.0.0/0"})


def test_asterisk_s_own_variables_are_left_alone() -> None:
    text = "exten => s,1,Dial(PJSIP/${EXTEN}@x)\n"
    assert render(text, {}) == text


@pytest.mark.parametrize("which", ["pbx", "carrier"])
def test_the_shipped_templates_are_found(which: str) -> None:
    assert (conf_dir(which) / "asterisk.conf").is_file()


def test_missing_templates_are_an_error() -> None:
    with pytest.raises(StackError, match="asterisk_conf/nothing"):
        conf_dir("nothing")


def test_only_what_changed_is_written_and_for_this_user_only(tmp_path: Path) -> None:
    target = tmp_path / "etc"
    assert write_changed(target, {"a.conf": "1", "b.conf": "1"}) == {"a.conf", "b.conf"}
    assert write_changed(target, {"a.conf": "1", "b.conf": "2"}) == {"b.conf"}
    assert (target / "b.conf").read_text() == "2"
    assert {path.stat().st_mode & 0o777 for path in target.iterdir()} == {0o600}


def test_hidden_files_and_directories_are_no_templates(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("{{x}}")
    (tmp_path / ".a.conf.swp").write_text("{{y}}")
    (tmp_path / "d").mkdir()
    assert dict(render_dir(tmp_path, {"x": 1})) == {"a.conf": "1"}
