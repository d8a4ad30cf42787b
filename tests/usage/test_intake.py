"""What the intake makes of a log: calls, refused rows, and files that cannot be used."""

import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from own_logs import ACTIVITY, FILES, LANGFUSE, LITELLM, MARKER, OPENROUTER, PLAIN, TIME, as_csv, as_lines, span, spans

from orchestration.errors import UsageError
from orchestration.storage.sql import file_pattern, rows_as_dicts
from orchestration.usage.intake import Added, add_logs
from orchestration.usage.privacy import forget

NOW = dt.datetime(2026, 8, 6, tzinfo=dt.UTC)
Add = Callable[..., list[Added]]


@pytest.fixture
def add(tmp_path: Path) -> Add:
    """Takes in one log with this content, or the logs at these paths."""

    def add_content(content: bytes | Path, **options: Any) -> list[Added]:
        path = tmp_path / "log" if isinstance(content, bytes) else content
        if isinstance(content, bytes):
            path.write_bytes(content)
        return add_logs(tmp_path / "data", [path], NOW, **options)

    return add_content


@pytest.fixture
def raw(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """All stored rows."""

    def read() -> list[dict[str, Any]]:
        files = file_pattern(tmp_path / "data" / "own" / "raw") + "/*/*.parquet"
        with duckdb.connect() as connection:
            return rows_as_dicts(connection.sql(f"from read_parquet('{files}') order by all"))

    return read


Raw = Callable[[], list[dict[str, Any]]]
# What the formats do not report about the call: OpenRouter no written tokens, /activity no cached ones either.
MISSING = {
    "openrouter": ("cache_write_tokens",),
    "activity": ("cached_tokens", "cache_write_tokens"),
    "litellm": (),
    "langfuse": (),
    "opentelemetry": ("reasoning_tokens", "charged_usd"),
    "plain": (),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_call(name: str, add: Add, raw: Raw) -> None:
    [added] = add(FILES[name])
    [call] = raw()
    assert (added.format.name, added.rows, added.calls, added.refused, added.skipped) == (name, 1, 1, {}, {})
    expected = {
        "prompt_tokens": 1000,
        "cached_tokens": 400,
        "cache_write_tokens": 100,
        "completion_tokens": 9,
        "reasoning_tokens": 3,
        "charged_usd": Decimal("0.006475000000"),
    }
    assert {column: call[column] for column in expected} == expected | dict.fromkeys(MISSING[name])
    time = dt.datetime.fromisoformat(TIME)
    assert call["called_at"] == (dt.datetime(2026, 8, 5) if name == "activity" else time)  # noqa: DTZ001  # UTC
    assert call["is_daily"] == (name == "activity")
    assert call["model"].removeprefix("openrouter/").removesuffix("-20260723") == "anthropic/claude-opus-5"
    assert (call["calls"], call["is_failed"], call["is_own_key"]) == (1, False, False)


@pytest.mark.parametrize("name", FILES)
def test_nothing_but_listed_columns_is_stored(
    name: str, add: Add, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    content = FILES[name]
    assert MARKER.encode() in (gzip.decompress(content) if name == "opentelemetry" else content)
    add(content)
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            assert MARKER.encode() not in path.read_bytes()
            if path.suffix == ".parquet":
                text = duckdb.execute(
                    "select string_agg(x::varchar) from read_parquet($1) as x", [str(path)]
                ).fetchone()
                assert MARKER not in str(text)
                assert "gen-1785902400" not in str(text)
                assert "obs-1" not in str(text)
    assert MARKER not in "".join(capfd.readouterr())


def as_zip(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export/log.csv", content)
    return target.getvalue()


def as_zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


def as_parquet(tmp_path: Path) -> bytes:
    path = tmp_path / "rows.parquet"
    columns = ", ".join(f"$${value}$$ as {name}" for name, value in PLAIN.items() if name != "time")
    with duckdb.connect() as connection:
        connection.sql(f"select timestamptz '{TIME}+00' as time, {columns}").write_parquet(str(path))
    return path.read_bytes()


DIFFERENT = as_csv(PLAIN)
SHAPES: dict[str, bytes] = {
    "with a byte order mark": b"\xef\xbb\xbf" + DIFFERENT,
    "with semicolons": as_csv(PLAIN | {"cost_usd": "0,006475"}, delimiter=";"),
    "with tabs": as_csv(PLAIN, delimiter="\t"),
    "gzip": gzip.compress(DIFFERENT),
    "zip": as_zip(DIFFERENT),
    "JSON lines": as_lines(PLAIN),
    "JSON array": json.dumps([PLAIN], indent=2).encode(),
    "wrapped in data": json.dumps({"data": [PLAIN]}).encode(),
    "columns in another order": as_csv(dict(reversed(PLAIN.items()))),
    "with lines that end in \\r\\n": DIFFERENT.replace(b"\n", b"\r\n"),
    "time with an offset": as_csv(PLAIN | {"time": "2026-08-05T06:00:00.120+02:00"}),
    "time in milliseconds": as_csv(PLAIN | {"time": "1785902400120"}),
}


@pytest.mark.parametrize("shape", [*SHAPES, "zstd", "Parquet"])
def test_any_shape_of_file_gives_the_same_call(shape: str, add: Add, raw: Raw, tmp_path: Path) -> None:
    whole = {"zstd": lambda: as_zstd(DIFFERENT), "Parquet": lambda: as_parquet(tmp_path)}
    add(SHAPES[shape] if shape in SHAPES else whole[shape]())
    [call] = raw()
    assert call["called_at"] == dt.datetime.fromisoformat(TIME)
    assert (call["prompt_tokens"], call["cached_tokens"], call["completion_tokens"]) == (1000, 400, 9)
    assert call["charged_usd"] == Decimal("0.006475000000")


def test_same_content_is_stored_once(add: Add, raw: Raw) -> None:
    assert [one.is_new for one in add(FILES["plain"])] == [True]
    assert [one.is_new for one in add(FILES["plain"])] == [False]
    assert len(raw()) == 1


def test_same_call_has_the_same_hash_in_every_format(add: Add, raw: Raw, tmp_path: Path) -> None:
    for name in ("openrouter", "litellm", "opentelemetry"):
        add(FILES[name])
    assert len({call["call_id"] for call in raw()}) == 1
    add_logs(tmp_path / "elsewhere", [tmp_path / "log"], NOW)
    with duckdb.connect() as connection:
        [(other,)] = connection.sql(f"select call_id from '{tmp_path}/elsewhere/own/raw/*/*.parquet'").fetchall()
    assert other != raw()[0]["call_id"], "another folder has another salt"


def test_call_without_an_id_has_no_hash(add: Add, raw: Raw) -> None:
    add(FILES["plain"])
    assert raw()[0]["call_id"] is None


def test_ids_that_a_log_has_twice_are_marked(add: Add, raw: Raw) -> None:
    once = LITELLM | {"request_id": "gen-1785902400-B"}
    add(
        as_lines(
            LITELLM,
            once,
            LITELLM | {"completion_tokens": 7},
            LITELLM | {"request_id": None},
            once | {"request_id": None},
        )
    )
    add(as_lines(once))  # ids of other logs do not matter
    assert sorted(call["is_id_repeated"] for call in raw()) == [False] * 4 + [True] * 2


REFUSED = {
    "no_time": {"time": "yesterday"},
    "no_model": {"model": " "},
    "no_tokens": {"completion_tokens": ""},
    "bad_tokens": {"prompt_tokens": "-5"},
    "bad_tokens, fractional": {"completion_tokens": "9.5"},
    "bad_tokens, words": {"prompt_tokens": "many"},
    "no_calls": {"requests": "0"},
    "parts_exceed_prompt": {"cached_tokens": "901"},
    "reasoning_exceeds_completion": {"reasoning_tokens": "10"},
    "bad_charge": {"cost_usd": "-0.1"},
    "bad_charge, words": {"cost_usd": "$0.10"},
    "in_the_future": {"time": "2026-08-08"},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_unusable_row_is_refused_with_a_reason(reason: str, add: Add, raw: Raw) -> None:
    usable = PLAIN | {"requests": "1"}
    rows = [usable | {"model": f"sim/{number}"} for number in range(150)]
    [added] = add(as_csv(*rows, usable | REFUSED[reason]))
    name = reason.partition(",")[0]
    assert (added.rows, added.calls, added.refused) == (151, 150, {name: 1})
    assert [call["refusal"] for call in raw() if call["refusal"]] == [name]


def test_log_with_many_unusable_rows_is_refused(add: Add, tmp_path: Path) -> None:
    content = as_csv(*[PLAIN] * 50, PLAIN | {"time": ""})
    with pytest.raises(UsageError, match=r"1 of 51 rows cannot be used \(no_time: 1\).*--accept-losses"):
        add(content)
    assert not list((tmp_path / "data").rglob("*.parquet*"))
    [added] = add(content, accept_losses=True)
    assert (added.calls, added.refused) == (50, {"no_time": 1})


@pytest.mark.parametrize(
    "content",
    [
        as_csv(*[PLAIN] * 300) + b"a,b,c,d,e,f,g,h,i,j,too,many\n",
        as_csv(*[PLAIN] * 300) + b"only,a,few\n",
        as_csv(*[PLAIN] * 300) + b'"a quote that never ends,\n',
        as_csv(*[PLAIN] * 300) + b"not \xff UTF-8,b\n",
        as_lines(*[LITELLM] * 300) + b'{"request_id": "gen-1", "spend\n',
    ],
    ids=["too many", "too few", "open quote", "encoding", "JSON"],
)
def test_malformed_line_is_counted(content: bytes, add: Add) -> None:
    [added] = add(content)
    assert (added.rows, added.calls, sum(added.refused.values())) == (301, 300, 1)


def test_lines_inside_an_open_quote_are_counted(add: Add) -> None:
    rows = as_csv(*[PLAIN] * 300)
    head, rest = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    line, after = rest.split(b"\n", 1)
    broken = head + line + b'\n"' + after
    with pytest.raises(UsageError, match=r"15\d of 300 rows cannot be used"):
        add(broken)


def test_what_is_no_call_is_skipped(add: Add) -> None:
    [langfuse] = add(json.dumps([LANGFUSE, LANGFUSE | {"id": "obs-2", "type": "SPAN"}]).encode())
    [litellm] = add(as_lines(LITELLM, LITELLM | {"request_id": "gen-2", "cache_hit": "True"}))
    [traces] = add(as_lines(spans(span(), span("invoke_agent", "gen-2"))))
    assert (langfuse.calls, langfuse.skipped) == (1, {"not_a_call": 1})
    assert (litellm.calls, litellm.skipped) == (1, {"gateway_cache": 1})
    assert (traces.calls, traces.skipped) == (1, {"not_a_call": 1})


@pytest.mark.parametrize(
    ("details", "prompt", "completion"),
    [
        ({"input": 500, "input_cached_tokens": 500, "output": 9, "total": 1009}, 1000, 9),
        ({"input": 1000, "input_cached_tokens": 500, "output": 9, "total": 1009}, 1000, 9),
        ({"input": 1000, "output": 9, "output_reasoning_tokens": 5, "total": 1009}, 1000, 9),
        ({"input": 1000, "output": 4, "output_reasoning_tokens": 5, "total": 1009}, 1000, 9),
        ({"input": 1000, "output": 9}, 1000, 9),
    ],
)
def test_langfuse_counts_add_up_to_the_total(
    details: dict[str, int], prompt: int, completion: int, add: Add, raw: Raw
) -> None:
    add(as_lines(LANGFUSE | {"usage_details": details}))
    [call] = raw()
    assert (call["prompt_tokens"], call["completion_tokens"]) == (prompt, completion)


def test_own_key_is_recognized_by_what_the_provider_charged(add: Add, raw: Raw) -> None:
    add(as_csv(OPENROUTER | {"cost_total": "0", "byok_usage_inference": "0.0065"}))
    add(as_lines(ACTIVITY | {"usage": 0, "byok_usage_inference": 0.0065}))
    assert [(call["is_own_key"], call["upstream_usd"]) for call in raw()] == [(True, Decimal("0.006500000000"))] * 2


def test_later_export_of_a_day_has_its_rows_again(add: Add, raw: Raw) -> None:
    """Rows of /activity have no id; the day, the endpoint and the model are one."""
    add(json.dumps([ACTIVITY]).encode())
    add(json.dumps([ACTIVITY | {"requests": 2}, ACTIVITY | {"date": "2026-08-04"}]).encode())
    ids = [row["call_id"] for row in raw()]
    assert len(ids) == 3
    assert len(set(ids)) == 2


@pytest.mark.parametrize(("time", "is_daily"), [("2026-08-05", True), ("1785902400", False), (TIME, False)])
def test_only_a_date_is_a_day(time: str, is_daily: bool, add: Add, raw: Raw) -> None:
    add(as_csv(PLAIN | {"time": time}))
    assert [row["is_daily"] for row in raw()] == [is_daily]


def test_cached_tokens_are_unknown_without_a_report(add: Add, raw: Raw) -> None:
    add(as_lines(LITELLM | {"metadata": {}}))
    assert [row["cached_tokens"] for row in raw()] == [None]


def test_empty_cache_charge_without_cached_tokens_is_none(add: Add, raw: Raw) -> None:
    add(as_csv(OPENROUTER | {"cost_cache": "", "tokens_cached": "0"}))
    assert [row["cache_usd"] for row in raw()] == [0]


def test_label_is_hashed_unless_it_is_kept(add: Add, raw: Raw) -> None:
    labelled = as_csv(PLAIN | {"team": "search"})
    add(labelled, label="team")
    assert raw()[0]["label"] not in (None, "search")
    add(labelled + b"\n", label="team", keep_labels=True)
    assert "search" in [call["label"] for call in raw()]
    with pytest.raises(UsageError, match="has no column 'group' for --label"):
        add(as_csv(PLAIN | {"time": "2026-08-04"}), label="group")


NO_LOG = {
    "empty": (b"", "is empty"),
    "unknown columns": (b"a,b\n1,2\n", r"is of no known format.*openrouter: generation_id.*Columns found: a, b"),
    "no required column": (
        as_csv({"generation_id": 1, "tokens_prompt": 2, "model_permaslug": 3}),
        "no column created_at",
    ),
    "not text": (b"\x00\xff" * 100, "neither CSV nor JSON nor Parquet"),
    "UTF-16": (DIFFERENT.decode().encode("utf-16"), "UTF-16"),
    "cut gzip": (gzip.compress(DIFFERENT * 50)[:-20], "damaged"),
    "cut zip": (as_zip(DIFFERENT)[:-30], "damaged"),
    "no Parquet": (b"PAR1" + b"x" * 100, "starts like Parquet, but cannot be read"),
    "half a document": (b'{"data": [{"endpoint_id": 1, "byok', "of no known format.*Columns found: none"),
    "no calls": (as_csv(PLAIN)[: as_csv(PLAIN).index(b"\n") + 1], "has no usable call"),
}


@pytest.mark.parametrize("name", NO_LOG)
def test_file_that_is_no_log_is_refused(name: str, add: Add, tmp_path: Path) -> None:
    content, words = NO_LOG[name]
    with pytest.raises(UsageError, match=f"(?s){words}"):
        add(content)
    assert not list((tmp_path / "data").rglob("*.parquet*"))


def test_several_formats_need_a_choice(add: Add) -> None:
    both = as_csv(OPENROUTER | PLAIN)
    with pytest.raises(UsageError, match=r"fits several formats; choose one with --as"):
        add(both)
    assert [one.format.name for one in add(both, chosen="plain")] == ["plain"]
    with pytest.raises(UsageError, match="'helicone' is no format"):
        add(both, chosen="helicone")


def test_folder_gives_every_log_in_it(add: Add, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    (folder / "more").mkdir(parents=True)
    (folder / "a.csv").write_bytes(FILES["openrouter"])
    (folder / "more" / "b").write_bytes(FILES["litellm"])
    assert [one.format.name for one in add(folder)] == ["openrouter", "litellm"]
    with pytest.raises(UsageError, match="does not exist"):
        add(tmp_path / "nowhere")


def test_error_names_the_logs_that_were_stored_before_it(add: Add, raw: Raw, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.csv").write_bytes(FILES["plain"])
    (folder / "b.csv").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"(?s)b\.csv is of no known format.*Stored before it, and kept: .*a\.csv\."):
        add(folder)
    assert len(raw()) == 1


def test_folder_is_private_and_can_be_forgotten(add: Add, tmp_path: Path) -> None:
    add(FILES["plain"])
    own = tmp_path / "data" / "own"
    assert own.stat().st_mode & 0o777 == 0o700
    assert (own / "salt").stat().st_mode & 0o777 == 0o600
    assert forget(tmp_path / "data")
    assert not own.exists()
    assert not forget(tmp_path / "data")


def test_damaged_salt_is_reported(add: Add, tmp_path: Path) -> None:
    add(FILES["plain"])
    (tmp_path / "data" / "own" / "salt").write_text("x", encoding="ascii")
    with pytest.raises(UsageError, match="salt is damaged"):
        add(FILES["litellm"])


def test_unfinished_write_is_removed(add: Add, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "own" / "raw" / "plain"
    folder.mkdir(parents=True)
    left = folder / "abc.parquet.999999999.tmp"
    left.touch()
    add(FILES["plain"])
    assert not left.exists()
    assert not list((tmp_path / "data" / "own").glob("unpacked*"))
