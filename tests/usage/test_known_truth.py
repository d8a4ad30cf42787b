"""Own calls whose true cost is known: every charge is explained, and what a log does not show is left open."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from own_release import NOW, publish

from orchestration.storage.sql import file_pattern, literal, rows_as_dicts
from orchestration.usage.build import build_own, own_file
from orchestration.usage.intake import add_logs
from orchestration.usage.simulated import Draw, write_logs

Rows = list[dict[str, Any]]
pytestmark = pytest.mark.xdist_group("own_data")


@contextmanager
def marts_and_truth(data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The marts of a data folder, and beside them `calls`: the true calls of all sources."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(own_file(data))} as own (read_only)")
        connection.execute("use own")
        connection.execute(
            f"""
            create temp view calls as
            select
                *, cast(called_at as date) as date, parse_path(filename)[-2] as source
            from read_parquet({literal(f"{file_pattern(data)}/truth/*/truth.parquet")}, filename = true)
            """
        )
        yield connection


@pytest.fixture(scope="module")
def connection(own_data: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with marts_and_truth(own_data) as connection:
        yield connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    return rows_as_dicts(connection.sql(sql))


def test_totals_equal_the_truth(connection: duckdb.DuckDBPyConnection) -> None:
    columns = "sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens"
    true = rows(connection, f"select source, count(*) as calls, {columns} from calls group by source order by source")
    found = rows(
        connection, f"select source, sum(calls) as calls, {columns} from own_usage group by source order by source"
    )
    assert found == true
    charged = "select sum(charged_usd) as charged, sum(upstream_usd) as upstream, sum(paid_usd) as paid from"
    [openrouter] = rows(connection, f"{charged} own_usage where source = 'openrouter'")
    [true_openrouter] = rows(
        connection,
        "select sum(charged_usd) as charged, sum(upstream_usd) as upstream, charged + upstream as paid "
        "from calls where source = 'openrouter'",
    )
    assert openrouter == true_openrouter


def test_every_charge_is_explained(connection: duckdb.DuckDBPyConnection) -> None:
    assert rows(connection, "from own_check where \"check\" = 'residual' and calls > 0") == []
    [found] = rows(
        connection,
        """
        select count(*) as rows, max(abs(cost.endpoint_usd - truth.cost_usd) - 1e-6 * truth.calls) as largest
        from own_cost as cost
        inner join (
            select source, date, base_slug || if(variant = 'standard', '', ':' || variant) as model_permaslug,
                provider_name, is_own_key, sum(cost_usd) as cost_usd, count(*) as calls
            from calls group by all
        ) as truth using (source, date, model_permaslug, provider_name, is_own_key)
        where source = 'openrouter'
        """,
    )
    assert found["rows"] > 100
    assert found["largest"] <= 1e-9


# The true calls by the key of own_cost, as far as the logs have it.
_TRUTH = """
    select
        cost.source, cost.tag, cost.candidates, cost.cache_write_tokens_low, cost.cache_write_tokens_high, truth.*
    from own_cost as cost
    inner join (
        select
            source, date, base_slug || if(variant = 'standard', '', ':' || variant) as model_permaslug, provider_name,
            is_own_key, list_sort(list(distinct endpoint_tag) filter (not is_failed)) as tags,
            sum(cache_write_tokens) as written
        from calls
        group by all
    ) as truth using (source, date, model_permaslug, provider_name, is_own_key)
    where tags is not null
