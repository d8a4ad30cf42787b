"""The simulator follows the official contract, resembles the recordings, and is recognizably simulated."""

import datetime as dt
import gzip
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from conftest import PROJECT
from pydantic import SecretStr

from orchestration.clock import VirtualClock
from orchestration.errors import ResponseError, SourceError
from orchestration.openrouter.client import Client
from orchestration.openrouter.quota import REQUESTS_PER_DAY, REQUESTS_PER_MINUTE
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import BASE_URL, KEY, default_now
from orchestration.openrouter.simulator.server import serve
from orchestration.openrouter.simulator.world import FIRST_DAY, MISSING_DAYS, World
from orchestration.openrouter.surfaces import APPS, MODELS, RANKINGS, SIMULATOR_HEADER
from orchestration.settings import Faults, Simulation

NOW = dt.datetime(2026, 11, 22, 2, tzinfo=dt.UTC)
ONE = dt.timedelta(days=1)
WITH_KEY = {"authorization": f"Bearer {KEY}"}
YEAR = "start_date=2025-11-21&end_date=2026-11-21"


def simulator(now: dt.datetime = NOW, **settings: Any) -> Simulator:
    return Simulator(Simulation(**settings), lambda: now, now.date())


@pytest.fixture(scope="module")
def full() -> Simulator:
    return simulator()


def get(source: Simulator, target: str, key: bool = True) -> tuple[int, Any]:
    source._keyed_requests.clear()  # the quota has tests of its own
    status, headers, body = source.handle("GET", f"/api/v1{target}", WITH_KEY if key else {})
    assert headers[SIMULATOR_HEADER]
    return status, json.loads(body) if headers["content-type"] == "application/json" else body


@pytest.mark.parametrize("hour", range(24))
def test_default_clock_is_never_later_than_now(hour: int) -> None:
    now = dt.datetime(2026, 11, 22, hour, 10, 30, tzinfo=dt.UTC)
    clock = default_now(now)
    assert clock + dt.timedelta(minutes=REQUESTS_PER_DAY / REQUESTS_PER_MINUTE) <= now
    assert now - clock < dt.timedelta(hours=3)
    assert clock.time() > dt.time(1, 46), "the export of the day before is published"
    assert clock.date() == now.date() or now.time() < dt.time(2, 10), "a scheduled run has that export"


# --- the contract -----------------------------------------------------------------------------------------------------

TARGETS = [
    ("/datasets/rankings-daily", f"?{YEAR}"),
    ("/datasets/rankings-daily", f"?{YEAR}&period=week"),
    ("/datasets/rankings-daily", f"?{YEAR}&period=month"),
    ("/datasets/rankings-daily", f"?{YEAR}&modality=image&context_bucket=10K"),
    ("/datasets/rankings-daily", f"?{YEAR}&period=week&category=marketing/seo"),
    ("/datasets/rankings-daily", f"?{YEAR}&period=week&language_type=natural"),
    ("/datasets/app-rankings", "?start_date=2026-11-21&end_date=2026-11-21&limit=100"),
    ("/datasets/app-rankings", "?start_date=2026-11-15&end_date=2026-11-21&sort=trending&category=coding&offset=10"),
    ("/datasets/session-cost", "?limit=500"),
    ("/classifications/task", "?window=7d"),
    ("/benchmarks", ""),
    ("/benchmarks", "?source=artificial-analysis"),
    ("/benchmarks", "?source=design-arena"),
    ("/benchmarks", "?source=openrouter"),
    ("/models", "?output_modalities=all&limit=1000"),
    ("/models", "?offset=500"),
    ("/providers", ""),
]


