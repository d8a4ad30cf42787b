"""Simulated logs: the charges are what the calls cost, and the intake reads the calls that were drawn."""

import datetime as dt
import json
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cost_formula import Prices, expected_cost
from small_release import PLAIN, TIERED, TYPE, as_decimals, prices

from orchestration.errors import UsageError
from orchestration.folders import PROJECT_DIR
from orchestration.publish.price_functions import price_functions
from orchestration.storage.sql import rows_as_dicts
from orchestration.usage.intake import add_logs
from orchestration.usage.simulated import ALL, Draw, write_logs
from orchestration.usage.simulated_formats import LOGS

NOW = dt.datetime(2026, 8, 6, tzinfo=dt.UTC)
CALLS, SEED = 3_000, 7
FREE = prices(prompt="0", completion="0")
CHEAPER = prices(prompt="0.0000029", completion="0.0000145", cache_read="0.00000029", web_search="0.01")
DEARER = prices(
    prompt="0.0000033", completion="0.0000165", cache_read="0.00000033", cache_write="0.000004125", web_search="0.01"
)
NIGHTLY = prices(
    {"utc_start": 1630, "utc_end": 30, "prompt": "0.00000005", "web_search": "0.0125"},
    prompt="0.0000001",
    completion="0.0000002",
    web_search="0.01",
)
# (model, provider, endpoint, prices, first and last response with them)
ENDPOINTS = [
    ("acme/plain", "Acme", "acme", PLAIN, "2026-07-01 00:00:07", "2026-07-10 12:00:00"),
    ("acme/plain", "Acme", "acme", CHEAPER, "2026-07-10 18:00:00", "2026-07-20"),
    ("acme/plain", "Acme", "acme/eu", DEARER, "2026-07-01 00:00:07", "2026-07-20"),
    ("acme/plain", "Other", "other/fp8", PLAIN, "2026-07-01 00:00:07", "2026-07-20"),
    ("acme/plain", "Other", "other/bf16", PLAIN, "2026-07-01 00:00:07", "2026-07-20"),
    ("acme/plain:free", "Acme", "acme", FREE, "2026-07-01 00:00:07", "2026-07-20"),
    ("acme/tiered", "Acme", "acme", TIERED, "2026-07-01 00:00:07", "2026-07-20"),
    ("acme/tiered", "Acme", "acme/once", TIERED, "2026-07-03 04:05:06", "2026-07-03 04:05:06"),
    ("acme/nightly", "Acme", "acme", NIGHTLY, "2026-07-01 00:00:07", "2026-07-20"),
    ("acme/dynamic", "Acme", "acme", prices(), "2026-07-01", "2026-07-20"),
    ("acme/unknown", "Acme", "acme", None, "2026-07-01", "2026-07-20"),
    ("acme/painter", "Acme", "acme", PLAIN, "2026-07-01", "2026-07-20"),
]
PRICED = {"acme/plain", "acme/plain:free", "acme/tiered", "acme/nightly"}
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("release") / "routerscope.duckdb"
    macros = PROJECT_DIR / "dbt_project" / "macros" / "cost.sql"
    # As in dbt's manifest, which takes seconds to make.
    manifest = {"macros": {"cost": {"original_file_path": str(macros), "macro_sql": macros.read_text("utf-8")}}}
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create macro {price_functions(manifest)[0].definition}")
        connection.execute(
            "create table price_endpoint_history (model_id varchar, provider_name varchar, endpoint_tag varchar, "
            f"prices {TYPE}, valid_from timestamp, last_seen_at timestamp, context_length bigint)"
        )
        connection.executemany("insert into price_endpoint_history values (?, ?, ?, ?, ?, ?, 1000000)", ENDPOINTS)
        connection.execute(
            """
            create table model as
            select
                base || '-20260101' || suffix as model_permaslug, base || '-20260101' as base_slug,
                if(suffix = '', 'standard', suffix[2:]) as variant, base || suffix as model_id,
                [if(base = 'acme/painter', 'image', 'text')] as output_modalities
            from (
                select distinct split_part(model_id, ':', 1) as base, regexp_extract(model_id, ':.*') as suffix
                from price_endpoint_history
            )
            """
        )
    return path