"""


def test_tag_is_never_invented(connection: duckdb.DuckDBPyConnection) -> None:
    """A named endpoint served all calls of its row, and every endpoint that served one is a candidate."""
    assert rows(connection, f"from ({_TRUTH}) where tag is not null and tags <> [tag]") == []
    # Without a charge there are no candidates; a gateway's charge of 0 may mean that it knows no price.
    is_charged = "(candidates <> [] or source in ('openrouter', 'activity'))"
    assert rows(connection, f"from ({_TRUTH}) where {is_charged} and not list_has_all(candidates, tags)") == []


def test_tag_is_named_where_only_one_endpoint_fits(connection: duckdb.DuckDBPyConnection) -> None:
    """Charges do not name one of two endpoints at one price; they name the only endpoint of a provider."""
    found = rows(
        connection,
        f"""
        select source, model_id, provider_name, count(*) as rows, count(tag) as named
        from ({_TRUTH}) left join own_usage using (source, date, model_permaslug, provider_name, is_own_key)
        where source = 'openrouter' and len(tags) = 1
        group by all
        """,
    )
    named = {(one["model_id"], one["provider_name"]): one["named"] / one["rows"] for one in found}
    assert named.pop(("acme/plain", "Other"), 0) == 0
    assert named.pop(("acme/plain", "Acme")) > 0.5
    assert set(named.values()) == {1}


def test_price_change_at_13_00_names_one_price(connection: duckdb.DuckDBPyConnection) -> None:
    """Both prices of the day explain the calls of their own part of the day, to the micro-dollar."""
    [found] = rows(
        connection,
        """
        select count(*) as rows, max(abs(residual_usd)) as largest from own_cost
        where date = '2026-07-10' and model_permaslug = 'acme/plain-20260101' and source = 'openrouter'
        """,
    )
    assert found["rows"] > 0
    assert found["largest"] < Decimal("0.001")


def test_written_tokens_are_inside_their_interval(connection: duckdb.DuckDBPyConnection) -> None:
    outside = "not written between cache_write_tokens_low and cache_write_tokens_high"
    assert rows(connection, f"from ({_TRUTH}) where {outside}") == []
    [found] = rows(
        connection,
        f"select count(*) as rows from ({_TRUTH}) where source = 'openrouter' and cache_write_tokens_low > 0",
    )
    assert found["rows"] > 10, "the charge for the cache shows written tokens"


def test_paid_is_the_sum_of_its_parts(connection: duckdb.DuckDBPyConnection) -> None:
    paid = "charged_usd + if(is_own_key, coalesce(upstream_usd, 0), 0)"
    assert rows(connection, f"from own_usage where cost_basis = 'charged' and paid_usd <> {paid}") == []


def test_alternative_at_own_prices_is_what_was_paid(connection: duckdb.DuckDBPyConnection) -> None:
    """One endpoint at one price: the same tokens at its own price are the charges, up to their rounding."""
    [found] = rows(
        connection,
        """
        select same_tokens_usd, paid_usd, calls from own_alternative
        where source = 'litellm' and period = 'all' and from_model = 'acme/tiered-20260101'
            and to_model_id = 'acme/tiered' and tag = 'acme'
        """,
    )
    assert found["paid_usd"] <= found["same_tokens_usd"] <= found["paid_usd"] + found["calls"] * Decimal("0.000001")


def test_fee_on_own_keys_follows_the_rules(connection: duckdb.DuckDBPyConnection) -> None:
    """Neither allowance is used up by this log: the first million calls, and since 10 August the first 25,000 USD."""
    [found] = rows(
        connection,
        "select sum(fee_usd) as fee, min(date) as first, max(date) as last from own_cost "
        "where is_own_key and source = 'openrouter'",
    )
    assert found["fee"] == 0
    assert found["first"] < dt.date(2026, 8, 10) < found["last"]


@pytest.mark.long
def test_million_tiny_calls_invent_no_endpoint(tmp_path: Path) -> None:
    """Much of a charge of a few micro-dollars is cut off, so that it fits several endpoints."""
    release = publish(tmp_path / "data", "20260820T090000.000000Z")
    draw = Draw(own_key_share=0, failed_share=0, is_tiny=True)
    write_logs(release, tmp_path / "data" / "truth" / "openrouter", 1_000_000, 1, ["openrouter"], draw)
    add_logs(tmp_path / "data", [tmp_path / "data" / "truth" / "openrouter" / "logs"], NOW)
    assert build_own(tmp_path / "data")
    with marts_and_truth(tmp_path / "data") as connection:
        [found] = rows(
            connection,
            f"""
            select
                count(*) as rows,
                count(*) filter (tag is not null and tags <> [tag]) as invented,
                count(*) filter (not list_has_all(candidates, tags)) as missing,
                count(*) filter (not written between cache_write_tokens_low and cache_write_tokens_high) as outside
            from ({_TRUTH})
            """,
        )
        [residual] = rows(connection, "select sum(residual_usd) as usd from own_cost")
    assert found.pop("rows") > 100
    assert set(found.values()) == {0}
    assert -1 <= residual["usd"] <= 0, "at most a micro-dollar is cut off each call"


def test_nothing_is_built_if_nothing_is_new(own_data: Path) -> None:
    assert not build_own(own_data)
