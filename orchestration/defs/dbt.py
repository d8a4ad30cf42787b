"""dbt's models, seeds and data tests as one set of Dagster assets and checks."""

import graphlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.damaged import set_aside
from orchestration.defs.dbt_cli import DagsterDbtTranslator, DbtCliResource, dbt_assets
from orchestration.defs.markdown import markdown_table, preview
from orchestration.defs.resources import (
    OWNERS,
    POOL,
    DataFolder,
    code_reference,
    dagster_failures,
    freshness_policy,
    group_name,
    reject_build,
)
from orchestration.defs.source import show_source
from orchestration.defs.unchanged import current_inputs, unchanged_results
from orchestration.settings import Settings
from orchestration.storage.releases import Releases
from orchestration.storage.warehouse import Warehouse
from orchestration.transform import WARN_ONLY
from orchestration.transform.lineage import ColumnLineage, SourceColumns
from orchestration.transform.manifest import MANIFEST, describe_test, manifest_folder, parse_state, share_parse_state
from orchestration.transform.results import (
    MAX_WARNING_ROWS,
    BuildResults,
    Result,
    compiled_path,
    is_failure,
    remove_results,
    target_folder,
)

MAX_SAMPLE_COLUMNS = 20
LINEAGE = "lineage.json"
# dbt takes longer to log a statement than most statements take to run.
_LOG_LEVEL = ["--log-level-file", "info"]
BUILDING = "building and checking the models …"
NOTHING_NEW = (
    "nothing new: the lake, the code, the seeds and the settings are those of the published release, so nothing is "
    "built. Its freshness is checked again. To build anyway: make run ARGS=--rebuild"
)


class Translator(DagsterDbtTranslator):
    """Groups models by their folders, and gives checks their descriptions."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        is_seed = dbt_resource_props["resource_type"] == "seed"
        return group_name("seeds") if is_seed else group_name(*dbt_resource_props["fqn"][1:-1])

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description in the `.yml`, without the SQL that dagster-dbt appends; the page links to the file."""
        return str(dbt_resource_props["description"])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id, {})
        if path := node.get("original_file_path"):
            spec = spec.merge_attributes(metadata=code_reference(path))
        if node.get("schema") == "marts":
            section = f"docs/data-dictionary.md#{node['name']}"
            spec = spec.merge_attributes(metadata={"columns_and_units": dg.MetadataValue.path(section)})
        return spec.replace_attributes(owners=OWNERS, freshness_policy=freshness_policy())

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=describe_test(manifest, manifest["nodes"][unique_id]))


TRANSLATOR = Translator()


