"""Loads rankings, models, endpoints and providers into DuckDB with dlt, the way its documentation recommends.

    <python with dlt[duckdb]> pipeline.py <folder> <base URL>

`compare.py` starts it. A row has a primary key where the API has one, and models keep the history of their prices.
Retries, state and schema evolution are those that dlt has by default.
"""

import sys
from pathlib import Path

import dlt
from dlt.sources.rest_api import rest_api_source


def openrouter(base_url: str) -> object:
    history = {"disposition": "merge", "strategy": "scd2"}
    return rest_api_source(
        {
            "client": {"base_url": base_url, "paginator": "single_page"},
            "resources": [
                {
                    "name": "rankings",
                    "endpoint": {"path": "datasets/exports/rankings-daily/latest.json", "data_selector": "$"},
                    "primary_key": ["date", "model_permaslug"],
                    "write_disposition": "merge",
                },
                {
                    "name": "models",
                    "endpoint": {"path": "models", "data_selector": "data"},
                    "write_disposition": history,
                    "max_table_nesting": 0,
                },
                {
                    "name": "endpoints",
                    "endpoint": {"path": "models/{resources.models.id}/endpoints", "data_selector": "data.endpoints"},
                    "merge_key": "model_id",  # the API lists some endpoints of a model under the same name and tag
                    "write_disposition": "merge",
                    "max_table_nesting": 0,
                },
                {
                    "name": "providers",
                    "endpoint": {"path": "providers", "data_selector": "data"},
                    "primary_key": "slug",
                    "write_disposition": "merge",
                    "max_table_nesting": 0,
                },
            ],
        },
        name="openrouter",
    )


if __name__ == "__main__":
    folder, base_url = Path(sys.argv[1]), sys.argv[2]
    pipeline = dlt.pipeline(
        "openrouter",
        pipelines_dir=str(folder / "pipelines"),
        destination=dlt.destinations.duckdb(str(folder / "warehouse.duckdb")),
        dataset_name="openrouter",
    )
    if pipeline.has_pending_data:
        pipeline.run()
    pipeline.run(openrouter(base_url))
