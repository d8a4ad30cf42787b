"""The thresholds of anomalies, calibrated on simulated histories: what was planted is found."""

import datetime as dt
import json

import duckdb
import pyarrow as pa
import pytest
from conftest import PROJECT, Run

from orchestration.openrouter.simulator.world import World
from orchestration.settings import Simulation

ONE = dt.timedelta(days=1)
FIRST, LAST = dt.date(2025, 1, 1), dt.date(2026, 11, 21)
STAMPS = ["as_of", "oldest_as_of", "checked_at"]


def daily_shares(world: World) -> tuple[list[dict], list[dict]]:
    """The 50 leading models and the apps of every day, as the share marts have them."""
    models, apps = [], []
    for day in (FIRST + ONE * number for number in range((LAST - FIRST).days + 1)):
        told = sorted(world.told(day, LAST + ONE * 90), key=lambda one: -one[0])
        if told:
            total = sum(tokens for tokens, _ in told)
            common = {"period": "day", "period_start": day, "total_tokens": total}
            models += [
                common | {"model_permaslug": model.permaslug, "tokens": tokens, "rank": rank}
                for rank, (tokens, model) in enumerate(told[:50], 1)
            ]
            ranked = sorted(
                ((tokens, app) for tokens, app in zip(world.app_traffic(day), world.apps, strict=True) if tokens),
                key=lambda one: -one[0],
            )
            apps += [
                common | {"app_id": app.id, "app_name": app.names[0][1], "tokens": tokens, "rank": rank}
                for rank, (tokens, app) in enumerate(ranked, 1)
            ]
    return models, apps


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_spikes_are_found(everything: Run, seed: int) -> None:
    manifest = json.loads((everything.data / "dbt" / "manifest.json").read_text())
    expected = manifest["nodes"]["model.routerscope.int_anomalies__usage"]["compiled_code"].replace('"warehouse".', "")
    world = World(Simulation(seed=seed), LAST)
    models, apps = (pa.Table.from_pylist(rows) for rows in daily_shares(world))
    with duckdb.connect() as connection:
        connection.sql("create schema marts; create schema intermediate")
        stamps = ", ".join(f"timestamp '2026-11-22' as {name}" for name in STAMPS)
        rest = f"tokens / total_tokens as share, 'simulated' as scope_id, 'u' as source_url, {stamps}"
        connection.register("models", models)
        connection.register("apps", apps)
        connection.sql(f"create table marts.share_model as select *, {rest} from models")
        connection.sql(f"create table marts.share_app as select *, {rest} from apps")
        connection.sql("create table marts.share_author as select *, '' as author from marts.share_model limit 0")
        connection.sql(
            "create table intermediate.int_spans as select 'all' as ranking, 'day' as span, period_start as span_end, "
            "* exclude (period, period_start) from marts.share_model limit 0"
        )
        seeds = PROJECT / "seeds" / "anomaly_kinds.csv"
        [(threshold,)] = connection.sql(
            f"select threshold from read_csv('{seeds}') where kind = 'token_spike'"
        ).fetchall()
        usage = connection.sql(f"select subject, date, score from ({expected}) where days_before >= 10")
        seen = {(subject, day): score for subject, day, score in usage.fetchall()}
    # What was not listed in the two weeks before has nothing to be compared with.
    planted = [
        max(seen.get((event.subject, day), 0) for day in (event.date, event.date + ONE))
        for event in world.events
        if any((event.subject, day) in seen for day in (event.date, event.date + ONE))
    ]
    assert len(planted) >= 15
    assert sum(score >= threshold for score in planted) >= 0.9 * len(planted)
