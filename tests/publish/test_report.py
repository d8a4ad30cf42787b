"""The report shows the figures of the marts and no others; a failed report does not block the tables."""

import json
import re
import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Run

from orchestration.defs.published import prepare_completion
from orchestration.errors import ReportError
from orchestration.formatting import in_words, usd_price
from orchestration.publish.audit import CHECKS
from orchestration.publish.candidate import ReleaseCandidate, page_text
from orchestration.publish.catalog import published_tables
from orchestration.publish.report import figures, writer
from orchestration.publish.report.figures import FIGURES
from orchestration.settings import Settings
from orchestration.storage.lake import Lake
from orchestration.storage.releases import Releases
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST

LARGEST_BYTES = 5_000_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class PageTable:
    """A table of the page: its mart, its columns, and each row's key and cells."""

    mart: str
    columns: list[dict[str, str]] = field(default_factory=list)
    rows: list[tuple[str, list[str]]] = field(default_factory=list)


class Page(HTMLParser):
    """Reads the tables, addresses, ids and sentences of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[PageTable] = []
        self.sentences: list[tuple[str, str, str]] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self._text: list[str] | None = None
        self._sentence: tuple[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag in ("img", "script", "link", "iframe", "source") and (
            address := attributes.get("src") or attributes.get("href")
        ):
            self.loaded.append(address)
        if tag == "table":
            self.tables.append(PageTable(attributes["data-mart"]))
        elif tag == "th" and attributes["scope"] == "col":
            self.tables[-1].columns.append(attributes)
        elif tag == "tr" and "data-key" in attributes:
            self.tables[-1].rows.append((attributes["data-key"], []))
        elif tag in ("td", "th"):
            self._text = []
        elif tag == "p" and "data-key" in attributes:
            self._text, self._sentence = [], (attributes["data-mart"], attributes["data-key"])

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._text is not None and self.tables[-1].rows:
            self.tables[-1].rows[-1][1].append("".join(self._text))
            self._text = None
        elif tag == "p" and self._sentence and self._text is not None:
            self.sentences.append((*self._sentence, "".join(self._text)))
            self._text = self._sentence = None


def report_of(run: Run) -> Path:
    return (run.data / "published" / "report").resolve()


@pytest.fixture(scope="module", params=["everything", "simulated"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def page(run: Run) -> Page:
    return Page((report_of(run) / "index.html").read_text())


def shows(shown: str, value: object, column: dict[str, str]) -> bool:
    """Whether a cell shows the mart's value, to its last digit."""
    if value is None:
        return shown == "–"
    if "data-scale" in column:
        digits = len(shown.partition(".")[2])
        return abs(float(shown.replace(",", "")) - float(value) * float(column["data-scale"])) <= 0.501 * 10**-digits
    if isinstance(value, bool):
        return shown == ("yes" if value else "no")
    return bool(shown) and str(value).startswith(shown)


def test_every_cell_equals_its_mart(run: Run, page: Page) -> None:
    compared = 0
    with duckdb.connect(str(run.published), read_only=True) as connection:
        for table in page.tables:
            for text, cells in table.rows:
                key = json.loads(text)
                where = " and ".join(f"cast({name} as varchar) = ?" for name in key)
                given = [str(value).replace("T", " ") for value in key.values()]
                by_mart = defaultdict(list)
                for column, shown in zip(table.columns, cells, strict=True):
                    by_mart[column.get("data-mart", table.mart)].append((column, shown))
                for mart, pairs in by_mart.items():
                    names = ", ".join(column["data-column"] for column, _ in pairs)
                    [row] = connection.execute(f"select {names} from {mart} where {where}", given).fetchall()
                    for (column, shown), value in zip(pairs, row, strict=True):
                        assert shows(shown, value, column), (mart, key, column["data-column"], shown, value)
                    compared += len(row)
    assert compared > 5_000


