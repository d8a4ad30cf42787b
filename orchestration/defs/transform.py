"""dbt's models, seeds and data tests as one set of Dagster assets and checks.

The manifest is made anew when a hash of dbt's inputs has changed, and never read when it is stale.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation, DbtCliResource, dbt_assets

from orchestration.defs.lineage import ColumnLineage, as_table
from orchestration.defs.resources import DBT, OWNERS, POOL, failures
from orchestration.errors import WarehouseError
from orchestration.settings import PROJECT_DIR, Settings
from orchestration.warehouse import Warehouse

_INPUTS = ("dbt_project.yml", "profiles.yml", "dbt_project/**/*", "models/**/*", "seeds/**/*")
_TARGET = PROJECT_DIR / "target"
# dbt dies without a word when it cannot write its own files.
_ROOM = 8 * 1024 * 1024
_RESULTS: Final = "run_results.json"


def _inputs_hash() -> str:
    digest = hashlib.sha256((PROJECT_DIR / "requirements.lock").read_bytes())
    for pattern in _INPUTS:
        for path in sorted(path for path in PROJECT_DIR.glob(pattern) if path.is_file()):
            digest.update(str(path.relative_to(PROJECT_DIR)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def manifest() -> dict[str, Any]:
    """dbt's manifest of the project as it is now. Raises WarehouseError if dbt cannot parse the project."""
    stamp, path = _TARGET / "manifest.sha256", _TARGET / "manifest.json"
    wanted = _inputs_hash()
    if not (path.exists() and stamp.exists() and stamp.read_text() == f"{wanted} {_hash(path)}"):
        parsed = subprocess.run(  # noqa: S603  # our own dbt, with fixed arguments
            [DBT, "--quiet", "--no-use-colors", "parse", "--profiles-dir", PROJECT_DIR],
            cwd=PROJECT_DIR,
            capture_output=True,
            text=True,
            check=False,
        )
        if parsed.returncode:
            raise WarehouseError(f"dbt cannot parse the project, so nothing was built:\n{parsed.stdout}{parsed.stderr}")
        # The manifest's own hash too: dbt started by hand writes the file as well, without a stamp.
        stamp.write_text(f"{wanted} {_hash(path)}")
    return dict(json.loads(path.read_text()))


MANIFEST = manifest()


class Translator(DagsterDbtTranslator):
    """Groups that tell the story: staging, intermediate, then one for each folder of marts."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        folders = dbt_resource_props["fqn"][1:-1]
        return "seeds" if dbt_resource_props["resource_type"] == "seed" else (folders or [None])[-1]

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        return super().get_asset_spec(manifest, unique_id, project).replace_attributes(owners=OWNERS)


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
def dbt_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    with failures():
        data = Settings.load().data
        warehouse = Warehouse(data)
        warehouse.start()
        os.environ["ROUTERSCOPE_DATA_DIR"] = str(data)
        # Beside the warehouse, which one run at a time builds: dbt finds there what it parsed for it before.
        target = data / "dbt"
        (target / _RESULTS).unlink(missing_ok=True)
        invocation = dbt.cli(["build"], context=context, raise_on_error=False, target_path=target)
        lineage = ColumnLineage(MANIFEST, asset_key)
        for event in invocation.stream():
            yield _with_lineage(event, lineage, invocation.target_path) if isinstance(event, dg.Output) else event
        if not invocation.is_successful():
            raise WarehouseError(_what_failed(invocation))
        warehouse.approve()


def _with_lineage(event: dg.Output[Any], lineage: ColumnLineage, target: Path) -> dg.Output[Any]:
    node = MANIFEST["nodes"][event.metadata["unique_id"].value]
    compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
    if node["resource_type"] != "model" or not compiled.exists():
        return event
    columns = lineage.of(node["columns"], compiled.read_text())
    if columns is None:
        return event
    # Once for tools that draw it, once for the page that every Dagster shows.
    made_of = dg.MetadataValue.md(as_table(columns))
    return event.with_metadata({**event.metadata, "dagster/column_lineage": columns, "columns_made_of": made_of})


def _what_failed(invocation: DbtCliInvocation) -> str:
    """The failed models and checks in a sentence each."""
    free = shutil.disk_usage(invocation.target_path).free
    room = f"No space left on device: {free // 1024:,} kB are free. Make room, and run again. " if free < _ROOM else ""
    try:
        results = invocation.get_artifact(_RESULTS)["results"]
    except (FileNotFoundError, json.JSONDecodeError):
        log = invocation.target_path / "dbt.log"
        return f"{room}dbt ended before it built anything. What was published before is as it was. See {log}."
    failed = [
        f"  {result['unique_id'].split('.')[2]}: {(result['message'] or result['status']).strip()}"
        for result in results
        if result["status"] in ("error", "fail", "runtime error")
    ]
    return "\n".join(
        [
            f"{room}{len(failed)} of the models and checks failed. What was published before is as it was.",
            *failed,
            "The build is kept in the warehouse for a look; raw data is untouched.",
        ]
    )


@dg.definitions
def transform_assets() -> dg.Definitions:
    return dg.Definitions(assets=[dbt_models])
