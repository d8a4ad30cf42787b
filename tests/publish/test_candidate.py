"""The texts of a release that readers will see."""

from pathlib import Path

import duckdb

from orchestration.publish.candidate import ReleaseCandidate
from orchestration.storage.lake import Lake
from orchestration.storage.releases import Table


def test_texts_that_differ_in_numbers_alone_are_read_once(tmp_path: Path) -> None:
    table = Table("claim", "marts", "Sentences.", {"statement": "A sentence.", "code": "A code."})
    candidate = ReleaseCandidate(tmp_path, [table], "real", tmp_path / "warehouse.duckdb", Lake(tmp_path / "raw"))
    statements = "On 7 May, X had 9.1%.", "On 12 May, X had 10.25%.", "On 12 May, Y had 10.25%."
    with duckdb.connect() as connection:
        connection.execute(
            "create table claim as select unnest($statements) as statement, 'x' as code",
            {"statements": list(statements)},
        )
        texts = {place: sorted(texts) for place, texts in candidate.texts(connection)}
    assert texts["claim.statement"] == ["On 12 May, X had 10.25%.", "On 12 May, Y had 10.25%."]
    assert texts["claim.code"] == []
