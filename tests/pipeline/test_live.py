"""Live, tried on the simulator as a server that enforces its quota: what is asked, what is kept, what is said."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from conftest import NOWHERE, PROJECT, REFRESH, SMALL_WORLD, Run, environment, new_responses, run, stated_requests

from orchestration.cli.run import choose_source
from orchestration.errors import LakeError, SettingsError
from orchestration.ingest.load import LoadResult, load_surface
from orchestration.ingest.sources import FetchOptions, Live, fetch_options, open_source
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import KEY, Reply
from orchestration.openrouter.simulator.server import serve
from orchestration.openrouter.surfaces import (
    APPS,
    MODELS,
    RANKINGS,
    RANKINGS_EXPORT,
    SIMULATOR_HEADER,
    SURFACES,
    Surface,
)
from orchestration.settings import Faults, Settings, Simulation
from orchestration.storage.lake import Lake, read_metadata

FIRST = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)
DUE_ONLY = FetchOptions()
ALL = tuple(SURFACES.values())
# The history of apps alone takes a day's quota.
BUT_APPS = tuple(surface for surface in ALL if surface is not APPS)
PATHS = {surface.path: surface.name for surface in SURFACES.values()}


class FastClock:
    """A clock on which a minute takes a second. Server and client have the same one."""

    FACTOR = 60

    def __init__(self, start: dt.datetime) -> None:
        self.start, self._began = start, time.monotonic()

    def now(self) -> dt.datetime:
        return self.start + dt.timedelta(seconds=(time.monotonic() - self._began) * self.FACTOR)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.FACTOR)

    def turn_to(self, start: dt.datetime) -> None:
        self.start, self._began = start, time.monotonic()


@pytest.fixture
def clock() -> FastClock:
    return FastClock(FIRST)


Serve = Callable[..., Simulator]


@pytest.fixture
def server(clock: FastClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Serves a world on loopback, and sets the environment of somebody who reads it as live."""
    running = []

    def start(key: str | None = KEY, **settings: object) -> Simulator:
        simulator = Simulator(Simulation(**settings), clock.now, FIRST.date() + 9 * ONE, clock.sleep)
        context = serve(simulator)
        running.append(context)
        monkeypatch.setenv("ROUTERSCOPE_BASE_URL", context.__enter__())
        monkeypatch.setenv("ROUTERSCOPE_SOURCE", "live")
        monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("OPENROUTER_API_KEY", key or "")
        clock.turn_to(FIRST)
        return simulator

    yield start
    for context in running:
        context.__exit__(None, None, None)


def intake(
    clock: FastClock, options: FetchOptions = DUE_ONLY, surfaces: Sequence[Surface] = ALL
) -> tuple[Lake, dict[str, LoadResult]]:
    """What a run takes in, without Dagster around it."""
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake, clock)
    return lake, {surface.name: load_surface(surface, source, lake, options) for surface in surfaces}


def counted(simulator: Simulator) -> dict[str, int]:
    """Requests by surface since the last count, as the server has counted them."""
    by_surface = dict.fromkeys(SURFACES, 0)
    for path, count in simulator.answered.items():
        name = PATHS.get(path) or ("endpoints" if path.endswith("/endpoints") else "rankings_export")
        by_surface[name] += count
    simulator.answered.clear()
    return by_surface


@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without"])
def test_the_requests_are_those_of_the_table_and_none_is_refused(
    server: Serve, clock: FastClock, key: str | None
) -> None:
    simulator = server(key)
    for day in range(2):
        clock.turn_to(FIRST + day * ONE)
        lake, taken = intake(clock)
        models = max(lake.responses(MODELS.name), key=lambda told: told["as_of"])["rows"]
        assert counted(simulator) == stated_requests(day, key is not None, models)
        problems = [problem for one in taken.values() for problem in one.problems + one.fatal]
        # Only the history of apps has to wait for another day.
        assert {name for name, one in taken.items() if one.left} == ({"apps"} if key else set())
        assert problems == []
        _, again = intake(clock)
        asked = counted(simulator)
        assert asked.pop("rankings_export") == 1  # whether there is a newer snapshot
        assert set(asked.values()) == {0}, again
    assert simulator.refused == 0
    told = [read_metadata(path) for surface in SURFACES for path in lake.files(surface)]
    assert {one["kind"] for one in told} == {"simulated"}
    assert not any("Bearer" in json.dumps(one) or KEY in json.dumps(one) for one in told)
    assert {one["surface"] for one in told} == (
        set(SURFACES) if key else {"rankings_export", "models", "providers", "endpoints"}
    )


