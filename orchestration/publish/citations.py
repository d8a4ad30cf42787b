"""Citation lines for single figures, from the table `citations` of a release.

`citations` has one row per surface, with the citation line of its newest response.
"""

from __future__ import annotations

import datetime as dt
import re

import duckdb

from orchestration.formatting import iso_timestamp

_AS_OF = re.compile(r"(as of|As of|observed) \S+Z")


def citations_by_url(citations: duckdb.DuckDBPyRelation) -> dict[str, str]:
    """Source URL → citation line. If several surfaces share the URL of the rankings, the line of the rankings."""
    lines = citations.order("surface = 'rankings', surface").project("source_url, citation")
    return dict(lines.fetchall())


def citation_as_of(citation: str, as_of: dt.datetime) -> str:
    """A surface's citation line with its `as_of` replaced by the `as_of` of one figure."""
    return _AS_OF.sub(rf"\1 {iso_timestamp(as_of)}", citation)
