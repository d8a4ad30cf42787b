"""The tables of a release, from dbt's manifest: documentation, key, and the surfaces that their figures come from.

A release holds the models of the schema `marts` and the seed `scopes`. Callers pass the manifest in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.openrouter.surfaces import SURFACES
from orchestration.storage.releases import Table

PUBLISHED_SEEDS = ("scopes",)
# The raw table with one row per response, of every surface.
RESPONSES = "responses"

Manifest = Mapping[str, Any]
Node = Mapping[str, Any]


def published_nodes(manifest: Manifest) -> list[Node]:
    """The models and seeds of the manifest that a release holds."""
    return [
        node
        for node in manifest["nodes"].values()
        if (node["resource_type"] == "model" and node["schema"] == "marts")
        or (node["resource_type"] == "seed" and node["name"] in PUBLISHED_SEEDS)
    ]


def published_tables(manifest: Manifest) -> list[Table]:
    """The tables of a release, by name."""
    return sorted((_table(manifest, node) for node in published_nodes(manifest)), key=lambda table: table.name)


def _table(manifest: Manifest, node: Node) -> Table:
    [key] = [
        test["test_metadata"]["kwargs"]["columns"]
        for test in manifest["nodes"].values()
        if test.get("attached_node") == node["unique_id"] and test["test_metadata"]["name"] == "unique_key"
    ]
    surfaces = node["config"]["meta"].get("surfaces") or sorted(upstream_surfaces(manifest, node["unique_id"]))
    return Table(
        name=node["name"],
        schema=node["schema"],
        description=node["description"],
        columns={name: column["description"] for name, column in node["columns"].items()},
        key=tuple(key),
        surfaces=tuple(surfaces),
        third_party_text=tuple(
            name for name, column in node["columns"].items() if column["meta"].get("third_party_text")
        ),
    )


def upstream_surfaces(manifest: Manifest, unique_id: str) -> set[str]:
    """The surfaces that a model reads, directly or through other models."""
    found = set[str]()
    for parent in manifest["parent_map"][unique_id]:
        if parent.startswith("source."):
            name = manifest["sources"][parent]["name"]
            found |= set(SURFACES) if name == RESPONSES else {name}
        else:
            found |= upstream_surfaces(manifest, parent)
    return found
