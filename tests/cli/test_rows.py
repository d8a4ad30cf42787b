"""How rows are shown: separators, percent and columns in a table for people, and raw values in every other format."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from orchestration.cli import rows as rows_module
from orchestration.cli.rows import Format, layout, write_rows
from orchestration.cli.terminal import format_cell, out, say
from orchestration.errors import QueryError
from orchestration.untrusted import plain_text

ROWS = pa.table({"author": ["a", "b"], "tokens": [4358609968603, 17], "share": [0.12345, 0.0004]})
UNITS = {"tokens": "tokens", "share": "fraction"}


@pytest.mark.parametrize(
    ("value", "column", "unit", "shown"),
    [
        (None, "share", "fraction", ""),
        (4358609968603, "tokens", "tokens", "4,358,609,968,603"),
        (-10_000, "change_tokens", "tokens", "-10,000"),
        (2026, "year", None, "2026"),
        (2237546, "app_id", None, "2237546"),
        (Decimal(56788588911921), "sum(tokens)", None, "56,788,588,911,921"),
        (Decimal("1.50"), "price", None, "1.5"),
        (16.0, "share_pct", "percent", "16.0"),
        (0.123456789, "ratio", None, "0.123457"),
        (1234567.8, "mean", None, "1,234,568"),
        (90501.0, "per_request", None, "90,501"),
        (0.12345, "share", "fraction", "12.3%"),
        (-0.025, "growth", "fraction", "-2.5%"),
        (float("inf"), "growth", "fraction", "inf"),
        (True, "is_up", None, "True"),
        ("[red]", "name", None, "[red]"),
    ],
)
def test_values_in_a_table(value: Any, column: str, unit: str | None, shown: str) -> None:
    assert format_cell(value, column, unit) == shown


def printed(rows: pa.Table, width: int) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(layout(rows, UNITS, width))
    return [line.rstrip() for line in text.getvalue().splitlines()]


def test_numbers_are_aligned_right_and_never_cut() -> None:
    assert printed(ROWS, 80) == [
        "author             tokens  share",
        "a       4,358,609,968,603  12.3%",
        "b                      17  0.04%",
    ]
    narrow = printed(ROWS, 30)
    assert narrow[:3] == ["author  a", "tokens  4,358,609,968,603", "share   12.3%"]


def test_only_the_widest_text_wraps() -> None:
    rows = pa.table({"name": ["one two three four five six seven"], "tokens": [10**12]})
    assert printed(rows, 44) == [
        "name                                  tokens",
        "one two three four five    1,000,000,000,000",
        "six seven",
    ]
    assert printed(rows, 40)[-2] == "tokens  1,000,000,000,000"


def test_other_formats_have_raw_values(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for form in (Format.csv, Format.json, Format.parquet):
        write_rows(ROWS, ["Scope: x"], UNITS, form, tmp_path / form, None)
    assert (tmp_path / "csv").read_text(encoding="utf-8").splitlines()[1] == '"a",4358609968603,0.12345'
    assert json.loads((tmp_path / "json").read_text(encoding="utf-8"))["rows"] == ROWS.to_pylist()
    assert pq.read_table(tmp_path / "parquet").to_pylist() == ROWS.to_pylist()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("form", list(Format))
def test_limit_cuts_rows_and_says_so(form: Format, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_rows(ROWS, [], UNITS, form, tmp_path / "rows", 1)
    assert capfd.readouterr().err.startswith("1 of 2 rows.\n")
    write_rows(ROWS, [], UNITS, form, tmp_path / "all", 2)
    assert "rows" not in capfd.readouterr().err
    assert (tmp_path / "rows").stat().st_size != (tmp_path / "all").stat().st_size


def test_long_table_is_cut_and_names_the_option(capfd: pytest.CaptureFixture[str]) -> None:
    many = pa.table({"n": list(range(1, 1202))})
    write_rows(many, [], {}, Format.table, None, None)
    done = capfd.readouterr()
    assert len(done.out.splitlines()) == 101
    assert done.err.startswith("100 of 1,201 rows. --limit shows more")
    write_rows(many, [], {}, Format.csv, None, None)
    done = capfd.readouterr()
    assert (len(done.out.splitlines()), "rows" in done.err) == (1202, False)


# Values for which JSON or CSV has no type of its own, by the SQL that selects them.
UNUSUAL = [
    ("'inf'::double", None, "inf"),
    ("[1.5, 'nan'::double, '-inf'::double]", [1.5, None, None], '"[1.5, null, null]"'),
    ("{'a': 'inf'::double, 'b': 0.10}", {"a": None, "b": "0.10"}, '"{""a"": null, ""b"": ""0.10""}"'),
    ("map {'a': 'inf'::float}", [["a", None]], '"[[""a"", null]]"'),
    ("interval 3 day", [0, 3, 0], '"[0, 3, 0]"'),
    (r"'\xFF'::blob", r"b'\xff'", "\"b'\\xff'\""),
]


@pytest.mark.parametrize(("sql", "in_json", "in_csv"), UNUSUAL)
def test_unusual_values_are_written(sql: str, in_json: object, in_csv: str, tmp_path: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    rows = duckdb.connect().sql(f"select {sql} as value").to_arrow_table()
    write_rows(rows, [], {}, Format.json, tmp_path / "json", None)
    document = json.loads((tmp_path / "json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert document["rows"] == [{"value": in_json}]
    write_rows(rows, [], {}, Format.csv, tmp_path / "csv", None)
    assert (tmp_path / "csv").read_text(encoding="utf-8") == f'"value"\n{in_csv}\n'


@pytest.mark.parametrize("sql", ["'infinity'::date", "'-infinity'::timestamp", "date '12000-01-01'"])
def test_dates_that_python_lacks_have_a_plain_message(sql: str, tmp_path: Path) -> None:
    """The file stays as it was, Parquet has the value, and with the advice the query works."""
    rows = duckdb.connect().sql(f"select {sql} as day").to_arrow_table()
    file = tmp_path / "rows"
    file.write_text("before", encoding="utf-8")
    for form in (Format.json, Format.table):
        with pytest.raises(QueryError, match=rf"cannot be written as {form}.*Cast dates and timestamps to varchar"):
            write_rows(rows, [], {}, form, file, None)
    assert file.read_text(encoding="utf-8") == "before"
    write_rows(rows, [], {}, Format.parquet, file, None)
    as_text = duckdb.connect().sql(f"select ({sql})::varchar as day").to_arrow_table()
    write_rows(as_text, [], {}, Format.json, file, None)
    assert json.loads(file.read_text(encoding="utf-8"))["rows"] == as_text.to_pylist()


HOSTILE = pa.table({"=name": ["=cmd()", "a\x1b]52;c;x\x07b", "\u202etxt.exe", None], "n": [-1, 2, 3, 4]})


def test_csv_has_no_formulas_and_no_control_characters(tmp_path: Path) -> None:
    nested = HOSTILE.append_column("list", pa.array([["=1"], None, [], []]))
    write_rows(nested, [], {}, Format.csv, tmp_path / "csv", None)
    assert (tmp_path / "csv").read_text(encoding="utf-8").splitlines() == [
        '"\'=name","n","list"',
        '"\'=cmd()",-1,"[""=1""]"',
        '"a]52;c;xb",2,',
        '"txt.exe",3,"[]"',
        ',4,"[]"',
    ]


def test_json_and_parquet_keep_hostile_text(tmp_path: Path) -> None:
    for form in (Format.json, Format.parquet):
        write_rows(HOSTILE, [], {}, form, tmp_path / form, None)
    assert pq.read_table(tmp_path / "parquet").to_pylist() == HOSTILE.to_pylist()
    document = (tmp_path / "json").read_text(encoding="utf-8")
    assert json.loads(document)["rows"] == HOSTILE.to_pylist()
    assert plain_text(document) == document


@pytest.mark.parametrize("form", list(Format))
def test_no_name_commands_the_terminal(form: Format, capfd: pytest.CaptureFixture[str]) -> None:
    if form is Format.parquet:
        return  # never written to a terminal
    write_rows(HOSTILE, ["Cite \x1b[31mthis"], {}, form, None, None)
    out.print("[bold]\x1b]0;title\x07name[/]")
    say("line \x9b31m\r\u2066")
    done = capfd.readouterr()
    assert plain_text(done.out + done.err) == done.out + done.err
    assert "]0;titlename" in done.out


def test_nothing_is_cut_in_40_columns() -> None:
    rows = pa.table({"is_complete_observation_of_the_period": [True], "url": ["https://openrouter.ai/api/v1/datasets"]})
    shown = "".join(line.replace(" ", "") for line in printed(rows, 40))
    assert "…" not in shown
    assert all(len(line) <= 40 for line in printed(rows, 40))
    assert sorted(shown) == sorted("is_complete_observation_of_the_periodTrueurlhttps://openrouter.ai/api/v1/datasets")


def test_interrupted_output_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(rows_module, "_as_json", interrupt)
    file = tmp_path / "rows.json"
    file.write_text("before", encoding="utf-8")
    link = tmp_path / "link.json"
    link.symlink_to(file)
    for path in (file, link, tmp_path / "new.json"):
        with pytest.raises(KeyboardInterrupt):
            write_rows(pa.table({"a": [1]}), [], {}, Format.json, path, None)
    assert file.read_text(encoding="utf-8") == "before"
    monkeypatch.undo()
    write_rows(pa.table({"a": [1]}), [], {}, Format.json, link, None)
    assert json.loads(file.read_text(encoding="utf-8"))["rows"] == [{"a": 1}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "rows.json"]


def test_output_may_be_a_device_but_not_in_a_missing_folder(tmp_path: Path) -> None:
    rows = pa.table({"a": [1]})
    write_rows(rows, [], {}, Format.csv, Path("/dev/null"), None)
    with pytest.raises(QueryError, match=r"/dev/full could not be written: No space left on device\."):
        write_rows(rows, [], {}, Format.csv, Path("/dev/full"), None)
    with pytest.raises(QueryError, match=r"rows\.csv could not be written: No such file or directory\."):
        write_rows(rows, [], {}, Format.csv, tmp_path / "missing" / "rows.csv", None)
    assert not (tmp_path / "missing").exists()