@pytest.fixture(scope="module")
def valid(contract: dict, full: Simulator) -> Callable[[str, Any, int], None]:
    """Checks a body against the contract's schema for that path and status."""
    components = json.loads(json.dumps(contract["components"]))
    # The contract lists the real providers; the simulated ones are invented.
    components["schemas"]["ProviderName"]["enum"] += [name for _, name in full.world.providers]

    def check(path: str, body: Any, status: int = 200) -> None:
        schema = contract["paths"][path]["get"]["responses"][str(status)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": components}).validate(body)

    return check


@pytest.mark.parametrize(("path", "query"), TARGETS, ids=lambda part: part)
def test_responses_follow_the_contract(full: Simulator, valid: Any, path: str, query: str) -> None:
    status, body = get(full, path + query)
    assert status == 200
    assert body["data"]
    valid(path, body)


@pytest.mark.parametrize("key", [True, False])
def test_endpoints_of_every_model_follow_the_contract(full: Simulator, valid: Any, key: bool) -> None:
    models = full.world.listed(NOW.date())
    for model in models if key else models[::20]:
        status, body = get(full, f"/models/{model.id}/endpoints", key)
        assert status == 200
        valid("/models/{author}/{slug}/endpoints", body)
        # Latency and throughput require a key.
        has_latency = [endpoint["latency_last_30m"] is not None for endpoint in body["data"]["endpoints"]]
        assert has_latency == [key] * len(has_latency)


def test_error_responses_follow_the_contract(full: Simulator, valid: Any) -> None:
    status, body = get(full, "/datasets/rankings-daily", key=False)
    assert status == 401
    valid("/datasets/rankings-daily", body, 401)
    status, body = get(full, "/models/sim-nobody/nothing/endpoints")
    assert status == 404
    valid("/models/{author}/{slug}/endpoints", body, 404)


@pytest.mark.parametrize(
    "query",
    [
        "start_date=2025-11-20&end_date=2026-11-21",  # 367 days
        "end_date=2024-12-31",
        "start_date=2026-11-2&end_date=2026-11-21",
        "period=year",
        "period=day&category=legal",
        "period=week&category=legal&modality=text",
        "category=poetry&period=week",
        "modality=smell",
    ],
)
def test_invalid_parameters_are_refused(full: Simulator, query: str) -> None:
    status, body = get(full, f"/datasets/rankings-daily?{query}")
    assert (status, body["error"]["code"]) == (400, 400)


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "%C2%B2"])
def test_limit_that_is_no_number_is_refused(full: Simulator, limit: str) -> None:
    """%C2%B2 is ², a digit that `int` refuses."""
    status, body = get(full, f"/datasets/app-rankings?limit={limit}")
    assert (status, body["error"]["code"]) == (400, 400)


def test_start_date_before_the_history_is_moved(full: Simulator) -> None:
    status, body = get(full, "/datasets/rankings-daily?start_date=2024-06-01&end_date=2025-01-03")
    assert (status, body["meta"]["start_date"]) == (200, "2025-01-01")
    assert {row["date"] for row in body["data"]} == {"2025-01-01", "2025-01-02", "2025-01-03"}


def test_days_missing_at_the_source_are_gaps(full: Simulator) -> None:
    _, body = get(full, "/datasets/rankings-daily?start_date=2025-06-14&end_date=2025-06-16")
    assert {row["date"] for row in body["data"]} == {"2025-06-14", "2025-06-16"}


def test_day_has_fifty_rows_and_other_last(full: Simulator) -> None:
    _, body = get(full, f"/datasets/rankings-daily?{YEAR}")
    by_date: dict[str, list[dict]] = {}
    for row in body["data"]:
        by_date.setdefault(row["date"], []).append(row)
    assert len(by_date) == 366
    for rows in by_date.values():
        assert len(rows) == 51
        assert rows[-1]["model_permaslug"] == "other"
        order = [(-int(row["total_tokens"]), row["model_permaslug"]) for row in rows[:-1]]
        assert order == sorted(order)


def test_snapshots_start_on_the_first_day_and_never_change(full: Simulator) -> None:
    path = "/datasets/exports/rankings-daily"
    assert get(full, f"{path}/2026-09-18.csv")[0] == 404
    assert get(full, f"{path}/2026-11-23.csv")[0] == 404
    status, manifest = get(full, f"{path}/2026-09-19.manifest.json", key=False)
    assert (status, manifest["row_count"]) == (200, 30 * 51)
    first = get(full, f"{path}/2026-09-19.csv")[1]
    assert get(simulator(NOW + 9 * ONE), f"{path}/2026-09-19.csv")[1] == first
    before_publication = NOW.replace(hour=1, minute=45)
    dataset = get(simulator(before_publication), "/datasets/exports/index.json")[1]["datasets"][0]
    assert dataset["latest_snapshot_date"] == "2026-11-21"


