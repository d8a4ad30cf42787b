"""What describes a generation: `datapackage.json` for programs, `CITATION.txt` for people.

The package is a Frictionless Data Package: every file with its size and hash, every Parquet file with columns, types,
units and key, what may be done with it and how it is cited. What the tables hold is read from them; nothing is added.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from orchestration.storage.warehouse import FILE_NAME, Table, quoted

PACKAGE = "datapackage.json"
CITATION = "CITATION.txt"
SCOPE_OF = {"real": "openrouter_public_traffic", "simulated": "simulated"}
SIMULATED = "SIMULATED. Every model, provider and figure is invented. Not to be quoted."

_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
}
# Told by a column's name, the first that fits. What is no amount has no unit.
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
_MOMENT = re.compile(r"(as of|As of|observed) \S+Z")
_MEDIA_TYPES = {".html": "text/html", ".md": "text/markdown", ".png": "image/png"}
_LICENCES = {
    "CC BY 4.0": {
        "name": "CC-BY-4.0",
        "path": "https://creativecommons.org/licenses/by/4.0/",
        "title": "Creative Commons Attribution 4.0 International",
    }
}


def lines_by_url(citations: duckdb.DuckDBPyRelation) -> dict[str, str]:
    """Source URL → citation line, from `citations`; of surfaces that share the rankings' page, the rankings' own."""
    told = citations.order("surface = 'rankings', surface").project("source_url, citation")
    return dict(told.fetchall())


def citation_as_of(citation: str, as_of: dt.datetime) -> str:
    """A surface's citation line, with the moment of one figure in the place of its newest."""
    return _MOMENT.sub(rf"\1 {as_of:%Y-%m-%dT%H:%M:%SZ}", citation)


def unit_of(column: str) -> str | None:
    """The unit that a column's name tells; None if it is no amount."""
    return next((unit for pattern, unit in _UNITS if re.search(pattern, column)), None)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_package(
    folder: Path, tables: Sequence[Table], scope_id: str, generation: str, made: Mapping[str, str], version: str
) -> None:
    """Write both files beside the tables of a generation; `made` says by which source, and when on its clock."""
    with duckdb.connect(str(folder / FILE_NAME), read_only=True) as connection:
        cited = _rows(connection, "select * from citations order by surface")
        scopes = [one for one in _rows(connection, "from scopes") if one["scope_id"] == scope_id]
        # What is not explained cannot be described; the audit refuses it.
        scope = scopes[0] if scopes else dict.fromkeys(("statement", "left_out", "caveats"), "")
        resources = [_resource(folder, table, connection, cited) for table in tables]
    is_simulated = scope_id == SCOPE_OF["simulated"]
    package = {
        "profile": "data-package",
        "name": "routerscope",
        "title": ("SIMULATED: " if is_simulated else "") + "OpenRouter's public rankings and prices, by Routerscope",
        "description": "\n\n".join(
            [
                *([SIMULATED] if is_simulated else []),
                scope["statement"],
                f"Left out: {scope['left_out']}",
                scope["caveats"],
            ]
        ),
        "version": version,
        "created": made["created"],
        "generation": generation,
        "made": dict(made),
        "scope_id": scope_id,
        "is_simulated": is_simulated,
        "licenses": _licences(cited),
        "sources": [{"title": one["surface"], "path": one["source_url"]} for one in cited],
        "citation": [one["citation"] for one in cited],
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
            *(_file(path, folder) for path in others(folder)),
        ],
    }
    (folder / PACKAGE).write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / CITATION).write_text(_citation(package, scope, cited), encoding="utf-8")


def others(folder: Path) -> list[str]:
    """The files of a generation that are no tables: those of the folders in it, by their path."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/**/*") if path.is_file())


def _resource(
    folder: Path, table: Table, connection: duckdb.DuckDBPyConnection, cited: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    told = [one for one in cited if one["surface"] in table.surfaces]
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
    if told:
        resource |= {"licenses": _licences(told), "citation": [one["citation"] for one in told]}
        resource["sources"] = [{"title": one["surface"], "path": one["source_url"]} for one in told]
    if "as_of" in relation.columns:
        [moments] = relation.aggregate("max(as_of), max(checked_at)").fetchall()
        told_at = zip(("as_of", "checked_at"), moments, strict=True)
        resource |= {name: f"{moment.isoformat()}Z" for name, moment in told_at if moment}
    return resource


def _file(path: str, folder: Path) -> dict[str, Any]:
    suffix = Path(path).suffix
    return {
        "name": re.sub(r"[^a-z0-9-]", "-", path.removesuffix(suffix).lower()),
        "path": path,
        "type": "file",
        "format": suffix[1:],
        "mediatype": _MEDIA_TYPES.get(suffix, "application/octet-stream"),
        **_content(folder / path),
    }


def _type(kind: str) -> str:
    return "number" if kind.startswith("DECIMAL") else "array" if kind.endswith("[]") else _TYPES[kind]


def _content(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "hash": f"sha256:{sha256(path)}"}


def _licences(cited: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each licence once, with the surfaces that it is for; what states none has to be said too."""
    surfaces: dict[str, list[str]] = {}
    for one in cited:
        surfaces.setdefault(one["licence"], []).append(one["surface"])
    return [
        {**_LICENCES.get(licence, {"name": licence, "title": f"Licence: {licence}"}), "surfaces": ", ".join(names)}
        for licence, names in surfaces.items()
    ]


def _citation(package: Mapping[str, Any], scope: Mapping[str, Any], cited: Sequence[Mapping[str, Any]]) -> str:
    lines = [SIMULATED, ""] if package["is_simulated"] else []
    lines += [f"{package['title']}. Version {package['version']}, generation {package['generation']}.", ""]
    lines += ["What the figures are about", f"  {scope['statement']}", f"  Left out: {scope['left_out']}"]
    lines += [f"  {scope['caveats']}", ""]
    lines += ["How to cite a figure: the line of its surface, with the as_of that stands beside the figure", ""]
    for one in cited:
        lines += [f"  {one['surface']} (licence: {one['licence']}; {one['source_url']})", f"    {one['citation']}", ""]
    lines += [
        "The sentences in the table `claim` come with their citation. `routerscope cite` writes one as text, Markdown",
        "or BibTeX, and says later whether it still holds.",
    ]
    return "\n".join(lines) + "\n"


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    relation = connection.sql(sql)
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
