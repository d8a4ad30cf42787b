"""The live source against the simulator as a server with a quota: requests, stored responses, messages."""

import datetime as dt
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from conftest import NOWHERE, PROJECT, REFRESH, SIMULATED, Run, new_responses, run, stated_requests
from in_memory import Compiled

from orchestration.cli.run import choose_source
from orchestration.clock import VirtualClock
from orchestration.errors import LakeError, SettingsError
from orchestration.ingest.load import LoadResult, load_surface
from orchestration.ingest.sources import FetchOptions, Live, fetch_options, open_source
from orchestration.openrouter.simulator import Simulator, api
from orchestration.openrouter.simulator.api import KEY, RawResponse
from orchestration.openrouter.simulator.server import serve
from orchestration.openrouter.surfaces import (
    APPS,
    MODELS,
    PROVIDERS,
    RANKINGS,
    RANKINGS_EXPORT,
    SIMULATOR_HEADER,
    SURFACES,
    TASKS,
    Surface,
)
from orchestration.settings import Faults, Settings, Simulation
from orchestration.storage.lake import Lake, read_metadata

FIRST = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)
DUE_ONLY = FetchOptions()
ALL = tuple(SURFACES.values())
# The history of apps by itself takes a day's quota.
BUT_APPS = tuple(surface for surface in ALL if surface is not APPS)
PATHS = {surface.path: surface.name for surface in SURFACES.values()}


@pytest.fixture
def clock() -> VirtualClock:
    """Shared by server and client, so that waiting for the quota takes no time."""
    return VirtualClock(FIRST)


Serve = Callable[..., Simulator]


@pytest.fixture
def server(clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Serve]:
    """Serves a simulated world on loopback, and sets the environment so that the source `live` reads it.

    It ranks few models, because these tests are about requests and responses: parsing full rankings takes most of the
    time.
    """
    monkeypatch.setattr(api, "_MAX_RANKED_MODELS", 3)
    running = []

    def start(key: str | None = KEY, **settings: object) -> Simulator:
        simulator = Simulator(Simulation(**settings), clock.now, FIRST.date() + 9 * ONE, clock.sleep)
        context = serve(simulator)
        running.append(context)
        monkeypatch.setenv("ROUTERSCOPE_BASE_URL", context.__enter__())
        monkeypatch.setenv("ROUTERSCOPE_SOURCE", "live")
        monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(tmp_path / "data"))
        monkeypatch.setenv("OPENROUTER_API_KEY", key or "")
        clock.set(FIRST)
        return simulator

    yield start
    for context in running:
        context.__exit__(None, None, None)


def load_all(
    clock: VirtualClock | None, options: FetchOptions = DUE_ONLY, surfaces: Sequence[Surface] = ALL
) -> tuple[Lake, dict[str, LoadResult]]:
    """Load the surfaces as a run does, without Dagster."""
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake, clock)
    return lake, {surface.name: load_surface(surface, source, lake, options) for surface in surfaces}


def count_requests(simulator: Simulator) -> dict[str, int]:
    """Requests by surface that the server has answered since the last count."""
    by_surface = dict.fromkeys(SURFACES, 0)
    for path, count in simulator.request_counts.items():
        name = PATHS.get(path) or ("endpoints" if path.endswith("/endpoints") else "rankings_export")
        by_surface[name] += count
    simulator.request_counts.clear()
    return by_surface


@pytest.mark.parametrize("key", [KEY, None], ids=["with a key", "without"])
def test_requests_match_the_documented_table(server: Serve, clock: VirtualClock, key: str | None) -> None:
    simulator = server(key, models=60)
    for day in range(2):
        clock.set(FIRST + day * ONE)
        lake, results = load_all(clock)
        models = max(lake.responses(MODELS.name), key=lambda response: response["as_of"])["rows"]
        assert count_requests(simulator) == stated_requests(day, key is not None, models)
        problems = [problem for result in results.values() for problem in result.problems + result.fatal_problems]
        # Only the history of apps is deferred.
        assert {name for name, result in results.items() if result.requests_deferred} == ({"apps"} if key else set())
        assert problems == []
        _, second = load_all(clock)
        requests = count_requests(simulator)
        assert requests.pop("rankings_export") == 1  # the index
        assert set(requests.values()) == {0}, second
    assert simulator.rate_limited_count == 0
    stored = [read_metadata(path) for surface in SURFACES for path in lake.files(surface)]
    assert {one["kind"] for one in stored} == {"simulated"}
    assert not any("Bearer" in json.dumps(one) or KEY in json.dumps(one) for one in stored)
    assert {one["surface"] for one in stored} == (
        set(SURFACES) if key else {"rankings_export", "models", "providers", "endpoints"}
    )