def test_quota_is_thirty_a_minute_and_500_a_day() -> None:
    clock = VirtualClock(NOW)
    source = Simulator(Simulation(models=60), clock.now, NOW.date())

    def status() -> int:
        return source.handle("GET", "/api/v1/classifications/task", WITH_KEY)[0]

    assert [status() for _ in range(31)] == [200] * 30 + [429]
    clock.sleep(60)
    assert status() == 200
    for _ in range(469):
        clock.sleep(2)
        assert status() == 200
    clock.sleep(60)
    code, headers, _ = source.handle("GET", "/api/v1/classifications/task", WITH_KEY)
    assert code == 429
    assert int(headers["retry-after"]) > 3600
    clock.set(NOW + ONE)
    assert status() == 200


# --- simulated world --------------------------------------------------------------------------------------------------


def test_world_has_the_configured_size(full: Simulator) -> None:
    listed = full.world.listed(NOW.date())
    assert 570 <= len(listed) <= 630
    assert 2_200 <= sum(len(model.endpoints) for model in listed) <= 2_600
    assert (len(full.world.providers), len(full.world.apps)) == (60, 200)
    days = (NOW.date() - FIRST_DAY).days
    assert sum(bool(full.world.traffic(FIRST_DAY + number * ONE)) for number in range(days)) == days - len(MISSING_DAYS)


def test_world_has_every_feature_of_the_source(full: Simulator) -> None:
    world = full.world
    variants = {model.variant for model in world.models}
    assert variants == {"standard", "free", "thinking", "batch"}
    assert {model.kind for model in world.models} == {"text", "embeddings", "router"}
    assert {model.override for model in world.models} == {"", "long", "night"}
    assert any(model.away and model.launched < model.away[0] for model in world.models)
    assert any(model.author == "sim-stealth" and model.retired for model in world.models)
    assert any(model.retired and model.retired < NOW.date() for model in world.models)
    assert any(len(app.names) > 1 for app in world.apps)
    assert {event.kind for event in world.events} == {"token_spike", "app_spike"}
    _, body = get(full, "/models?output_modalities=all&limit=1000")
    assert {row["pricing"]["prompt"] for row in body["data"]} >= {"-1", "0"}
    halves = {override.get("utc_start") for row in body["data"] for override in row["pricing"].get("overrides", [])}
    assert halves == {None, 1630}


def test_names_are_recognizably_simulated(full: Simulator, recordings: Path) -> None:
    world = full.world
    assert all(model.id.startswith("sim-") and model.name.startswith("Sim ") for model in world.models)
    assert all(slug.startswith("sim-") and name.startswith("Sim ") for slug, name in world.providers)
    assert all(name.startswith("Sim ") for app in world.apps for _, name in app.names)
    real = json.loads(gzip.decompress(sorted((recordings / "models").glob("*.gz"))[-1].read_bytes()))["data"]
    words = {word for row in real for word in row["id"].replace("/", "-").split("-") if word.isalpha()}
    invented = {word for model in world.models for word in model.id.replace("/", "-").replace(":", "-").split("-")}
    assert not {word for word in invented & words if len(word) > 3} - {"free", "batch", "thinking", "router", "sim"}


def test_same_seed_is_the_same_world_on_any_day() -> None:
    date = dt.date(2026, 7, 1)

    def traffic(world: World) -> list:
        return [(tokens, model.permaslug, *restatement) for tokens, model, *restatement in world.traffic(date)]

    def prices(world: World) -> dict:
        return {model.id: model.price_factor(date) * model.prompt for model in world.listed(date)}

    one, later = World(Simulation(), NOW.date()), World(Simulation(), NOW.date() + 40 * ONE)
    assert traffic(one) == traffic(later)
    assert prices(one) == prices(later)
    assert [one.app_traffic(date), one.events] == [later.app_traffic(date), later.events[: len(one.events)]]
    assert traffic(World(Simulation(seed=2), NOW.date())) != traffic(one)