@pytest.fixture(scope="module")
def written(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_logs(release, tmp_path_factory.mktemp("simulated"), CALLS, SEED)


def truth(folder: Path) -> Rows:
    with duckdb.connect() as connection:
        return rows_as_dicts(connection.sql(f"from read_parquet('{folder}/truth.parquet')"))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def cut(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.000001"), ROUND_DOWN)


def prices_of(call: dict[str, Any]) -> Prices:
    key = (call["model_id"], call["provider_name"], call["endpoint_tag"])
    [found] = [
        one[3] for one in ENDPOINTS if one[:3] == key and dt.datetime.fromisoformat(one[4]) == call["valid_from"]
    ]
    return as_decimals(found)


def python_cost(call: dict[str, Any], **changed: int) -> Decimal:
    names = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "searches")
    time = call["called_at"]
    cost = expected_cost(prices_of(call), *((call | changed)[name] for name in names), 100 * time.hour + time.minute)
    assert cost is not None
    return cost


def test_same_arguments_give_the_same_bytes(release: Path, written: Path, tmp_path: Path) -> None:
    again = write_logs(release, tmp_path / "again", CALLS, SEED)
    assert content(again) == content(written)
    other = write_logs(release, tmp_path / "other", CALLS, SEED + 1, ["plain"])
    assert content(other)["logs/plain.csv"] != content(written)["logs/plain.csv"]


def test_longer_log_begins_with_the_calls_of_a_shorter_one(release: Path, written: Path, tmp_path: Path) -> None:
    assert truth(write_logs(release, tmp_path, 10, SEED, [])) == truth(written)[:10]


def test_charges_are_the_cost_in_plain_python(written: Path) -> None:
    for call in truth(written):
        cost = Decimal(0) if call["is_failed"] else python_cost(call)
        assert call["cost_usd"] == cost
        assert call["charged_usd"] == (0 if call["is_own_key"] else cut(cost))
        assert call["upstream_usd"] == (cut(cost) if call["is_own_key"] else 0)


def test_cache_charge_is_relative_to_the_prompt_price(written: Path) -> None:
    with duckdb.connect() as connection:
        logged = connection.sql(f"select generation_id, cost_cache from '{written}/logs/openrouter.parquet'").fetchall()
    charges = dict(logged)
    for call in truth(written):
        expected = python_cost(call) - python_cost(call, cached_tokens=0, cache_write_tokens=0)
        assert charges[call["id"]] == cut(expected)
    assert min(charges.values()) < 0 < max(charges.values())


def test_every_kind_of_call_is_drawn(written: Path) -> None:
    calls = truth(written)
    assert {call["model_id"] for call in calls} == PRICED
    assert len({(call["model_id"], call["endpoint_tag"], call["valid_from"]) for call in calls}) >= 8
    kinds = {
        "failed": [call for call in calls if call["is_failed"]],
        "own key": [call for call in calls if call["is_own_key"]],
        "search": [call for call in calls if call["searches"]],
        "written": [call for call in calls if call["cache_write_tokens"]],
        "cached without a price": [
            call for call in calls if call["cached_tokens"] and not prices_of(call)["cache_read"]
        ],
        "long": [call for call in calls if call["model_id"] == "acme/tiered" and call["prompt_tokens"] > 200_001],
        "at a threshold": [call for call in calls if call["prompt_tokens"] == 200_000],
        "above a threshold": [call for call in calls if call["prompt_tokens"] == 200_001],
    }
    assert [kind for kind, found in kinds.items() if not found] == []


def test_price_was_observed_before_and_after_each_call(written: Path) -> None:
    last = {(*one[:3], dt.datetime.fromisoformat(one[4])): dt.datetime.fromisoformat(one[5]) for one in ENDPOINTS}
    for call in truth(written):
        key = (call["model_id"], call["provider_name"], call["endpoint_tag"], call["valid_from"])
        assert call["valid_from"] <= call["called_at"] <= last[key]


# Columns that a format does not report, or not for every call.
MISSING = {
    "activity": ("cached_tokens", "cache_write_tokens"),
    "openrouter": ("cache_write_tokens",),
    "openrouter_parquet": ("cache_write_tokens",),
    "opentelemetry": ("reasoning_tokens", "charged_usd", "upstream_usd"),
    "langfuse": ("upstream_usd",),
    "plain": ("upstream_usd",),
}


@pytest.mark.parametrize("name", ALL)
def test_intake_reads_the_calls_that_were_drawn(name: str, written: Path, tmp_path: Path) -> None:
    [added] = add_logs(tmp_path, [written / "logs" / LOGS[name][0]], NOW)
    assert (added.format.name, added.refused, added.skipped) == (name.removesuffix("_parquet"), {}, {})
    summary = json.loads((written / "summary.json").read_text("utf-8"))
    columns = (
        *("calls", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
        *("charged_usd", "upstream_usd"),
    )
    sums = ", ".join(f"sum({column}) as {column}" for column in columns)
    with duckdb.connect() as connection:
        [read] = rows_as_dicts(connection.sql(f"select {sums} from read_parquet('{tmp_path}/own/raw/*/*.parquet')"))
    missing = MISSING.get(name, ())
    assert {column: read[column] for column in missing} == dict.fromkeys(missing)
    for column in set(columns) - set(missing):
        assert read[column] == Decimal(summary[column]), column


def test_every_row_is_marked_as_simulated(written: Path) -> None:
    assert all(call["id"].startswith("gen-simulated-") for call in truth(written))
    assert "SIMULATED" in (written / "README.txt").read_text("utf-8")
    assert json.loads((written / "summary.json").read_text("utf-8"))["is_simulated"]
    for path in (written / "logs").iterdir():
        if path.suffix != ".parquet":
            lines = path.read_text("utf-8").splitlines()
            rows = lines[1:] if path.suffix == ".csv" else [line for line in lines if "{" in line]
            assert all("simulated" in row for row in rows)


def test_calls_can_be_restricted(release: Path, tmp_path: Path) -> None:
    draw = Draw(
        model_ids=("acme/plain",),
        since=dt.datetime(2026, 7, 3, tzinfo=dt.UTC),
        until=dt.datetime(2026, 7, 4, tzinfo=dt.UTC),
        own_key_share=1,
        own_key_fee=Decimal("0.05"),
        failed_share=0,
    )
    calls = truth(write_logs(release, tmp_path, 200, SEED, [], draw))
    assert {(call["model_id"], call["called_at"].date()) for call in calls} == {("acme/plain", dt.date(2026, 7, 3))}
    assert {call["endpoint_tag"] for call in calls} == {"acme", "acme/eu", "other/fp8", "other/bf16"}
    own = [call for call in calls if call["is_own_key"]]
    assert len(own) > 190
    assert all(call["charged_usd"] == cut(call["cost_usd"] * Decimal("0.05")) for call in own)


def test_price_seen_once_has_calls_at_that_time(release: Path, tmp_path: Path) -> None:
    since = dt.datetime(2026, 7, 3, 4, tzinfo=dt.UTC)
    draw = Draw(("acme/tiered",), since, since + dt.timedelta(hours=1))
    times = {
        call["called_at"]
        for call in truth(write_logs(release, tmp_path, 50, SEED, [], draw))
        if call["endpoint_tag"] == "acme/once"
    }
    assert times == {dt.datetime.fromisoformat("2026-07-03 04:05:06")}


def test_tiny_calls_cost_a_few_micro_dollars(release: Path, tmp_path: Path) -> None:
    calls = truth(write_logs(release, tmp_path, 200, SEED, [], Draw(is_tiny=True)))
    assert max(call["prompt_tokens"] for call in calls) <= 8
    assert max(call["cost_usd"] for call in calls) < Decimal("0.0002")
    assert any(0 < call["cost_usd"] < Decimal("0.000001") and call["charged_usd"] == 0 for call in calls)


def test_impossible_draw_writes_nothing(release: Path, tmp_path: Path) -> None:
    attempts = [
        ({"formats": ["helicone"]}, "'helicone' is no format"),
        ({"calls": 0}, "0 calls cannot be drawn"),
        ({"draw": Draw(model_ids=("acme/dynamic",))}, "has no price of a text model"),
        ({"release": tmp_path / "none.duckdb"}, "cannot be read as a release"),
    ]
    for changed, words in attempts:
        with pytest.raises(UsageError, match=words):
            write_logs(**{"release": release, "folder": tmp_path / "logs", "calls": 9, "seed": SEED} | changed)
    assert not content(tmp_path)
