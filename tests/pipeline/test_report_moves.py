"""The report follows the raw data: twice the tokens of an author move its tiles, titles, brief, files and pictures."""

import csv
import io
import re
from html import unescape
from pathlib import Path

import duckdb
import pytest
from conftest import Run
from in_memory import Compiled

from orchestration.publish.catalog import published_tables
from orchestration.publish.report.writer import write_report
from orchestration.storage.releases import FILE_NAME
from orchestration.transform.manifest import MANIFEST

TABLES = published_tables(MANIFEST)
MADE = {"source": "replay", "clock": "2026-06-26T00:00:20", "created": "2026-06-26T00:00:20"}


def report(compiled: Compiled, folder: Path, doubled: str) -> Path:
    """The report of the run's raw data, with the tokens of an author doubled."""
    connection = compiled.connect()
    for source in compiled.sources.values():
        connection.execute(f"insert into raw.{source['name']} by name from built.raw.{source['name']}")
    connection.execute(
        "update raw.rankings set total_tokens = 2 * total_tokens where split_part(model_permaslug, '/', 1) = ?",
        [doubled],
    )
    compiled.run(connection, compiled.models)
    folder.mkdir()
    connection.execute(f"attach '{folder / FILE_NAME}' as release")
    for table in TABLES:
        connection.execute(f"create table release.main.{table.name} as from {table.schema}.{table.name}")
    connection.close()
    assert write_report(folder, TABLES, MADE) == []
    return folder / "report"


def test_twice_the_tokens_of_an_author_move_the_report(few_run: Run, tmp_path: Path) -> None:
    compiled = Compiled(few_run.data)
    with duckdb.connect(str(compiled.warehouse), read_only=True) as connection:
        [(author, name, share)] = connection.sql(
            """
            select author, display_name, share
            from marts.share_author join marts.author using (author)
            where period = 'week' and rank = 2 qualify row_number() over (order by period_start desc) = 1
            """
        ).fetchall()
    before, after = few_run.published.parent / "report", report(compiled, tmp_path / "after", author)
    pages = [(folder / "index.html").read_text(encoding="utf-8") for folder in (before, after)]

    def parts(pattern: str) -> list[list[str]]:
        return [
            [unescape(re.sub(r"<[^>]+>", "", one)) for one in re.findall(pattern, page, re.DOTALL)] for page in pages
        ]

    # Its share s becomes 2s / (1 + s): it leads, in the sentence, the tiles, the title and the file.
    doubled = 2 * share / (1 + share)
    sentences = parts(r'<p class="lead">(.*?)</p>')
    assert f"the models of {name} led with {100 * doubled:.1f}%" in sentences[1][0]
    assert sentences[0] != sentences[1]
    tiles = parts(r'<p class="value">(.*?)</p>')
    assert len(tiles[0]) == len(tiles[1]) == 6
    assert all(one != other for one, other in zip(*tiles, strict=True))
    titles = parts(r'<h3 id="authors-title">(.*?)</h3>')
    assert titles[1][0].startswith(f"{name}: {100 * doubled:.1f}% of tokens")
    assert not titles[0][0].startswith(name)
    briefs = [next(folder.glob("brief-*.md")).read_text(encoding="utf-8") for folder in (before, after)]
    assert briefs[0] != briefs[1]
    rows = [
        [
            row
            for row in csv.DictReader(io.StringIO((folder / "authors.csv").read_text(encoding="utf-8")))
            if row["author"] == author
        ]
        for folder in (before, after)
    ]
    for old, new in zip(*rows, strict=True):
        assert float(new["share"]) == pytest.approx(2 * float(old["share"]) / (1 + float(old["share"])))
    for picture in ("authors", "weights", "countries", "input-price", "dollars"):
        for kind in ("png", "svg"):
            assert (before / f"{picture}.{kind}").read_bytes() != (after / f"{picture}.{kind}").read_bytes(), picture