@pytest.mark.usefixtures("all_recordings")
def test_figure_has_chart_table_and_picture_of_the_same_rows(run: Run, page: Page) -> None:
    html = (report_of(run) / "index.html").read_text()
    specs = json.loads(re.findall(r'<script type="application/json" id="specs">(.*?)</script>', html)[0])
    assert len(page.tables) == len(FIGURES)
    assert specs.keys() == {figure.id for figure in FIGURES}
    for table, name in zip(page.tables, [figure.id for figure in FIGURES], strict=True):
        data = [specs[name].get("data", {}), *({"values": one} for one in specs[name].get("datasets", {}).values())]
        [drawn] = [one["values"] for one in data if "values" in one]
        for row, (_, cells) in zip(drawn, table.rows, strict=True):
            for column, shown in zip(table.columns, cells, strict=True):
                assert shows(
                    re.sub(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d)$", r"\1T\2", shown),
                    row[column["data-column"]],
                    column,
                ), (name, column, shown)
        assert f"chart-{name}" in page.ids
        assert (report_of(run) / f"{name}.png").read_bytes().startswith(PNG)


def test_page_is_small_and_loads_nothing(run: Run, page: Page) -> None:
    assert page.loaded == []
    assert (report_of(run) / "index.html").stat().st_size < LARGEST_BYTES


def test_captions_state_scope_citation_and_timestamps(run: Run) -> None:
    html = (report_of(run) / "index.html").read_text()
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html, re.DOTALL)
    assert len(captions) == len(FIGURES)
    [(statement, lines)] = run.query(
        "select statement, (select list(citation) from citations) from scopes "
        "where scope_id = (select any_value(scope_id) from traffic_summary)"
    )
    for caption in captions:
        text = caption.replace("&#39;", "'")
        assert statement in text
        assert any(_MOMENT.sub("", line) in _MOMENT.sub("", text) for line in lines)
        moment = r"\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC"
        span = rf"{moment}( \(oldest {moment}\))?"
        assert re.search(rf"As of {span}; checked {span}\.", text)


def test_brief_is_a_dozen_cited_sentences_of_the_page(run: Run, page: Page) -> None:
    [brief] = report_of(run).glob("brief-*.md")
    [(start,)] = run.query("select max(period_start) from traffic_summary where period = 'week'")
    assert brief.name == f"brief-{start:%G-W%V}.md"
    lines = [line for line in brief.read_text().splitlines() if re.match(r"\d+\. ", line)]
    assert 9 <= len(lines) <= 12
    for line in lines:
        assert re.search(r"(as of|observed|As of) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.", line), line
        assert re.search(r"Checked \d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC\.$", line), line
    for line, (*_, text) in zip(lines, page.sentences, strict=True):
        assert line.partition(". ")[2].startswith(text), line


def test_every_sentence_is_a_row_of_its_mart(run: Run, page: Page) -> None:
    for mart, key_text, text in page.sentences:
        key = json.loads(key_text)
        where = " and ".join(
            f"cast({name} as varchar) = '{str(value).replace('T', ' ')}'" for name, value in key.items()
        )
        if mart == "claim":
            where = f"claim_id = '{key['claim_id']}'"
        columns, shown = CONTAINS[mart]
        rows = run.query(f"select {columns} from {mart} where {where}")
        assert len(rows) == 1, (mart, key)
        for words in shown(*rows[0]):
            assert words in text, (mart, key, words)


# What a sentence must contain of its row.
CONTAINS = {
    "claim": ("statement", lambda statement: [statement]),
    "growth_author": ("share_change_pp", lambda change: [f"by {change:.1f} percentage points"]),
    "share_model": ("model_permaslug, share", lambda slug, share: [slug, f"{100 * share:.1f}%"]),
    "price_history": (
        "model_id, previous_prompt_usd_per_mtok, prompt_usd_per_mtok, completion_usd_per_mtok",
        lambda model, before, now, output: [
            model,
            f"from {usd_price(before)} to {usd_price(now)}",
            f"and {usd_price(output)} after",
        ],
    ),
    "restatement": (
        "first_tokens, last_tokens",
        lambda first, last: [f"from {in_words(first, 'tokens')} to {in_words(last, 'tokens')} tokens"],
    ),
}


