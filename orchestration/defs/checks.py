"""Checks on raw data: that files are what their schema says, what the source sends anew, and how old it is.

Checks on models and marts are dbt's data tests, beside the SQL; dagster-dbt shows them as checks of the same assets.
"""

from __future__ import annotations

import datetime as dt

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.defs.raw import raw_key
from orchestration.defs.resources import failures, open_lake, source_of
from orchestration.lake import PROVENANCE, read_metadata
from orchestration.openrouter.surfaces import SURFACES, Surface
from orchestration.settings import Settings

# The source restates the newest days for three days and publishes once a day: older than this, it has not been asked.
FRESH_HOURS = 36
_SHOWN = 20


def _wrong_columns(found: pa.Schema, wanted: pa.Schema) -> list[str]:
    names = dict.fromkeys([*wanted.names, *found.names])
    return [
        f"{name}: {found.field(name).type if name in found.names else 'missing'}, "
        f"not {wanted.field(name).type if name in wanted.names else 'known'}"
        for name in names
        if name not in found.names or name not in wanted.names or found.field(name).type != wanted.field(name).type
    ]


def _schema_check(surface: Surface) -> dg.AssetChecksDefinition:
    wanted = pa.schema([*surface.schema, *PROVENANCE])

    @dg.asset_check(
        asset=raw_key(surface),
        name="schema",
        blocking=True,
        description="Every file of the lake has the columns and types of its declared schema.",
    )
    def schema() -> dg.AssetCheckResult:
        with failures():
            files = open_lake(Settings.load()).files(surface.name)
            wrong = {
                path.name: problems
                for path in files
                if int(read_metadata(path)["schema_version"]) == surface.schema_version
                and (problems := _wrong_columns(pq.read_schema(path), wanted))
            }
        return dg.AssetCheckResult(
            passed=not wrong,
            metadata={"files": len(files), "wrong_files": len(wrong), "sample": dict(list(wrong.items())[:_SHOWN])},
        )

    return schema


def _new_fields_check(surface: Surface) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=raw_key(surface),
        name="new_fields",
        description="The source sends no field that the schema does not name. What it does is kept in `extra`.",
    )
    def new_fields() -> dg.AssetCheckResult:
        files = [str(path) for path in open_lake(Settings.load()).files(surface.name)]
        # Lists of objects have an `extra` of their own; a field in it is called after the list. Names are our schema's.
        lists = [one.name for one in surface.schema if pa.types.is_list(one.type)]
        lists = [name for name in lists if pa.types.is_struct(surface.schema.field(name).type.value_type)]
        extras = ["SELECT '' AS prefix, extra FROM read_parquet($files)"]
        extras += [f"SELECT '{name}.', unnest({name}).extra FROM read_parquet($files)" for name in lists]  # noqa: S608
        every = " UNION ALL ".join(extras)
        query = f"SELECT DISTINCT prefix || unnest(json_keys(extra)) FROM ({every}) WHERE extra <> ''"  # noqa: S608
        fields = {str(row[0]) for row in duckdb.execute(query, {"files": files}).fetchall()} if files else set()
        new = sorted(fields - surface.untyped)
        return dg.AssetCheckResult(passed=not new, severity=dg.AssetCheckSeverity.WARN, metadata={"new_fields": new})

    return new_fields


def _freshness_check(surface: Surface) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=raw_key(surface),
        name="freshness",
        description=f"The newest response is under {FRESH_HOURS} h older than the clock (in replay, ROUTERSCOPE_NOW).",
    )
    def freshness() -> dg.AssetCheckResult:
        with failures():
            settings = Settings.load()
            now = source_of(settings).now
            moments = [told["as_of"] for told in open_lake(settings).observations(surface.name)]
        newest = max(map(dt.datetime.fromisoformat, moments), default=None)
        age_hours = (now - newest).total_seconds() / 3600 if newest else None
        return dg.AssetCheckResult(
            # Whether there should be any is said by `answered`.
            passed=age_hours is None or age_hours < FRESH_HOURS,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "newest_as_of": str(newest),
                "clock": str(now),
                "age_hours": age_hours,
                "warn_hours": FRESH_HOURS,
            },
        )

    return freshness


@dg.definitions
def raw_checks() -> dg.Definitions:
    makers = (_schema_check, _new_fields_check, _freshness_check)
    return dg.Definitions(asset_checks=[make(surface) for surface in SURFACES.values() for make in makers])
