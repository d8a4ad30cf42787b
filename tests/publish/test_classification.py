"""The check of what the seeds do not classify."""

import duckdb
import pytest

from orchestration.publish.classification import classify


def published(scope_id: str, weights: str, tokens: int) -> duckdb.DuckDBPyConnection:
    """One day of 1000 tokens: a classified model has 500, another has `tokens`, the rest is not listed."""
    marts = duckdb.connect()
    key = "'day' as period, date '2026-07-01' as period_start"
    marts.execute(f"create table traffic_summary as select {key}, 1000 as total_tokens, '{scope_id}' as scope_id")
    for table, values in {
        "share_model (model_permaslug, tokens)": f"('a/known', 500), ('b/new', {tokens})",
        "model (model_permaslug, author, weights, size_class)": f"('a/known', 'a', 'open', 'large'), "
        f"('b/new', 'b', '{weights}', 'unclassified')",
        "author (author, country)": "('a', 'US'), ('b', 'FR')",
    }.items():
        name, _, columns = table.partition(" ")
        more = f"{key}, " if name == "share_model" else ""
        marts.execute(f"create table {name} as select {more}* from (values {values}) as rows {columns}")
    return marts


@pytest.mark.parametrize(
    ("scope_id", "weights", "tokens", "is_complete"),
    [
        ("openrouter_public_traffic", "closed", 400, True),
        ("openrouter_public_traffic", "unclassified", 10, False),
        ("openrouter_public_traffic", "unclassified", 9, True),
        ("simulated", "unclassified", 400, True),
    ],
)
def test_models_above_one_percent_need_classification(
    scope_id: str, weights: str, tokens: int, is_complete: bool
) -> None:
    with published(scope_id, weights, tokens) as marts:
        assert classify(marts).is_complete is is_complete


def test_unclassified_models_are_listed_by_tokens() -> None:
    with published("openrouter_public_traffic", "unclassified", 100) as marts:
        found = classify(marts)
    assert found.shares == {"weights": 0.5, "size_class": 0.5, "author_country": 0.6}
    assert found.unclassified_models == 1
    assert found.sample.column("model_permaslug").to_pylist() == ["b/new"]
