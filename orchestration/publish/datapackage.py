"""The description of a release: `datapackage.json` for programs, `CITATION.txt` for people.

The package is a Frictionless Data Package: each file with its size and hash, each Parquet file with columns, types,
units, key, licence and citation. All of it is read from the tables of the release and their documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.formatting import SIMULATED_PREFIX
from orchestration.publish.schema import SCHEMA_VERSION
from orchestration.storage.files import sha256
from orchestration.storage.releases import FILE_NAME, Table
from orchestration.storage.sql import quoted, rows_as_dicts

PACKAGE = "datapackage.json"
CITATION = "CITATION.txt"
SCOPE_OF = {"real": "openrouter_public_traffic", "simulated": "simulated"}
SIMULATED = "SIMULATED. Every model, provider and figure is invented. Not to be quoted."
# CC BY 4.0 requires that a change is stated; `sample/LICENSE-DATA.md` has the details.
SAMPLE = (
    "SAMPLE, recorded in summer 2026. It is a subset: some of the rankings and lists of apps that OpenRouter published "
    "then, and the token prices of the models in these rankings."
)

_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
}
# Pattern of a column's name → unit; the first match applies. Columns that are not amounts match no pattern.
_UNITS = (
    (r"usd_per_mtok_per_index_point$", "USD per million tokens and index point"),
    (r"usd_per_mtok(_min|_median|_max|_central)?$", "USD per million tokens"),
    (r"_usd$|^spend_", "USD"),
    (r"_pp$", "percentage points"),
    (r"_pct$", "percent"),
    (r"_hours$", "hours"),
    (r"_days(_low|_high)?$|^days_", "days"),
    (r"_seconds$", "seconds"),
    (r"tokens_per_second$", "tokens per second"),
    (r"tokens_per_request$", "tokens per request"),
    (r"tokens(_high)?$|^context_length$", "tokens"),
    (r"parameters_b$", "billion parameters"),
    (r"^hhi_", "points of 10,000"),
    (r"share(_low|_high|_of_named)?$|^growth|coverage|^cr\d+$|^(survival|cagr|discount)$", "fraction"),
)
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}
_LICENCES = {
    "CC BY 4.0": {
        "name": "CC-BY-4.0",
        "path": "https://creativecommons.org/licenses/by/4.0/",
        "title": "Creative Commons Attribution 4.0 International",
    }
}


def unit_of(column: str) -> str | None:
    """The unit of a column by its name; None if the column is not an amount."""
    return next((unit for pattern, unit in _UNITS if re.search(pattern, column)), None)


def write_package(
    folder: Path, tables: Sequence[Table], scope_id: str, release: str, made: Mapping[str, str], version: str
) -> None:
    """Write both files beside the tables of a release.

    `release` is its name, `made` the source, its clock and the time of the run (keys source, clock, created).
    """
    with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
        cited = rows_as_dicts(connection.table("citations").order("surface"))
        scopes = [row for row in rows_as_dicts(connection.table("scopes")) if row["scope_id"] == scope_id]
        # The check `scope` rejects a release without a row for its scope.
        scope = scopes[0] if scopes else dict.fromkeys(("statement", "left_out", "caveats"), "")
        resources = [_resource(folder, table, connection, cited) for table in tables]
    is_simulated = scope_id == SCOPE_OF["simulated"]
    notices = [SIMULATED] if is_simulated else [SAMPLE] if made["source"] == "sample" else []
    package = {
        "profile": "data-package",
        "name": "routerscope",
        "title": (SIMULATED_PREFIX if is_simulated else "") + "OpenRouter's public rankings and prices, by Routerscope",
        "description": "\n\n".join(
            [
                *notices,
                scope["statement"],
                f"Not included: {scope['left_out']}",
                scope["caveats"],
            ]
        ),
        "version": version,
        "schema_version": SCHEMA_VERSION,
        "created": made["created"],
        "generation": release,
        "made": dict(made),
        "scope_id": scope_id,
        "is_simulated": is_simulated,
        "licenses": _licences(cited),
        "sources": _sources(cited),
        "citation": [row["citation"] for row in cited],
        "resources": [
            {
                "name": "duckdb",
                "title": "All tables in one DuckDB file",
                "path": FILE_NAME,
                "format": "duckdb",
                "mediatype": "application/vnd.duckdb",
                **_content(folder / FILE_NAME),
            },
            *resources,
            *(_file(path, folder) for path in attachments(folder)),
        ],
    }
    (folder / PACKAGE).write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / CITATION).write_text(_citation(package, notices, scope, cited), encoding="utf-8")


def attachments(folder: Path) -> list[str]:
    """The files in subfolders of a release, such as the report, by their path in the release."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/**/*") if path.is_file())


