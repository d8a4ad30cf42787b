"""The command `routerscope`, as people and programs use it: what it says, and what it ends with."""

import datetime as dt
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from conftest import PROJECT, Run, environment
from typer.testing import CliRunner

from orchestration.cli import app
from orchestration.publish.claim_history import CLAIM_HISTORY, record
from orchestration.publish.datapackage import PACKAGE

WEEK = "leading_model/week/2026-07-27"


def ask(data: Path, *arguments: str, home: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *arguments, "--data", str(data)],
        cwd=PROJECT,
        env=environment(home or data.parent / "home", **{"COLUMNS": "300", **settings}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_status_says_what_is_fresh_what_is_missing_and_how_the_last_run_ended(everything: Run) -> None:
    told = ask(everything.data, "status")
    assert told.returncode == 4, told.stderr
    assert "Some of it is too old." in told.stdout
    assert "2026-07-17 (apps: not_observed)" in told.stdout
    assert "Never observed: benchmarks, session_cost, tasks" in told.stdout
    assert "Last run: SUCCESS" in told.stdout
    assert "SIMULATED" not in told.stdout
    measured = json.loads(ask(everything.data, "status", "--json").stdout)
    states = {(one["surface"], one["name"]): one["state"] for one in measured["measures"]}
    assert states["rankings", "as_of_hours"] == "fresh"
    assert states["providers", "as_of_hours"] == "too old"
    assert measured["clock"] == "2026-08-07T00:05:19+00:00"


def test_the_clock_of_a_replay_is_the_one_that_is_set(everything: Run) -> None:
    told = json.loads(ask(everything.data, "status", "--json", ROUTERSCOPE_NOW="2026-08-12").stdout)
    [measure] = [one for one in told["measures"] if (one["surface"], one["name"]) == ("rankings", "newest_day_hours")]
    assert (round(measure["value"]), measure["state"]) == (144, "too old")


def test_status_of_simulated_data_says_so_first(simulated: Run) -> None:
    told = ask(simulated.data, "status")
    assert told.stdout.startswith("SIMULATED")
    assert "Never observed: nothing" in told.stdout  # all surfaces are simulated
    assert "-0.0" not in told.stdout


def test_status_tells_of_a_newer_build_that_was_rejected(few_run: Run, tmp_path: Path) -> None:
    data = Path(shutil.copytree(few_run.data, tmp_path / "data", symlinks=True))
    (data / "rejected").mkdir()
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    (data / "rejected" / "why.txt").write_text(f"{later:%Y-%m-%dT%H:%M:%SZ}\ntokens_equal_raw: 3 rows.\n")
    told = ask(data, "status", home=few_run.data.parent / "home")
    assert "A newer build was rejected" in told.stdout
    assert "assert_tokens_equal_raw: 3 rows." in told.stdout


ASKED = [
    pytest.param(sql, id=f"{path.stem}-{number}")
    for path in (PROJECT / "README.md", PROJECT / "docs" / "questions.md")
    for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(), re.DOTALL))
]


@pytest.mark.parametrize("sql", ASKED)
def test_every_question_of_the_documents_can_be_asked_by_the_command(sql: str, everything: Run) -> None:
    told = CliRunner().invoke(app, ["query", sql, "--format", "json", "--data", str(everything.data)])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)
    assert "Source: OpenRouter (" in told.stderr


def test_who_joins_tables_cites_all_of_them(everything: Run) -> None:
    sql = "with led as (from share_model where rank = 1) select * from led join spend_model using (model_permaslug)"
    told = ask(everything.data, "query", f"{sql} limit 1")
    assert told.returncode == 0, told.stderr
    assert "openrouter.ai/rankings" in told.stdout
    assert "openrouter.ai/api/v1/models" in told.stdout


def test_a_query_comes_with_its_scope_and_its_line(everything: Run) -> None:
    told = ask(everything.data, "query", "select author, share from share_author where period = 'week' limit 2")
    assert told.returncode == 0, told.stderr
    assert "Scope: Tokens routed through OpenRouter's public models." in told.stdout
    assert "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z." in told.stdout
    assert "api/v1/models" not in told.stdout  # only those who were asked
    listing = ask(everything.data, "query")
    assert "share_author" in listing.stdout


def test_rows_that_do_not_fit_side_by_side_are_told_one_below_the_other(everything: Run) -> None:
    sql = "from share_author order by period_start desc, period, rank limit 2"
    names = [name for (name,) in everything.query(f"select column_name from (describe {sql})")]
    told = ask(everything.data, "query", sql, COLUMNS="80").stdout
    lines = [line.split(maxsplit=1) for line in told.splitlines()]
    assert [line[0] for line in lines if line and line[0] in names] == names * 2
    for row in everything.query(f"select author, tokens::varchar, source_url from ({sql})"):
        for value in row:
            assert value in [line[1].strip() for line in lines if len(line) > 1]
    narrow = ask(everything.data, "query", f"select author, rank from ({sql})", COLUMNS="80").stdout
    assert narrow.splitlines()[0].split() == ["author", "rank"]
    empty = ask(everything.data, "query", f"select period, rank from ({sql}) where false", COLUMNS="80").stdout
    assert empty.splitlines()[0].split() == ["period", "rank"]


