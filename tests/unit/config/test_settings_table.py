"""The option table, its sample file and its reference page stay one."""

import re
from dataclasses import fields
from pathlib import Path

from ari_app.config import Settings, load, reference, sample
from ari_app.config.options import table

DOCS = Path(__file__).parents[3] / "docs"


def test_the_reference_page_is_what_the_table_says() -> None:
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == reference()


def test_the_sample_with_every_option_taken_in_is_the_defaults(tmp_path: Path) -> None:
    every = re.sub(r"^#(?=[a-z_0-9]+ = )", "", sample(), flags=re.MULTILINE)
    file = tmp_path / "all.toml"
    file.write_text(every, encoding="utf-8")

    loaded = load(str(file), env={})

    assert loaded.settings == Settings()
    assert set(loaded.given) == set(table())


def test_the_sample_as_it_is_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "sample.toml"
    file.write_text(sample(), encoding="utf-8")

    assert load(str(file), env={}).given == {}


def test_every_default_is_of_its_own_kind_and_every_option_is_explained() -> None:
    for name, (_, option, default) in table().items():
        assert option.kind.parse(option.kind.show(default)) == default, name
        assert option.help.endswith((".", ")")), name
        assert option.section, name


def test_a_wait_is_milliseconds_inside_and_seconds_outside() -> None:
    for field in fields(Settings):
        if field.name.endswith("_ms"):
            assert field.name[:-3] + "_s" in table()
            assert field.name not in table()
