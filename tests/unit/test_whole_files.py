"""A file is there whole or not at all."""

from pathlib import Path

import pytest

from ari_app.whole_files import written_whole


def test_it_takes_its_place_when_it_is_whole_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "minutes.csv"
    file.write_bytes(b"of yesterday")
    with written_whole(file) as to:
        to.write(b"of today")
        assert file.read_bytes() == b"of yesterday"
    assert file.read_bytes() == b"of today"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("why", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_where_anything_is_raised_nothing_has_changed(tmp_path: Path, why: BaseException) -> None:
    file = tmp_path / "minutes.csv"
    file.write_bytes(b"of yesterday")

    def broken_off() -> None:
        with written_whole(file) as to:
            to.write(b"half of")
            raise why

    with pytest.raises(type(why)):
        broken_off()
    assert file.read_bytes() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [file]