def test_a_query_in_every_form(everything: Run, tmp_path: Path) -> None:
    sql = "select author, share from share_author where period = 'day' order by share desc, author limit 3"
    as_csv = ask(everything.data, "query", sql, "--format", "csv")
    assert as_csv.stdout.splitlines()[0] == '"author","share"'
    assert len(as_csv.stdout.splitlines()) == 4
    assert "Scope: " in as_csv.stderr
    as_json = json.loads(ask(everything.data, "query", sql, "--format", "json").stdout)
    assert as_json["about"][0].startswith("Scope: ")
    assert len(as_json["rows"]) == 3
    nested = ask(everything.data, "query", "select app_name, names from app order by app_id limit 1", "--format", "csv")
    assert nested.stdout.count('[""') == 1, nested.stdout + nested.stderr
    twice = json.loads(
        ask(everything.data, "query", "select 1 as a, 2 as a, 'nan'::double as b", "--format", "json").stdout
    )
    assert twice["rows"] == [{"a": 1, "a_1": 2, "b": None}]
    file = tmp_path / "shares.parquet"
    assert ask(everything.data, "query", sql, "--format", "parquet", "-o", str(file)).returncode == 0
    assert pq.read_table(file).to_pylist() == as_json["rows"]
    assert b"Scope: " in pq.read_schema(file).metadata[b"routerscope"]


@pytest.mark.parametrize(
    ("sql", "words", "code"),
    [
        ("select no_such_column from share_model", "no_such_column", 1),
        ("delete from share_model", "read-only", 1),
        ("select * from published", "published does not exist", 1),
        ("select 1; select 2", "One statement at a time", 1),
        ("select * from read_csv('/etc/passwd')", "disabled", 1),
        ("copy share_model to 'x.csv'", "read-only", 1),
    ],
)
def test_a_query_that_cannot_be_answered_is_a_sentence(everything: Run, sql: str, words: str, code: int) -> None:
    told = ask(everything.data, "query", sql)
    assert told.returncode == code
    assert words in told.stderr
    assert "Traceback" not in told.stderr
    assert told.stdout == ""


def test_nothing_published_is_a_sentence(tmp_path: Path) -> None:
    told = ask(tmp_path, "status")
    assert told.returncode == 1
    assert "Run `make run` first" in told.stderr
    assert ask(tmp_path, "query", "--format", "xml").returncode == 2


def test_a_claim_in_every_style(everything: Run) -> None:
    text = ask(everything.data, "cite", WEEK).stdout
    [(statement, citation)] = everything.query(f"select statement, citation from claim where claim_id = '{WEEK}'")
    assert text.startswith(f"{statement} {citation}\nChecked 2026-08-07. ")
    assert "own tokenizer" in text
    markdown = ask(everything.data, "cite", WEEK, "--style", "markdown").stdout
    assert markdown.startswith(f"> {statement}\n")
    assert "](https://openrouter.ai/rankings)" in markdown
    bibtex = ask(everything.data, "cite", WEEK, "--style", "bibtex").stdout
    assert bibtex.startswith("@misc{routerscope_leading_model_week_20260727,\n")
    assert r"12.7 \%" in bibtex
    assert r"leading\_model" in bibtex
    assert bibtex.count("{") - bibtex.count(r"\{") == bibtex.count("}") - bibtex.count(r"\}")
    assert WEEK.replace("2026-07-27", "") in ask(everything.data, "cite").stdout


@pytest.fixture
def quoted(few_run: Run, tmp_path: Path) -> Path:
    """A data folder in which the claims were said once, and are about to be said otherwise."""
    data = Path(shutil.copytree(few_run.data, tmp_path / "data", symlinks=True))
    shutil.rmtree(data / CLAIM_HISTORY)
    record([(data / "published").resolve()], data / CLAIM_HISTORY)
    return data


