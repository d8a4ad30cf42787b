"""What a call costs: the command line, the macros, genai-prices and plain Python over the raw responses."""

import datetime as dt
import functools
import gzip
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb
import pytest
import yaml
from conftest import CommandLine, Run
from cost_formula import Prices, expected_cost
from genai_oracle import Oracle, differs

from orchestration.access.prices import Call, Conditions, find_models, prices_of
from orchestration.access.release import PublishedRelease, open_release
from orchestration.cli.call import cost_in_words
from orchestration.errors import QueryError, SettingsError
from orchestration.publish.price_functions import cost_expression
from orchestration.transform.manifest import MANIFEST

SEED = 20261127
# The command line prints the cost that the function has computed.
CALLS_ON_THE_COMMAND_LINE = 4
# Field of a recorded price list → our name.
FIELDS = {
    "prompt": "prompt",
    "completion": "completion",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write",
    "input_cache_write_1h": "cache_write_1h",
    "request": "request",
    "web_search": "web_search",
}


@pytest.fixture(scope="module")
def release(everything: Run) -> Iterator[PublishedRelease]:
    with open_release(everything.data) as opened:
        yield opened


def recorded_prices(pricing: dict) -> Prices:
    """The prices of a recorded list as the column `prices` has them."""

    def decimals(given: dict) -> Prices:
        found = {ours: Decimal(given[theirs]) if theirs in given else None for theirs, ours in FIELDS.items()}
        return {name: None if price is not None and price < 0 else price for name, price in found.items()}

    conditions = ("min_prompt_tokens", "utc_start", "utc_end")
    overrides = sorted(pricing.get("overrides", []), key=lambda one: one.get("min_prompt_tokens", 0))
    return decimals(pricing) | {
        "overrides": [{name: one.get(name) for name in conditions} | decimals(one) for one in overrides]
    }


@functools.cache
def recorded_list(path: Path) -> dict[str, Prices]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {model["id"]: recorded_prices(model["pricing"]) for model in json.load(file)["data"]}


def newest_list(recordings: Path, day: dt.date) -> dict[str, Prices]:
    """The last list recorded by the end of the day."""
    by_then = [path for path in sorted((recordings / "models").glob("*.json.gz")) if path.name[:8] <= f"{day:%Y%m%d}"]
    return recorded_list(by_then[-1])


def dbt_macro(call: Call) -> str:
    """SQL of the dbt macro for a call, as a model would contain it."""
    numbers = (call.prompt, call.completion, call.cached, call.cache_written, call.searches)
    return cost_expression(MANIFEST, "prices", *map(str, numbers), "null")


