"""The catalog takes documentation, key and surfaces of the published tables from the manifest."""

from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.catalog import published_tables, upstream_surfaces
from orchestration.transform.manifest import MANIFEST


def test_published_tables_are_documented_and_have_a_key() -> None:
    tables = published_tables(MANIFEST)
    assert [table.name for table in tables] == sorted(table.name for table in tables)
    assert {"scopes", "share_model"} < {table.name for table in tables}
    for table in tables:
        assert table.description, table.name
        assert all(table.columns.values()), table.name
        assert set(table.key) <= table.columns.keys(), table.name


def test_surfaces_are_followed_through_other_models() -> None:
    names = {node["name"]: unique_id for unique_id, node in MANIFEST["nodes"].items()}
    assert upstream_surfaces(MANIFEST, names["stg_openrouter__apps"]) == {"apps"}
    assert {"rankings", "models"} <= upstream_surfaces(MANIFEST, names["spend_model"])
    assert upstream_surfaces(MANIFEST, names["stg_openrouter__responses"]) == set(SURFACES)