def test_a_gap_made_by_hand_heals(server: Serve, clock: FastClock) -> None:
    simulator = server(models=60)
    lake, _ = intake(clock, surfaces=BUT_APPS)
    counted(simulator)
    [lost] = [
        path
        for path, told in zip(lake.files(RANKINGS.name), lake.responses(RANKINGS.name), strict=True)
        if told["request"] == {"period": "day", "start_date": "2025-11-21", "end_date": "2026-11-21"}
    ]
    for path in (lost, *lake.files("providers")):
        path.unlink()
    _, taken = intake(clock, surfaces=BUT_APPS)
    asked = counted(simulator)
    assert (asked["rankings"], asked["providers"], asked["tasks"]) == (1, 1, 0)
    told = [one["request"] for one in lake.responses(RANKINGS.name)]
    assert {"period": "day", "start_date": "2025-11-21", "end_date": "2026-11-21"} in told
    assert taken["rankings"].problems == []


def test_a_spent_quota_ends_in_good_order_and_the_next_day_goes_on(server: Serve, clock: FastClock) -> None:
    simulator = server(models=60)
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake, clock)
    assert isinstance(source, Live)
    spent = source._client.state
    for number in range(500 - 20):
        spent.reserve(FIRST - dt.timedelta(seconds=2 * number) - dt.timedelta(minutes=2))
    left = {surface.name: load_surface(surface, source, lake).left for surface in SURFACES.values()}
    # Twenty requests are enough for the newest days, for what can never be asked again, and for most of the history.
    assert counted(simulator)["rankings"] == 15
    assert left["rankings"] == 54 - 15
    assert {name for name, count in left.items() if count} == {"rankings", "apps"}
    clock.turn_to(FIRST + ONE)
    _, taken = intake(clock, surfaces=BUT_APPS)
    assert taken["rankings"].left == 0
    assert simulator.refused == 0


def test_explicit_days_are_asked_for_once_more(server: Serve, clock: FastClock) -> None:
    simulator = server(models=60)
    intake(clock, surfaces=BUT_APPS)
    counted(simulator)
    _, taken = intake(clock, FetchOptions(window=(dt.date(2026, 11, 1), dt.date(2026, 11, 3))))
    assert taken["rankings"].added == 11
    assert taken["apps"].added == 3
    assert counted(simulator)["rankings"] == 11


def test_days_of_ones_choice_take_a_key(server: Serve, clock: FastClock) -> None:
    server(key=None, models=60)
    settings = Settings.load()
    source = open_source(settings, Lake(settings.data / "raw"), clock)
    with pytest.raises(SettingsError, match=r"with a key only, and OPENROUTER_API_KEY is not set. Nothing was asked"):
        fetch_options(source, "2026-11-01", "2026-11-03", refetch=False)


def absent(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, *snapshots: str) -> None:
    """Have the server know nothing of these snapshots."""
    answer = simulator.answer

    def without(method: str, target: str, headers: Mapping[str, str]) -> Reply:
        return answer(method, "/api/v1/nothing" if any(day in target for day in snapshots) else target, headers)

    monkeypatch.setattr(simulator, "answer", without)


