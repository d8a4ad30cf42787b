"""The marts of one run over all recordings equal figures computed from the recordings (see independent.py)."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Run
from independent import DAY, LAST_FITTED_DAY, Recorded, doubling_days, recorded_at

from orchestration.openrouter.surfaces import SURFACES, Surface
from orchestration.storage.lake import Lake

FIRST, LAST = dt.date(2026, 5, 23), dt.date(2026, 8, 6)


@pytest.fixture(scope="module")
def recorded(recordings: Any) -> Recorded:
    return Recorded(recordings)


@pytest.fixture(scope="module")
def priced(recorded: Recorded) -> dict:
    return recorded.spend()


def is_close(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is None and other is None
    return math.isclose(float(one), float(other), rel_tol=1e-12, abs_tol=1e-11)


def assert_equal(ours: dict, theirs: dict) -> None:
    assert ours.keys() == theirs.keys()
    different = {
        key: (ours[key], theirs[key])
        for key in theirs
        if not all(is_close(one, other) for one, other in zip(ours[key], theirs[key], strict=True))
    }
    assert not different, list(different.items())[:5]


def test_all_76_days_are_covered(everything: Run) -> None:
    days = "select min(period_start), max(period_start), count(distinct period_start) from share_model"
    assert everything.query(f"{days} where period = 'day'") == [(FIRST, LAST, 76)]
    assert everything.query("select count(*) from coverage where surface = 'rankings' and is_complete") == [(76,)]
    assert everything.query("select count(*) from coverage where surface = 'rankings' and not is_complete") == [(0,)]


def test_tokens_of_a_day_are_those_of_its_newest_recording(everything: Run, recorded: Recorded) -> None:
    totals = everything.query(
        "select period_start, total_tokens, other_tokens from traffic_summary where period = 'day'"
    )
    assert {row[0]: row[1:] for row in totals} == {day: (one.total, one.other) for day, one in recorded.days.items()}
    models = everything.query("select period_start, model_permaslug, tokens from share_model where period = 'day'")
    assert {row[:2]: row[2] for row in models} == {
        (day, slug): tokens for day, one in recorded.days.items() for slug, tokens in one.models.items()
    }


@pytest.mark.parametrize(("kind", "column"), [("model", "model_permaslug"), ("author", "author")])
def test_shares_of_models_and_authors(everything: Run, recorded: Recorded, kind: str, column: str) -> None:
    figures = "tokens, tokens_high, total_tokens, share, share_of_named"
    sql = f"select period, period_start, {column}, {figures} from share_{kind}"
    assert_equal({row[:3]: row[3:] for row in everything.query(sql)}, recorded.shares(kind))


@pytest.mark.parametrize(("kind", "column"), [("model", "model_permaslug"), ("author", "author")])
def test_growth_and_bounds_of_models_and_authors(everything: Run, recorded: Recorded, kind: str, column: str) -> None:
    sql = (
        f"select window_end, horizon, {column}, growth, growth_low, growth_high, share_change_pp, "
        f"growth_acceleration_pp, excess_tokens from growth_{kind} where status <> 'gap'"
    )
    assert_equal({row[:3]: row[3:] for row in everything.query(sql)}, recorded.growth(kind))


def test_shares_of_apps(everything: Run, recorded: Recorded) -> None:
    figures = "tokens, tokens_high, requests, total_tokens, share, share_of_named"
    sql = f"select period, period_start, app_id, {figures} from share_app"
    assert_equal({row[:3]: row[3:] for row in everything.query(sql)}, recorded.app_shares())


def test_growth_and_bounds_of_apps(everything: Run, recorded: Recorded) -> None:
    sql = (
        "select window_end, horizon, app_id, growth, growth_low, growth_high, share_change_pp, growth_acceleration_pp, "
        "excess_tokens from growth_app where status <> 'gap'"
    )
    assert_equal({row[:3]: row[3:] for row in everything.query(sql)}, recorded.app_growth())


def test_growth_drivers_explain_the_change(everything: Run, recorded: Recorded, priced: dict) -> None:
    sql = "select window_end, horizon, dimension, member, change_tokens, contribution_pp from growth_drivers"
    ours = everything.query(sql)
    theirs = recorded.drivers(priced) | recorded.app_drivers()
    assert {row[:4]: row[4] for row in ours} == theirs
    lengths = {"1d": 1, "7d": 7, "28d": 28}
    for end, horizon, *_, change, points in ours:
        days = [end - DAY * back for back in range(lengths[horizon], 2 * lengths[horizon])]
        assert is_close(points, 100 * change / sum(recorded.days[day].total for day in days))


def test_shares_of_segments(everything: Run, recorded: Recorded, priced: dict) -> None:
    sql = (
        "select period, period_start, segment_type, segment, tokens, share from share_segment "
        "where segment_type in ('variant', 'weights', 'author_country', 'reasoning', 'price_class')"
    )
    assert_equal({row[:4]: row[4:] for row in everything.query(sql)}, recorded.segments(priced))


def test_price_intervals(everything: Run, recorded: Recorded) -> None:
    sql = "select model_id, valid_from, valid_to, not_before, last_seen_at from price_history"
    assert sorted(everything.query(sql), key=str) == sorted(recorded.price_intervals(), key=str)


def test_spend_of_models_uses_the_prices_of_the_day(everything: Run, priced: dict) -> None:
    sql = (
        "select period_start, model_permaslug, price_basis, price_as_of, spend_low, spend_high, spend_plausible_low, "
        "spend_plausible_high, spend_endpoint_low, spend_endpoint_high from spend_model where period = 'day'"
    )
    ours = {row[:2]: row[2:] for row in everything.query(sql)}
    theirs = priced
    assert {key: row[:2] for key, row in ours.items()} == {
        key: (row["basis"], row["at"]) for key, row in theirs.items()
    }
    assert_equal(
        {key: row[2:] for key, row in ours.items()},
        {
            key: (row["low"], row["high"], *(row["box"] or (None, None)), *row["endpoints"])
            for key, row in theirs.items()
        },
    )


def test_spend_of_authors_is_that_of_their_models(everything: Run, recorded: Recorded, priced: dict) -> None:
    expected = {}
    for (period, start), days in recorded.periods().items():
        for author in set().union(*(recorded.days[day].authors for day in days)):
            rows = [
                priced[day, slug] for day in days for slug in recorded.days[day].models if slug.split("/")[0] == author
            ]
            known = [row for row in rows if row["low"] is not None]
            whole = all(row["endpoints"][0] is not None for row in rows)
            expected[period, start, author] = (
                *((sum(row[end] for row in known) if known else None) for end in ("low", "high")),
                *((sum(row["box"][end] for row in known) if known else None) for end in (0, 1)),
                *((sum(row["endpoints"][end] for row in rows) if whole else None) for end in (0, 1)),
            )
    sql = (
        "select period, period_start, author, spend_low, spend_high, spend_plausible_low, spend_plausible_high, "
        "spend_endpoint_low, spend_endpoint_high from spend_author"
    )
    assert_equal({row[:3]: row[3:] for row in everything.query(sql)}, expected)


def test_summary_of_each_period(everything: Run, recorded: Recorded, priced: dict) -> None:
    spend, expected = priced, {}
    for (period, start), days in recorded.periods().items():
        priced = [spend[day, slug] for day in days for slug in recorded.days[day].models]
        mixes = [row["mix"] for row in priced if row["low"] is not None]
        expected[period, start] = (
            sum(recorded.days[day].total for day in days),
            sum(row["low"] for row in priced if row["low"] is not None),
            sum(row["high"] for row in priced if row["low"] is not None),
            *(sum(mix[end] for mix in mixes) for end in range(3)),
            (max(days) - LAST_FITTED_DAY).days,
        )
    sql = (
        "select period, period_start, total_tokens, spend_low, spend_high, spend_plausible_low, spend_central, "
        "spend_plausible_high, token_mix_age_days from traffic_summary"
    )
    assert_equal({row[:2]: row[2:] for row in everything.query(sql)}, expected)


def test_concentration_of_each_day(everything: Run, recorded: Recorded) -> None:
    expected = {}
    for day, one in recorded.days.items():
        named, authors = sorted(one.models.values(), reverse=True), sorted(one.authors.values(), reverse=True)
        blocks = [named[-1]] * (one.other // named[-1]) + [one.other % named[-1]]
        expected[(day,)] = (
            *(
                10_000 * sum((tokens / one.total) ** 2 for tokens in members)
                for members in (named, named + blocks, authors, [authors[0] + one.other, *authors[1:]])
            ),
            *(sum(named[:top]) / one.total for top in (1, 3, 5, 10)),
        )
    sql = (
        "select period_start, hhi_model_low, hhi_model_high, hhi_author_low, hhi_author_high, cr1, cr3, cr5, cr10 "
        "from traffic_summary where period = 'day'"
    )
    assert_equal({row[:1]: row[1:] for row in everything.query(sql)}, expected)


def test_weekly_doubling_has_a_doubling_time_of_7_days() -> None:
    # ln(total) rises by ln 2 every 7 days without scatter: ln 2 / (ln 2 / 7) = 7, also at both ends of the interval.
    trend = doubling_days([round(1e15 * 2 ** (day / 7)) for day in range(28)])
    assert trend is not None
    assert all(math.isclose(days, 7, rel_tol=1e-9) for days in trend)
    assert doubling_days([1000 + 100 * (day % 2) for day in range(28)]) is None


def test_doubling_time_of_each_day(everything: Run, recorded: Recorded) -> None:
    expected = {}
    for day in recorded.days:
        window = [recorded.days.get(day - DAY * back) for back in reversed(range(28))]
        trend = doubling_days([one.total for one in window if one]) if all(window) else None
        expected[(day,)] = trend or (None, None, None)
    sql = (
        "select period_start, doubling_days, doubling_days_low, doubling_days_high "
        "from traffic_summary where period = 'day'"
    )
    ours = {row[:1]: row[1:] for row in everything.query(sql)}
    assert any(trend[0] for trend in expected.values())
    assert ours.keys() == expected.keys()
    for day, trend in expected.items():
        assert all(
            one == other or math.isclose(one, other, rel_tol=1e-9) for one, other in zip(ours[day], trend, strict=True)
        )


def test_every_restated_value_is_listed(everything: Run, recorded: Recorded) -> None:
    sql = "select date, model_permaslug, first_tokens, last_tokens from restatement"
    restated = recorded.restated()
    assert {row[:2]: row[2:] for row in everything.query(sql)} == restated
    assert len(restated) > 300


def test_99_percent_of_recent_tokens_have_observed_prices(everything: Run) -> None:
    [(share,)] = everything.query(
        "select sum(tokens) filter (where price_basis = 'observed') / sum(tokens) from spend_model "
        "where period = 'day' and period_start > date '2026-08-06' - 30"
    )
    assert share >= 0.99


def test_price_join_keeps_all_tokens(everything: Run) -> None:
    before = everything.query("select period, count(*), sum(tokens) from share_model group by all order by all")
    after = everything.query("select period, count(*), sum(tokens) from spend_model group by all order by all")
    assert before == after


def test_every_published_row_has_its_provenance(everything: Run) -> None:
    for (table,) in everything.query("select table_name from duckdb_tables() where table_name <> 'scopes'"):
        missing = everything.query(
            f"select count(*) from {table} where scope_id is distinct from 'openrouter_public_traffic' "
            "or source_url is null or as_of is null or checked_at is null"
        )
        assert missing == [(0,)], table


def test_provenance_names_existing_raw_files(everything: Run, recordings: Path, recorded: Recorded) -> None:
    files = everything.query("select distinct raw_file from provenance where is_latest")
    assert files
    assert all((everything.data / "raw" / name).is_file() for (name,) in files)
    by_surface = everything.query("select surface, count(distinct raw_file) from provenance group by surface")
    files_of = {
        name: sum(recorded_at(path) <= recorded.until for path in (recordings / one.recordings).glob("*.json.gz"))
        for name, one in SURFACES.items()
    }
    assert dict(by_surface) == {name: count for name, count in files_of.items() if count}


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda surface: surface.name)
def test_no_recording_has_a_new_field(everything: Run, surface: Surface) -> None:
    files = [str(path) for path in Lake(everything.data / "raw").files(surface.name)]
    query = "select distinct unnest(json_keys(extra)) from read_parquet($files) where extra <> ''"
    new = {name for (name,) in duckdb.execute(query, {"files": files}).fetchall()} if files else set()
    assert new <= surface.untyped