def random_call(random: Random) -> Call:
    """Often just above or below the length at which the price of a prompt changes."""
    prompt = random.choice([random.randint(1, 400_000), 32_001, 128_001, 200_000, 200_001, 256_001, 272_000, 272_001])
    cached = random.choice([0, random.randint(0, prompt)])
    return Call(prompt, random.randint(0, 30_000), cached, random.randint(0, prompt - cached) // 3)


@pytest.mark.parametrize("calls", [40, pytest.param(200, marks=pytest.mark.long)])
def test_five_ways_to_the_cost_of_a_call_agree(
    release: PublishedRelease, everything: Run, recordings: Path, command_line: CommandLine, calls: int
) -> None:
    """The listed price of a day is also the one that usage of the day is joined to."""
    exported = everything.published.parent / "exports" / "genai-prices" / "data.json"
    oracle = Oracle(json.loads(exported.read_text(encoding="utf-8"), parse_float=Decimal))
    random = Random(SEED)
    rows = release.connection.execute(
        "select model_id, period_start, price_basis, prompt_usd_per_mtok, completion_usd_per_mtok from spend_model "
        "where period = 'day' and price_basis in ('observed', 'carried') and model_id is not null "
        "and price_class = 'paid' order by all"
    ).fetchall()
    tiers = 0
    for number, (model, day, basis, prompt_price, completion_price) in enumerate(random.sample(rows, calls)):
        call = random_call(random)
        [listed] = prices_of(release, model, day, call=call).listed
        assert (listed["price_basis"], listed["prompt_usd_per_mtok"], listed["completion_usd_per_mtok"]) == (
            basis,
            prompt_price,
            completion_price,
        )
        recorded = newest_list(recordings, day).get(model)
        assert recorded is not None or basis == "carried"
        expected = expected_cost(
            recorded or listed["prices"], call.prompt, call.completion, call.cached, call.cache_written
        )
        assert expected is not None
        tiers += bool(listed["prices"]["overrides"])
        macro = f"select {dbt_macro(call)} from price_on('{model}', '{day}')"
        found = [listed["cost_usd"], release.connection.sql(macro).fetchall()[0][0]]
        if number < CALLS_ON_THE_COMMAND_LINE:
            options = {"prompt": call.prompt, "completion": call.completion, "cached": call.cached}
            options["cache-written"] = call.cache_written
            flags = [f"--{name}={value}" for name, value in options.items()]
            shown = command_line("price", model, "--at", f"{day}", *flags, "--json", "--data", str(everything.data))
            assert shown.returncode == 0, shown.stderr
            found.append(Decimal(json.loads(shown.stdout)["listed"][0]["cost_usd"]))
        assert set(found) == {expected}, (model, day, call)
        theirs = oracle.cost(model, day, call.prompt, call.completion, call.cached, call.cache_written)
        assert not differs(expected, theirs), (model, day, call)
    assert tiers


@pytest.mark.parametrize(
    ("day", "basis"), [("2026-06-22", "backcast"), ("2026-06-25", "observed"), ("2026-07-01", "carried")]
)
def test_price_of_a_day_states_its_basis(few_run: Run, day: str, basis: str) -> None:
    with open_release(few_run.data) as release:
        [(model,)] = release.connection.sql(
            "select min(model_id) from price_current where prompt_usd_per_mtok > 0"
        ).fetchall()
        [listed] = prices_of(release, model, dt.date.fromisoformat(day)).listed
    assert listed["price_basis"] == basis


def test_model_is_found_by_permaslug_and_with_prefix(few_run: Run) -> None:
    with open_release(few_run.data) as release:
        [(model, slug)] = release.connection.sql(
            "select model_id, model_permaslug from price_current where model_id = 'anthropic/claude-sonnet-4.5'"
        ).fetchall()
        assert slug != model
        for name in (model, slug, f"openrouter/{model}"):
            assert [row["model_id"] for row in prices_of(release, name).listed] == [model]


def test_unknown_model_and_endpoint_have_plain_messages(few_run: Run) -> None:
    with open_release(few_run.data) as release:
        with pytest.raises(QueryError, match=r"Similar: .*anthropic/claude-sonnet-4\.5"):
            prices_of(release, "anthropic/claude-sonet-4.5")
        with pytest.raises(QueryError, match=r"no endpoint 'nowhere'.*Its endpoints then: none"):
            prices_of(release, "anthropic/claude-sonnet-4.5", tag="nowhere")


def test_impossible_call_is_refused() -> None:
    with pytest.raises(SettingsError, match="10 tokens, but 8 cached and 3 written"):
        Call(10, 0, 8, 3)
    with pytest.raises(SettingsError, match="must not be negative"):
        Call(10, -1)


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        ("0.072", "$0.072"),
        ("0", "$0.00"),
        ("12.5", "$12.50"),
        ("1234.5678919", "$1,234.567891"),
        ("0.0000004", "$4.0e-7"),
        (None, "unknown"),
    ],
)
def test_cost_is_cut_as_the_source_charges_it(cost: str | None, shown: str) -> None:
    assert cost_in_words(None if cost is None else Decimal(cost)) == shown


CALL = Call(50_000, 2_000, 40_000)


def found_ids(release: PublishedRelease, **wanted: object) -> list[str]:
    return find_models(release, CALL, Conditions(**wanted)).models["model_id"].to_pylist()


def test_models_are_sorted_by_the_cost_of_the_call(simulated: Run) -> None:
    with open_release(simulated.data) as release:
        found = find_models(release, CALL, Conditions(variant="all"))
        prices = release.connection.sql(
            "select model_id, prices from price_current "
            "where not starts_with(model_id, '~') and context_length >= 52000"
        ).fetchall()
    expected = {model: expected_cost(one, CALL.prompt, CALL.completion, CALL.cached) for model, one in prices}
    rows = found.models.to_pylist()
    assert {row["model_id"]: row["cost_usd"] for row in rows} == {
        model: cost for model, cost in expected.items() if cost is not None
    }
    assert [row["cost_usd"] for row in rows] == sorted(row["cost_usd"] for row in rows)
    assert found.without_cost == list(expected.values()).count(None)
    assert all(row["input_cost_usd"] + row["output_cost_usd"] == row["cost_usd"] for row in rows)
    endpoints = [row for row in rows if row["endpoint_tag"]]
    assert endpoints
    assert all(row["endpoint_cost_usd"] is not None for row in endpoints)


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        ({"context": 200_000}, "context_length >= 200000"),
        ({"has_tools": True}, "has_tools"),
        ({"is_open": True}, "model_permaslug in (select model_permaslug from model where weights = 'open')"),
        ({"max_cost_usd": 0.05}, "cost_usd(prices, 50000, 2000, cached_tokens := 40000) <= 0.05"),
        (
            {"is_growing": True},
            "model_permaslug in (select model_permaslug from growth_model where horizon = '28d' and growth_low > 0 "
            "and window_end = (select max(window_end) from growth_model where horizon = '28d'))",
        ),
        (
            {"min_uptime_pct": 99.0},
            """model_id in (
                select e.model_id
                from price_endpoint as e
                join endpoint_uptime as u using (model_id, provider_name, endpoint_tag)
                where e.is_up and e.context_length >= 52000
                    and cost_usd(e.prices, 50000, 2000, cached_tokens := 40000) is not null
                    and u.date in (select distinct date from endpoint_uptime order by date desc limit 7)
                group by e.model_id, provider_name, endpoint_tag
                having avg(u.median_uptime_30m_pct) >= 99
            )""",
        ),
    ],
)
def test_find_applies_each_condition(simulated: Run, wanted: dict, condition: str) -> None:
    with open_release(simulated.data) as release:
        everything = set(found_ids(release))
        ids = {
            model
            for (model,) in release.connection.sql(f"select model_id from price_current where {condition}").fetchall()
        }
        found = set(found_ids(release, **wanted))
    assert found == everything & ids
    assert found < everything


