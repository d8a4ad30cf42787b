"""The report shows the figures of the marts and no others; a failed report does not block the tables."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Run

from orchestration.defs.published import prepare_completion
from orchestration.errors import ReportError
from orchestration.formatting import in_words, usd, usd_price
from orchestration.publish.audit import CHECKS
from orchestration.publish.candidate import ReleaseCandidate, page_text
from orchestration.publish.catalog import published_tables
from orchestration.publish.exports import EXPORTERS
from orchestration.publish.price_functions import price_functions
from orchestration.publish.report import writer
from orchestration.publish.report.charts import Drawing
from orchestration.publish.report.figures import FIGURES
from orchestration.publish.seeds import read_seed
from orchestration.settings import Settings
from orchestration.storage.lake import Lake
from orchestration.storage.releases import Releases
from orchestration.storage.warehouse import Warehouse
from orchestration.transform.manifest import MANIFEST
from orchestration.untrusted import plain_text

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MAX_WORDS = 250
PNG = b"\x89PNG\r\n\x1a\n"


def report_of(run: Run) -> Path:
    return (run.data / "published" / "report").resolve()


@pytest.fixture(scope="module", params=["everything", "simulated"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


def test_page_loads_nothing(run: Run) -> None:
    html = (report_of(run) / "index.html").read_text(encoding="utf-8")
    assert not re.findall(r"<(?:img|script|link|iframe|source)[^>]+(?:src|href)=", html)


def test_every_figure_has_its_files(run: Run) -> None:
    folder = report_of(run)
    html = (folder / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r'<figure id="([\w-]+)"', html)
    assert shown
    for figure in FIGURES:
        kinds = [] if figure.id not in shown else ["csv", "png", "svg"] if figure.draw else ["csv"]
        assert [kind for kind in ("csv", "png", "svg") if (folder / f"{figure.id}.{kind}").exists()] == kinds
        for kind in kinds:
            text = (folder / f"{figure.id}.{kind}").read_bytes()
            if kind == "png":
                assert text.startswith(PNG)
                assert 1_000 < int.from_bytes(text[16:20], "big") < 2_500, figure.id
            else:
                assert re.search(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), figure.id


def test_captions_have_the_citation_line(run: Run) -> None:
    html = (report_of(run) / "index.html").read_text(encoding="utf-8")
    captions = re.findall(r"<figcaption>(.*?)<a href=", html, re.DOTALL)
    [(lines,)] = run.query("select list(citation) from citations")
    known = {_MOMENT.sub("", line) for line in lines}
    for caption in captions:
        text = caption.replace("&#39;", "'").removeprefix("SIMULATED: ")
        found = [part for part in re.split(r"(?<=Z\.) ", text.strip()) if part]
        assert found
        assert {_MOMENT.sub("", part) for part in found} <= known, text


def test_caveats_stand_on_the_page_once(run: Run) -> None:
    html = (report_of(run) / "index.html").read_text(encoding="utf-8")
    [(caveats,)] = run.query(
        "select caveats from scopes where scope_id = (select any_value(scope_id) from traffic_summary)"
    )
    assert html.replace("&#39;", "'").count(caveats) == 1


def test_brief_has_at_most_250_words_and_the_findings_of_the_page(run: Run) -> None:
    [brief] = report_of(run).glob("brief-*.md")
    [(start,)] = run.query("select max(period_start) from traffic_summary where period = 'week'")
    assert brief.name == f"brief-{start:%G-W%V}.md"
    text = brief.read_text(encoding="utf-8")
    assert len(text.split()) <= MAX_WORDS
    findings = [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]
    html = (report_of(run) / "index.html").read_text(encoding="utf-8")
    shown = [unescape(one) for one in re.findall(r'<li data-mart="\w+" data-key="[^"]*">(.*?)</li>', html)]
    assert [re.sub(r"\\([\[\]<>`!*_])", r"\1", finding) for finding in findings] == shown
    assert 6 <= len(findings) <= 10
    sources = [line for line in text.splitlines() if line.startswith(("Source: ", "Simulated by "))]
    assert sources
    assert all(_MOMENT.search(line) for line in sources)
    assert text.rstrip().endswith(sources[-1])


def test_findings_state_figures_of_their_rows(run: Run) -> None:
    html = (report_of(run) / "index.html").read_text(encoding="utf-8")
    found = re.findall(r'<li data-mart="(\w+)" data-key="([^"]*)">(.*?)</li>', html)
    for mart, key_text, text in found:
        key = json.loads(unescape(key_text))
        where = " and ".join(f"cast({name} as varchar) = ?" for name in key)
        columns, shown = CONTAINS[mart]
        with duckdb.connect(str(run.published), read_only=True) as connection:
            values = [str(value).replace("T", " ") for value in key.values()]
            [row] = connection.execute(f"select {columns} from {mart} where {where}", values).fetchall()
        assert any(words in unescape(text) for words in shown(*row)), (mart, key, text)
    assert {mart for mart, *_ in found} >= {"share_model", "traffic_summary", "share_segment", "growth_model"}


# What a finding states of its row; a mart of two findings has two forms.
CONTAINS: dict[str, tuple[str, Callable[..., list[str]]]] = {
    "traffic_summary": (
        "total_tokens, spend_plausible_low, spend_plausible_high",
        lambda total, low, high: [f"was {in_words(total, 'tokens')} tokens", f"cost {usd(low)} to {usd(high)}"],
    ),
    "share_segment": ("share", lambda share: [f"at least {100 * share:.1f}%"]),
    "growth_model": ("share_change_pp", lambda change: [f"{change:+.1f} points"]),
    "share_model": ("share", lambda share: [f"with {100 * share:.1f}%", f"at least {100 * share:.1f}%"]),
    "share_app": ("app_name, share", lambda name, share: [f"{name}, {100 * share:.1f}%"]),
    "price_history": (
        "previous_prompt_usd_per_mtok, prompt_usd_per_mtok",
        lambda before, now: [f"input from {usd_price(before)} to {usd_price(now)}"],
    ),
    "restatement": (
        "first_tokens, last_tokens",
        lambda first, last: [f"from {in_words(first, 'tokens')} to {in_words(last, 'tokens')} tokens"],
    ),
}


def test_simulated_report_is_marked_everywhere(simulated: Run, everything: Run) -> None:
    folder = report_of(simulated)
    html, real = ((report_of(one) / "index.html").read_text(encoding="utf-8") for one in (simulated, everything))
    figures_shown = html.count("<figure ")
    assert html.count("SIMULATED: ") >= 2 * figures_shown + 1
    assert '<p class="simulated" role="note">' in html
    [brief] = folder.glob("brief-*.md")
    assert all(
        "SIMULATED: " in line for line in brief.read_text(encoding="utf-8").splitlines() if line.startswith(("- ", "#"))
    )
    for path in (*folder.glob("*.csv"), *folder.glob("*.svg")):
        assert "SIMULATED: " in path.read_text(encoding="utf-8"), path.name
    assert "SIMULATED" not in real


@pytest.fixture
def approved(started_from_few: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose warehouse may be published."""
    monkeypatch.setenv("ROUTERSCOPE_SOURCE", "replay")
    monkeypatch.setenv("ROUTERSCOPE_DATA_DIR", str(started_from_few))
    monkeypatch.setenv("ROUTERSCOPE_REPLAY_DIR", str(few))
    Warehouse(started_from_few).approve()
    return started_from_few


