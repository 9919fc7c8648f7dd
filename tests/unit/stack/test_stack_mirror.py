"""The Debian mirror is read from this machine's apt sources, whichever of the two styles they are written in."""

from pathlib import Path

import pytest

from ari_app.stack.errors import StackError
from ari_app.stack.mirror import find_mirror, parse_deb822, parse_list

THIRD_PARTY = """\
Types: deb
URIs: https://packages.example.net/node_20.x
Suites: nodistro
Components: main
"""
DEBIAN = """\
Types: deb deb-src
# where a copy of a certain day lies: http://snapshot.example.net/archive/debian/20250520T000000Z
URIs: http://mirror.example.org/debian/
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main
"""


def etc_apt(tmp_path: Path, **files: str) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        path = tmp_path / "sources.list" if name == "main" else tmp_path / "sources.list.d" / name.replace("_", ".")
        path.write_text(text)
    return tmp_path


def test_deb822_names_every_uri_with_every_suite() -> None:
    assert list(parse_deb822(DEBIAN)) == [
        ("http://mirror.example.org/debian/", "bookworm"),
        ("http://mirror.example.org/debian/", "bookworm-updates"),
        ("http://mirror.example.org/debian-security", "bookworm-security"),
    ]


def test_deb822_knows_folded_fields_and_disabled_paragraphs() -> None:
    folded = "Types: deb\nURIs:\n http://one.example.org/debian\n http://two.example.org/debian\nSuites: sid\n"
    assert [uri for uri, _ in parse_deb822(folded)] == [
        "http://one.example.org/debian",
        "http://two.example.org/debian",
    ]
    assert not list(parse_deb822("Enabled: no\n" + DEBIAN.split("\n\n")[0]))
    assert not list(parse_deb822("Types: deb-src\nURIs: http://mirror.example.org/debian\nSuites: sid\n"))


def test_one_line_style_with_options_comments_and_sources() -> None:
    text = """\
    # deb http://old.example.org/debian bullseye main
    deb-src http://mirror.example.org/debian bookworm main
    deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.example.org/debian bookworm main contrib
    """
    assert list(parse_list(text)) == [("http://mirror.example.org/debian", "bookworm")]


def test_security_and_third_parties_are_passed_over(tmp_path: Path) -> None:
    home = etc_apt(tmp_path, aaa_sources=THIRD_PARTY, debian_sources=DEBIAN)
    assert find_mirror({}, home) == "http://mirror.example.org/debian"


def test_old_sources_list_is_read_too(tmp_path: Path) -> None:
    home = etc_apt(
        tmp_path,
        main="deb http://security.example.org/debian-security bookworm-security main\n"
        "deb https://ftp.example.org/debian bookworm main\n",
    )
    assert find_mirror({}, home) == "https://ftp.example.org/debian"


def test_the_setting_goes_first(tmp_path: Path) -> None:
    home = etc_apt(tmp_path, debian_sources=DEBIAN)
    assert find_mirror({"RINGBRIDGE_DEBIAN_MIRROR": "file:/srv/debian/"}, home) == "file:/srv/debian"


@pytest.mark.parametrize("files", [{}, {"node_sources": THIRD_PARTY}])
def test_no_mirror_says_what_to_set(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(StackError, match="RINGBRIDGE_DEBIAN_MIRROR"):
        find_mirror({}, etc_apt(tmp_path, **files))


def test_a_setting_that_is_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="address of a Debian archive"):
        find_mirror({"RINGBRIDGE_DEBIAN_MIRROR": "mirror.example.org"}, tmp_path)
