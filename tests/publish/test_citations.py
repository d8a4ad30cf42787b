"""Whose line a figure is cited by."""

import duckdb

from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.datapackage import lines_by_url


def test_usage_is_cited_by_the_rankings_whose_page_other_surfaces_share() -> None:
    surfaces = list(SURFACES.values())
    shared = [one.name for one in surfaces if one.source_url == SURFACES["rankings"].source_url]
    assert sorted(shared) == ["benchmarks", "rankings", "tasks"]
    for told in (surfaces, surfaces[::-1]):
        with duckdb.connect() as connection:
            connection.execute("create table citations (surface text, source_url text, citation text)")
            connection.executemany(
                "insert into citations values (?, ?, ?)", [(one.name, one.source_url, one.name) for one in told]
            )
            lines = lines_by_url(connection.table("citations"))
        assert lines[SURFACES["rankings"].source_url] == "rankings"
        assert lines[SURFACES["rankings_export"].source_url] == "rankings_export"
        assert lines[SURFACES["models"].source_url] == "models"
