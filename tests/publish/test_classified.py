"""The check of what the seeds do not know."""

import duckdb
import pytest

from orchestration.defs.published import classified


def published(scope_id: str, weights: str, tokens: int) -> duckdb.DuckDBPyConnection:
    """A day of 1000 tokens: a known model has 500, another has `tokens`, the rest is not listed."""
    marts = duckdb.connect()
    key = "'day' AS period, DATE '2026-07-01' AS period_start"
    marts.execute(f"CREATE TABLE traffic_summary AS SELECT {key}, 1000 AS total_tokens, '{scope_id}' AS scope_id")
    for table, values in {
        "share_model (model_permaslug, tokens)": f"('a/known', 500), ('b/new', {tokens})",
        "model (model_permaslug, author, weights, size_class)": f"('a/known', 'a', 'open', 'large'), "
        f"('b/new', 'b', '{weights}', 'unclassified')",
        "author (author, country)": "('a', 'US'), ('b', 'FR')",
    }.items():
        name, _, columns = table.partition(" ")
        more = f"{key}, " if name == "share_model" else ""
        marts.execute(f"CREATE TABLE {name} AS SELECT {more}* FROM (VALUES {values}) AS rows {columns}")
    return marts


@pytest.mark.parametrize(
    ("scope_id", "weights", "tokens", "passed"),
    [
        ("openrouter_public_traffic", "closed", 400, True),
        ("openrouter_public_traffic", "unclassified", 10, False),
        ("openrouter_public_traffic", "unclassified", 9, True),
        ("simulated", "unclassified", 400, True),
    ],
)
def test_a_model_of_weight_must_be_classified(scope_id: str, weights: str, tokens: int, passed: bool) -> None:
    with published(scope_id, weights, tokens) as marts:
        assert classified(marts).passed is passed


def test_what_is_unknown_is_listed_by_tokens() -> None:
    with published("openrouter_public_traffic", "unclassified", 100) as marts:
        shown = {name: value.value for name, value in classified(marts).metadata.items()}
    assert shown["known_weights_share"] == 0.5
    assert shown["known_author_country_share"] == 0.6
    assert shown["unclassified_models"] == 1
    assert "b/new" in shown["by_tokens"]
    assert "a/known" not in shown["by_tokens"]