def test_earlier_requests_do_not_change_a_response() -> None:
    one, other = simulator(models=60), simulator(models=60)
    get(other, "/models")
    get(other, "/datasets/rankings-daily?start_date=2026-01-01&end_date=2026-02-01")
    for path, query in TARGETS:
        assert get(one, path + query) == get(other, path + query)


def test_world_scales_with_the_number_of_models() -> None:
    for models in (60, 300, 1200):
        world = simulator(models=models).world
        assert 0.9 * models <= len(world.listed(NOW.date())) <= 1.1 * models
        assert all(world.traffic(date) for date in (FIRST_DAY, NOW.date()))


# --- like the recordings ----------------------------------------------------------------------------------------------


@cache
def recorded_days(recordings: Path) -> list[dict[dt.date, dict[str, int]]]:
    """Each recorded response: tokens by complete day and slug."""
    found = []
    for path in sorted((recordings / "rankings-daily").glob("*.gz")):
        body = json.loads(gzip.decompress(path.read_bytes()))
        made = dt.datetime.fromisoformat(body["meta"]["as_of"]).date()
        days: dict[dt.date, dict[str, int]] = {}
        for row in body["data"]:
            date = dt.date.fromisoformat(row["date"])
            if date < made:
                days.setdefault(date, {})[row["model_permaslug"]] = int(row["total_tokens"])
        found.append(days)
    return found


def curve(day: dict[str, int]) -> dict[str, float]:
    """Share by rank, of the top ranks, and of `other`."""
    total = sum(day.values())
    named = sorted((tokens for slug, tokens in day.items() if slug != "other"), reverse=True)
    ranks = {f"rank {rank}": named[rank - 1] / total for rank in (1, 2, 5, 10, 20, 30, 50)}
    tops = {f"top {rank}": sum(named[:rank]) / total for rank in (5, 10, 20)}
    return {**ranks, **tops, "other": day["other"] / total}


def test_share_curve_resembles_the_recordings(full: Simulator, recordings: Path) -> None:
    recorded = {date: day for days in recorded_days(recordings) for date, day in days.items()}
    real = [curve(day) for day in recorded.values()]
    _, body = get(full, f"/datasets/rankings-daily?{YEAR}")
    days: dict[str, dict[str, int]] = {}
    for row in body["data"]:
        days.setdefault(row["date"], {})[row["model_permaslug"]] = int(row["total_tokens"])
    simulated = [curve(day) for day in days.values()]
    for name in real[0]:
        low, high = min(one[name] for one in real), max(one[name] for one in real)
        assert low <= median(one[name] for one in simulated) <= high, name


def restatements(pairs: Iterator[tuple[dict[str, int], dict[str, int]]]) -> tuple[float, float, float]:
    """Of pairs of a day's first and last values: share of values that changed, median and largest change."""
    changes = [abs(last[slug] / first[slug] - 1) for first, last in pairs for slug in first.keys() & last.keys()]
    changed = [change for change in changes if change]
    return len(changed) / len(changes), median(changed), max(changed)


def test_restatements_resemble_the_recordings(full: Simulator, all_recordings: Path) -> None:
    first: dict[dt.date, dict[str, int]] = {}
    last: dict[dt.date, dict[str, int]] = {}
    for days in recorded_days(all_recordings):
        for date, day in days.items():
            first.setdefault(date, day)
            last[date] = day
    # Only days that were first fetched on the day after.
    dates = sorted(first)[29:-2]
    share, middle, largest = restatements((first[date], last[date]) for date in dates)

    def reported(date: dt.date, reported_on: dt.date) -> dict[str, int]:
        return {model.permaslug: tokens for tokens, model in full.world.reported_tokens(date, reported_on)}

    dates = [dt.date(2026, 3, 1) + number * ONE for number in range(200)]
    pairs = [(reported(date, date + ONE), reported(date, date + 9 * ONE)) for date in dates]
    leaders = [sorted(early, key=early.__getitem__)[-50:] for early, _ in pairs]
    simulated = restatements(
        ({slug: early[slug] for slug in top}, {slug: late[slug] for slug in top})
        for (early, late), top in zip(pairs, leaders, strict=True)
    )
    assert share / 1.5 <= simulated[0] <= share * 1.5
    assert middle / 5 <= simulated[1] <= middle * 5
    assert largest / 2 <= simulated[2] <= largest * 1.1


