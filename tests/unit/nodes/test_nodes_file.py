"""nodes.conf: what a section says and what the settings say for it, and every mistake at once with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.config import Mistakes, Settings, load
from ari_app.nodes_file import NodeSpec, load_nodes, parse_nodes, the_one
from ari_app.operator_files import read_files

COMMON = Settings(ari_user="bridge", ari_password="of-all-nodes", ami_password="of-all-managers", max_calls=120)
TWO = """
# two PBXes
[pbx1]
ari_url = http://10.0.0.11:8088   ; in the first rack
ami_url = tcp://10.0.0.11:5038
cel_file = /var/log/asterisk/cel.csv

[pbx2]
ari_url=http://10.0.0.12:8088
ari_user = other
ari_password = its#own
max_calls = 40
"""


def mistakes(content: str, common: Settings = COMMON) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        parse_nodes(content, common, "n.conf")
    return [str(mistake) for mistake in caught.value.found]


def test_what_a_section_does_not_give_is_as_the_settings_say_but_for_addresses_and_the_record() -> None:
    first, second = parse_nodes(TWO, replace(COMMON, cel_file="/never", ari_url="http://x", ami_url="tcp://x:1"))

    assert first == NodeSpec(
        "pbx1", "http://10.0.0.11:8088", "bridge", "of-all-nodes", "ringbridge", "tcp://10.0.0.11:5038", "ringbridge",
        "of-all-managers", "/var/log/asterisk/cel.csv", 120,
    )  # fmt: skip
    assert second == NodeSpec(
        "pbx2", "http://10.0.0.12:8088", "other", "its#own", "ringbridge", "", "ringbridge", "of-all-managers", "", 40
    )


def test_without_a_file_there_is_the_one_node_of_the_settings() -> None:
    one = the_one(replace(COMMON, ari_url="http://h:8088", cel_file="/cel", node="pbx7"))
    assert (one.name, one.ari_url, one.ari_password, one.cel_file, one.max_calls) == (
        "pbx7", "http://h:8088", "of-all-nodes", "/cel", 120,
    )  # fmt: skip


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    assert mistakes(
        "ari_url = http://a\n"  # 1
        "[two words]\n"
        "ari_url = http://b\n"
        "[pbx1]\n"
        "ari_url = ftp://c\n"  # 5
        "ari_pasword = hunter2\n"
        "max_calls = none\n"
        "max_calls = 3\n"
        "what is this\n"
        "[PBX1]\n"  # 10
        "ami_url = 10.0.0.1\n"
        "[pbx2]\n"
        "ari_url = http://d/\n"
        "[pbx3]\n"
        "ari_url = http://d\n"  # 15
        "platform_number = +864001234567\n"
    ) == [
        "n.conf:1: ari_url: stands before the first [node]",
        "n.conf:2: [two words] will not do; expected [name] of letters, digits, _ and -, a letter first, at most 40",
        "n.conf:5: ari_url: 'ftp://c' will not do; expected an address such as http://127.0.0.1:8088",
        'n.conf:6: unknown option "ari_pasword"; did you mean "ari_password"?',
        "n.conf:7: max_calls: 'none' will not do; expected a whole number from 1 to 100000",
        "n.conf:8: max_calls: given twice, first in line 7",
        "n.conf:9: this line will not do; expected [node] or option = value",
        "n.conf:10: [PBX1]: given twice, first in line 4",
        "n.conf:10: [PBX1] has no ari_url; expected an address such as http://127.0.0.1:8088",
        "n.conf:11: ami_url: '10.0.0.1' will not do; expected an address such as tcp://127.0.0.1:5038 (or nothing)",
        "n.conf:15: ari_url: [pbx2] has this PBX already",
        'n.conf:16: unknown option "platform_number"',
    ]


def test_a_file_without_a_node_or_without_a_password_anywhere_is_a_mistake() -> None:
    assert mistakes("# nothing\n") == ["n.conf: no node here; expected at least one section such as [pbx1]"]
    assert mistakes("[a]\nari_url = http://a\nami_url = tcp://a:5038\n", Settings()) == [
        "n.conf:2: ari_url: needs ari_password too, here or in the settings",
        "n.conf:3: ami_url: needs ami_password too, here or in the settings",
    ]


def test_two_nodes_on_one_application_of_one_asterisk_are_a_mistake_and_on_two_are_not() -> None:
    two = "[a]\nari_url = http://h:8088\n[b]\nari_url = http://h:8088\nari_app = {}\n"
    assert mistakes(two.format("ringbridge")) == ["n.conf:4: ari_url: [a] has this PBX already"]
    assert [node.ari_app for node in parse_nodes(two.format("other"), COMMON)] == ["ringbridge", "other"]


def test_two_asterisks_do_not_write_one_record_and_two_applications_of_one_do() -> None:
    two = "[a]\nari_url = http://h:8088\ncel_file = /cel.csv\n[b]\nari_app = other\nari_url = {}\ncel_file = /cel.csv\n"
    assert mistakes(two.format("http://g:8088")) == ["n.conf:7: cel_file: it is the record of [a], another Asterisk"]
    assert [node.cel_file for node in parse_nodes(two.format("http://h:8088/"), COMMON)] == ["/cel.csv", "/cel.csv"]


@pytest.mark.parametrize("line", ["ari_password hunter2", "ari_password: hunter2", "ari_password:hunter2", "=hunter2"])
def test_a_password_whose_line_is_wrong_is_not_shown(line: str) -> None:
    (only,) = mistakes(f"[a]\nari_url = http://a\n{line}\n")
    assert only.startswith("n.conf:3: ")
    assert "hunter2" not in only


def test_no_password_is_ever_shown() -> None:
    told = mistakes("[a]\nari_password = hunter2\nami_password = hunter2\nami_pasword = hunter2\nmax_calls = x\n")
    assert not any("hunter2" in one for one in told)
    assert "its#own" not in repr(parse_nodes(TWO, COMMON))
    assert "of-all" not in repr(parse_nodes(TWO, COMMON))


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    for bad in (tmp_path / "none.conf", tmp_path):
        with pytest.raises(Mistakes) as caught:
            load_nodes(bad, COMMON)
        assert str(caught.value.found[0]).startswith(f"{bad}: ")
    (tmp_path / "nodes.conf").write_text("\ufeff" + TWO, encoding="utf-8")
    assert [node.name for node in load_nodes(tmp_path / "nodes.conf", COMMON)] == ["pbx1", "pbx2"]


def test_the_mistakes_of_all_files_are_told_together(tmp_path: Path) -> None:
    for name in ("nodes.conf", "trunks.conf"):
        (tmp_path / name).write_text("[a]\nnonsense = 1\n", encoding="utf-8")
    files = replace(COMMON, nodes_file=str(tmp_path / "nodes.conf"), trunks_file=str(tmp_path / "trunks.conf"))
    with pytest.raises(Mistakes) as caught:
        read_files(files)
    places = {str(one.place) for one in caught.value.found}
    assert {f"{tmp_path}/nodes.conf:2", f"{tmp_path}/trunks.conf:2"} <= places


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ARI_URL", "http://h:8088", "RINGBRIDGE_ARI_URL: ari_url: every PBX of nodes_file has its own"),
        ("AMI_URL", "tcp://h:5038", "RINGBRIDGE_AMI_URL: ami_url: every PBX of nodes_file has its own"),
        ("CEL_FILE", "/cel", "RINGBRIDGE_CEL_FILE: cel_file: every PBX of nodes_file has its own"),
        ("API_KEY", "", "RINGBRIDGE_NODES_FILE: nodes_file: needs api_key too, the same for all processes"),
    ],
)
def test_what_only_one_pbx_can_have_does_not_go_with_a_nodes_file_and_one_key_is_for_all(
    name: str, value: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {"NODES_FILE": "n.conf", "ARI_PASSWORD": "p", "AMI_PASSWORD": "p", "API_KEY": "k" * 16} | {name: value}
    with pytest.raises(Mistakes) as caught:
        load(env={f"RINGBRIDGE_{one}": said for one, said in env.items()})
    (only,) = caught.value.found
    assert str(only).startswith(told)
