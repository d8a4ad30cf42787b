"""The reading verbs as people and programs use them: output and exit codes."""

import datetime as dt
import io
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from conftest import PROJECT, CommandLine, Run, copy_data_folder, environment, replace_content
from typer.testing import CliRunner

from orchestration.cli.app import app
from orchestration.folders import CLAIM_HISTORY
from orchestration.publish.claim_history import record
from orchestration.publish.datapackage import PACKAGE
from orchestration.storage.last_run import LAST_RUN, record_start
from orchestration.storage.releases import FILE_NAME

WEEK = "leading_model/week/2026-07-27"
TINY = '{"models": 60, "days": 45, "observations": 2}'


Reader = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def routerscope(command_line: CommandLine) -> Reader:
    """Runs a reading verb on a data folder."""

    def read(data: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return command_line(*arguments, "--data", str(data), **{"COLUMNS": "300", **settings})

    return read


@pytest.fixture
def copied(few_run: Run, tmp_path: Path) -> Path:
    """A data folder of the test's own, with the release of the few recordings."""
    return copy_data_folder(few_run.data, tmp_path / "data")


@pytest.mark.usefixtures("all_recordings")
def test_status_reports_freshness_gaps_and_last_run(routerscope: Reader, everything: Run) -> None:
    done = routerscope(everything.data, "status")
    assert done.returncode == 4, done.stderr
    assert "Some data is too old." in done.stdout
    assert "2026-07-17 (apps: not_observed)" in done.stdout
    assert "Never observed: benchmarks, session_cost, tasks" in done.stdout
    assert "Last run: SUCCESS" in done.stdout
    assert "SIMULATED" not in done.stdout


@pytest.mark.usefixtures("all_recordings")
def test_status_explains_measures_and_warns_with_findings(routerscope: Reader, everything: Run) -> None:
    lines = routerscope(everything.data, "status", COLUMNS="80").stdout.splitlines()
    [header] = [line for line in lines if line.startswith("surface ")]
    table = lines[lines.index(header) + 1 : lines.index("", lines.index(header))]
    explained = [line.split()[0] for line in lines if line[:5] in ("newes", "as_of", "check", "days_", "price")]
    assert set(explained) == {line.split()[1] for line in table}
    assert lines[lines.index("Warnings") + 1 :][:4] == [
        "  apps: 2 days missing within 28 days, such as 2026-07-17 (stale above 0 days)",
        "  endpoints: the source made the newest response 15.5 days ago (too old above 7 days)",
        "  providers: the source made the newest response 76.7 days ago (too old above 14 days)",
        "  Recordings are old by design. For current data: make run SOURCE=live",
    ]


def test_status_cuts_nothing_in_40_columns(routerscope: Reader, few_run: Run) -> None:
    done = routerscope(few_run.data, "status", COLUMNS="40")
    assert "…" not in done.stdout
    assert "rankings newest_day_hours: " in done.stdout
    assert "rankings newest_day_hours: " not in routerscope(few_run.data, "status", COLUMNS="80").stdout


def test_list_of_tables_cuts_no_name_in_40_columns(routerscope: Reader, few_run: Run) -> None:
    listed = routerscope(few_run.data, "query", COLUMNS="40").stdout
    assert "price_endpoint_history" in listed
    assert "…" not in listed


def test_status_names_the_command_that_fetches(routerscope: Reader, simulated: Run) -> None:
    """Two days after the run of the simulated data."""
    clock = json.loads(routerscope(simulated.data, "status", "--json").stdout)["clock"]
    later = (dt.datetime.fromisoformat(clock) + dt.timedelta(hours=40)).isoformat()
    done = routerscope(simulated.data, "status", ROUTERSCOPE_NOW=later)
    assert done.returncode == 3
    assert "  endpoints: the source made the newest response 40 hours ago (stale above 36 hours)\n" in done.stdout
    assert "  To fetch what is due: make run SOURCE=simulator\n" in done.stdout
    assert "Warnings" not in routerscope(simulated.data, "status").stdout


@pytest.mark.usefixtures("all_recordings")
def test_keys_of_status_json_are_stable(routerscope: Reader, everything: Run) -> None:
    status = json.loads(routerscope(everything.data, "status", "--json").stdout)
    assert list(status) == [
        *("data", "generation", "source", "is_simulated", "clock", "measures", "missing_days", "never_observed"),
        *("quota_left_today", "last_run", "rejected", "problems"),
    ]
    keys = ["surface", "name", "value", "unit", "warn_above", "error_above", "note", "state"]
    assert all(list(measure) == keys for measure in status["measures"])
    assert all(list(day) == ["surface", "date", "reason"] for day in status["missing_days"])
    assert list(status["last_run"]) == ["run_id", "state", "ended"]
    states = {(measure["surface"], measure["name"]): measure["state"] for measure in status["measures"]}
    assert states["rankings", "as_of_hours"] == "fresh"
    assert states["providers", "as_of_hours"] == "too old"
    assert status["clock"] == "2026-08-07T00:05:19+00:00"
    assert status["generation"] == (everything.data / "published").resolve().name


def test_replay_is_measured_at_the_clock_that_is_set(routerscope: Reader, everything: Run) -> None:
    status = json.loads(routerscope(everything.data, "status", "--json", ROUTERSCOPE_NOW="2026-08-12").stdout)
    [measure] = [one for one in status["measures"] if (one["surface"], one["name"]) == ("rankings", "newest_day_hours")]
    assert (round(measure["value"]), measure["state"]) == (144, "too old")


def test_status_of_simulated_data_starts_with_a_warning(routerscope: Reader, simulated: Run) -> None:
    done = routerscope(simulated.data, "status")
    assert done.stdout.startswith("SIMULATED")
    assert "Never observed: nothing" in done.stdout  # all surfaces are simulated
    assert "-0.0" not in done.stdout


def test_status_reports_newer_rejected_build(routerscope: Reader, copied: Path) -> None:
    (copied / "rejected").mkdir()
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    (copied / "rejected" / "why.txt").write_text(
        f"{later:%Y-%m-%dT%H:%M:%SZ}\nassert_tokens_equal_raw: 3 rows.\n", encoding="utf-8"
    )
    done = routerscope(copied, "status")
    assert "Warnings\n" in done.stdout
    assert "A newer build was rejected" in done.stdout
    assert "To see the rows that failed: make ui" in done.stdout
    assert "assert_tokens_equal_raw: 3 rows." in done.stdout


def test_status_reads_the_release_that_is_published(routerscope: Reader, few_run: Run) -> None:
    package = json.loads((few_run.data / "published" / PACKAGE).read_text(encoding="utf-8"))
    status = json.loads(routerscope(few_run.data, "status", "--json").stdout)
    assert status["generation"] == package["generation"] == (few_run.data / "published").resolve().name


def test_status_needs_no_record_of_a_run(routerscope: Reader, copied: Path) -> None:
    (copied / LAST_RUN).unlink()
    assert "Last run: none found" in routerscope(copied, "status").stdout


def test_status_reports_killed_run(routerscope: Reader, copied: Path) -> None:
    record_start(copied, "0123456789")
    record = json.loads((copied / LAST_RUN).read_text(encoding="utf-8"))
    (copied / LAST_RUN).write_text(json.dumps(record | {"process": "999999999/boot/1"}), encoding="utf-8")
    assert "Last run: FAILURE, killed (01234567)" in routerscope(copied, "status").stdout


DOCUMENTED_QUERIES = [
    pytest.param(sql, id=f"{path.stem}-{number}")
    for path in (PROJECT / "README.md", PROJECT / "docs" / "questions.md")
    for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("sql", DOCUMENTED_QUERIES)
def test_documented_query_runs_on_the_command_line(sql: str, everything: Run) -> None:
    done = CliRunner().invoke(app, ["query", sql, "--format", "json", "--data", str(everything.data)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)
    assert "Source: OpenRouter (" in done.stderr


def test_query_cites_every_joined_table(routerscope: Reader, everything: Run) -> None:
    sql = "with led as (from share_model where rank = 1) select * from led join spend_model using (model_permaslug)"
    done = routerscope(everything.data, "query", f"{sql} limit 1")
    assert done.returncode == 0, done.stderr
    assert "openrouter.ai/rankings" in done.stderr
    assert "openrouter.ai/api/v1/models" in done.stderr


def test_query_prints_scope_and_citation_on_standard_error(routerscope: Reader, everything: Run) -> None:
    done = routerscope(everything.data, "query", "select author, share from share_author where period = 'week' limit 2")
    assert done.returncode == 0, done.stderr
    assert "Scope: Tokens routed through OpenRouter's public models." in done.stderr
    assert "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z." in done.stderr
    assert "api/v1/models" not in done.stderr  # only the surfaces of the queried table
    assert done.stdout.startswith("author")
    assert len(done.stdout.splitlines()) == 3
    assert "share_author" in routerscope(everything.data, "query").stdout


def test_wide_rows_are_printed_one_value_per_line(routerscope: Reader, everything: Run) -> None:
    sql = "from share_author order by period_start desc, period, rank limit 2"
    names = [name for (name,) in everything.query(f"select column_name from (describe {sql})")]
    printed = routerscope(everything.data, "query", sql, COLUMNS="80").stdout
    lines = [line.split(maxsplit=1) for line in printed.splitlines()]
    assert [line[0] for line in lines if line and line[0] in names] == names * 2
    for row in everything.query(f"select author, format('{{:,}}', tokens), source_url from ({sql})"):
        for value in row:
            assert value in [line[1].strip() for line in lines if len(line) > 1]
    narrow = routerscope(everything.data, "query", f"select author, rank from ({sql})", COLUMNS="80").stdout
    assert narrow.splitlines()[0].split() == ["author", "rank"]
    empty = routerscope(everything.data, "query", f"select period, rank from ({sql}) where false", COLUMNS="80").stdout
    assert empty.splitlines()[0].split() == ["period", "rank"]


def test_query_writes_every_format(routerscope: Reader, everything: Run, tmp_path: Path) -> None:
    sql = "select author, share from share_author where period = 'day' order by share desc, author limit 3"
    as_csv = routerscope(everything.data, "query", sql, "--format", "csv")
    assert as_csv.stdout.splitlines()[0] == '"author","share"'
    assert len(as_csv.stdout.splitlines()) == 4
    assert "Scope: " in as_csv.stderr
    as_json = json.loads(routerscope(everything.data, "query", sql, "--format", "json").stdout)
    assert list(as_json) == ["about", "rows"]
    assert as_json["about"][0].startswith("Scope: ")
    assert len(as_json["rows"]) == 3
    nested_sql = "select app_name, names from app order by app_id limit 1"
    nested = routerscope(everything.data, "query", nested_sql, "--format", "csv")
    assert nested.stdout.count('[""') == 1, nested.stdout + nested.stderr
    unusual_sql = "select 1 as a, 2 as a, 'nan'::double as b"
    unusual = json.loads(routerscope(everything.data, "query", unusual_sql, "--format", "json").stdout)
    assert unusual["rows"] == [{"a": 1, "a_1": 2, "b": None}]
    file = tmp_path / "shares.parquet"
    assert routerscope(everything.data, "query", sql, "--format", "parquet", "-o", str(file)).returncode == 0
    assert pq.read_table(file).to_pylist() == as_json["rows"]
    assert b"Scope: " in pq.read_schema(file).metadata[b"routerscope"]


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_query_writes_to_a_pipe(form: str, few_run: Run) -> None:
    """In a process of its own, because a pipe has no positions, unlike the file that pytest captures into."""
    sql = "select author, share from share_author where period = 'day' order by share desc, author limit 3"
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "query", sql, "--format", form, "--data", few_run.data],
        env=environment(few_run.data),
        capture_output=True,
        check=True,
    )
    reading = {"csv": pyarrow.csv.read_csv, "parquet": pq.read_table}
    rows = reading[form](io.BytesIO(done.stdout)).to_pylist() if form in reading else json.loads(done.stdout)["rows"]
    assert rows == [{"author": author, "share": share} for author, share in few_run.query(sql)]
    assert done.stderr.startswith(b"\nScope: ")


def test_reader_that_stops_early_gets_no_error(few_run: Run) -> None:
    command = f"{sys.executable} -m orchestration.cli query 'from share_model' --format csv --data {few_run.data}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1"],
        env=environment(few_run.data),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.startswith('"period",')
    assert "could not be written" not in done.stderr