def asset_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Key of the Dagster asset of a node or source of the manifest."""
    return TRANSLATOR.get_asset_key(node)


class BuildConfig(dg.Config):
    """Whether to build even if nothing has changed since the published release was built."""

    rebuild: bool = False


@dbt_assets(
    manifest=MANIFEST | {"unit_tests": {}},
    dagster_dbt_translator=TRANSLATOR,
    name="dbt",
    pool=POOL,
)
def dbt_models(
    context: dg.AssetExecutionContext,
    config: BuildConfig,
    dbt: DbtCliResource,
    folder: DataFolder,  # noqa: ARG001  # its lock
) -> Iterator[Any]:
    with dagster_failures():
        settings = Settings.load()
        data, inputs = settings.data, current_inputs(settings)
        warehouse = Warehouse(data)
        # Compared with the whole definition: `context.assets_def` is only the selected part of it.
        is_whole = (context.selected_asset_keys, context.selected_asset_check_keys) == (
            dbt_models.keys,
            dbt_models.check_keys,
        )
        if is_whole and not config.rebuild and Releases(data).is_current(inputs, warehouse):
            unchanged = unchanged_results(context.instance, _IN_ORDER, dbt_models.check_keys)
            if unchanged is not None:
                context.log.info(NOTHING_NEW)
                yield from unchanged
                return
        context.log.info(BUILDING)
        if replaced := warehouse.start():
            context.log.warning(replaced)
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(data)
        target = target_folder(data)
        remove_results(target)
        share_parse_state(target)
        lineage = ColumnLineage(MANIFEST, manifest_folder() / LINEAGE)
        arguments = ["build", *WARN_ONLY, *_LOG_LEVEL, "--exclude-resource-type", "unit_test"]
        failed_checks: list[dg.AssetCheckResult] = []
        for is_last_attempt in (False, True):
            invocation = dbt.cli(arguments, context=context, raise_on_error=False, target_path=target)
            try:
                for event in invocation.stream():
                    if isinstance(event, dg.AssetCheckResult) and not event.passed:
                        failed_checks.append(event)  # their rows can be read only after dbt has closed the warehouse
                    else:
                        yield _with_lineage(event, lineage, data) if isinstance(event, dg.Output) else event
            finally:
                if invocation.process.poll() is None:  # the step was interrupted
                    invocation.process.kill()
            results = BuildResults(target, warehouse.path, invocation.process.returncode)
            state = parse_state(target)
            has_other_cause = results.is_killed or results.is_disk_full
            if is_last_attempt or has_other_cause or not (results.is_empty and state.exists()):
                break
            context.log.warning(
                f"dbt exited before it built anything. What it had parsed may be damaged and is kept as "
                f"{set_aside(state)}; dbt parses the project again."
            )
        lineage.save()
        for event in failed_checks:
            result = results.get(str(event.metadata["unique_id"].value))
            yield _with_sample(event, result, results) if result else event
        if not invocation.is_successful() or results.failed() or (is_whole and results.missing()):
            raise reject_build(warehouse, results.describe_failures())
        if is_whole:
            warehouse.approve(inputs)
        else:  # the models that were not built may not match those that were
            context.log.warning(
                "Only part of the models was built and checked. To publish, run the whole job `refresh`."
            )


# Dagster wants the materializations of one step in the order of the lineage.
_IN_ORDER = [
    key
    for key in graphlib.TopologicalSorter(
        {spec.key: [dep.asset_key for dep in spec.deps] for spec in dbt_models.specs}
    ).static_order()
    if key in dbt_models.keys
]


def _with_sample(event: dg.AssetCheckResult, result: Result, results: BuildResults) -> dg.AssetCheckResult:
    sample = dg.MetadataValue.md(preview(results.sample(result), columns=MAX_SAMPLE_COLUMNS))
    # dbt's own status is always "warn", see dbt_project.yml; the check's severity is the declared one.
    metadata = {name: value for name, value in event.metadata.items() if name != "status"} | {"sample": sample}
    if is_failure(result):  # described by the error that rejects the build
        return event._replace(severity=dg.AssetCheckSeverity.ERROR, metadata=metadata)
    description = results.describe(result, MAX_WARNING_ROWS).strip()
    return event._replace(severity=dg.AssetCheckSeverity.WARN, metadata=metadata, description=description)


def _with_lineage(event: dg.Output[Any], lineage: ColumnLineage, data: Path) -> dg.Output[Any]:
    node = MANIFEST["nodes"][event.metadata["unique_id"].value]
    if node["resource_type"] != "model" or not (path := compiled_path(node, data)).exists():
        return event
    columns = lineage.of(node["columns"], path.read_text(encoding="utf-8", errors="replace"))
    return event if columns is None else event.with_metadata({**event.metadata, **_lineage_metadata(columns)})


def _lineage_metadata(columns: SourceColumns) -> dict[str, Any]:
    """Column lineage twice: for tools that draw it, and as a table, which every version of Dagster's UI shows."""
    nodes = MANIFEST["nodes"] | MANIFEST["sources"]
    sources = {
        column: [dg.TableColumnDep(asset_key(nodes[unique_id]), name) for unique_id, name in found]
        for column, found in columns.items()
    }
    rows = [
        (column, ", ".join(f"{one.column_name} of {one.asset_key.to_user_string()}" for one in found))
        for column, found in sources.items()
    ]
    table = markdown_table(("column", "computed from"), rows)
    return {"dagster/column_lineage": dg.TableColumnLineage(sources), "column_sources": dg.MetadataValue.md(table)}


@dg.definitions
def transform_assets() -> dg.Definitions:
    return dg.Definitions(assets=show_source([dbt_models]))