def test_deleted_files_are_fetched_again(server: Serve, clock: VirtualClock) -> None:
    simulator = server(models=60)
    surfaces = [RANKINGS, PROVIDERS, TASKS]
    lake, _ = load_all(clock, surfaces=surfaces)
    count_requests(simulator)
    [lost] = [
        path
        for path, response in zip(lake.files(RANKINGS.name), lake.responses(RANKINGS.name), strict=True)
        if response["request"] == {"period": "day", "start_date": "2025-11-21", "end_date": "2026-11-21"}
    ]
    for path in (lost, *lake.files("providers")):
        path.unlink()
    _, results = load_all(clock, surfaces=surfaces)
    requests = count_requests(simulator)
    assert (requests["rankings"], requests["providers"], requests["tasks"]) == (1, 1, 0)
    stored = [response["request"] for response in lake.responses(RANKINGS.name)]
    assert {"period": "day", "start_date": "2025-11-21", "end_date": "2026-11-21"} in stored
    assert results["rankings"].problems == []


def test_spent_quota_defers_requests_to_the_next_day(server: Serve, clock: VirtualClock) -> None:
    simulator = server(models=60)
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake, clock)
    assert isinstance(source, Live)
    quota = source._client.request_log
    for number in range(500 - 20):
        quota.reserve(FIRST - dt.timedelta(seconds=2 * number) - dt.timedelta(minutes=2))
    results = {surface.name: load_surface(surface, source, lake) for surface in SURFACES.values()}
    deferred = {name: result.requests_deferred for name, result in results.items()}
    # Twenty requests are enough for the newest days, for surfaces without history, and for most of the history.
    assert count_requests(simulator)["rankings"] == 15
    assert deferred["rankings"] == 54 - 15
    assert {name for name, count in deferred.items() if count} == {"rankings", "apps"}
    clock.set(FIRST + ONE)
    _, results = load_all(clock, surfaces=BUT_APPS)
    assert results["rankings"].requests_deferred == 0
    assert simulator.rate_limited_count == 0


def test_backfill_fetches_covered_days_again(server: Serve, clock: VirtualClock) -> None:
    simulator = server(models=60)
    load_all(clock, surfaces=BUT_APPS)
    count_requests(simulator)
    _, results = load_all(clock, FetchOptions(window=(dt.date(2026, 11, 1), dt.date(2026, 11, 3))))
    assert results["rankings"].responses_added == 11
    assert results["apps"].responses_added == 3
    assert count_requests(simulator)["rankings"] == 11


def test_backfill_needs_a_key(server: Serve, clock: VirtualClock) -> None:
    server(key=None, models=60)
    settings = Settings.load()
    source = open_source(settings, Lake(settings.data / "raw"), clock)
    with pytest.raises(SettingsError, match=r"only with a key, and OPENROUTER_API_KEY is not set. Nothing was fetched"):
        fetch_options(source, "2026-11-01", "2026-11-03", refetch=False)


