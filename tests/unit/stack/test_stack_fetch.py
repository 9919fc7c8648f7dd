"""Fetching, up to the network: what is asked of apt-get, and what its troubles become. Needs no mirror."""

import platform
import shutil
from pathlib import Path

import pytest

from ari_app.stack import fetch
from ari_app.stack.apt import Apt, Package
from ari_app.stack.errors import StackError

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is Debian's")


def silent(_: str) -> None:
    pass


def test_the_lock_names_every_package_that_is_asked_for_once_with_its_sum() -> None:
    lock = fetch.read_lock()
    names = [package.name for package in lock]
    assert set(fetch.ROOTS) <= set(names)
    assert len(set(names)) == len(names)
    assert all(len(package.sha256) == 64 for package in lock)
    assert {package.arch for package in lock} == {"amd64", "all"}
    assert "://" not in fetch.LOCK_FILE.read_text()
    fetch._check_versions(lock, "forky")


def test_a_mirror_that_is_behind_is_refused() -> None:
    old = [Package("asterisk", "1:20.6.0-1", "amd64", ""), Package("redis-server", "5:8.0.6-3", "amd64", "")]
    with pytest.raises(StackError, match=r"asterisk 1:20\.6\.0-1, and 22\.10\.1 is needed"):
        fetch._check_versions(old, "forky")


def test_what_moved_on_is_said_in_one_sentence() -> None:
    lock = [Package("asterisk", "1", "amd64", "a"), Package("libc6", "1", "amd64", "b")]
    said: list[str] = []
    fetch._say_what_moved(lock, lock, said.append)
    assert not said
    fetch._say_what_moved(lock, [Package("asterisk", "2", "amd64", "c"), lock[1]], said.append)
    assert len(said) == 1
    assert "no longer has 1 of 2" in said[0]
    assert "asterisk 2" in said[0]


@needs_apt
def test_an_unreachable_mirror_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"the Debian mirror http://127\.0\.0\.1:9/debian does not answer"):
        fetch.fetched_prefix(tmp_path / "cache", silent, mirror="http://127.0.0.1:9/debian")
    assert not list((tmp_path / "cache").glob("prefix-*"))


@needs_apt
def test_a_mirror_without_the_suite_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StackError, match="has no suite forky"):
        fetch.fetched_prefix(tmp_path / "cache", silent, mirror=f"file:{tmp_path}/empty")


@needs_apt
def test_an_unsigned_mirror_is_not_believed(tmp_path: Path) -> None:
    release = tmp_path / "mirror/dists/forky/Release"
    release.parent.mkdir(parents=True)
    release.write_text("Origin: Debian\nSuite: testing\nCodename: forky\nComponents: main\nArchitectures: amd64\n")
    with pytest.raises(StackError, match="not signed"):
        fetch._resolved(tmp_path / "home", f"file:{tmp_path}/mirror", [], silent)


def test_without_apt_it_says_what_else_would_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"apt-get is missing.*install asterisk"):
        Apt(tmp_path, "http://mirror.example.org/debian", "forky")


def test_an_unknown_kind_of_machine_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(StackError, match="riscv64"):
        fetch.fetched_prefix(tmp_path, silent, mirror="http://127.0.0.1:9/debian")


def test_a_small_disk_is_noticed_before_anything_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_SPACE_NEEDED", 1 << 60)
    with pytest.raises(StackError, match="RINGBRIDGE_CACHE_DIR"):
        fetch.fetched_prefix(tmp_path, silent, mirror="http://127.0.0.1:9/debian")


def test_a_package_that_arrived_damaged_is_thrown_away(tmp_path: Path) -> None:
    deb = tmp_path / "debs/asterisk_1_amd64.deb"
    deb.parent.mkdir()
    deb.write_bytes(b"half of it")
    with pytest.raises(StackError, match="asterisk arrived damaged"):
        fetch._unpack([Package("asterisk", "1", "amd64", "0" * 64)], deb.parent, tmp_path / "new", silent)
    assert not deb.exists()


def test_the_cache_s_place() -> None:
    assert fetch.cache_dir(None, {"RINGBRIDGE_CACHE_DIR": "/srv/cache"}) == Path("/srv/cache")
    assert fetch.cache_dir(Path("/own"), {"RINGBRIDGE_CACHE_DIR": "/srv/cache"}) == Path("/own")
    assert fetch.cache_dir(None, {}) == Path("~/.cache/ringbridge").expanduser()
    with pytest.raises(StackError, match="cannot be used"):
        fetch.fetched_prefix(Path("/srv/a:b"), silent)
