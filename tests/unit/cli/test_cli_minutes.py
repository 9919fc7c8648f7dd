"""Minutes put right, given back and written out as CSV, against an API over memory."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from ari_app import whole_files
from ari_app.entrypoints import cli_common, csv_export
from ari_app.entrypoints.client import Client, Unreachable
from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import a_call, a_talk


@pytest.fixture(autouse=True)
def li(run: Run, served: Served) -> None:
    run("user", "put", "li", "--number", "+8613912345601")


# ---- correct --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("li", "-60", "--reason", "charged twice"),
        ("--reason", "charged twice", "li", "-60"),
        ("li", "--reason=charged twice", "--", "-60"),
    ],
)
def test_a_negative_number_is_typed_as_it_is(words: tuple[str, ...], run: Run) -> None:
    ran = run("correct", *words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[:2] == [
        "corrected by -1:00 minutes", "59:00 minutes left (plan personal, 2026-11)",
    ]  # fmt: skip
    line = json.loads(run("statement", "li", "--json").out)["lines"][0]
    assert (line["what"], line["seconds"], line["note"]) == ("corrected", -60, "charged twice")


def test_a_correction_upwards_and_as_json(run: Run) -> None:
    assert run("correct", "li", "90", "--reason", "goodwill").out.startswith("corrected by +1:30 minutes\n61:30 ")
    told = json.loads(run("correct", "li", "-90", "--reason", "x", "--json").out)
    assert told["balance"]["available_s"] == 3600


def test_a_correction_with_its_own_key_counts_once(run: Run) -> None:
    for _ in range(2):
        assert "59:00 minutes left" in run("correct", "li", "-60", "--reason", "x", "--once", "fix-7").out
    assert "idempotency-conflict" in run("correct", "li", "-61", "--reason", "x", "--once", "fix-7").err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("li", "-3601", "--reason", "x"), 1, "Only 3600 seconds are available"),
        (("li", "0", "--reason", "x"), 1, "seconds: other than 0 is expected."),
        (("li", "-60", "--reason", ""), 1, "reason: this must not be empty."),
        (("nobody", "-60", "--reason", "x"), 1, "There is no user with this id."),
        (("li", "-60"), 2, "--reason"),
        (("li", "-6.5", "--reason", "x"), 2, "-6.5 is not a whole number."),
        (("li", "60.0", "--reason", "x"), 2, "60.0 is not a whole number."),
        (("li", "6_0", "--reason", "x"), 2, "6_0 is not a whole number."),
        (("li", "9" * 18, "--reason", "x"), 1, "seconds: at most 10000000 is allowed."),
        (("li", "-60", "--reason", "x", "--onse", "k"), 2, "--onse"),
        (("li", "--jsn", "-60", "--reason", "x"), 2, "--jsn is not a whole number."),
    ],
)
def test_a_correction_that_will_not_do_changes_nothing(words: tuple[str, ...], code: int, told: str, run: Run) -> None:
    ran = run("correct", *words)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert run("balance", "li").out.startswith("60:00 minutes left")


# ---- grant ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("grant", "li", "-60"), 1, "seconds: at least 1 is expected."),
        (("grant", "li", "1.5"), 2, "1.5 is not a whole number."),
        (("grant", "li", "1_000"), 2, "1_000 is not a whole number."),
        (("grant", "li", "\uff16\uff10"), 2, "\uff16\uff10 is not a whole number."),
        (("grant", "li", "60", "--onse", "k"), 2, "--onse"),
        (("grant", "li", "60", "--expires", "2027-01-01T00:00:00"), 1, "2026-12-31T16:00:00Z is expected"),
        (("refund", "c1", "--seconds", "1_000"), 2, "1_000 is not a whole number."),
        (("refund", "c1", "--seconds", "1.5"), 2, "1.5 is not a whole number."),
    ],
)
def test_seconds_that_will_not_do_are_told_in_plain_words(
    words: tuple[str, ...], code: int, told: str, run: Run
) -> None:
    ran = run(*words)
    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err
    assert run("balance", "li").out.startswith("60:00 minutes left")


def test_the_help_says_that_an_expiry_has_an_offset(run: Run) -> None:
    assert "with an offset or Z" in " ".join(run("grant", "--help").out.split())


def test_the_statement_has_the_reason_of_a_correction_and_the_plan_of_a_month(run: Run) -> None:
    run("correct", "li", "-60", "--reason", "charged twice")
    head, corrected, month = run("statement", "li").out.splitlines()
    assert head.endswith("  note")
    assert corrected.endswith("  charged twice")
    assert "personal" in month


# ---- refund ---------------------------------------------------------------------------------------------------------


def test_a_call_is_refunded_in_part_and_whole(run: Run, served: Served) -> None:
    asyncio.run(served.bench.put())
    asyncio.run(served.bench.store(a_talk(), "queued"))
    asyncio.run(served.bench.charge("c1", 120))
    assert run("refund", "c1", "--seconds", "50").out.startswith("refunded 0:50 minutes of call c1\n58:50 minutes left")
    told = json.loads(run("refund", "c1", "--once", "r-1", "--json").out)
    assert (told["seconds"], told["balance"]["available_s"]) == (70, 3600)
    assert run("refund", "c1", "--once", "r-1").out.startswith("refunded 1:10 minutes")
    ran = run("refund", "c1")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "(nothing-to-refund)" in ran.err
    assert "seconds: at least 1 is expected" in run("refund", "c1", "--seconds", "-5").err


def test_a_call_whose_record_is_gone_and_one_that_goes_on(run: Run, served: Served) -> None:
    asyncio.run(served.bench.charge("c9", 60, "li"))
    assert run("refund", "c9").err == (
        "ringbridge: There is no such call here; for one whose record is gone name its payer: --user. (unknown-call)\n"
    )
    assert run("refund", "c!9").err == "ringbridge: There is no such call. (unknown-call)\n"
    assert run("refund", "c9", "--user", "li").out.startswith("refunded 1:00 minutes of call c9")
    served.bench.engine.live["c1"] = a_call()
    assert "(call-not-settled)" in run("refund", "c1").err


# ---- the statement as CSV -------------------------------------------------------------------------------------------


def rows(text: str) -> list[dict[str, str]]:
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_export, "PAGE", 3)


@pytest.mark.usefixtures("pages")
def test_the_whole_statement_as_csv_replays_to_the_balance(run: Run, served: Served) -> None:
    run("correct", "li", "7", "--reason", 'a "word", and, commas; =1+1 中文')
    for n in range(9):
        run("grant", "li", str(60 + n), "--expires", f"2027-01-0{n + 1}T00:00:00Z")
    asyncio.run(served.bench.charge("c1", 30, "li"))
    ran = run("statement", "li", "--csv")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split("\r\n")[0] == "seq,op,at,what,seconds,balance_after_s,kind,expires_at,call,note"
    told = rows(ran.out)
    assert [int(row["seq"]) for row in told] == list(range(1, 13))
    balance_s = 0
    for row in told:
        balance_s += int(row["seconds"])
        assert int(row["balance_after_s"]) == balance_s
    lines = json.loads(run("statement", "li", "--limit", "100", "--json").out)["lines"][::-1]
    assert told == [{name: "" if value is None else str(value) for name, value in line.items()} for line in lines]
    assert told[1]["note"] == 'a "word", and, commas; =1+1 中文'


def test_a_statement_without_a_line_is_its_header(run: Run, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "get", lambda *_, **__: {"lines": [], "cursor": None})
    assert run("statement", "li", "--csv").out == ",".join(csv_export.COLUMNS) + "\r\n"


def test_a_file_has_the_same_bytes_as_stdout(run: Run, tmp_path: Path) -> None:
    ran = run("statement", "li", "--csv", "--to", "li.csv")
    assert (ran.code, ran.out, ran.err) == (0, "", "wrote li.csv\n")
    assert (tmp_path / "li.csv").read_bytes().decode() == run("statement", "li", "--csv").out
    assert [path.name for path in tmp_path.iterdir()] == ["li.csv"]


@pytest.mark.usefixtures("pages")
def test_an_export_that_breaks_leaves_the_old_file_and_no_half_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        run("grant", "li", "60")
    (tmp_path / "li.csv").write_text("old")
    real, asked = Client.get, 0

    def get(client: Client, *path: str, **query: object) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Unreachable("http://127.0.0.1:1 does not answer")
        return real(client, *path, **query)

    monkeypatch.setattr(Client, "get", get)
    ran = run("statement", "li", "--csv", "--to", "li.csv")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    asked = 0
    assert run("statement", "li", "--csv").out == "", "nothing half on a pipe, either"
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("li.csv", "old")]


def test_a_disk_that_is_full_leaves_the_old_file_and_no_half_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "li.csv").write_text("old")
    monkeypatch.setattr(whole_files.os, "fsync", full)
    ran = run("statement", "li", "--csv", "--to", "li.csv")
    assert (ran.code, ran.err) == (1, "ringbridge: li.csv cannot be written: No space left on device\n")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("li.csv", "old")]


@pytest.mark.parametrize("to", ["nowhere/li.csv", "folder", "/dev/null"])
def test_what_cannot_be_a_file_is_one_sentence(to: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    ran = run("statement", "li", "--csv", "--to", to)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.startswith(f"ringbridge: {to} ")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    "words", [("--csv", "--json"), ("--csv", "--limit", "5"), ("--csv", "--cursor", "5"), ("--to", "li.csv")]
)
def test_options_that_do_not_go_together_are_a_wrong_command_line(words: tuple[str, ...], run: Run) -> None:
    ran = run("statement", "li", *words)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: ringbridge statement" in ran.err


@pytest.mark.usefixtures("pages")
def test_on_a_terminal_the_lines_are_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        run("grant", "li", "60")
    monkeypatch.setattr(cli_common.sys.stderr, "isatty", lambda: True)
    assert run("statement", "li", "--csv").err == "\r3 lines\r6 lines\r\x1b[K"


def test_a_statement_whose_oldest_lines_are_not_here_any_more_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("grant", "li", "60")
    real = Client.get

    def get(client: Client, *path: str, **query: object) -> Any:
        page = real(client, *path, **query)
        return page | {"lines": page["lines"][:-1]}

    monkeypatch.setattr(Client, "get", get)
    ran = run("statement", "li", "--csv")
    assert ran.err == "the statement begins with line 2: older ones are not kept here any more\n"
    assert len(rows(ran.out)) == 1
