"""Files and citations of a figure state what they show, from which source and as of when."""

import csv
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from orchestration.publish.report.charts import Size, bars
from orchestration.publish.report.downloads import Label, as_csv, standalone
from orchestration.publish.report.formats import SHARE, Column
from orchestration.publish.report.renderer import render

LABEL = Label(
    "A & B lead with 12.7% of tokens",
    "Share of all tokens.",
    "week of 27 July 2026",
    "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z.",
)
TIMES = {"source_url": "https://openrouter.ai/rankings", "as_of": "2026-08-07T00:05:19", "checked_at": "2026-08-07"}


def test_csv_has_raw_values_and_says_what_they_are() -> None:
    rows = [
        {"author": "a", "name": "A", "share": 0.12713, **TIMES},
        {"author": None, "name": "B", "share": None, **TIMES},
    ]
    columns = [Column("name", "author", mart=None), Column("share", "share", SHARE)]
    [first, second] = csv.DictReader(io.StringIO(as_csv(rows, columns, ["author"], LABEL)))
    assert first == {
        "author": "a",
        "name": "A",
        "share": "0.12713",
        **TIMES,
        "as_of": "2026-08-07T00:05:19Z",
        "figure": "A & B lead with 12.7% of tokens (week of 27 July 2026)",
        "units": "share: fraction of all tokens",
        "source": LABEL.source,
    }
    assert (second["author"], second["share"]) == ("", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1"])
def test_csv_has_no_formulas(text: str) -> None:
    row = {"name": text, "share": -0.5, **TIMES}
    columns = [Column("name", "author", mart=None), Column("share", "share", SHARE)]
    [read] = csv.DictReader(io.StringIO(as_csv([row], columns, [], LABEL)))
    assert read["name"] == f"'{text}"
    assert read["share"] == "-0.5"


def test_simulated_files_are_marked() -> None:
    label = Label(LABEL.title, LABEL.measure, LABEL.period, LABEL.source, "SIMULATED: ")
    [row] = csv.DictReader(io.StringIO(as_csv([{"name": "A", **TIMES}], [Column("name", "author")], [], label)))
    assert row["figure"].startswith("SIMULATED: ")
    assert label.citation.startswith("SIMULATED: ")
    assert "SIMULATED: A" in standalone('<svg width="10" height="10"></svg>', label)


def test_picture_has_title_measure_period_and_source(tmp_path: Path) -> None:
    folder = tmp_path
    chart = bars([{"name": "A", "share": 0.5, "tip": "A"}], Size(600))
    assert render([(folder / "chart.svg", {"spec": chart.to_dict()})]) == {}
    alone = standalone((folder / "chart.svg").read_text(encoding="utf-8"), LABEL)
    tree = ElementTree.fromstring(alone)  # noqa: S314  # our own
    texts = " ".join(one.text or "" for one in tree.iter("{http://www.w3.org/2000/svg}text"))
    assert LABEL.title in texts
    assert f"{LABEL.period}. {LABEL.measure}" in texts
    assert LABEL.source in texts
    width, height = (float(tree.get(name) or 0) for name in ("width", "height"))
    assert 600 < width < 800
    assert height > 100
    assert render([(folder / "chart.png", {"svg": alone})]) == {}
    assert (folder / "chart.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_citation_is_one_line() -> None:
    assert LABEL.citation == (
        "A & B lead with 12.7% of tokens (week of 27 July 2026). "
        "Source: OpenRouter (openrouter.ai/rankings), as of 2026-08-07T00:05:19Z. Compiled by Routerscope."
    )
