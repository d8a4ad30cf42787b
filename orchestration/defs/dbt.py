"""dbt's models, seeds and data tests as one set of Dagster assets and checks."""

import itertools
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import dagster as dg
import duckdb
import pyarrow as pa
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from orchestration.defs.raw import markdown_table
from orchestration.defs.resources import OWNERS, POOL, DataFolder, code, failures, freshness_policy
from orchestration.errors import RejectedError
from orchestration.settings import Settings
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.lineage import ColumnLineage, as_table
from orchestration.transform.manifest import MANIFEST

# dbt dies without a word when it cannot write its own files.
_ROOM = 8 * 1024 * 1024
_RESULTS: Final = "run_results.json"
_SHOWN = 20
_SAID = 5
# Rows that a warning names: the days that somebody should look at.
_NAMED = 10
# All models are built and all checks run, whatever one of them says: a person wants to know them all.
TELL_ALL = ["--vars", json.dumps({"severity": "warn"})]
# Its log of every statement takes dbt longer to write than most statements take to run.
_LOG = ["--log-level-file", "info"]


# What must have been built, or have found nothing, before anything is published.
_EVERY = {name for name, node in MANIFEST["nodes"].items() if node["resource_type"] in ("model", "seed", "test")}


class Translator(DagsterDbtTranslator):
    """Groups that tell the story: staging, intermediate, marts by their folders. Checks say what they are for."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        folders = dbt_resource_props["fqn"][1:-1]
        return "seeds" if dbt_resource_props["resource_type"] == "seed" else "_".join(folders) or None

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id, {})
        if path := node.get("original_file_path"):
            spec = spec.merge_attributes(metadata=code(path))
        if node.get("schema") == "marts":
            where = f"docs/data-dictionary.md#{node['name']}"
            spec = spec.merge_attributes(metadata={"columns_and_units": dg.MetadataValue.path(where)})
        return spec.replace_attributes(owners=OWNERS, freshness_policy=freshness_policy())

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=_purpose(manifest, manifest["nodes"][unique_id]))


def _purpose(manifest: Mapping[str, Any], test: Mapping[str, Any]) -> str:
    """What a data test makes sure of: its first comment, or what its macro says and the columns it is given."""
    generic = test.get("test_metadata")
    if not generic:
        comment = itertools.takewhile(
            lambda line: line.startswith("--"), _without_config(test["raw_code"]).splitlines()
        )
        return " ".join(line.removeprefix("--").strip() for line in comment)
    said = manifest["macros"][f"macro.{test['package_name']}.test_{generic['name']}"]["description"]
    given = generic["kwargs"].get("columns") or generic["kwargs"].get("conditions") or []
    return f"{said} {'; '.join(given)}".strip()


def _without_config(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.startswith("{{ config"))


TRANSLATOR = Translator()


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Key of the Dagster asset that stands for a node of the manifest."""
    return TRANSLATOR.get_asset_key(node)


@dbt_assets(
    manifest=MANIFEST,
    dagster_dbt_translator=TRANSLATOR,
    exclude="resource_type:unit_test",
    name="dbt",
    pool=POOL,
)
def dbt_models(context: dg.AssetExecutionContext, dbt: DbtCliResource, folder: DataFolder) -> Iterator[Any]:  # noqa: ARG001  # held
    with failures():
        data = Settings.load().data
        warehouse = Warehouse(data)
        warehouse.start()
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(data)
        # Beside the warehouse, which one run at a time builds: dbt finds there what it parsed for it before.
        target = target_of(data)
        (target / _RESULTS).unlink(missing_ok=True)
        lineage = ColumnLineage(MANIFEST, asset_key)
        invocation = dbt.cli(["build", *TELL_ALL, *_LOG], context=context, raise_on_error=False, target_path=target)
        refused = []
        for event in invocation.stream():
            if isinstance(event, dg.AssetCheckResult) and not event.passed:
                refused.append(event)  # what it found can be read when dbt has let go of the warehouse
            else:
                yield _with_lineage(event, lineage, data) if isinstance(event, dg.Output) else event
        told = {result["unique_id"]: result for result in _results(target)}
        for event in refused:
            result = told.get(str(event.metadata["unique_id"].value))
            yield _with_sample(event, result, warehouse) if result else event
        # Not those of `context.assets_def`, which is the selected part of them.
        is_whole = (context.selected_asset_keys, context.selected_asset_check_keys) == (
            dbt_models.keys,
            dbt_models.check_keys,
        )
        if (
            not invocation.is_successful()
            or any(map(_has_failed, told.values()))
            or (is_whole and _EVERY - told.keys())
        ):
            reject(target, warehouse)
        if is_whole:
            warehouse.approve()
        else:  # what was left out may not fit what was built
            context.log.warning(
                "Only a part was built and checked: publishing it takes a run of the whole job `refresh`."
            )