def test_ask_lists_and_answers_the_questions(routerscope: Reader, everything: Run) -> None:
    listed = routerscope(everything.data, "ask").stdout.splitlines()
    assert listed[0] == "  1  Which models lead?"
    assert listed[13] == " 14  Which available provider is cheapest?"
    done = routerscope(everything.data, "ask", "1", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == ["week", "model_permaslug", "pct", "named_pct"]
    assert done.stderr.startswith("1. Which models lead?\nThe denominator is all traffic")
    assert "Its SQL is in docs/questions.md." in done.stderr
    assert "Source: OpenRouter (openrouter.ai/rankings)" in done.stderr
    rows = json.loads(routerscope(everything.data, "ask", "1", "--format", "json", "--limit", "2").stdout)["rows"]
    assert [(row["week"], row["pct"]) for row in rows] == [("2026-07-27", 12.7), ("2026-07-27", 11.1)]
    assert "No rows." in routerscope(everything.data, "ask", "10").stderr  # the recordings have no slices


def test_refused_query_exits_1_with_one_message(routerscope: Reader, few_run: Run) -> None:
    """What is refused, and why, is in access/test_query.py."""
    done = routerscope(few_run.data, "query", "delete from share_model")
    assert done.returncode == 1
    assert done.stderr == "Only SELECT and EXPLAIN are allowed: the tables are read-only. Nothing was changed.\n"
    assert done.stdout == ""


def test_wrong_usage_exits_2(routerscope: Reader, few_run: Run) -> None:
    for arguments in (
        ["query", "--format", "xml"],
        ["query", "from model", "--limit", "0"],
        ["ask", "15"],
        ["ask", "first"],
        ["cite", "--check"],
        ["cite", WEEK, "--as-of", "2026-08-07"],
        ["cite", "--check", WEEK, "--as-of", "yesterday"],
        ["trace"],
        ["trace", "model", "--all"],
        ["ui", "--port", "70000"],
    ):
        done = routerscope(few_run.data, *arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr


def test_invalid_setting_exits_2(routerscope: Reader, few_run: Run) -> None:
    done = routerscope(few_run.data, "status", ROUTERSCOPE_NOW="soon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("'soon' is not a valid timestamp")


def test_parquet_is_not_written_to_a_terminal(
    routerscope: Reader, few_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.cli.rows.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    done = routerscope(few_run.data, "query", "from model", "--format", "parquet")
    assert (done.returncode, done.stdout) == (2, "")
    assert "redirect standard output" in done.stderr


def test_port_in_use_exits_1(command_line: CommandLine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = command_line("simulator", "--port", str(taken.getsockname()[1]), ROUTERSCOPE_SIMULATOR=TINY)
    assert done.returncode == 1
    assert "Choose another port with --port." in done.stdout


def test_missing_release_exits_1(tmp_path: Path) -> None:
    """In a process of its own, to see the exit code and the standard error that a shell sees."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "status", "--data", tmp_path],
        env=environment(tmp_path),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert "Run `make run` first" in done.stderr


def test_cite_prints_each_style(routerscope: Reader, everything: Run) -> None:
    """The styles in full are in access/test_claims.py."""
    text = routerscope(everything.data, "cite", WEEK).stdout
    [(statement, citation)] = everything.query(f"select statement, citation from claim where claim_id = '{WEEK}'")
    assert text.startswith(f"{statement} {citation}\nChecked 7 August 2026. ")
    assert "own tokenizer" in text
    markdown = routerscope(everything.data, "cite", WEEK, "--style", "markdown").stdout
    assert markdown.startswith(f"> {statement}\n")
    apa = routerscope(everything.data, "cite", WEEK, "--style", "apa").stdout
    assert "\nOpenRouter. (2026, August 7). Rankings [Data set]. Retrieved August 7, 2026, from https://" in apa
    assert "CC BY 4.0" in apa
    bibtex = routerscope(everything.data, "cite", WEEK, "--style", "bibtex").stdout
    assert bibtex.startswith("@misc{routerscope_leading_model_week_20260727,\n")
    assert WEEK.replace("2026-07-27", "") in routerscope(everything.data, "cite").stdout


@pytest.fixture
def quoted(copied: Path) -> Path:
    """A data folder whose claims were published once; `publish_changed` changes them."""
    shutil.rmtree(copied / CLAIM_HISTORY)
    record([(copied / "published").resolve()], copied / CLAIM_HISTORY)
    return copied


def publish_changed(data: Path, sql: str) -> None:
    """Publish another release in which this statement changes the table `claim`."""
    old = (data / "published").resolve()
    new = old.with_name("20990101T000000.000000Z")
    shutil.copytree(old, new)
    with duckdb.connect() as connection:
        connection.execute(f"create table claim as from '{old / 'claim.parquet'}'")
        connection.execute(sql)
        connection.execute(f"copy claim to '{new / 'claim.parquet'}'")
    with duckdb.connect(str(new / FILE_NAME)) as connection:
        connection.execute(sql)
    (data / "published").unlink()
    (data / "published").symlink_to(Path(old.parent.name) / new.name)
    record([new], data / CLAIM_HISTORY)


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("select 1", 0, ["Unchanged.", "The claim still holds"]),
        (
            "update claim set statement = replace(statement, ' had ', ' held '), value = value * 1.00001",
            0,
            ["Unchanged.", " held ", "Its wording changed", "less than the rounding"],
        ),
        (
            "update claim set value = value + 0.004, as_of = as_of + interval 1 day, "
            "statement = replace(statement, ' had ', ' had, as we know now, ')",
            3,
            ["Revised.", "+0.4 percentage points", "as we know now"],
        ),
        (
            "update claim set subject = 'a/another', statement = replace(statement, 'On ', 'Of a/another, on ')",
            3,
            ["Revised.", "Its subject changed from ", " to a/another."],
        ),
        ("delete from claim", 4, ["Withdrawn.", "does not contain it"]),
    ],
)
def test_check_reports_unchanged_revised_or_withdrawn(
    routerscope: Reader, quoted: Path, sql: str, code: int, words: list[str]
) -> None:
    [(claim,)] = duckdb.sql(
        f"select claim_id from '{quoted / 'published' / 'claim.parquet'}' "
        "where kind = 'leading_author' and period = 'day' order by claim_id desc limit 1"
    ).fetchall()
    publish_changed(quoted, sql)
    done = routerscope(quoted, "cite", "--check", claim)
    assert done.returncode == code, done.stderr
    assert all(word in done.stdout for word in words), done.stdout


def test_cite_of_withdrawn_claim_names_the_check(routerscope: Reader, quoted: Path) -> None:
    publish_changed(quoted, "delete from claim where claim_id = 'total_tokens/day/2026-06-20'")
    done = routerscope(quoted, "cite", "total_tokens/day/2026-06-20")
    assert done.returncode == 1
    assert "no longer contains total_tokens/day/2026-06-20. `routerscope cite --check " in done.stderr


def test_check_of_unpublished_claim_exits_1(routerscope: Reader, quoted: Path) -> None:
    done = routerscope(quoted, "cite", "--check", "leading_model/day/1999-01-01")
    assert done.returncode == 1
    assert "leading_model/day/1999-01-01" in done.stderr
    assert "`routerscope cite` lists" in done.stderr


def test_check_compares_with_the_version_at_as_of(routerscope: Reader, quoted: Path) -> None:
    claim = "total_tokens/day/2026-06-20"
    publish_changed(
        quoted,
        "update claim set statement = 'Another.', value = value * 2, as_of = as_of + interval 3 day "
        "where kind = 'total_tokens'",
    )
    first = routerscope(quoted, "cite", "--check", claim)
    assert (first.returncode, "Revised." in first.stdout) == (3, True), first.stdout + first.stderr
    later = routerscope(quoted, "cite", "--check", claim, "--as-of", "2026-07-30")
    assert (later.returncode, "Unchanged." in later.stdout) == (0, True), later.stdout + later.stderr
    before = routerscope(quoted, "cite", "--check", claim, "--as-of", "2026-01-01")
    assert (before.returncode, "as of 2026-06-2" in before.stderr) == (1, True)


def test_only_changed_claims_are_recorded(quoted: Path) -> None:
    assert record([(quoted / "published").resolve()], quoted / CLAIM_HISTORY) == 0
    publish_changed(quoted, "update claim set value = value * 2 where claim_id = (select min(claim_id) from claim)")
    assert duckdb.sql(f"select count(*) from '{quoted / CLAIM_HISTORY}/2099*.parquet'").fetchall() == [(1,)]


def test_trace_ends_at_the_file_and_detects_a_change(routerscope: Reader, copied: Path) -> None:
    key = ("share_author", "day", "2026-06-20", "anthropic")
    done = routerscope(copied, "trace", *key)
    assert done.returncode == 0, done.stderr
    assert "Supplied by 1 raw file" in done.stdout
    assert "rankings-daily?end_date=" in done.stdout
    assert routerscope(copied, "trace", "--all").returncode == 0
    document = json.loads(routerscope(copied, "trace", *key, "--json").stdout)
    assert list(document) == ["table", "row", "files"]
    [file] = document["files"]
    assert list(file) == [
        *("surface", "slice", "first_date", "last_date", "raw_file", "request_url", "payload_sha256", "as_of"),
        *("fetched_at", "state"),
    ]
    assert file["payload_sha256"] in done.stdout
    path = copied / "raw" / file["raw_file"]
    replace_content(path, path.read_bytes() + b"!")
    done = routerscope(copied, "trace", *key)
    assert (done.returncode, "Changed or missing: 1 of 1 raw files" in done.stdout) == (4, True)
    every = routerscope(copied, "trace", "--all")
    assert (every.returncode, "1 changed, 0 missing" in every.stdout) == (4, True)
    as_json = json.loads(routerscope(copied, "trace", "--all", "--json").stdout)
    assert list(as_json) == ["files", "changed", "missing"]
    assert as_json["changed"] == [file["raw_file"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("no_such",), "There is no table no_such. The tables are anomaly, "),
        (("share_author", "day", "2026-06-20", "nobody"), "has no row with"),
    ],
)
def test_trace_of_unknown_row_exits_1(
    routerscope: Reader, few_run: Run, arguments: tuple[str, ...], words: str
) -> None:
    """What is wrong with a key is in access/test_trace.py."""
    done = routerscope(few_run.data, "trace", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
