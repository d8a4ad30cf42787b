"""The exports of current prices: each call costs what cost_usd says, and a wrong export is noticed.

`litellm_cost` and `langfuse_cost` are the formats' own rules; `make contract` runs the tools themselves.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import SHARED, Run
from cost_formula import expected_cost
from small_release import CALLS, INEXPRESSIBLE, MODELS, as_decimals, small_release

from orchestration.access.release import open_release
from orchestration.errors import ExportError
from orchestration.publish.exports import EXPORTERS, langfuse, litellm, promptfoo, write_exports
from orchestration.publish.exports.source import ExportSource
from orchestration.storage.releases import FILE_NAME

NIGHTLY = "acme/nightly"
Document = Any
Call = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def source() -> Iterator[ExportSource]:
    with small_release() as connection:
        yield ExportSource.of(connection)


def litellm_cost(document: Document, name: str, call: Call) -> Decimal | None:
    """By `select_tier_for_input`: a range contains prompts longer than its start, up to its end."""
    prompt, completion, cached, written = call
    entry = document.get(f"openrouter/{name}")
    if entry is None:
        return None
    tiers = [one for one in entry.get("tiered_pricing", []) if one["range"][0] < prompt <= one["range"][1]]
    rates = tiers[0] if tiers else entry
    by_default = rates["input_cost_per_token"]
    return (
        (prompt - cached - written) * rates["input_cost_per_token"]
        + cached * rates.get("cache_read_input_token_cost", by_default)
        + written * rates.get("cache_creation_input_token_cost", by_default)
        + completion * rates["output_cost_per_token"]
    )


def langfuse_cost(document: Document, name: str, call: Call) -> Decimal | None:
    """The first tier by priority whose conditions hold, otherwise the default; usage types are disjoint."""
    prompt, completion, cached, written = call
    matching = [one for one in document if re.search(one["matchPattern"], f"openrouter/{name}")]
    if not matching:
        return None
    [body] = matching
    usage = {
        "input": prompt - cached - written,
        "input_cached_tokens": cached,
        "cache_creation_input_tokens": written,
        "output": completion,
    }

    def holds(condition: Document) -> bool:
        counted = sum(n for key, n in usage.items() if re.search(condition["usageDetailPattern"], key))
        return {"gt": counted > condition["value"]}[condition["operator"]]

    tiers = sorted(body["pricingTiers"], key=lambda tier: (tier["isDefault"], tier["priority"]))
    tier = next(tier for tier in tiers if all(map(holds, tier["conditions"])))
    return sum((n * tier["prices"][key] for key, n in usage.items()), Decimal(0))


# Export → its file, the rules of its format, and the ids that it cannot express.
FORMATS: dict[str, tuple[str, Callable[[Document, str, Call], Decimal | None], set[str]]] = {
    "litellm": ("model_prices.json", litellm_cost, INEXPRESSIBLE),
    "langfuse": ("models.json", langfuse_cost, INEXPRESSIBLE | {NIGHTLY}),
}


@pytest.fixture(params=FORMATS)
def tool(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def document(tool: str, source: ExportSource) -> Document:
    return json.loads(EXPORTERS[tool](source)[FORMATS[tool][0]], parse_float=Decimal)


def wrong_costs(tool: str, document: Document) -> list[str]:
    """Names whose call costs other than by the formula, or that are missing or should be."""
    _, cost, inexpressible = FORMATS[tool]
    found = []
    for model, (slug, listed) in MODELS.items():
        for name in (model, slug):
            for call in CALLS:
                expected = expected_cost(as_decimals(listed), *call) if model not in inexpressible else None
                if cost(document, name, call) != expected:
                    found.append(f"{name} {call}")
    return found


def test_every_call_costs_what_the_formula_says(tool: str, document: Document) -> None:
    assert wrong_costs(tool, document) == []


def each_price(document: Document) -> Iterator[tuple[dict, str]]:
    """Every dictionary with a price, and the price's key."""
    if isinstance(document, dict):
        for key, value in document.items():
            if isinstance(value, Decimal):
                yield document, key
            yield from each_price(value)
    elif isinstance(document, list):
        for value in document:
            yield from each_price(value)


def change_first(document: Document, is_wanted: Callable[[str], bool], change: Callable[[Decimal], Decimal]) -> None:
    where, key = next((where, key) for where, key in each_price(document) if is_wanted(key) and where[key] > 0)
    where[key] = change(where[key])


def lose_a_tier(document: Document) -> None:
    for entry in document.values() if isinstance(document, dict) else document:
        for name in ("tiered_pricing", "pricingTiers"):
            if len(entry.get(name, [])) > 1:
                entry[name].pop()
                if name == "tiered_pricing":
                    entry[name][-1]["range"][1] = 10**9
                return