def target_of(data: Path) -> Path:
    """The folder of what dbt writes while it builds the warehouse of a data folder."""
    return data / "dbt"


def compiled(node: Mapping[str, Any], data: Path) -> Path:
    """The SQL that a node of the manifest was built by, last time."""
    return target_of(data) / "compiled" / str(node["package_name"]) / str(node["original_file_path"])


def _with_sample(event: dg.AssetCheckResult, result: Mapping[str, Any], warehouse: Warehouse) -> dg.AssetCheckResult:
    sample = dg.MetadataValue.md(markdown_table(_found(result, warehouse), columns=_SHOWN))
    metadata = {**event.metadata, "sample": sample}
    if _has_failed(result):  # the rejection says what it found
        return event._replace(severity=dg.AssetCheckSeverity.ERROR, metadata=metadata)
    found = _sentence(result, warehouse, _NAMED).strip()
    return event._replace(severity=dg.AssetCheckSeverity.WARN, metadata=metadata, description=found)


def _found(result: Mapping[str, Any], warehouse: Warehouse) -> pa.Table:
    """The first rows that a failed check found: asked once more, since dbt tells only how many."""
    try:
        with duckdb.connect(str(warehouse.path), read_only=True) as connection:
            return connection.sql(result["compiled_code"]).limit(_SHOWN).to_arrow_table()
    except duckdb.Error as error:
        return pa.table({"cannot be shown": [str(error)]})


def reject(target: Path, warehouse: Warehouse) -> NoReturn:
    """Set aside the build that dbt's last command failed on. Raises RejectedError, which says what failed."""
    why = _what_failed(target, warehouse)
    raise RejectedError(f"{why}\n{what_was_kept(warehouse, warehouse.reject(why))}")


def what_was_kept(warehouse: Warehouse, rejected: Path) -> str:
    """For people: where what is, after a build was rejected."""
    published = "What was published before is as it was" if warehouse.published.exists() else "Nothing was published"
    return f"{published}; raw data is untouched. The build is kept in {rejected} for a look."


def _with_lineage(event: dg.Output[Any], lineage: ColumnLineage, data: Path) -> dg.Output[Any]:
    node = MANIFEST["nodes"][event.metadata["unique_id"].value]
    if node["resource_type"] != "model" or not (sql := compiled(node, data)).exists():
        return event
    columns = lineage.of(node["columns"], sql.read_text())
    if columns is None:
        return event
    # Once for tools that draw it, once for the page that every Dagster shows.
    made_of = dg.MetadataValue.md(as_table(columns))
    return event.with_metadata({**event.metadata, "dagster/column_lineage": columns, "columns_made_of": made_of})


def _results(target: Path) -> list[dict[str, Any]]:
    """What dbt's last command says of each model or check; nothing if it ended before it could."""
    try:
        return list(json.loads((target / _RESULTS).read_text())["results"])
    except (FileNotFoundError, json.JSONDecodeError):
        return []


def _what_failed(target: Path, warehouse: Warehouse) -> str:
    """The failed models and checks of dbt's last command in a sentence each."""
    free = shutil.disk_usage(target).free
    room = f"No space left on device: {free // 1024:,} kB are free. Make room, and run again. " if free < _ROOM else ""
    results = _results(target)
    failed = list(filter(_has_failed, results))
    if not failed:
        missing = len(_EVERY - {result["unique_id"] for result in results})
        return f"{room}dbt ended and says nothing of {missing} models and checks. See {target / 'dbt.log'}."
    lines = [_sentence(result, warehouse) for result in failed]
    return "\n".join([f"{room}{len(failed)} of the models and checks failed.", *lines])


def _has_failed(result: Mapping[str, Any]) -> bool:
    """Whether a model could not be built, or a check found what must not be published."""
    if result["status"] in ("warn", "fail"):
        return bool(MANIFEST["nodes"][result["unique_id"]]["config"]["severity"].lower() == "error")
    return result["status"] in ("error", "runtime error")


def _sentence(result: Mapping[str, Any], warehouse: Warehouse, named: int = 1) -> str:
    name = result["unique_id"].split(".")[2]
    if result["status"] not in ("warn", "fail"):
        return f"  {name}: {(result['message'] or result['status']).strip()}"
    rows = [list(row.items())[:_SAID] for row in _found(result, warehouse).slice(0, named).to_pylist()]
    shown = "), (".join(", ".join(f"{column}: {value}" for column, value in row) for row in rows)
    purpose = _purpose(MANIFEST, MANIFEST["nodes"][result["unique_id"]])
    return f"  {name}: {result['failures']} rows are not as they should be, such as ({shown}). {purpose}"


@dg.definitions
def transform_assets() -> dg.Definitions:
    return dg.Definitions(assets=[dbt_models])