def say_anew(data: Path, sql: str) -> None:
    """Another generation, in which the claims are changed so."""
    old = (data / "published").resolve()
    new = old.with_name("20990101T000000.000000Z")
    shutil.copytree(old, new)
    with duckdb.connect() as connection:
        connection.execute(f"create table claim as from '{old / 'claim.parquet'}'")
        connection.execute(sql)
        connection.execute(f"copy claim to '{new / 'claim.parquet'}'")
    (data / "published").unlink()
    (data / "published").symlink_to(Path("releases") / new.name)
    record([new], data / CLAIM_HISTORY)


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("select 1", 0, ["Unchanged.", "The claim still holds"]),
        (
            "update claim set statement = replace(statement, ' had ', ' held '), value = value * 1.00001",
            0,
            ["Unchanged.", " held ", "Its wording changed", "below the rounding"],
        ),
        (
            "update claim set value = value + 0.004, as_of = as_of + interval 1 day, "
            "statement = replace(statement, ' had ', ' had, as we know now, ')",
            3,
            ["Restated.", "+0.4 percentage points", "as we know now"],
        ),
        (
            "update claim set subject = 'a/another', statement = replace(statement, 'On ', 'Of a/another, on ')",
            3,
            ["Restated.", "It is about a/another now, no longer about"],
        ),
        ("delete from claim", 4, ["Withdrawn.", "does not say it"]),
    ],
)
def test_a_sentence_quoted_earlier_is_unchanged_restated_or_withdrawn(
    quoted: Path, sql: str, code: int, words: list[str]
) -> None:
    [(claim,)] = duckdb.sql(
        f"select claim_id from '{quoted / 'published' / 'claim.parquet'}' "
        "where kind = 'leading_author' and period = 'day' order by claim_id desc limit 1"
    ).fetchall()
    say_anew(quoted, sql)
    told = ask(quoted, "cite", "--check", claim)
    assert told.returncode == code, told.stderr
    assert all(word in told.stdout for word in words), told.stdout


def test_a_sentence_that_was_never_said_is_unknown(quoted: Path) -> None:
    told = ask(quoted, "cite", "--check", "leading_model/day/1999-01-01")
    assert told.returncode == 1
    assert "has ever published the claim 'leading_model/day/1999-01-01'" in told.stderr


def test_what_was_quoted_as_of_a_moment_is_what_was_said_by_then(quoted: Path) -> None:
    claim = "total_tokens/day/2026-06-20"
    say_anew(
        quoted,
        "update claim set statement = 'Restated.', value = value * 2, as_of = as_of + interval 3 day "
        "where kind = 'total_tokens'",
    )
    first = ask(quoted, "cite", "--check", claim)
    assert (first.returncode, "Restated." in first.stdout) == (3, True), first.stdout + first.stderr
    later = ask(quoted, "cite", "--check", claim, "--as-of", "2026-07-30")
    assert (later.returncode, "Unchanged." in later.stdout) == (0, True), later.stdout + later.stderr
    before = ask(quoted, "cite", "--check", claim, "--as-of", "2026-01-01")
    assert (before.returncode, "first published as of 2026-06-2" in before.stderr) == (1, True)


def test_only_what_is_new_is_recorded(quoted: Path) -> None:
    generation = (quoted / "published").resolve()
    assert record([generation], quoted / CLAIM_HISTORY) == 0
    say_anew(quoted, "update claim set value = value * 2 where claim_id = (select min(claim_id) from claim)")
    assert duckdb.sql(f"select count(*) from '{quoted / CLAIM_HISTORY}/2099*.parquet'").fetchall() == [(1,)]


def test_a_trace_ends_at_the_file_and_says_when_it_is_another(few_run: Run, tmp_path: Path) -> None:
    data = Path(shutil.copytree(few_run.data, tmp_path / "data", symlinks=True))
    key = ("share_author", "day", "2026-06-20", "anthropic")
    told = ask(data, "trace", *key)
    assert told.returncode == 0, told.stderr
    assert "Supplied by 1 raw file" in told.stdout
    assert "rankings-daily?end_date=" in told.stdout
    assert ask(data, "trace", "--all").returncode == 0
    [file] = json.loads(ask(data, "trace", *key, "--json").stdout)["files"]
    assert file["payload_sha256"] in told.stdout
    path = data / "raw" / file["raw_file"]
    path.write_bytes(path.read_bytes() + b"!")
    told = ask(data, "trace", *key)
    assert (told.returncode, "1 of 1 raw files are not what they were" in told.stdout) == (4, True)
    every = ask(data, "trace", "--all")
    assert (every.returncode, "1 changed, 0 missing" in every.stdout) == (4, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Name a table"),
        (("no_such",), "There is no table no_such"),
        (("share_author",), "has several rows with any key"),
        (("share_author", "day", "2026-06-20", "nobody"), "has no row with"),
        (("share_author", "a", "b", "c", "d"), "too many values"),
        (("share_author", "author=anthropic", "period=day"), "has several rows"),
    ],
)
def test_a_key_that_leads_nowhere_is_answered_with_those_that_do(
    few_run: Run, arguments: tuple[str, ...], words: str
) -> None:
    told = ask(few_run.data, "trace", *arguments)
    assert told.returncode == 1
    assert words in told.stderr
    assert "Traceback" not in told.stderr


def test_help_teaches(few_run: Run) -> None:  # noqa: ARG001
    for command in ((), ("status",), ("query",), ("cite",), ("trace",)):
        told = subprocess.run(
            [Path(sys.executable).with_name("routerscope"), *command, "--help"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "Exit codes:" in told.stdout
        assert not command or "Example" in told.stdout


def test_the_generation_that_was_found_first_is_the_one_that_is_read(few_run: Run) -> None:
    package = json.loads((few_run.data / "published" / PACKAGE).read_text())
    told = json.loads(ask(few_run.data, "status", "--json").stdout)
    assert told["generation"] == package["generation"] == (few_run.data / "published").resolve().name
