"""The simulator answers as the official contract says, looks like the recordings, and can be taken for nothing real."""

import datetime as dt
import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import jsonschema
import pytest
from conftest import PROJECT

from orchestration.errors import ResponseError, SourceError
from orchestration.openrouter.client import Client
from orchestration.openrouter.quota import ClientState, VirtualClock
from orchestration.openrouter.simulator import Simulator
from orchestration.openrouter.simulator.api import BASE_URL, KEY
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


def ask(source: Simulator, target: str, key: bool = True) -> tuple[int, Any]:
    source._asked.clear()  # the quota has tests of its own
    status, headers, body = source.answer("GET", f"/api/v1{target}", WITH_KEY if key else {})
    assert headers[SIMULATOR_HEADER]
    return status, json.loads(body) if headers["content-type"] == "application/json" else body


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
    """Holds a body to the contract's schema for that path and status."""
    components = json.loads(json.dumps(contract["components"]))
    # The contract lists the providers there are. Ours are invented, so that none of them is taken for a real one.
    components["schemas"]["ProviderName"]["enum"] += [name for _, name in full.world.providers]

    def check(path: str, body: Any, status: int = 200) -> None:
        schema = contract["paths"][path]["get"]["responses"][str(status)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": components}).validate(body)

    return check


@pytest.mark.parametrize(("path", "query"), TARGETS, ids=lambda part: part)
def test_every_answer_is_valid_by_the_contract(full: Simulator, valid: Any, path: str, query: str) -> None:
    status, body = ask(full, path + query)
    assert status == 200
    assert body["data"]
    valid(path, body)


@pytest.mark.parametrize("key", [True, False])
def test_the_endpoints_of_every_model_are_valid_by_the_contract(full: Simulator, valid: Any, key: bool) -> None:
    models = full.world.listed(NOW.date())
    for model in models if key else models[::20]:
        status, body = ask(full, f"/models/{model.id}/endpoints", key)
        assert status == 200
        valid("/models/{author}/{slug}/endpoints", body)
        # Latency and throughput are told with a key only.
        told = [endpoint["latency_last_30m"] is not None for endpoint in body["data"]["endpoints"]]
        assert told == [key] * len(told)


def test_refusals_are_valid_by_the_contract(full: Simulator, valid: Any) -> None:
    status, body = ask(full, "/datasets/rankings-daily", key=False)
    assert status == 401
    valid("/datasets/rankings-daily", body, 401)
    status, body = ask(full, "/models/sim-nobody/nothing/endpoints")
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
def test_what_the_contract_does_not_allow_is_refused(full: Simulator, query: str) -> None:
    status, body = ask(full, f"/datasets/rankings-daily?{query}")
    assert (status, body["error"]["code"]) == (400, 400)


def test_a_start_before_the_history_is_moved(full: Simulator) -> None:
    status, body = ask(full, "/datasets/rankings-daily?start_date=2024-06-01&end_date=2025-01-03")
    assert (status, body["meta"]["start_date"]) == (200, "2025-01-01")
    assert {row["date"] for row in body["data"]} == {"2025-01-01", "2025-01-02", "2025-01-03"}


def test_days_missing_at_the_source_are_gaps(full: Simulator) -> None:
    _, body = ask(full, "/datasets/rankings-daily?start_date=2025-06-14&end_date=2025-06-16")
    assert {row["date"] for row in body["data"]} == {"2025-06-14", "2025-06-16"}


def test_a_list_is_fifty_and_other_last_even_if_it_leads(full: Simulator) -> None:
    _, body = ask(full, f"/datasets/rankings-daily?{YEAR}")
    by_date: dict[str, list[dict]] = {}
    for row in body["data"]:
        by_date.setdefault(row["date"], []).append(row)
    assert len(by_date) == 366
    for rows in by_date.values():
        assert len(rows) == 51
        assert rows[-1]["model_permaslug"] == "other"
        order = [(-int(row["total_tokens"]), row["model_permaslug"]) for row in rows[:-1]]
        assert order == sorted(order)


def test_snapshots_begin_on_their_first_day_and_never_change(full: Simulator) -> None:
    path = "/datasets/exports/rankings-daily"
    assert ask(full, f"{path}/2026-09-18.csv")[0] == 404
    assert ask(full, f"{path}/2026-11-23.csv")[0] == 404
    status, manifest = ask(full, f"{path}/2026-09-19.manifest.json", key=False)
    assert (status, manifest["row_count"]) == (200, 30 * 51)
    first = ask(full, f"{path}/2026-09-19.csv")[1]
    assert ask(simulator(NOW + 9 * ONE), f"{path}/2026-09-19.csv")[1] == first
    before_publication = NOW.replace(hour=1, minute=45)
    told = ask(simulator(before_publication), "/datasets/exports/index.json")[1]["datasets"][0]
    assert told["latest_snapshot_date"] == "2026-11-21"


def test_a_minute_has_thirty_requests_and_a_day_five_hundred() -> None:
    clock = VirtualClock(NOW)
    source = Simulator(Simulation(models=60), clock.now, NOW.date())

    def status() -> int:
        return source.answer("GET", "/api/v1/classifications/task", WITH_KEY)[0]

    assert [status() for _ in range(31)] == [200] * 30 + [429]
    clock.sleep(60)
    assert status() == 200
    for _ in range(469):
        clock.sleep(2)
        assert status() == 200
    clock.sleep(60)
    code, headers, _ = source.answer("GET", "/api/v1/classifications/task", WITH_KEY)
    assert code == 429
    assert int(headers["retry-after"]) > 3600
    clock.set(NOW + ONE)
    assert status() == 200


# --- a world of its own -----------------------------------------------------------------------------------------------


def test_the_world_is_as_large_as_it_should_be(full: Simulator) -> None:
    listed = full.world.listed(NOW.date())
    assert 570 <= len(listed) <= 630
    assert 2_200 <= sum(len(model.endpoints) for model in listed) <= 2_600
    assert (len(full.world.providers), len(full.world.apps)) == (60, 200)
    days = (NOW.date() - FIRST_DAY).days
    assert sum(bool(full.world.traffic(FIRST_DAY + number * ONE)) for number in range(days)) == days - len(MISSING_DAYS)


def test_everything_that_happens_at_the_source_happens_here(full: Simulator) -> None:
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
    _, body = ask(full, "/models?output_modalities=all&limit=1000")
    assert {row["pricing"]["prompt"] for row in body["data"]} >= {"-1", "0"}
    halves = {override.get("utc_start") for row in body["data"] for override in row["pricing"].get("overrides", [])}
    assert halves == {None, 1630}


def test_nobody_can_mistake_it(full: Simulator, recordings: Path) -> None:
    world = full.world
    assert all(model.id.startswith("sim-") and model.name.startswith("Sim ") for model in world.models)
    assert all(slug.startswith("sim-") and name.startswith("Sim ") for slug, name in world.providers)
    assert all(name.startswith("Sim ") for app in world.apps for _, name in app.names)
    real = json.loads(gzip.decompress(sorted((recordings / "models").glob("*.gz"))[-1].read_bytes()))["data"]
    words = {word for row in real for word in row["id"].replace("/", "-").split("-") if word.isalpha()}
    invented = {word for model in world.models for word in model.id.replace("/", "-").replace(":", "-").split("-")}
    assert not {word for word in invented & words if len(word) > 3} - {"free", "batch", "thinking", "router", "sim"}


def test_the_same_seed_is_the_same_world_on_any_day() -> None:
    date = dt.date(2026, 7, 1)

    def told(world: World) -> list:
        return [(tokens, model.permaslug, less, until) for tokens, model, less, until in world.traffic(date)]

    def prices(world: World) -> dict:
        return {model.id: model.price_factor(date) * model.prompt for model in world.listed(date)}

    one, later = World(Simulation(), NOW.date()), World(Simulation(), NOW.date() + 40 * ONE)
    assert told(one) == told(later)
    assert prices(one) == prices(later)
    assert [one.app_traffic(date), one.events] == [later.app_traffic(date), later.events[: len(one.events)]]
    assert told(World(Simulation(seed=2), NOW.date())) != told(one)


def test_what_is_asked_before_does_not_change_an_answer() -> None:
    one, other = simulator(models=60), simulator(models=60)
    ask(other, "/models")
    ask(other, "/datasets/rankings-daily?start_date=2026-01-01&end_date=2026-02-01")
    for path, query in TARGETS:
        assert ask(one, path + query) == ask(other, path + query)


def test_the_world_scales() -> None:
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
    """Share by rank, and of `other`."""
    total = sum(day.values())
    named = sorted((tokens for slug, tokens in day.items() if slug != "other"), reverse=True)
    ranks = {f"rank {rank}": named[rank - 1] / total for rank in (1, 2, 5, 10, 20, 30, 50)}
    tops = {f"top {rank}": sum(named[:rank]) / total for rank in (5, 10, 20)}
    return {**ranks, **tops, "other": day["other"] / total}


def test_the_curve_of_the_fifty_and_other_lie_within_those_of_the_recordings(full: Simulator, recordings: Path) -> None:
    recorded = {date: day for days in recorded_days(recordings) for date, day in days.items()}
    real = [curve(day) for day in recorded.values()]
    _, body = ask(full, f"/datasets/rankings-daily?{YEAR}")
    days: dict[str, dict[str, int]] = {}
    for row in body["data"]:
        days.setdefault(row["date"], {})[row["model_permaslug"]] = int(row["total_tokens"])
    simulated = [curve(day) for day in days.values()]
    for name in real[0]:
        low, high = min(one[name] for one in real), max(one[name] for one in real)
        assert low <= median(one[name] for one in simulated) <= high, name


def restated(looks: Iterator[tuple[dict[str, int], dict[str, int]]]) -> tuple[float, float, float]:
    """Of pairs of a first and a last look: part of values that changed, the median and the largest change."""
    changes = [abs(last[slug] / first[slug] - 1) for first, last in looks for slug in first.keys() & last.keys()]
    changed = [change for change in changes if change]
    return len(changed) / len(changes), median(changed), max(changed)


def test_as_much_is_restated_as_in_the_recordings(full: Simulator, recordings: Path) -> None:
    first: dict[dt.date, dict[str, int]] = {}
    last: dict[dt.date, dict[str, int]] = {}
    for days in recorded_days(recordings):
        for date, day in days.items():
            first.setdefault(date, day)
            last[date] = day
    # Only days that were looked at on the day after.
    dates = sorted(first)[29:-2]
    part, middle, largest = restated((first[date], last[date]) for date in dates)

    def told(date: dt.date, on: dt.date) -> dict[str, int]:
        return {model.permaslug: tokens for tokens, model in full.world.told(date, on)}

    dates = [dt.date(2026, 3, 1) + number * ONE for number in range(200)]
    looks = [(told(date, date + ONE), told(date, date + 9 * ONE)) for date in dates]
    largest_of = [sorted(day[0], key=day[0].__getitem__)[-50:] for day in looks]
    simulated = restated(
        ({slug: one[slug] for slug in top}, {slug: other[slug] for slug in top})
        for (one, other), top in zip(looks, largest_of, strict=True)
    )
    assert part / 1.5 <= simulated[0] <= part * 1.5
    assert middle / 5 <= simulated[1] <= middle * 5
    assert largest / 2 <= simulated[2] <= largest * 1.1


# --- faults, and the server -------------------------------------------------------------------------------------------


def client_with(faults: Faults, clock: VirtualClock | None = None) -> Client:
    source = Simulator(Simulation(models=60, faults=faults), lambda: NOW, NOW.date())
    return Client(BASE_URL, None, ClientState(), clock or VirtualClock(NOW), source.answer)


@pytest.mark.parametrize("fault", ["too_many_requests", "server_error", "timeout", "cut"])
def test_a_client_gets_over_what_fails_now_and_then(fault: str) -> None:
    client = client_with(Faults(**{fault: 0.3}))
    for _ in range(10):
        assert MODELS.parse(client.fetch(MODELS, {})).table.num_rows > 40
    with pytest.raises(SourceError, match="asked 5 times"):
        client_with(Faults(**{fault: 1.0})).fetch(MODELS, {})


def test_latency_passes_on_the_simulators_clock() -> None:
    clock = VirtualClock(NOW)
    source = Simulator(Simulation(models=60, faults=Faults(latency_seconds=2)), clock.now, NOW.date(), clock.sleep)
    Client(BASE_URL, None, ClientState(), clock, source.answer).fetch(MODELS, {})
    assert clock.now() == NOW + dt.timedelta(seconds=2)


def test_garbage_is_named_and_costs_only_itself() -> None:
    with pytest.raises(ResponseError, match=r"models.*\(models\): it is not JSON"):
        MODELS.parse(client_with(Faults(garbage=1.0)).fetch(MODELS, {}))


def test_drift_is_kept_nulled_or_named() -> None:
    new = MODELS.parse(client_with(Faults(drift="new_field")).fetch(MODELS, {})).table
    assert {json.loads(extra)["sim_new_field"] for extra in new.column("extra").to_pylist()} == {"drifted"}
    gone = MODELS.parse(client_with(Faults(drift="missing_field")).fetch(MODELS, {})).table
    assert gone.column("context_length").null_count == gone.num_rows
    with pytest.raises(ResponseError, match=r"\(models\): row 0 of `data`: `name` is {'text': .*, which is no text"):
        MODELS.parse(client_with(Faults(drift="type_change")).fetch(MODELS, {}))


def test_any_client_can_be_tried_on_the_server() -> None:
    source = simulator(models=60, faults=Faults(cut=0.2))
    with serve(source) as url:
        client = Client(url, None)
        for _ in range(5):
            observation = client.fetch(MODELS, {})
            assert observation.is_simulated
            assert MODELS.parse(observation).table.num_rows > 40
        with pytest.raises(SourceError, match=r"openrouter.ai/settings/keys"):
            client.fetch(RANKINGS, {})
    assert not Client(url).is_reachable(1)


def test_pages_of_apps_fit_together(full: Simulator) -> None:
    from pydantic import SecretStr

    full._asked.clear()
    client = Client(BASE_URL, SecretStr(KEY), ClientState(), VirtualClock(NOW), full.answer)
    observation = client.fetch(APPS, {"start_date": "2026-11-21", "end_date": "2026-11-21"})
    table = APPS.parse(observation).table
    assert table.column("rank").to_pylist() == list(range(1, table.num_rows + 1))
    assert 100 < table.num_rows <= 200


def test_it_stays_smaller_than_what_it_is_there_to_try() -> None:
    folder = PROJECT / "orchestration" / "openrouter"
    lines = {path: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}
    simulated = sum(count for path, count in lines.items() if "simulator" in path.parts)
    assert simulated < sum(lines.values()) - simulated
