"""The services of deploy/compose.yaml, started as it says against a real Postgres, run schedules and survive kills."""

import contextlib
import datetime as dt
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import dagster as dg
import httpx
import postgres
import pytest
from containers import Containers

from orchestration.defs.runs import PROCESS_TAG

MAX_RUN_SECONDS = 900
SECONDS_BEFORE_TICK = 120


@pytest.fixture
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture
def containers(tmp_path: Path, few: Path, server: str) -> Iterator[Containers]:
    settings = {"ROUTERSCOPE_SOURCE": "replay", "ROUTERSCOPE_REPLAY_DIR": str(few)}
    with contextlib.closing(Containers(tmp_path, tmp_path / "data", server, settings)) as found:
        yield found


@pytest.fixture
def instance(containers: Containers, server: str) -> Iterator[dg.DagsterInstance]:
    with (
        patch.dict(os.environ, postgres.variables(server)),
        dg.DagsterInstance.from_config(str(containers.home)) as found,
    ):
        yield found


def before_tick(tmp_path: Path, days_ago: int) -> dict[str, str]:
    """A clock for the daemon: so many seconds before the daily tick of a past day.

    Only the daemon's clock is moved, and only to the past, so that no run seems to take long.
    """
    now = dt.datetime.now(dt.UTC)
    tick = dt.datetime.combine(now.date() - dt.timedelta(days=days_ago), dt.time(2, 10), dt.UTC)
    clock = tmp_path / f"clock-{days_ago}"
    clock.write_text(f"{(tick - now).total_seconds() - SECONDS_BEFORE_TICK:.0f}", encoding="utf-8")
    return {"TEST_CLOCK": str(clock)}


def wait_until(is_true: Callable[[], object], containers: Containers) -> None:
    deadline = time.monotonic() + MAX_RUN_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, containers.logs()
        time.sleep(0.5)


def daily_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """The newest first. After downtime, the daemon runs missed ticks of other schedules too."""
    return instance.get_runs(dg.RunsFilter(tags={"dagster/schedule_name": "refresh_daily"}))


def test_services_start_and_are_healthy(containers: Containers, tmp_path: Path) -> None:
    assert not containers.is_healthy("webserver")
    for service in ("code", "webserver", "daemon"):
        containers.start(service)
    query = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus name } } } }"
    found = httpx.post(f"{containers.address}/graphql", json={"query": query}, timeout=60).json()
    entries = found["data"]["workspaceOrError"]["locationEntries"]
    assert entries == [{"loadStatus": "LOADED", "name": "routerscope"}]
    assert not (tmp_path / "data" / "dagster_home").exists()
    assert postgres.PASSWORD not in containers.logs()


@pytest.mark.long
def test_schedules_publish_after_kills(containers: Containers, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """The first tick's run is killed with its containers; the second tick's run publishes."""
    containers.start("code")
    clock = before_tick(tmp_path, days_ago=3)
    containers.start("daemon", **clock)
    # It has reached its first step.
    wait_until(lambda: any(PROCESS_TAG in run.tags for run in daily_runs(instance)), containers)
    for service in ("daemon", "code"):
        containers.kill(service)
    [killed] = daily_runs(instance)
    assert not killed.is_finished
    containers.start("code")
    clock = before_tick(tmp_path, days_ago=2)
    assert not containers.is_healthy("daemon", **clock)
    containers.start("daemon", **clock)
    wait_until(lambda: [run.is_finished for run in daily_runs(instance)] == [True, True], containers)
    later, earlier = daily_runs(instance)
    assert earlier.run_id == killed.run_id
    assert [earlier.status, later.status] == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
    assert (tmp_path / "data" / "published" / "routerscope.duckdb").exists()
    assert not (tmp_path / "data" / "dagster_home").exists()
