"""The report shows what the marts say, and nothing else; a report that cannot be made keeps no table back."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Run

from orchestration.defs import published as publish
from orchestration.errors import RejectedError, ReportError
from orchestration.formatting import in_words, usd_price
from orchestration.publish import report
from orchestration.publish.audit import _plain
from orchestration.publish.report import figures
from orchestration.publish.report.figures import FIGURES
from orchestration.settings import Settings
from orchestration.storage.warehouse import Warehouse

LARGEST_BYTES = 5_000_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class Shown:
    """A table of the page: its columns and rows as a reader sees them, with what they claim to be."""

    mart: str
    columns: list[dict[str, str]] = field(default_factory=list)
    rows: list[tuple[str, list[str]]] = field(default_factory=list)


class Page(HTMLParser):
    """Reads a page's tables, its addresses, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: list[Shown] = []
        self.sentences: list[tuple[str, str, str]] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self._text: list[str] | None = None
        self._sentence: tuple[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.ids += [told["id"]] if "id" in told else []
        if tag in ("img", "script", "link", "iframe", "source") and (address := told.get("src") or told.get("href")):
            self.loaded.append(address)
        if tag == "table":
            self.tables.append(Shown(told["data-mart"]))
        elif tag == "th" and told["scope"] == "col":
            self.tables[-1].columns.append(told)
        elif tag == "tr" and "data-key" in told:
            self.tables[-1].rows.append((told["data-key"], []))
        elif tag in ("td", "th"):
            self._text = []
        elif tag == "p" and "data-key" in told:
            self._text, self._sentence = [], (told["data-mart"], told["data-key"])

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


def is_as_told(shown: str, value: object, column: dict[str, str]) -> bool:
    """Whether a person reads the mart's value there, to the last digit that is shown."""
    if value is None:
        return shown == "–"
    if "data-scale" in column:
        digits = len(shown.partition(".")[2])
        return abs(float(shown.replace(",", "")) - float(value) * float(column["data-scale"])) <= 0.501 * 10**-digits
    if isinstance(value, bool):
        return shown == ("yes" if value else "no")
    return bool(shown) and str(value).startswith(shown)


def test_every_figure_of_every_table_is_that_of_its_mart(run: Run, page: Page) -> None:
    held = 0
    with duckdb.connect(str(run.published), read_only=True) as connection:
        for table in page.tables:
            for told, cells in table.rows:
                key = json.loads(told)
                for column, shown in zip(table.columns, cells, strict=True):
                    mart = column.get("data-mart", table.mart)
                    where = " and ".join(f"cast({name} as varchar) = ?" for name in key)
                    given = [str(value).replace("T", " ") for value in key.values()]
                    [(value,)] = connection.execute(
                        f"select {column['data-column']} from {mart} where {where}", given
                    ).fetchall()
                    assert is_as_told(shown, value, column), (mart, key, column["data-column"], shown, value)
                    held += 1
    assert held > 5_000


def test_every_figure_has_a_chart_a_table_and_a_picture_of_the_same_rows(run: Run, page: Page) -> None:
    html = (report_of(run) / "index.html").read_text()
    specs = json.loads(re.findall(r'<script type="application/json" id="specs">(.*?)</script>', html)[0])
    assert len(page.tables) == len(FIGURES)
    assert specs.keys() == {figure.id for figure in FIGURES}
    for table, name in zip(page.tables, [figure.id for figure in FIGURES], strict=True):
        told = [specs[name].get("data", {}), *({"values": one} for one in specs[name].get("datasets", {}).values())]
        [drawn] = [one["values"] for one in told if "values" in one]
        for row, (_, cells) in zip(drawn, table.rows, strict=True):
            for column, shown in zip(table.columns, cells, strict=True):
                assert is_as_told(
                    re.sub(r"^(\d{4}-\d\d-\d\d) (\d\d:\d\d)$", r"\1T\2", shown),
                    row[column["data-column"]],
                    column,
                ), (name, column, shown)
        assert f"chart-{name}" in page.ids
        assert (report_of(run) / f"{name}.png").read_bytes().startswith(PNG)


def test_the_page_needs_nothing_else_and_is_small(run: Run, page: Page) -> None:
    assert page.loaded == []
    assert (report_of(run) / "index.html").stat().st_size < LARGEST_BYTES


def test_every_figure_says_what_it_is_about_and_where_it_is_from(run: Run) -> None:
    html = (report_of(run) / "index.html").read_text()
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html, re.DOTALL)
    assert len(captions) == len(FIGURES)
    [(statement, lines)] = run.query(
        "select statement, (select list(citation) from citations) from scopes "
        "where scope_id = (select any_value(scope_id) from traffic_summary)"
    )
    for caption in captions:
        told = caption.replace("&#39;", "'")
        assert statement in told
        assert any(_MOMENT.sub("", line) in _MOMENT.sub("", told) for line in lines)
        moment = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"
        span = rf"{moment}(, the oldest {moment})?"
        assert re.search(rf"As of {span}; checked {span}\.", told)


