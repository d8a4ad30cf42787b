"""Column lineage is plain data, and a model whose SQL cannot be parsed has none."""

from orchestration.transform.lineage import ColumnLineage

MANIFEST = {
    "nodes": {
        "model.routerscope.total": {
            "resource_type": "model",
            "unique_id": "model.routerscope.total",
            "database": "warehouse",
            "schema": "marts",
            "alias": "total",
            "columns": {"day": {}, "tokens": {}, "kind": {}},
        }
    },
    "sources": {
        "source.routerscope.raw.rankings": {
            "unique_id": "source.routerscope.raw.rankings",
            "database": "warehouse",
            "schema": "raw",
            "identifier": "rankings",
            "columns": {"date": {}, "prompt": {}, "completion": {}},
        }
    },
}
SQL = """
    with days as (select date as day, prompt + completion as tokens from warehouse.raw.rankings)
    select day, sum(tokens) as tokens, 'all' as kind from days group by day
"""


def test_columns_are_traced_to_their_sources() -> None:
    rankings = "source.routerscope.raw.rankings"
    assert ColumnLineage(MANIFEST).of(["day", "tokens", "kind"], SQL) == {
        "day": [(rankings, "date")],
        "tokens": [(rankings, "completion"), (rankings, "prompt")],
    }


def test_sql_that_cannot_be_parsed_has_no_lineage() -> None:
    assert ColumnLineage(MANIFEST).of(["day"], "select from where") is None