def test_a_snapshot_that_is_not_there_is_made_up_for(
    server: Serve, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent(server(key=None, models=60), monkeypatch, "2026-10-19", "2026-11-22")
    lake, taken = intake(clock, surfaces=[RANKINGS_EXPORT])
    assert (taken["rankings_export"].fatal, taken["rankings_export"].problems) == ([], [])
    told = sorted(one["request"]["snapshot_date"] for one in lake.responses(RANKINGS_EXPORT.name))
    assert told == ["2026-09-19", "2026-10-18", "2026-11-17", "2026-11-18", "2026-11-21"]


def test_one_slice_that_cannot_be_read_does_not_cost_the_rest(
    server: Serve, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = server(models=60)
    answer = simulator.answer

    def garbled(method: str, target: str, headers: Mapping[str, str]) -> Reply:
        status, told, body = answer(method, target, headers)
        return status, told, b"<html>" if "category=legal" in target else body

    monkeypatch.setattr(simulator, "answer", garbled)
    _, taken = intake(clock, surfaces=[RANKINGS])
    assert taken["rankings"].added == 52
    assert len(taken["rankings"].problems) == 2
    assert taken["rankings"].fatal == []


def test_what_is_live_is_not_put_into_a_simulated_lake_even_if_nothing_is_due(
    server: Serve, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = server(key=None, models=60)
    intake(clock)
    answer = simulator.answer

    def real(method: str, target: str, headers: Mapping[str, str]) -> Reply:
        status, told, body = answer(method, target, headers)
        return status, {name: value for name, value in told.items() if name != SIMULATOR_HEADER}, body

    monkeypatch.setattr(simulator, "answer", real)
    with pytest.raises(LakeError, match="holds simulated data and takes no real data"):
        intake(clock)


def test_every_snapshot_is_taken_if_that_is_wanted(server: Serve, clock: FastClock) -> None:
    server(key=None, models=60)
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake, clock)
    assert load_surface(RANKINGS_EXPORT, source, lake).added == 4
    assert load_surface(RANKINGS_EXPORT, source, lake, FetchOptions(refetch=True)).added == 65 - 4


def test_what_cannot_be_read_is_kept_aside_and_the_rest_is_kept(server: Serve, clock: FastClock) -> None:
    server(models=60, faults=Faults(drift="type_change"))
    lake, taken = intake(clock, surfaces=BUT_APPS)
    [problem] = taken["models"].fatal
    assert "(models): row 0 of `data`: `name` is" in problem
    aside = Path(problem.partition("kept as ")[2].rstrip("."))
    assert aside.exists()
    assert aside.parent == lake.root.parent / "unreadable" / "models"
    # A replay would take it for real, so its name is none of a recording.
    assert aside.name.startswith("simulated-")
    assert taken["rankings"].problems == []
    assert lake.files("rankings")
    assert not lake.files("models")


def test_a_source_that_fails_now_and_then_loses_nothing(server: Serve, clock: FastClock) -> None:
    faults = Faults(server_error=0.05, too_many_requests=0.05, cut=0.05, garbage=0.02)
    server(models=60, faults=faults)
    for _ in range(4):
        lake, _ = intake(clock, surfaces=BUT_APPS)
    assert len(lake.files(RANKINGS.name)) == 54
    assert {surface.name for surface in BUT_APPS if not lake.files(surface.name)} == set()


# --- as a person runs it ----------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_live_without_a_key_publishes_what_is_free_to_have(home: Path, tmp_path: Path) -> None:
    """In real time, since nothing free has a quota to wait for."""
    today = dt.datetime.now(dt.UTC)
    simulator = Simulator(Simulation(models=60), lambda: dt.datetime.now(dt.UTC), today.date() + ONE)
    with serve(simulator) as url:
        done = run(tmp_path / "data", home, "live", ROUTERSCOPE_BASE_URL=url)
    assert done.code == 0, done.output
    for line in (done.output.splitlines()[0], done.output.splitlines()[-1]):
        assert f"source live at {url}" in line
        assert "for invented data without a network: make run SOURCE=simulator" in line
    assert "Without a key: rankings_export, models, providers, endpoints. A key from openrouter.ai" in done.output
    assert "Plan: " in done.output
    assert done.query("select distinct scope_id from share_model") == [("simulated",)]
    assert done.query("select distinct surface from provenance where surface like 'rank%'") == [("rankings_export",)]
    assert done.query("select count(*) from spend_model where price_basis = 'backcast'") > [(0,)]
    assert "SIMULATED, no figure is real." in done.output
    assert simulator.refused == 0


def test_with_no_source_said_what_answers_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "")
    now = dt.datetime.now(dt.UTC)
    with serve(Simulator(Simulation(models=60), lambda: now, now.date())) as url:
        monkeypatch.setenv("ROUTERSCOPE_BASE_URL", url)
        assert choose_source() == f"{url} responds"
    assert os.environ["ROUTERSCOPE_SOURCE"] == "live"


def test_live_without_a_network_is_a_plain_error_at_once(started_from_few: Path, home: Path) -> None:
    before, started = contents(started_from_few), time.monotonic()
    done = run(
        started_from_few, home, ROUTERSCOPE_SOURCE="live", ROUTERSCOPE_BASE_URL=NOWHERE, OPENROUTER_API_KEY="sk-1"
    )
    assert done.code == 1, done.output
    assert time.monotonic() - started < 30
    assert f"{NOWHERE} does not respond. Nothing was fetched" in done.output
    assert done.output.splitlines()[0] == done.output.splitlines()[-1]
    assert "Traceback" not in done.output
    assert "sk-1" not in done.output
    assert contents(started_from_few) == before


def test_without_a_source_and_a_network_invented_data_are_shown_and_said_to_be(simulated: Run) -> None:
    lines = simulated.output.strip().splitlines()
    for line in (lines[0], lines[-1]):
        assert "source simulator" in line
        assert "did not respond within 5 s" in line
        assert str(simulated.data) in line
        assert "for OpenRouter's data: make run SOURCE=live" in line
    assert "SIMULATED, no figure is real. Source simulator" in simulated.output
    assert "Claim:    SIMULATED" in simulated.output
    assert "Lineage:  make ui" in simulated.output


def test_the_result_that_is_shown_is_that_of_the_marts(simulated: Run) -> None:
    leaders = simulated.query(
        "select model_permaslug, share from share_model where period = 'day' order by period_start desc, rank limit 5"
    )
    for slug, share in leaders:
        assert any(slug in line and f"{100 * share:.1f}%" in line for line in simulated.output.splitlines())
    [query] = [line for line in simulated.output.splitlines() if line.startswith("Query:")]
    shown = subprocess.run(
        [
            "bash",
            "-c",
            query.removeprefix("Query:").replace(".venv/bin/routerscope", f"{REFRESH[0]} -m orchestration.cli"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sim-" in shown.stdout, shown.stderr


def test_every_mart_is_full_and_marked_simulated(simulated: Run) -> None:
    with duckdb.connect(str(simulated.published), read_only=True) as marts:
        tables = [name for (name,) in marts.sql("show tables").fetchall() if name != "scopes"]
        assert len(tables) == 28
        # What was said of the real traffic is not held against a made-up one.
        assert marts.sql("select count(*) from figure_check").fetchall() == [(0,)]
        for table in set(tables) - {"figure_check"}:
            assert marts.sql(f"select distinct scope_id from {table}").fetchall() == [("simulated",)], table
            assert marts.sql(
                f"select count(*) from {table} where source_url not like '%simulator.invalid%'"
            ).fetchall() == [(0,)], table
        citations = marts.sql("select citation from citations").fetchall()
    assert len(citations) == len(SURFACES)
    assert all("Simulated by Routerscope; not data of OpenRouter" in citation for (citation,) in citations)


def test_dagster_says_that_it_is_simulated(simulated: Run, simulated_home: Path) -> None:  # noqa: ARG001
    with dg.DagsterInstance.from_config(str(simulated_home)) as instance:

        def shown(*key: str) -> dict:
            event = instance.get_latest_materialization_event(dg.AssetKey(key))
            assert event is not None
            assert event.asset_materialization is not None
            return {name: told.value for name, told in event.asset_materialization.metadata.items()}

        for surface in SURFACES:
            assert shown("raw", surface)["kind"] == "simulated"
            assert shown("raw", surface)["citation"].startswith("Simulated by Routerscope")
        assert shown("published")["scope"] == "simulated"
        mart = instance.fetch_observations(dg.AssetKey(["marts", "share_model"]), limit=1).records[0]
        assert mart.asset_observation is not None
        assert mart.asset_observation.metadata["scope"].value == "simulated"


def test_every_surface_reaches_its_staging_model(simulated: Run) -> None:
    with duckdb.connect(str(simulated.data / "warehouse.duckdb"), read_only=True) as warehouse:
        views = warehouse.sql("select view_name from duckdb_views() where schema_name = 'staging'").fetchall()
        rows = {name: warehouse.sql(f"select count(*) from staging.{name}").fetchall()[0][0] for (name,) in views}
    assert len(rows) == len(SURFACES) + 2  # the ledger, and the models of each task
    assert min(rows.values()) > 0, rows


def test_a_second_run_asks_nothing(simulated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built of the same raw files is the same, as test_observations shows."""
    data = Path(shutil.copytree(simulated.data, tmp_path / "data", symlinks=True))
    before = contents(data / "raw")
    for name, value in (("SOURCE", "simulator"), ("SIMULATOR", SMALL_WORLD), ("DATA_DIR", str(data))):
        monkeypatch.setenv(f"ROUTERSCOPE_{name}", value)
    assert new_responses() == {}
    assert contents(data / "raw") == before


def test_a_snapshot_that_tells_something_else_is_warned_of(simulated: Run, home: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(simulated.data, tmp_path / "data", symlinks=True))
    lake = Lake(data / "raw")
    newest = max(lake.files(RANKINGS_EXPORT.name), key=lambda path: path.name)
    table = pq.read_table(newest, partitioning=None)
    more = pc.add(table.column("total_tokens"), pc.divide(table.column("total_tokens"), 1000))
    told = table.set_column(table.column_names.index("total_tokens"), table.schema.field("total_tokens"), more)
    pq.write_table(told, newest)
    command = [Path(REFRESH[0]).with_name("dbt"), "--no-use-colors", "build", "--target-path", tmp_path / "target"]
    done = subprocess.run(
        [*command, "--select", "int_rankings__reported", "assert_exports_agree_with_rankings"],
        cwd=PROJECT,
        env=environment(home, ROUTERSCOPE_DATA_DIR=data),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "WARN" in done.stdout, done.stdout
    # Every model of the thirty days but those of too few tokens.
    assert 1400 <= int(re.findall(r"Got (\d+) results", done.stdout)[0]) <= 1530


def test_another_world_is_refused(simulated: Run, home: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(simulated.data, tmp_path / "data", symlinks=True))
    other = json.dumps(json.loads(SMALL_WORLD) | {"seed": 2})
    done = run(data, home, ROUTERSCOPE_SOURCE="simulator", ROUTERSCOPE_SIMULATOR=other)
    assert done.code == 1, done.output
    assert "holds another simulated world" in done.output
    assert contents(data / "raw") == contents(simulated.data / "raw")


def test_another_kind_of_source_is_refused(simulated: Run, few: Path, home: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(simulated.data, tmp_path / "data", symlinks=True))
    before = contents(data / "raw") | contents((data / "published").resolve())
    done = run(data, home, ROUTERSCOPE_SOURCE="replay", ROUTERSCOPE_REPLAY_DIR=few)
    assert done.code == 1, done.output
    assert "holds simulated data and takes no real data, so that the two never mix" in done.output
    assert "Give this source a folder of its own with ROUTERSCOPE_DATA_DIR" in done.output
    assert contents(data / "raw") | contents((data / "published").resolve()) == before


def test_a_simulator_that_is_read_as_live_is_not_taken_for_real(
    server: Serve, clock: FastClock, few_run: Run, tmp_path: Path
) -> None:
    server(key=None, models=60)
    shutil.copytree(few_run.data, tmp_path / "data", symlinks=True)
    before = contents(tmp_path / "data" / "raw")
    with pytest.raises(LakeError, match="holds real data and takes no simulated data"):
        intake(clock)
    assert contents(tmp_path / "data" / "raw") == before


def test_what_is_asked_for_beyond_what_is_due_is_said(home: Path, tmp_path: Path) -> None:
    help_text = run(tmp_path / "data", home, "run", "--help").output
    assert "--refetch" in help_text
    small = json.dumps({"models": 60, "days": 60, "observations": 0})
    settings = {"ROUTERSCOPE_SOURCE": "simulator", "ROUTERSCOPE_SIMULATOR": small}
    forgotten = run(tmp_path / "data", home, "run", ROUTERSCOPE_REPLAY_DIR=tmp_path)
    assert forgotten.code == 2, forgotten.output
    assert "ROUTERSCOPE_REPLAY_DIR is set, and no source" in forgotten.output
    for days in (("--from", "2026-13-01", "--to", "2026-13-02"), ("--from", "2026-01-01"), ("--to", "2099-01-01")):
        wrong = run(tmp_path / "data", home, "refresh", *days, **settings)
        assert wrong.code == 2, wrong.output
        assert "cannot be asked for" in wrong.output
        assert not (tmp_path / "data").exists()