def remove_snapshots(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, *snapshots: str) -> None:
    """Make the server answer 404 for these snapshots."""
    answer = simulator.handle

    def without(method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        return answer(method, "/api/v1/nothing" if any(day in target for day in snapshots) else target, headers)

    monkeypatch.setattr(simulator, "handle", without)


def test_other_snapshots_replace_an_absent_one(
    server: Serve, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove_snapshots(server(key=None, models=60), monkeypatch, "2026-10-19", "2026-11-22")
    lake, results = load_all(clock, surfaces=[RANKINGS_EXPORT])
    assert (results["rankings_export"].fatal_problems, results["rankings_export"].problems) == ([], [])
    stored = sorted(response["request"]["snapshot_date"] for response in lake.responses(RANKINGS_EXPORT.name))
    assert stored == ["2026-09-19", "2026-10-18", "2026-11-17", "2026-11-18", "2026-11-21"]


def test_unparsed_slice_leaves_other_slices_intact(
    server: Serve, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = server(models=60)
    answer = simulator.handle

    def garbled(method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        status, received, body = answer(method, target, headers)
        return status, received, b"<html>" if "category=legal" in target else body

    monkeypatch.setattr(simulator, "handle", garbled)
    _, results = load_all(clock, surfaces=[RANKINGS])
    assert results["rankings"].responses_added == 52
    assert len(results["rankings"].problems) == 2
    assert results["rankings"].fatal_problems == []


def test_simulated_lake_refuses_live_even_if_nothing_is_due(
    server: Serve, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = server(key=None, models=60)
    load_all(clock)
    answer = simulator.handle

    def real(method: str, target: str, headers: Mapping[str, str]) -> RawResponse:
        status, received, body = answer(method, target, headers)
        return status, {name: value for name, value in received.items() if name != SIMULATOR_HEADER}, body

    monkeypatch.setattr(simulator, "handle", real)
    with pytest.raises(LakeError, match="holds simulated data and refuses real data"):
        load_all(clock)


def test_refetch_fetches_every_snapshot(server: Serve, clock: VirtualClock) -> None:
    server(key=None, models=60)
    settings = Settings.load()
    lake = Lake(settings.data / "raw")
    source = open_source(settings, lake, clock)
    assert load_surface(RANKINGS_EXPORT, source, lake).responses_added == 4
    result = load_surface(RANKINGS_EXPORT, source, lake, FetchOptions(refetch=True))
    assert result.responses_added == 65 - 4


def test_unparsed_models_are_quarantined_and_fatal(server: Serve, clock: VirtualClock) -> None:
    server(models=60, faults=Faults(drift="type_change"))
    lake, results = load_all(clock, surfaces=[MODELS, RANKINGS])
    [problem] = results["models"].fatal_problems
    assert "(models): row 0 of `data`: `name` is" in problem
    quarantined = Path(problem.partition("quarantined as ")[2].rstrip("."))
    assert quarantined.exists()
    assert quarantined.parent == lake.root.parent / "quarantine" / "models"
    # Not named like a recording: a replay would take it for real.
    assert quarantined.name.startswith("simulated-")
    assert results["rankings"].problems == []
    assert lake.files("rankings")
    assert not lake.files("models")


def test_failing_server_loses_no_response(server: Serve, clock: VirtualClock) -> None:
    faults = Faults(server_error=0.05, too_many_requests=0.05, cut=0.05, garbage=0.02)
    server(models=60, faults=faults)
    for _ in range(4):
        lake, _ = load_all(clock, surfaces=BUT_APPS)
    assert len(lake.files(RANKINGS.name)) == 54
    assert {surface.name for surface in BUT_APPS if not lake.files(surface.name)} == set()


# The surfaces that the simulated run observes: at its clock, no snapshot has been exported yet.
OBSERVED = SURFACES.keys() - {RANKINGS_EXPORT.name}


# --- as a user runs it ------------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_live_without_a_key_publishes_keyless_surfaces(home: Path, tmp_path: Path) -> None:
    """On the real clock, since keyless surfaces have no quota to wait for."""
    today = dt.datetime.now(dt.UTC)
    simulator = Simulator(Simulation(models=60, days=80), lambda: dt.datetime.now(dt.UTC), today.date() + ONE)
    with serve(simulator) as url:
        done = run(tmp_path / "data", home, "live", ROUTERSCOPE_BASE_URL=url)
    assert done.code == 0, done.output
    for line in (done.output.splitlines()[0], done.output.splitlines()[-1]):
        assert f"source live at {url}" in line
        assert "for recorded data without a network: make run SOURCE=sample" in line
    assert "Without a key: rankings_export, models, providers, endpoints. A key from openrouter.ai" in done.output
    assert "Plan: " in done.output
    assert done.query("select distinct scope_id from share_model") == [("simulated",)]
    assert done.query("select distinct surface from provenance where surface like 'rank%'") == [("rankings_export",)]
    assert done.query("select count(*) from spend_model where price_basis = 'backcast'") > [(0,)]
    assert "SIMULATED, no figure is real." in done.output
    assert simulator.rate_limited_count == 0


def test_default_source_is_live_if_the_api_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "")
    now = dt.datetime.now(dt.UTC)
    with serve(Simulator(Simulation(models=60), lambda: now, now.date())) as url:
        monkeypatch.setenv("ROUTERSCOPE_BASE_URL", url)
        assert choose_source() == f"{url} responds"
    assert os.environ["ROUTERSCOPE_SOURCE"] == "live"


def test_live_without_a_network_fails_at_once(started_from_few: Path, home: Path) -> None:
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


def test_default_source_without_a_network_is_the_sample(sampled: Run) -> None:
    lines = sampled.output.strip().splitlines()
    for line in (lines[0], lines[-1]):
        assert "source sample" in line
        assert "did not respond within 5 s" in line
        assert str(sampled.data) in line
        assert "real figures recorded in summer 2026, not today's" in line
        assert "make run SOURCE=live" in line
    assert "SIMULATED" not in sampled.output
    assert "warning" not in sampled.output
    assert sampled.query("select distinct scope_id from share_model") == [("openrouter_public_traffic",)]


def test_simulated_run_says_so_first_and_last(simulated: Run) -> None:
    lines = simulated.output.strip().splitlines()
    for line in (lines[0], lines[-1]):
        assert "source simulator" in line
        assert "every figure is invented; for OpenRouter's data: make run SOURCE=live" in line
    assert "SIMULATED, no figure is real. Source simulator" in simulated.output
    assert "Claim:    SIMULATED" in simulated.output
    assert "Lineage:  make ui" in simulated.output


def test_simulated_times_are_not_later_than_the_run(simulated: Run) -> None:
    made = json.loads((simulated.data / "published" / "datapackage.json").read_text(encoding="utf-8"))["made"]
    created = dt.datetime.fromisoformat(made["created"]).replace(tzinfo=None)
    [times] = simulated.query("select max(as_of), max(fetched_at) from provenance")
    assert max(times) <= created


def test_shown_result_equals_the_marts(simulated: Run) -> None:
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
        encoding="utf-8",
        check=False,
    )
    assert "sim-" in shown.stdout, shown.stderr


def test_every_mart_has_rows_marked_simulated(simulated: Run) -> None:
    with duckdb.connect(str(simulated.published), read_only=True) as marts:
        tables = [name for (name,) in marts.sql("show tables").fetchall() if name != "scopes"]
        assert len(tables) == 30
        # Figures that others published about real traffic are not compared with simulated traffic.
        assert marts.sql("select count(*) from figure_check").fetchall() == [(0,)]
        for table in set(tables) - {"figure_check"}:
            assert marts.sql(f"select distinct scope_id from {table}").fetchall() == [("simulated",)], table
            assert marts.sql(
                f"select count(*) from {table} where source_url not like '%simulator.invalid%'"
            ).fetchall() == [(0,)], table
        citations = marts.sql("select citation from citations").fetchall()
    assert len(citations) == len(OBSERVED)
    assert all("Simulated by Routerscope. This is not OpenRouter data" in citation for (citation,) in citations)


def test_dagster_metadata_is_marked_simulated(simulated: Run, simulated_home: Path) -> None:  # noqa: ARG001
    with dg.DagsterInstance.from_config(str(simulated_home)) as instance:

        def newest(*key: str) -> dict:
            event = instance.get_latest_materialization_event(dg.AssetKey(key))
            assert event is not None
            assert event.asset_materialization is not None
            return {name: value.value for name, value in event.asset_materialization.metadata.items()}

        for surface in OBSERVED:
            assert newest("raw", surface)["kind"] == "simulated"
            assert newest("raw", surface)["citation"].startswith("Simulated by Routerscope")
        assert newest("published")["scope"] == "simulated"
        mart = instance.fetch_observations(dg.AssetKey(["marts", "share_model"]), limit=1).records[0]
        assert mart.asset_observation is not None
        assert mart.asset_observation.metadata["scope"].value == "simulated"


def test_every_surface_reaches_its_staging_model(simulated: Run) -> None:
    with duckdb.connect(str(simulated.data / "warehouse.duckdb"), read_only=True) as warehouse:
        views = warehouse.sql("select view_name from duckdb_views() where schema_name = 'staging'").fetchall()
        rows = {name: warehouse.sql(f"select count(*) from staging.{name}").fetchall()[0][0] for (name,) in views}
    assert len(rows) == len(SURFACES) + 2  # the ledger of responses, and the models of each task
    # test_snapshot_that_contradicts_the_rankings_warns builds the other one.
    assert {name for name, count in rows.items() if count == 0} == {"stg_openrouter__rankings_export"}


def test_snapshot_that_contradicts_the_rankings_warns(
    simulated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, table = Compiled(simulated.data), "intermediate.int_rankings__reported"
    assert "assert_exports_agree_with_rankings" not in {law["name"] for law in compiled.laws}
    for name, value in {**SIMULATED, "ROUTERSCOPE_DATA_DIR": tmp_path, "ROUTERSCOPE_NOW": "2026-11-26"}.items():
        monkeypatch.setenv(name, str(value))
    load_all(None, surfaces=[MODELS, RANKINGS, RANKINGS_EXPORT])
    with compiled.build_from(tmp_path / "raw") as built:
        assert built.query("select count(*) > 0 from staging.stg_openrouter__rankings_export") == [(True,)]
        contradictions = f"select count(*) from ({built.warning('assert_exports_agree_with_rankings')})"
        assert built.query(contradictions) == [(0,)]
        newest = f"select max(raw_file) from {table} where raw_file like 'rankings_export/%'"
        built.query(f"update {table} set tokens = tokens * 1.001 where raw_file = ({newest})")
        [(count,)] = built.query(contradictions)
    # Every model of the thirty days, except those with too few tokens.
    assert 1400 <= count <= 1530


def load_into_copy(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: object) -> dict[str, int]:
    """Load what is due into a copy of a run's lake, as a second run does; returns the new responses by surface."""
    shutil.copytree(run.data / "raw", folder / "raw")
    for name, value in {"ROUTERSCOPE_DATA_DIR": folder, **settings}.items():
        monkeypatch.setenv(name, str(value))
    return new_responses()


def test_second_run_adds_nothing(simulated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """test_kills shows that the same raw files give the same tables."""
    assert load_into_copy(simulated, tmp_path, monkeypatch, **SIMULATED) == {}
    assert contents(tmp_path / "raw") == contents(simulated.data / "raw")


def test_other_simulated_world_is_refused(simulated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = json.dumps(json.loads(SIMULATED["ROUTERSCOPE_SIMULATOR"]) | {"seed": 2})
    settings = {**SIMULATED, "ROUTERSCOPE_SIMULATOR": other}
    with pytest.raises(LakeError, match="holds a simulated world other than"):
        load_into_copy(simulated, tmp_path, monkeypatch, **settings)
    assert contents(tmp_path / "raw") == contents(simulated.data / "raw")


def test_source_of_the_other_kind_is_refused(
    simulated: Run, few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    advice = "Set ROUTERSCOPE_DATA_DIR to a separate folder for this source"
    with pytest.raises(LakeError, match=f"holds simulated data and refuses real data, so that the two never.*{advice}"):
        load_into_copy(simulated, tmp_path, monkeypatch, ROUTERSCOPE_SOURCE="replay", ROUTERSCOPE_REPLAY_DIR=few)
    assert contents(tmp_path / "raw") == contents(simulated.data / "raw")


def test_real_lake_refuses_a_simulator_read_as_live(
    server: Serve, clock: VirtualClock, few_run: Run, tmp_path: Path
) -> None:
    server(key=None, models=60)
    shutil.copytree(few_run.data, tmp_path / "data", symlinks=True)
    before = contents(tmp_path / "data" / "raw")
    with pytest.raises(LakeError, match="holds real data and refuses simulated data"):
        load_all(clock)
    assert contents(tmp_path / "data" / "raw") == before