def test_failed_report_and_export_do_not_block_the_tables(approved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (approved / "published").resolve()

    def broken(*_: object) -> object:
        raise ValueError("no such mark")

    monkeypatch.setattr("orchestration.publish.report.writer._spec", broken)
    monkeypatch.setitem(EXPORTERS, "litellm", broken)
    completion = prepare_completion(Settings.load())
    functions = price_functions(MANIFEST)
    Releases(approved).publish(Warehouse(approved), completion.tables, completion, functions)
    assert "litellm: ValueError: no such mark" in str(completion.export_error)
    assert isinstance(completion.report_error, ReportError)
    assert "no such mark" in str(completion.report_error)
    assert "The tables are published without it." in str(completion.report_error)
    now = (approved / "published").resolve()
    assert now != before
    assert not (now / "report").exists()
    assert {path.name for path in (now / "exports").iterdir()} == set(EXPORTERS) - {"litellm"}


def test_renderer_crash_loses_one_chart(few_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer aborts on a control character; the report has everything else, and a warning names the chart."""
    spec = writer._spec

    def crashing(drawing: Drawing) -> dict[str, Any]:
        made = spec(drawing)
        return {"mark": "point", "title": "\x01"} if "mean_tokens" in json.dumps(made) else made

    monkeypatch.setattr(writer, "_spec", crashing)
    monkeypatch.setattr(writer, "FIGURES", [figure for figure in FIGURES if figure.id in ("traffic", "coverage")])
    release = shutil.copytree(few_run.published.parent, tmp_path / "release", ignore=shutil.ignore_patterns("report"))
    made = {"source": "replay", "clock": "2026-06-26", "created": "2026-06-26"}
    [warning] = writer.write_report(release, published_tables(MANIFEST), made)
    assert warning.startswith("report: the chart traffic could not be drawn: the renderer crashed (SIGABRT).")
    html = (release / "report" / "index.html").read_text(encoding="utf-8")
    drawn = {path.name for path in (release / "report").glob("*.png")}
    assert "coverage.png" in drawn
    assert set(re.findall(r'href="([\w-]+\.png)"', html)) == drawn
    assert "traffic.png" not in drawn
    assert (release / "report" / "traffic.csv").exists()
    assert re.search(r'<figure id="traffic".*?<details open>', html, re.DOTALL)


def test_overclaim_in_a_title_of_the_report_is_found(few_run: Run, tmp_path: Path) -> None:
    # In parts, since this file is searched for overclaims too.
    overclaim = " ".join(["AI", "market", "share of all models"])
    release = shutil.copytree(few_run.published.parent, tmp_path / "release")
    page = release / "report" / "index.html"
    html = page.read_text(encoding="utf-8")
    title = "Scope and sources"
    assert title in html
    page.write_text(html.replace(title, overclaim), encoding="utf-8")
    candidate = ReleaseCandidate(release, published_tables(MANIFEST), "real", release, Lake(few_run.data / "raw"))
    [overclaims] = [check for check in CHECKS if check.name == "overclaims"]
    with duckdb.connect(str(few_run.published), read_only=True) as connection:
        found = list(overclaims.find(candidate, connection))
    assert {row["table"] for row in found} == {"report/index.html"}


def test_texts_of_charts_are_searched_for_overclaims(everything: Run) -> None:
    text = page_text((report_of(everything) / "index.html").read_text(encoding="utf-8"))
    for words in ("USD, on a logarithmic scale", "dot: share of tokens; bar: share of implied spend"):
        assert words in text, words


def test_short_history_leaves_out_empty_figures(few_run: Run) -> None:
    html = (report_of(few_run) / "index.html").read_text(encoding="utf-8")
    assert 'id="drivers"' not in html
    [left_out] = re.findall(r"Left out for lack of data: (.*?)\.</p>", html)
    assert "Drivers of growth" in left_out
    assert set(re.findall(r"\w+ weeks? ago", html)) <= {"one week ago", "two weeks ago", "three weeks ago"}


def test_every_country_of_the_seed_has_a_name() -> None:
    views = (Path(writer.__file__).parent / "views.sql").read_text(encoding="utf-8")
    named = set(re.findall(r"\('author_country', '([A-Z]{2})'", views))
    assert {row["country"] for row in read_seed("authors") if row["country"]} <= named


def test_hostile_names_reach_no_file_of_the_report(
    few_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every name begins a formula, has an escape sequence, and reverses the text after it. A PNG has no text."""
    render = writer.render
    monkeypatch.setattr(writer, "render", lambda charts: render(one for one in charts if one[0].suffix == ".svg"))
    release = shutil.copytree(few_run.published.parent, tmp_path / "release", ignore=shutil.ignore_patterns("report"))
    with duckdb.connect(str(release / "routerscope.duckdb")) as connection:
        for table, column in (("model", "name"), ("author", "display_name"), ("share_app", "app_name")):
            connection.execute(f"update {table} set {column} = '=' || chr(27) || '[31m' || chr(8238) || {column}")
    made = {"source": "replay", "clock": "2026-06-26", "created": "2026-06-26"}
    assert writer.write_report(release, published_tables(MANIFEST), made) == []
    texts = {path: path.read_text(encoding="utf-8") for path in (release / "report").iterdir() if path.suffix != ".png"}
    assert [path.name for path, text in texts.items() if plain_text(text) != text.replace("\r\n", "\n")] == []
    assert "=[31m" in texts[release / "report" / "index.html"]
    cells = [
        cell
        for path in texts
        if path.suffix == ".csv"
        for row in csv.reader(path.open(encoding="utf-8", newline=""))
        for cell in row
    ]
    assert [cell for cell in cells if cell.startswith("=")] == []
    assert any(cell.startswith("'=") for cell in cells)