def test_simulated_report_is_marked_everywhere(simulated: Run, everything: Run) -> None:
    html, real = ((report_of(one) / "index.html").read_text() for one in (simulated, everything))
    assert html.count("SIMULATED. ") >= len(FIGURES) + 1
    assert '<p class="simulated" role="alert">' in html
    [brief] = report_of(simulated).glob("brief-*.md")
    lines = [line for line in brief.read_text().splitlines() if re.match(r"\d+\. ", line)]
    assert all("SIMULATED: " in line for line in lines)
    assert "SIMULATED" not in real.partition("<script>")[0]


@pytest.fixture
def approved(started_from_few: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose warehouse may be published."""
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(started_from_few))
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(few))
    Warehouse(started_from_few).approve()
    return started_from_few


def test_failed_report_does_not_block_the_tables(approved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (approved / "published").resolve()

    def broken(*_: object) -> object:
        raise ValueError("no such mark")

    monkeypatch.setattr("orchestration.publish.report.writer._spec", broken)
    completion = prepare_completion(Settings.load())
    Releases(approved).publish(Warehouse(approved), completion.tables, completion)
    assert isinstance(completion.report_error, ReportError)
    assert "no such mark" in str(completion.report_error)
    assert "The tables are published without it." in str(completion.report_error)
    now = (approved / "published").resolve()
    assert now != before
    assert not (now / "report").exists()


def test_renderer_crash_loses_one_picture(few_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer aborts on a control character; the report has everything else, and a warning names the picture."""

    def crashing_or_empty(view: writer.FigureView, *_: object) -> dict[str, Any]:
        return {"mark": "point", "title": "\x01" if view.figure is figures.LEADERS else ""}

    monkeypatch.setattr(writer, "_picture", crashing_or_empty)
    release = shutil.copytree(few_run.published.parent, tmp_path / "release", ignore=shutil.ignore_patterns("report"))
    made = {"source": "replay", "clock": "2026-06-26", "created": "2026-06-26"}
    [warning] = writer.write_report(release, published_tables(MANIFEST), made)
    assert warning.startswith("report/leaders.png could not be drawn: the renderer crashed (SIGABRT).")
    html = (release / "report" / "index.html").read_text()
    drawn = {path.name for path in (release / "report").glob("*.png")}
    assert "authors.png" in drawn
    assert set(re.findall(r'href="([\w-]+\.png)"', html)) == drawn
    assert "leaders.png" not in drawn


def test_overclaim_in_a_title_of_the_report_is_found(few_run: Run, tmp_path: Path) -> None:
    # In parts, since this file is searched for overclaims too.
    overclaim = " ".join(["AI", "market", "share of all models"])
    release = shutil.copytree(few_run.published.parent, tmp_path / "release")
    page = release / "report" / "index.html"
    html = page.read_text()
    assert figures.LEADERS.title in html
    page.write_text(html.replace(figures.LEADERS.title, overclaim))
    candidate = ReleaseCandidate(release, published_tables(MANIFEST), "real", release, Lake(few_run.data / "raw"))
    [overclaims] = [check for check in CHECKS if check.name == "overclaims"]
    with duckdb.connect(str(few_run.published), read_only=True) as connection:
        found = list(overclaims.find(candidate, connection))
    assert {row["table"] for row in found} == {"report/index.html"}


def test_titles_of_charts_are_searched_for_overclaims(everything: Run) -> None:
    text = page_text((report_of(everything) / "index.html").read_text())
    for title in ("points of 10,000", "USD, on a logarithmic scale", "context window, tokens"):
        assert f"\n{title}\n" in f"{text}\n", title


def test_short_history_has_a_report_with_empty_figures(few_run: Run) -> None:
    html = (report_of(few_run) / "index.html").read_text()
    assert html.count('class="nothing"') >= 1
    assert "this needs 56 days" in html