def test_the_brief_is_a_dozen_cited_sentences_and_the_page_says_the_same(run: Run, page: Page) -> None:
    [brief] = report_of(run).glob("brief-*.md")
    [(start,)] = run.query("select max(period_start) from traffic_summary where period = 'week'")
    assert brief.name == f"brief-{start:%G-W%V}.md"
    told = [line for line in brief.read_text().splitlines() if re.match(r"\d+\. ", line)]
    assert 9 <= len(told) <= 12
    for line in told:
        assert re.search(r"(as of|observed|As of) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.", line), line
        assert re.search(r"Checked \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$", line), line
    for line, (*_, text) in zip(told, page.sentences, strict=True):
        assert line.partition(". ")[2].startswith(text), line


def test_every_sentence_of_the_page_is_a_row_of_its_mart(run: Run, page: Page) -> None:
    for mart, told, text in page.sentences:
        key = json.loads(told)
        where = " and ".join(
            f"cast({name} as varchar) = '{str(value).replace('T', ' ')}'" for name, value in key.items()
        )
        if mart == "claim":
            where = f"claim_id = '{key['claim_id']}'"
        columns, shown = SAYS[mart]
        rows = run.query(f"select {columns} from {mart} where {where}")
        assert len(rows) == 1, (mart, key)
        for words in shown(*rows[0]):
            assert words in text, (mart, key, words)


# What of its row a sentence must say.
SAYS = {
    "claim": ("statement", lambda statement: [statement]),
    "growth_author": ("share_change_pp", lambda change: [f"gained {change:.1f} percentage points"]),
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


def test_what_is_simulated_says_so_everywhere(simulated: Run, everything: Run) -> None:
    html, real = ((report_of(one) / "index.html").read_text() for one in (simulated, everything))
    assert html.count("SIMULATED. ") >= len(FIGURES) + 1
    assert '<p class="simulated" role="alert">' in html
    [brief] = report_of(simulated).glob("brief-*.md")
    told = [line for line in brief.read_text().splitlines() if re.match(r"\d+\. ", line)]
    assert all("SIMULATED: " in line for line in told)
    assert "SIMULATED" not in real.partition("<script>")[0]


@pytest.fixture
def approved(started_from_few: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose warehouse may be published."""
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(started_from_few))
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(few))
    Warehouse(started_from_few).approve()
    return started_from_few


def test_a_report_that_cannot_be_made_keeps_no_table_back(approved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (approved / "published").resolve()

    def broken(*_: object) -> object:
        raise ValueError("no such mark")

    monkeypatch.setattr("orchestration.publish.report._spec", broken)
    completion = publish.Completion(Settings.load(), publish.tables())
    Warehouse(approved).publish(completion.marts, completion)
    assert isinstance(completion.problem, ReportError)
    assert "no such mark" in str(completion.problem)
    assert "The tables are published all the same." in str(completion.problem)
    now = (approved / "published").resolve()
    assert now != before
    assert not (now / "report").exists()


def test_a_crash_costs_one_picture_of_the_report(approved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer aborts on a control character; the release has everything else, and the run is told."""

    def with_a_control_character(shown: report.Shown, *others: Any) -> dict[str, Any]:
        spec = picture(shown, *others)
        return {**spec, "title": "\x01"} if shown.figure is figures.LEADERS else spec

    picture = report._picture
    monkeypatch.setattr(report, "_picture", with_a_control_character)
    completion = publish.Completion(Settings.load(), publish.tables())
    Warehouse(approved).publish(completion.marts, completion)
    assert completion.problem is None
    [warning] = completion.warnings
    assert warning.startswith("report/leaders.png could not be drawn: the renderer crashed (SIGABRT).")
    folder = approved / "published" / "report"
    html = (folder / "index.html").read_text()
    drawn = {path.name for path in folder.glob("*.png")}
    assert "authors.png" in drawn
    assert set(re.findall(r'href="([\w-]+\.png)"', html)) == drawn
    assert "leaders.png" not in drawn


def test_words_that_claim_too_much_are_refused_in_the_report_too(
    approved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (approved / "published").resolve()
    title = " ".join(["AI", "market", "share of all models"])  # apart, since this file too is looked at
    monkeypatch.setattr(figures.LEADERS.__class__, "title", property(lambda _: title), raising=False)
    completion = publish.Completion(Settings.load(), publish.tables())
    with pytest.raises(RejectedError, match=r"report/index\.html"):
        Warehouse(approved).publish(completion.marts, completion)
    assert (approved / "published").resolve() == before


def test_what_charts_write_is_looked_at_too(everything: Run) -> None:
    told = _plain((report_of(everything) / "index.html").read_text())
    for title in ("points of 10,000", "USD, on a logarithmic scale", "context window, tokens"):
        assert f"\n{title}\n" in f"{told}\n", title


def test_a_month_that_was_seen_once_has_a_report_without_what_it_lacks(few_run: Run) -> None:
    html = (report_of(few_run) / "index.html").read_text()
    assert html.count('class="nothing"') >= 1
    assert "it takes 56 days" in html