def let_through(document: Document) -> None:
    if isinstance(document, dict):
        document["openrouter/acme/dynamic"] = document["openrouter/acme/plain"] | {"input_cost_per_token": Decimal(-1)}
    else:
        dynamic = copy.deepcopy(document[0])
        dynamic["matchPattern"] = "^openrouter/acme/dynamic$"
        dynamic["pricingTiers"][0]["prices"]["input"] = Decimal(-1)
        document.append(dynamic)


def merge_free(document: Document) -> None:
    if isinstance(document, dict):
        document["openrouter/acme/plain"] = document["openrouter/acme/plain:free"]
    else:
        by_name = {one["modelName"]: one for one in document}
        by_name["acme/plain"]["pricingTiers"] = by_name["acme/plain:free"]["pricingTiers"]


def in_millions(document: Document) -> None:
    for where, key in list(each_price(document)):
        where[key] *= 1_000_000


MUTATIONS: dict[str, Callable[[Document], None]] = {
    "cache price ten times too high": lambda document: change_first(
        document, lambda key: "cache" in key and "1hr" not in key, lambda price: price * 10
    ),
    "tier lost": lose_a_tier,
    "-1 let through": let_through,
    "free and paid merged": merge_free,
    "per million tokens": in_millions,
    "1% too high": lambda document: change_first(
        document, lambda key: "output" in key, lambda price: price * Decimal("1.01")
    ),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_wrong_export_is_noticed(tool: str, document: Document, mutation: str) -> None:
    MUTATIONS[mutation](document)
    assert wrong_costs(tool, document)


def test_no_price_is_negative_and_only_free_models_cost_nothing(document: Document, tool: str) -> None:
    assert min(where[key] for where, key in each_price(document)) >= 0
    cost = FORMATS[tool][1]
    named = {model for model in MODELS if cost(document, model, CALLS[1]) == 0}
    assert named == {"acme/plain:free"}


def test_overrides_of_one_length_are_one_tier(source: ExportSource) -> None:
    [body] = [one for one in langfuse.models(source) if one["modelName"] == "acme/two.tiers"]
    lengths = [condition["value"] for tier in body["pricingTiers"] for condition in tier["conditions"]]
    assert lengths == [131_072, 32_000]


def test_name_does_not_match_a_longer_name(document: Document, tool: str) -> None:
    cost = FORMATS[tool][1]
    assert cost(document, "acme/plain-promo", CALLS[0]) is None
    assert cost(document, "acme/twoxtiers", CALLS[0]) is None
    assert cost(document, "acme/plain", CALLS[0]) != cost(document, "acme/plain-pro", CALLS[0])


def test_litellm_has_prices_of_a_time_of_day(source: ExportSource) -> None:
    entry = litellm.model_prices(source)[f"openrouter/{NIGHTLY}"]
    assert entry["off_peak_pricing"] == {"hours_utc": "16:30-00:30", "input_cost_per_token": Decimal("0.0000005")}


def test_litellm_config_has_hours_where_the_router_reads_them(source: ExportSource) -> None:
    [nightly] = [one for one in litellm.config(source)["model_list"] if one["model_name"] == NIGHTLY]
    assert nightly["model_info"]["off_peak_pricing"]["hours_utc"] == "16:30-00:30"
    assert nightly["litellm_params"]["input_cost_per_token"] == Decimal("0.000001")
    assert "off_peak_pricing" not in nightly["litellm_params"]


def test_litellm_registers_dated_names_first(source: ExportSource) -> None:
    """It would drop the date of a name that follows the name without a date, and change the wrong entry."""
    names = list(litellm.model_prices(source))
    assert names.index("openrouter/acme/plain-20260101") < names.index("openrouter/acme/plain")


def test_litellm_config_has_no_key(source: ExportSource) -> None:
    config = yaml.safe_load(litellm.export(source)["config.yaml"])
    deployments = {one["model_name"]: one["litellm_params"] for one in config["model_list"]}
    assert set(deployments) == set(MODELS) - INEXPRESSIBLE
    assert {one["api_key"] for one in deployments.values()} == {"os.environ/OPENROUTER_API_KEY"}
    assert deployments["acme/plain"]["input_cost_per_token"] == 0.000003  # a number, not the text 3e-06


def test_langfuse_bodies_fit_its_contract_and_rules(source: ExportSource) -> None:
    contract = SHARED / "contract" / "langfuse-models.openapi.yaml"
    if not contract.is_file():
        pytest.skip(f"needs {contract}, which does not exist")
    schemas = yaml.safe_load(contract.read_text(encoding="utf-8"))
    reference = {"$ref": "#/components/schemas/CreateModelRequest", "components": schemas["components"]}
    bodies = json.loads(langfuse.export(source)["models.json"])
    for body in bodies:
        jsonschema.Draft202012Validator(reference).validate(body)
        tiers = body["pricingTiers"]
        assert [tier["priority"] for tier in tiers if tier["isDefault"]] == [0]
        assert [bool(tier["conditions"]) for tier in tiers] == [not tier["isDefault"] for tier in tiers]
        assert len({tier["priority"] for tier in tiers}) == len({tier["name"] for tier in tiers}) == len(tiers)
        assert len({tuple(tier["prices"]) for tier in tiers}) == 1
        assert (body["unit"], body["startDate"]) == ("TOKENS", "2026-08-06T00:38:10Z")
    assert len({body["modelName"] for body in bodies}) == len(bodies)


def test_promptfoo_limit_is_the_cost_on_the_most_expensive_model() -> None:
    candidates = [
        promptfoo.Candidate("a/one", "Rank 1.", Decimal("0.0000001")),
        promptfoo.Candidate("a/two", "Cheap.", Decimal("0.0000009")),
        promptfoo.Candidate("a/route", "", None),
        promptfoo.Candidate("a/{{env.OPENROUTER_API_KEY}}", "A template that promptfoo would fill in.", None),
    ]
    text = promptfoo.promptfoo_config(candidates, "10 prompt tokens", "Source: somewhere.")
    config = yaml.safe_load(text)
    assert config["defaultTest"] == {"assert": [{"type": "cost", "threshold": 0.0000009}]}
    assert [one["id"] for one in config["providers"]] == ["openrouter:a/one", "openrouter:a/two", "openrouter:a/route"]
    assert text.startswith("# Source: somewhere.\n# The cost of a call, at list prices: 10 prompt tokens.\n")
    assert "# a/two: $0.0000009. Cheap.\n" in text
    assert "env." not in text
    assert "defaultTest" not in promptfoo.promptfoo_config(candidates[2:], "", "")


def test_promptfoo_cites_the_ranking_first(source: ExportSource) -> None:
    source.connection.execute("insert into citations values ('rankings', 'Source: rankings.')")
    first = promptfoo_files(source)["promptfooconfig.yaml"].partition("\n")[0]
    source.connection.execute("delete from citations where surface = 'rankings'")
    assert first.startswith("# SIMULATED.")
    assert first.endswith("Source: rankings. Simulated by Routerscope. This is not OpenRouter data.")


def test_every_export_of_simulated_data_is_marked(source: ExportSource) -> None:
    files = litellm.export(source) | promptfoo_files(source) | langfuse.export(source)
    for name in ("model_prices.json", "config.yaml", "promptfooconfig.yaml", "models.json"):
        assert "SIMULATED" in files[name], name


def promptfoo_files(source: ExportSource) -> dict[str, str]:
    source.connection.execute("create or replace macro cost_usd(prices, p, c) as prices.prompt * p")
    return promptfoo.export(source)


def test_release_describes_its_exports(simulated: Run) -> None:
    with open_release(simulated.data) as release:
        described = {one["path"] for one in release.package["resources"] if one["path"].startswith("exports/")}
    written = {
        path.relative_to(simulated.published.parent).as_posix()
        for path in (simulated.published.parent / "exports").rglob("*")
        if path.is_file()
    }
    assert described == written
    assert {name.split("/")[1] for name in written} == set(EXPORTERS)


def test_export_that_fails_leaves_out_only_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_release() as connection:
        connection.execute(f"attach '{tmp_path / FILE_NAME}' as copy; copy from database memory to copy")

    def fail(source: ExportSource) -> dict[str, str]:  # noqa: ARG001
        raise KeyError("x")

    def fail_to_write(source: ExportSource) -> dict[str, str]:  # noqa: ARG001
        return {"a.json": "{}", "missing/b.json": "{}", "a.json/c.json": "{}"}

    exporters = {"first": fail, "second": fail_to_write, "langfuse": langfuse.export}
    monkeypatch.setattr("orchestration.publish.exports.EXPORTERS", exporters)
    with pytest.raises(
        ExportError, match=r"could not be made: first: KeyError: 'x'; second: \w+Error: .*published without them"
    ):
        write_exports(tmp_path)
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["langfuse"]
    assert (tmp_path / "exports" / "langfuse" / "models.json").stat().st_size > 1000


def test_reasoning_is_counted_once(source: ExportSource) -> None:
    """LiteLLM takes it as part of the completion, Langfuse as disjoint usage at the same price."""
    assert not [key for entry in litellm.model_prices(source).values() for key in entry if "reasoning_token" in key]
    tiers = [tier["prices"] for body in langfuse.models(source) for tier in body["pricingTiers"]]
    assert all(one["output"] == one["output_reasoning"] == one["output_reasoning_tokens"] for one in tiers)
