"""What `make audit` makes of an answer of pip-audit, above all of one that is none."""

import json

from tests.audit.findings import CLEAN, UNASKED, WEAK, findings, together

GOOD = {"name": "redis", "version": "8.0.0", "vulns": []}
BAD = {
    "name": "jinja2", "version": "2.4.1",
    "vulns": [
        {"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"], "aliases": ["CVE-2014-1402", "GHSA-8r7q-cvjq-x353"]},
        {"id": "PYSEC-2019-217", "fix_versions": [], "aliases": []},
    ],
}  # fmt: skip
SKIPPED = {"name": "own", "skip_reason": "Dependency not found on PyPI and could not be audited: own (1.0)"}


def answer(*dependencies: object) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_nothing_known_is_clean_and_says_of_how_many() -> None:
    found = findings(answer(GOOD, GOOD))
    assert (found.code, list(found.lines())) == (CLEAN, ["audit: 2 packages asked about, 0 known weaknesses"])


def test_a_known_weakness_is_a_row_with_the_release_that_ends_it() -> None:
    found = findings(answer(GOOD, BAD))
    assert found.code == WEAK
    rows = [line.split("  ") for line in found.lines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["package", "version", "weakness", "fixed in"],
        ["jinja2", "2.4.1", "PYSEC-2014-8 CVE-2014-1402", "2.7.2"],
        ["jinja2", "2.4.1", "PYSEC-2019-217", "not yet"],
        ["audit: 2 packages asked about, 2 known weaknesses"],
    ]


def test_an_index_that_knows_none_of_the_packages_was_not_asked_though_pip_audit_finds_nothing() -> None:
    found = findings(answer(SKIPPED, SKIPPED))
    assert found.code == UNASKED
    assert "nobody could be asked" in "".join(found.lines())


def test_one_that_is_not_known_there_is_named() -> None:
    found = findings(answer(GOOD, SKIPPED))
    assert found.code == CLEAN
    assert "not asked about: own" in next(found.lines())


def test_several_lock_files_are_one_and_a_weakness_in_two_of_them_is_told_once() -> None:
    found = together([findings(answer(BAD)), findings("", "closed"), findings(answer(BAD, GOOD))])
    assert (found.code, found.asked, len(found.weak)) == (WEAK, 3, 2)
    assert "audit: not all could be asked about: closed" in list(found.lines())


def test_a_network_that_is_closed_is_told_with_the_last_word() -> None:
    found = findings("", "WARNING: something\nERROR:pip_audit._cli:Could not connect to the vulnerability feed\n\n")
    assert found.code == UNASKED
    assert next(found.lines()).endswith("Could not connect to the vulnerability feed")
    assert findings("[1]").code == UNASKED
