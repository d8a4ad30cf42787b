"""Column lineage is plain data, is traced once, and a model whose SQL cannot be parsed has none."""

from pathlib import Path
from unittest.mock import patch

import pytest

from orchestration.transform import lineage
from orchestration.transform.lineage import ColumnLineage

MANIFEST = {
    "nodes": {
        "model.routerscope.total": {
            "resource_type": "model",
            "unique_id": "model.routerscope.total",
            "database": "warehouse",
            "schema": "marts",
            "alias": "total",
            "columns": {"day": {}, "tokens": {}, "kind": {}},
        }
    },
    "sources": {
        "source.routerscope.raw.rankings": {
            "unique_id": "source.routerscope.raw.rankings",
            "database": "warehouse",
            "schema": "raw",
            "identifier": "rankings",
            "columns": {"date": {}, "prompt": {}, "completion": {}},
        }
    },
}
SQL = """
    with days as (select date as day, prompt + completion as tokens from warehouse.raw.rankings)
    select day, sum(tokens) as tokens, 'all' as kind from days group by day
"""


COLUMNS = ["day", "tokens", "kind"]
RANKINGS = "source.routerscope.raw.rankings"
TRACED = {"day": [(RANKINGS, "date")], "tokens": [(RANKINGS, "completion"), (RANKINGS, "prompt")]}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "lineage.json"


def traced_again(kept: Path, manifest: dict = MANIFEST, sql: str = SQL) -> bool:
    """Whether the SQL is traced although the file may hold its lineage."""
    with patch.object(lineage, "lineage", wraps=lineage.lineage) as trace:
        columns = ColumnLineage(manifest, kept)
        assert columns.of(COLUMNS, sql) == TRACED
        columns.save()
    return trace.called


def test_columns_are_traced_to_their_sources(kept: Path) -> None:
    assert ColumnLineage(MANIFEST, kept).of(COLUMNS, SQL) == TRACED


def test_lineage_is_traced_once(kept: Path) -> None:
    assert [traced_again(kept), traced_again(kept)] == [True, False]


def test_changed_sql_or_manifest_is_traced_again(kept: Path) -> None:
    traced_again(kept)
    assert traced_again(kept, sql=f"{SQL} -- changed")
    renamed = MANIFEST["nodes"] | {
        "seed.routerscope.new": MANIFEST["nodes"]["model.routerscope.total"] | {"alias": "n"}
    }
    assert traced_again(kept, manifest=MANIFEST | {"nodes": renamed})


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[" * 99_999, b"[]", b'{"basis": 1}'])
def test_damaged_lineage_is_traced_again(content: bytes, kept: Path) -> None:
    kept.write_bytes(content)
    assert traced_again(kept)
    assert not traced_again(kept)


def test_altered_lineage_is_traced_again(kept: Path) -> None:
    traced_again(kept)
    kept.write_text(kept.read_text(encoding="utf-8").replace("prompt", "prompts"), encoding="utf-8")
    assert traced_again(kept)


def test_file_that_cannot_be_written_stops_nothing(kept: Path) -> None:
    kept.mkdir()
    assert traced_again(kept)


def test_sql_that_cannot_be_parsed_has_no_lineage(kept: Path) -> None:
    assert ColumnLineage(MANIFEST, kept).of(["day"], "select from where") is None
