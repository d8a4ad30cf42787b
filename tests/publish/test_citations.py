"""Citation lines: the right one for a source URL, and as of the time of one figure."""

import datetime as dt

import duckdb
import pytest

from orchestration.openrouter.surfaces import SURFACES
from orchestration.publish.citations import citation_as_of, citations_by_url


def test_usage_is_cited_by_the_rankings_despite_a_shared_page() -> None:
    surfaces = list(SURFACES.values())
    shared = [one.name for one in surfaces if one.source_url == SURFACES["rankings"].source_url]
    assert sorted(shared) == ["benchmarks", "rankings", "tasks"]
    for order in (surfaces, surfaces[::-1]):
        with duckdb.connect() as connection:
            connection.execute("create table citations (surface text, source_url text, citation text)")
            connection.executemany(
                "insert into citations values (?, ?, ?)", [(one.name, one.source_url, one.name) for one in order]
            )
            lines = citations_by_url(connection.table("citations"))
        assert lines[SURFACES["rankings"].source_url] == "rankings"
        assert lines[SURFACES["rankings_export"].source_url] == "rankings_export"
        assert lines[SURFACES["models"].source_url] == "models"


@pytest.mark.parametrize("words", ["as of", "As of", "observed"])
def test_citation_states_the_time_of_the_figure(words: str) -> None:
    newest = f"Source: OpenRouter (openrouter.ai/rankings), {words} 2026-08-07T00:05:19Z."
    figure = dt.datetime.combine(dt.date(2026, 7, 1), dt.time(0, 5, 16))
    expected = f"Source: OpenRouter (openrouter.ai/rankings), {words} 2026-07-01T00:05:16Z."
    assert citation_as_of(f"{newest} More.", figure) == f"{expected} More."