# --- faults, and the server -------------------------------------------------------------------------------------------


def client_with(faults: Faults, clock: VirtualClock | None = None) -> Client:
    source = Simulator(Simulation(models=60, faults=faults), lambda: NOW, NOW.date())
    return Client(BASE_URL, None, None, clock or VirtualClock(NOW), source.handle)


@pytest.mark.parametrize("fault", ["too_many_requests", "server_error", "timeout", "cut"])
def test_client_recovers_from_occasional_faults(fault: str) -> None:
    client = client_with(Faults(**{fault: 0.3}))
    for _ in range(10):
        assert MODELS.parse(client.fetch(MODELS, {})).table.num_rows > 40
    with pytest.raises(SourceError, match="after 5 attempts"):
        client_with(Faults(**{fault: 1.0})).fetch(MODELS, {})


def test_latency_passes_on_the_simulated_clock() -> None:
    clock = VirtualClock(NOW)
    source = Simulator(Simulation(models=60, faults=Faults(latency_seconds=2)), clock.now, NOW.date(), clock.sleep)
    Client(BASE_URL, None, None, clock, source.handle).fetch(MODELS, {})
    assert clock.now() == NOW + dt.timedelta(seconds=2)


def test_garbage_is_reported_as_unparsable() -> None:
    with pytest.raises(ResponseError, match=r"models.*\(models\): it is not JSON"):
        MODELS.parse(client_with(Faults(garbage=1.0)).fetch(MODELS, {}))


def test_drift_is_kept_or_null_or_an_error() -> None:
    new = MODELS.parse(client_with(Faults(drift="new_field")).fetch(MODELS, {})).table
    assert {json.loads(extra)["sim_new_field"] for extra in new.column("extra").to_pylist()} == {"drifted"}
    gone = MODELS.parse(client_with(Faults(drift="missing_field")).fetch(MODELS, {})).table
    assert gone.column("context_length").null_count == gone.num_rows
    with pytest.raises(ResponseError, match=r"\(models\): row 0 of `data`: `name` is {'text': .*; expected text"):
        MODELS.parse(client_with(Faults(drift="type_change")).fetch(MODELS, {}))


def test_server_serves_any_client() -> None:
    source = simulator(models=60, faults=Faults(cut=0.2))
    with serve(source) as url:
        client = Client(url, None)
        for _ in range(5):
            response = client.fetch(MODELS, {})
            assert response.is_simulated
            assert MODELS.parse(response).table.num_rows > 40
        with pytest.raises(SourceError, match=r"openrouter.ai/settings/keys"):
            client.fetch(RANKINGS, {})
    assert not Client(url).is_reachable(1)


def test_client_that_breaks_off_is_no_error_of_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    with serve(simulator(models=60)) as url:
        address = urlsplit(url)
        for sent in (b"GET /api", b"GET /api/v1/models HTTP/1.1\r\n\r\n"):
            with socket.create_connection((address.hostname, address.port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset when closed
                client.sendall(sent)
                time.sleep(0.1)
        assert Client(url).is_reachable()
    assert capfd.readouterr().err == ""


def test_pages_of_apps_are_consistent(full: Simulator) -> None:
    full._keyed_requests.clear()
    client = Client(BASE_URL, SecretStr(KEY), None, VirtualClock(NOW), full.handle)
    response = client.fetch(APPS, {"start_date": "2026-11-21", "end_date": "2026-11-21"})
    table = APPS.parse(response).table
    assert table.column("rank").to_pylist() == list(range(1, table.num_rows + 1))
    assert 100 < table.num_rows <= 200


def test_simulator_is_smaller_than_what_it_tests() -> None:
    folder = PROJECT / "orchestration" / "openrouter"
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py")}
    simulated = sum(count for path, count in lines.items() if "simulator" in path.parts)
    assert simulated < sum(lines.values()) - simulated
