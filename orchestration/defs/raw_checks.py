"""Checks on raw data: files have the bytes and the schema that they were written with, and the API has no new fields.

Checks on models and marts are dbt's data tests, beside the SQL; dagster-dbt shows them as checks of the same assets.
Checks on a release as a whole belong to the audit.
"""

from __future__ import annotations

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.defs.raw import raw_key
from orchestration.defs.resources import dagster_failures, open_lake
from orchestration.openrouter.surfaces import SURFACES, Surface
from orchestration.settings import Settings
from orchestration.storage.lake import LEDGER, PROVENANCE, read_metadata
from orchestration.storage.sql import file_pattern

MAX_SAMPLE_FILES = 20


def _wrong_columns(actual: pa.Schema, declared: pa.Schema) -> list[str]:
    """One phrase for each column that is missing, not declared, or of another type."""
    problems = []
    for name in dict.fromkeys([*declared.names, *actual.names]):
        if name not in actual.names:
            problems.append(f"{name} is missing")
        elif name not in declared.names:
            problems.append(f"{name} is not declared")
        elif actual.field(name).type != declared.field(name).type:
            problems.append(f"{name} is {actual.field(name).type}, not {declared.field(name).type}")
    return problems


def _schema_check(surface: Surface) -> dg.AssetChecksDefinition:
    declared = pa.schema([*surface.schema, *PROVENANCE])

    @dg.asset_check(
        asset=raw_key(surface),
        name="schema",
        blocking=True,
        description="Every file of the lake has the columns and types of its declared schema.",
    )
    def schema() -> dg.AssetCheckResult:
        with dagster_failures():
            files = open_lake(Settings.load()).files(surface.name)
            wrong = {
                path.name: problems
                for path in files
                if int(read_metadata(path)["schema_version"]) == surface.schema_version
                and (problems := _wrong_columns(pq.read_schema(path), declared))
            }
        first = "".join(f"{name} ({'; '.join(problems)})" for name, problems in list(wrong.items())[:1])
        return dg.AssetCheckResult(
            passed=not wrong,
            description=f"Files with the wrong schema: {len(wrong)}, such as {first}." if wrong else None,
            metadata={
                "files": len(files),
                "wrong_files": len(wrong),
                "sample": dict(list(wrong.items())[:MAX_SAMPLE_FILES]),
            },
        )

    return schema


def _new_fields_check(surface: Surface) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=raw_key(surface),
        name="new_fields",
        description="The schema has every field that the API sends. Other fields are kept in `extra`.",
    )
    def new_fields() -> dg.AssetCheckResult:
        with dagster_failures():
            files = [file_pattern(path) for path in open_lake(Settings.load()).files(surface.name)]
        # The objects in a list have their own `extra`; its fields are reported with the list's name as a prefix.
        lists = [one.name for one in surface.schema if pa.types.is_list(one.type)]
        lists = [name for name in lists if pa.types.is_struct(surface.schema.field(name).type.value_type)]
        extras = ["select '' as prefix, extra from read_parquet($files)"]
        extras += [f"select '{name}.', unnest({name}).extra from read_parquet($files)" for name in lists]  # noqa: S608
        every = " union all ".join(extras)
        query = f"select distinct prefix || unnest(json_keys(extra)) from ({every}) where extra <> ''"  # noqa: S608
        fields = {str(row[0]) for row in duckdb.execute(query, {"files": files}).fetchall()} if files else set()
        new = sorted(fields - surface.untyped)
        return dg.AssetCheckResult(passed=not new, severity=dg.AssetCheckSeverity.WARN, metadata={"new_fields": new})

    return new_fields


def _intact_check(surface: Surface) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=raw_key(surface),
        name="intact",
        blocking=True,
        description="Every file of the lake has the bytes that it was written with: their hash is in its name.",
    )
    def intact() -> dg.AssetCheckResult:
        with dagster_failures():
            lake = open_lake(Settings.load())
            changed = [str(path.relative_to(lake.root)) for path in lake.changed([surface.name])]
        return dg.AssetCheckResult(
            passed=not changed,
            description=(
                f"Changed files: {len(changed)}, such as {changed[0]}. Restore them from a backup, or move them "
                f"out of the lake and delete {lake.root / LEDGER}, which lists them, and run again."
                if changed
                else None
            ),
            metadata={
                "files": len(lake.files(surface.name)),
                "changed_files": len(changed),
                "sample": dg.MetadataValue.json(changed[:MAX_SAMPLE_FILES]),
            },
        )

    return intact


@dg.definitions
def raw_checks() -> dg.Definitions:
    makers = (_schema_check, _new_fields_check, _intact_check)
    return dg.Definitions(asset_checks=[make(surface) for surface in SURFACES.values() for make in makers])
