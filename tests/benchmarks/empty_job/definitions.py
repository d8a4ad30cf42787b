"""The empty job that runs are compared with: one asset, one dbt model and one asset, with every default of Dagster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

DBT = Path(__file__).with_name("dbt")


@dg.asset
def before() -> None: ...


@dbt_assets(manifest=DBT / "target" / "manifest.json")
def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    yield from dbt.cli(["build"], context=context).stream()


@dg.asset(deps=["one"])
def after() -> None: ...


defs = dg.Definitions(
    assets=[before, models, after],
    jobs=[dg.define_asset_job("empty")],
    resources={"dbt": DbtCliResource(project_dir=str(DBT), profiles_dir=str(DBT))},
)