def test_find_says_which_facts_are_unknown(sampled: Run, command_line: CommandLine) -> None:
    """The sample has neither supported parameters nor endpoints: conditions on them leave nothing, and why is said."""
    call = ["--prompt", "50000", "--completion", "2000", "--data", str(sampled.data)]
    every = json.loads(command_line("find", *call, "--format", "json").stdout)["rows"]
    for option, fact in ((["--tools"], "support for tools"), (["--min-uptime", "99"], "uptime")):
        done = command_line("find", *call, *option)
        assert "No model meets all conditions." in done.stdout
        [(count,)] = [re.findall(rf"(\d+) more are left out: {fact} unknown\.", done.stderr)]
        assert int(count) >= len(every) > 50


def test_facts_that_are_too_old_are_marked(simulated: Run, command_line: CommandLine) -> None:
    """Against the clock, which is the time now for live data: ten days later, everything in the release is too old."""
    with open_release(simulated.data) as release:
        later = release.clock + dt.timedelta(days=10)
    find = ["find", "--prompt", "50000", "--completion", "2000", "--data", str(simulated.data)]
    marks = ["Endpoints were", "Listed prices were", "The tokens behind growth and reasons were"]
    for settings, shown in (({}, []), ({"ROUTERSCOPE_NOW": later.isoformat()}, marks)):
        done = command_line(*find, **settings)
        assert [mark for mark in marks if f"{mark} observed so long ago" in done.stderr] == shown
        assert ("(as of " in done.stdout) == bool(shown)


@pytest.mark.usefixtures("all_recordings")  # the sample has no prices of searches
def test_parts_of_the_cost_are_named(everything: Run, command_line: CommandLine) -> None:
    call = ["price", "anthropic/claude-sonnet-4.5", "--prompt", "50000", "--completion", "2000"]
    call += ["--data", str(everything.data)]
    assert "$0.18 at the listed price (input $0.15, output $0.03)" in command_line(*call).stdout
    assert "(input $0.15, output and searches $0.05)" in command_line(*call, "--searches", "2").stdout


def test_prices_fit_into_80_columns(simulated: Run, command_line: CommandLine) -> None:
    with duckdb.connect(str(simulated.published), read_only=True) as connection:
        [(model,)] = connection.sql(
            "select model_id from price_endpoint where is_listed and length(model_id) > 25 group by model_id "
            "order by count(*) desc, model_id limit 1"
        ).fetchall()
    call = ["--prompt", "50000", "--completion", "2000", "--cached", "40000", "--data", str(simulated.data)]
    shown = command_line("price", model, *call, COLUMNS="80")
    assert shown.returncode == 0, shown.stderr
    assert "SIMULATED" in shown.stdout
    endpoints = shown.stdout.partition("Endpoints as observed on ")[2].partition("\n\n")[0].splitlines()[1:]
    assert len(endpoints) > 3
    assert max(map(len, endpoints)) <= 80
    found = command_line("find", *call, COLUMNS="80")
    assert found.returncode == 0, found.stderr
    assert " 1. " in found.stdout
    assert "SIMULATED" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["price", "a/b", "--at", "yesterday"], "not a valid day"),
        (["price", "a/b", "--at", "9999-12-31"], "not a valid day"),
        (["price", "a/b", "--prompt", "1", "--time", "noon"], "not a valid time"),
        (["find"], "Describe a call"),
        (["find", "--prompt", "1", "--cached", "2"], "Both are parts of the prompt"),
    ],
)
def test_wrong_options_exit_2(command_line: CommandLine, arguments: list[str], message: str) -> None:
    done = command_line(*arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_found_models_become_a_promptfoo_configuration(
    simulated: Run, command_line: CommandLine, tmp_path: Path
) -> None:
    """Its limit is the cost of the user's own call on the most expensive model that is shown."""
    file = tmp_path / "promptfooconfig.yaml"
    options = ["--prompt", "50000", "--completion", "2000", "--cached", "40000", "--limit", "3"]
    done = command_line("find", *options, "--promptfoo", str(file), "--data", str(simulated.data))
    assert done.returncode == 0, done.stderr
    text = file.read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    with open_release(simulated.data) as release:
        rows = find_models(release, CALL, Conditions()).models.to_pylist()[:3]
    assert [one["id"] for one in config["providers"]] == [f"openrouter:{row['model_id']}" for row in rows]
    assert config["defaultTest"]["assert"] == [{"type": "cost", "threshold": float(rows[-1]["cost_usd"])}]
    assert text.startswith("# SIMULATED")
    nothing = command_line("find", *options, "--max-cost", "0", "--promptfoo", str(file), "--data", str(simulated.data))
    assert nothing.returncode == 1
    assert "was not written" in nothing.stderr
    assert file.read_text(encoding="utf-8") == text