def _resource(
    folder: Path, table: Table, connection: duckdb.DuckDBPyConnection, cited: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The description of one table and its Parquet file; `cited` are the rows of `citations`."""
    of_table = [row for row in cited if row["surface"] in table.surfaces]
    relation = connection.table(quoted(table.name))
    fields = []
    for name, kind in zip(relation.columns, map(str, relation.types), strict=True):
        field = {"name": name, "type": _type(kind), "description": table.columns[name]}
        fields.append(field | ({"unit": unit} if (unit := unit_of(name)) else {}))
    resource: dict[str, Any] = {
        "name": table.name,
        "path": f"{table.name}.parquet",
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        **_content(folder / f"{table.name}.parquet"),
        "rows": len(relation),
        "description": table.description,
        "surfaces": list(table.surfaces),
        "schema": {"fields": fields, "primaryKey": list(table.key)},
    }
    if of_table:
        resource |= {"licenses": _licences(of_table), "citation": [row["citation"] for row in of_table]}
        resource["sources"] = _sources(of_table)
    if "as_of" in relation.columns:
        [newest] = rows_as_dicts(relation.aggregate("max(as_of) as as_of, max(checked_at) as checked_at"))
        resource |= {name: f"{time.isoformat()}Z" for name, time in newest.items() if time}
    return resource


def _file(path: str, folder: Path) -> dict[str, Any]:
    suffix = Path(path).suffix
    return {
        "name": re.sub(r"[^a-z0-9-]", "-", path.lower()),  # with its ending: a figure has several files
        "path": path,
        "type": "file",
        "format": suffix[1:],
        "mediatype": _MEDIA_TYPES.get(suffix, "application/octet-stream"),
        **_content(folder / path),
    }


def _type(kind: str) -> str:
    if kind.endswith("[]"):
        return "array"
    return "number" if kind.startswith("DECIMAL") else "object" if kind.startswith("STRUCT") else _TYPES[kind]


def _content(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "hash": f"sha256:{sha256(path)}"}


def _sources(cited: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{"title": row["surface"], "path": row["source_url"]} for row in cited]


def _licences(cited: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each licence once, with the surfaces it applies to. Surfaces without a stated licence are listed as such."""
    surfaces: dict[str, list[str]] = {}
    for row in cited:
        surfaces.setdefault(row["licence"], []).append(row["surface"])
    return [
        {**_LICENCES.get(licence, {"name": licence, "title": f"Licence: {licence}"}), "surfaces": ", ".join(names)}
        for licence, names in surfaces.items()
    ]


def _citation(
    package: Mapping[str, Any], notices: Sequence[str], scope: Mapping[str, Any], cited: Sequence[Mapping[str, Any]]
) -> str:
    lines = [line for notice in notices for line in (notice, "")]
    lines += [f"{package['title']}. Version {package['version']}, release {package['generation']}.", ""]
    lines += ["Scope", f"  {scope['statement']}", f"  Not included: {scope['left_out']}", f"  {scope['caveats']}", ""]
    lines += ["How to cite a figure: use the citation of its surface, with the as_of of the figure's row", ""]
    for row in cited:
        lines += [f"  {row['surface']} (licence: {row['licence']}; {row['source_url']})", f"    {row['citation']}", ""]
    lines += [
        "Each sentence in the table `claim` has its own citation. `routerscope cite` prints it as text, Markdown or",
        "BibTeX; `routerscope cite --check` reports whether it still holds.",
    ]
    return "\n".join(lines) + "\n"
