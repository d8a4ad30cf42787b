"""What the report's queries compute beside the marts: sums, means over seven days, shares of a range, net changes."""

import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Run

from orchestration.publish.report import writer
from orchestration.publish.report.figures import Figure
from orchestration.publish.report.figures.growth import TOTAL
from orchestration.publish.report.figures.models import MODELS
from orchestration.publish.report.figures.prices import PRICE_CHANGES
from orchestration.publish.report.figures.quality import ANOMALIES
from orchestration.publish.report.figures.spend import DOLLARS
from orchestration.publish.report.figures.splits import AUTHORS, COUNTRIES, PAID, WEIGHTS
from orchestration.storage.sql import rows_as_dicts


@pytest.fixture(scope="module")
def release(few_run: Run) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of a release in memory, to be read and changed, with the views of the report."""
    connection = duckdb.connect()
    connection.execute(f"attach '{few_run.published}' as published (read_only)")
    connection.execute("copy from database published to memory")
    connection.execute((Path(writer.__file__).parent / "views.sql").read_text(encoding="utf-8"))
    yield connection
    connection.close()


def rows(connection: duckdb.DuckDBPyConnection, figure: Figure) -> list[dict[str, Any]]:
    return rows_as_dicts(connection.sql(figure.sql))


@pytest.mark.parametrize("figure", [AUTHORS, COUNTRIES, PAID, WEIGHTS], ids=lambda figure: figure.id)
def test_stack_adds_up_to_all_tokens(figure: Figure, release: duckdb.DuckDBPyConnection) -> None:
    shares, tokens = defaultdict(float), defaultdict(int)
    for row in rows(release, figure):
        shares[row["period_start"]] += row["share"]
        tokens[row["period_start"]] += row["tokens"]
    totals = release.sql("select period_start, total_tokens from traffic_summary where period = 'week'").fetchall()
    assert shares == {start: pytest.approx(1) for start, _ in totals}
    assert tokens == dict(totals)


def test_means_cover_seven_days_without_a_gap(release: duckdb.DuckDBPyConnection) -> None:
    release.execute("begin")
    try:
        [(gap,)] = release.sql("select max(period_start) - 10 from traffic_summary where period = 'day'").fetchall()
        for table in ("traffic_summary", "share_model"):
            release.execute(f"delete from {table} where period = 'day' and period_start = ?", [gap])
        days = {row["period_start"]: row for row in rows(release, TOTAL)}
        found = 0
        for start, row in days.items():
            week = [days.get(one) for one in days if 0 <= (start - one).days < 7]
            if len(week) == 7:
                assert row["mean_tokens"] == pytest.approx(sum(day["total_tokens"] for day in week if day) / 7)
                found += 1
            else:
                assert row["mean_tokens"] is None
        assert 0 < found < len(days) - 6
        for row in (one for one in rows(release, MODELS) if one["mean_share"] is not None):
            parts = release.execute(
                "select tokens, total_tokens from share_model where period = 'day' and model_permaslug = ? "
                "and period_start between ? - 6 and ?",
                [row["model_permaslug"], row["period_start"], row["period_start"]],
            ).fetchall()
            assert len(parts) == 7
            assert row["mean_share"] == pytest.approx(sum(part for part, _ in parts) / sum(whole for _, whole in parts))
    finally:
        release.execute("rollback")


def test_share_of_spend_is_between_the_extremes_of_all_others(release: duckdb.DuckDBPyConnection) -> None:
    spend = {
        author: (low, high)
        for author, low, high in release.sql(
            "select author, spend_plausible_low, spend_plausible_high from spend_author "
            "join newest using (period, period_start) where spend_plausible_high is not null"
        ).fetchall()
    }
    for row in rows(release, DOLLARS):
        low, high = spend[row["author"]]
        others_low = sum(one for author, (one, _) in spend.items() if author != row["author"])
        others_high = sum(one for author, (_, one) in spend.items() if author != row["author"])
        assert row["spend_share_low"] == pytest.approx(low / (low + others_high))
        assert row["spend_share_high"] == pytest.approx(high / (high + others_low))


def test_price_changes_are_net_of_all_changes_of_a_model(release: duckdb.DuckDBPyConnection) -> None:
    release.execute("begin")
    try:
        release.execute("delete from price_history")
        for day, model, before, after in (
            ("2026-06-01", "a/flips", 1, 2),
            ("2026-06-02", "a/flips", 2, 1),
            ("2026-06-03", "a/falls", 4, 2),
            ("2026-06-04", "a/falls", 2, 1),
            ("2026-06-05", "a/rises", 0, 3),
            ("2026-04-01", "a/long-ago", 1, 9),
        ):
            release.execute(
                "insert into price_history by name select ? as model_id, cast(? as timestamp) as valid_from, "
                "cast(? as timestamp) as last_seen_at, ? as previous_prompt_usd_per_mtok, ? as prompt_usd_per_mtok, "
                "1 as previous_completion_usd_per_mtok, 1 as completion_usd_per_mtok",
                [model, day, day, before, after],
            )
        found = rows(release, PRICE_CHANGES)
        assert [(row["name"], row["changes"], row["prompt_before"], row["prompt_usd_per_mtok"]) for row in found] == [
            ("a/rises", 1, 0, 3),
            ("a/falls", 2, 4, 1),
            ("a/flips", 2, 1, 1),
        ]
        assert [row["prompt_change"] for row in found] == [None, -75, 0]
        assert {(row["cheaper"], row["dearer"], row["same"]) for row in found} == {(1, 1, 1)}
        assert math.isclose(found[1]["completion_change"], 0)
    finally:
        release.execute("rollback")


def test_anomalies_name_every_model_they_mention(release: duckdb.DuckDBPyConnection) -> None:
    [(first, first_name), (second, second_name)] = release.sql(
        "select model_permaslug, model_name from model_names where model_permaslug != model_name order by 1 limit 2"
    ).fetchall()
    release.execute("begin")
    try:
        release.execute(
            "insert into anomaly by name select (select max(period_start) from traffic_summary where period = 'day') "
            "as date, 'new_leader' as kind, 'model' as subject_type, ? as subject, subject as subject_name, "
            "true as is_listed, 1e9 as score, 1 as threshold, ? as evidence",
            [first, f"{first} leads with 9.0%, ahead of {second} with 8.0%; on 1 July 2026, {second} led."],
        )
        assert rows(release, ANOMALIES)[0]["happened"] == (
            f"{first_name} leads with 9.0%, ahead of {second_name} with 8.0%; on 1 July 2026, {second_name} led."
        )
    finally:
        release.execute("rollback")
