"""The report in a browser: its figures are those of the marts; desk, phone, dark, print, keyboard, screen reader."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import Run
from playwright.sync_api import Browser, Page, expect

from orchestration.publish.catalog import published_tables
from orchestration.publish.report.figures import FIGURES
from orchestration.publish.report.formats import MISSING
from orchestration.transform.manifest import MANIFEST

from .conftest import Visit, screenshot

pytestmark = pytest.mark.xdist_group("report_in_browser")

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}
CHARTS = [figure.id for figure in FIGURES if figure.draw]
KEYS = {table.name: table.key for table in published_tables(MANIFEST)}
WORDS = {"trillion": 1e12, "billion": 1e9, "million": 1e6}
DATE = r"\d{1,2} [A-Z][a-z]+ \d{4}"
# What a part of a tooltip may look like after its title: names and words, or a figure with its unit.
DIGITS = r"\d{1,3}(,\d{3})*(\.\d+)?"
NUMBER = (
    rf"[+-]?\$?{DIGITS}( (trillion|billion|million))?%?( points| tokens| per million tokens)?|{DATE}(, \d\d:\d\d UTC)?"
)
# Neither `null` nor a number as programs write it: milliseconds, 7.22e+12.
WORDING = r"(?!null|undefined|NaN|[+-]?\$?(\d{4,}|[\d.]+e[+-]?\d))(?=.*[A-Za-z]).+"
TOOLTIP_PART = re.compile(rf"([a-z][a-z ,0-9-]*): (({NUMBER})|(yes|no)|{WORDING})")

# Every figure of the page: mart, column, the keys of its row, text, and the key of the row subtracted from it.
FIGURES_OF_THE_PAGE = """
() => {
  const found = [];
  for (const row of document.querySelectorAll("figure:not(#leaders) tr[data-key]")) {
    if (!row.dataset.key) continue;
    const heads = row.closest("table").querySelectorAll("thead th");
    const mart = row.closest("table").dataset.mart;
    [...row.cells].forEach((cell, number) => {
      const head = heads[number].dataset;
      if (head.mart !== "none") found.push([head.mart ?? mart, head.column, row.dataset.key, cell.textContent, null]);
    });
  }
  for (const one of document.querySelectorAll("#leaders [data-column][data-mart]")) {
    found.push([one.dataset.mart, one.dataset.column, one.closest("tr").dataset.key, one.textContent, null]);
  }
  for (const one of document.querySelectorAll(".tile [data-column]")) {
    const { mart, column, key, baseKey } = one.dataset;
    found.push([mart, column, key, one.textContent, baseKey ?? null]);
  }
  return found;
}
"""


def address(run: Run) -> str:
    return ((run.data / "published" / "report").resolve() / "index.html").as_uri()


@pytest.fixture(scope="module", params=["everything", "simulated"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def visit(browser: Browser, run: Run) -> Iterator[Visit]:
    visit = Visit(browser, address(run), viewport=DESK, color_scheme="light")
    yield visit
    visit.context.close()


def says(text: str, value: Any, column: str) -> bool:
    """Whether a text states a value, to the last digit that it shows."""
    if value is None:
        return text == MISSING
    if isinstance(value, bool):
        return text == ("yes" if value else "no")
    if isinstance(value, str):
        return text == value
    if isinstance(value, dt.date):
        return dt.datetime.strptime(text.split(",")[0], "%d %B %Y").replace(tzinfo=dt.UTC).date() == (
            value.date() if isinstance(value, dt.datetime) else value
        )
    found = re.fullmatch(r"([+-]?)(-?)\$?([\d,]+(?:\.(\d+))?)(?: (\w+))?(%?)", text.removesuffix(" points"))
    if not found:
        return False
    sign, minus, digits, decimals, word, percent = found.groups()
    scale = WORDS[word] if word else 0.01 if percent and not column.endswith("_pct") else 1
    whole = digits.replace(",", "")
    # Rounded to two or three significant digits, the zeros at the end say nothing.
    step = 10.0 ** -len(decimals) if decimals else 10.0 ** (len(whole) - len(whole.rstrip("0")))
    shown = float(whole) * (-1 if "-" in (sign, minus) else 1)
    return abs(shown - float(value) / scale) <= 0.501 * step


def rows_of(connection: duckdb.DuckDBPyConnection, mart: str, keys: set[str]) -> dict[str, dict[str, Any]]:
    """The row of a mart for each key of the page: a JSON object with the mart's key and other names."""
    names = KEYS[mart]
    assert all(set(names) <= json.loads(key).keys() for key in keys), mart
    found = connection.execute(
        f"select page.key, mart.* from unnest(?::varchar[]) as page (key) inner join {mart} as mart on "
        + " and ".join(f"cast(mart.{name} as varchar) = replace(page.key ->> '{name}', 'T', ' ')" for name in names),
        [sorted(keys)],
    )
    columns = [column for column, *_ in found.description]
    rows = found.fetchall()
    by_key = {key: dict(zip(columns[1:], row, strict=True)) for key, *row in rows}
    assert len(by_key) == len(rows), mart
    return by_key


def test_every_figure_of_the_page_is_that_of_its_mart(visit: Visit, run: Run) -> None:
    found = visit.page.evaluate(FIGURES_OF_THE_PAGE)
    assert {mart for mart, *_ in found} >= {"share_model", "spend_model", "growth_model", "share_segment"}
    assert len(found) > 4_000
    keys: dict[str, set[str]] = {}
    for mart, _, key, _, base_key in found:
        keys.setdefault(mart, set()).update({key, base_key} - {None})
    with duckdb.connect(str(run.published), read_only=True) as connection:
        rows = {mart: rows_of(connection, mart, mart_keys) for mart, mart_keys in keys.items()}
    for mart, column, key, text, base_key in found:
        value = rows[mart].get(key, {}).get(column)
        if base_key:
            value = 100 * (value - rows[mart][base_key][column])
            text = "0.0" if text == "no change" else text
        assert says(text, value, column), (mart, column, key, text, value)


def test_page_has_every_figure_and_draws_every_chart(visit: Visit, run: Run) -> None:
    page = visit.page
    shown = page.evaluate("[...document.querySelectorAll('figure')].map(one => one.id)")
    missing = {"everything": ["categories"], "simulated": []}[run.data.parent.name.split("-")[-1]]
    assert shown == [figure.id for figure in FIGURES if figure.id not in missing]
    for identifier in set(CHARTS) - set(missing):
        box = page.locator(f"#{identifier} .wide svg").bounding_box()
        assert box is not None
        assert 600 < box["width"] <= 1_000
        assert page.locator(f"#{identifier} .wide [aria-roledescription][aria-label]").count() > 0, identifier
        assert page.locator(f"#{identifier} .wide .mark-text text").count() > 0, identifier  # names or numbers
        for kind in ("csv", "png", "svg"):
            assert page.locator(f"#{identifier} figcaption a[href='{identifier}.{kind}']").count() == 1
    assert visit.errors == []
    assert visit.requests == [address(run)]
    screenshot(page, f"report_{run.data.parent.name}", whole=True)


def test_first_screen_has_the_five_tiles_and_the_sentence(browser: Browser, run: Run) -> None:
    for viewport in (DESK, PHONE):
        visit = Visit(browser, address(run), viewport=viewport)
        try:
            expect(visit.page.locator(".lead")).to_be_in_viewport()
            assert visit.page.locator(".tile").count() == 5
            for number in range(5 if viewport is DESK else 4):
                expect(visit.page.locator(".tile .value").nth(number)).to_be_in_viewport()
        finally:
            visit.context.close()


def test_tooltips_read_as_words_and_units(visit: Visit) -> None:
    page = visit.page
    labels = page.evaluate(
        "[...document.querySelectorAll('.wide [aria-roledescription][aria-label]')]"
        ".filter(one => one.closest('.role-mark')).map(one => one.getAttribute('aria-label'))"
    )
    assert len(labels) > 500
    for label in labels:
        for part in label.split("; "):
            assert TOOLTIP_PART.fullmatch(part), label
    mark = page.locator("#weights .wide .mark-rect [aria-label]").first
    mark.scroll_into_view_if_needed()
    page.wait_for_timeout(200)  # scrolling hides the tooltip
    mark.hover()
    expect(page.locator(".tip")).to_be_visible()
    assert page.locator(".tip").inner_text().replace("\n", "; ") == mark.get_attribute("aria-label")
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_be_hidden()


def test_leaderboard_sorts_searches_and_filters(visit: Visit) -> None:
    page = visit.page
    rows = page.locator("#leaders tbody tr:visible")
    every = page.locator("#leaders tbody tr").count()
    assert rows.count() == 20
    page.get_by_role("button", name=f"Show all {every} models").click()
    assert rows.count() == every
    page.get_by_role("button", name="Show the first 20 models").click()
    assert rows.count() == 20
    page.get_by_role("button", name=f"Show all {every} models").click()

    def values(name: str) -> list[float]:
        texts = page.evaluate(f"[...document.querySelectorAll('#leaders tbody tr')].map(one => one.dataset.{name})")
        return [float(text) for text in texts if text]

    for name, title in (("share", "Share"), ("input", "Input"), ("output", "Output"), ("context", "Context")):
        for _ in range(2):
            page.locator("#leaders thead").get_by_role("button", name=title, exact=True).click()
            order = page.locator(f"#leaders th[data-sort={name}]").get_attribute("aria-sort")
            assert values(name) == sorted(values(name), reverse=order == "descending")
            assert page.locator("#leaders th[aria-sort]").count() == 1
    page.locator("#leaders thead").get_by_role("button", name="Rank", exact=True).click()

    name = page.locator("#leaders tbody tr").nth(3).get_attribute("data-name") or ""
    page.locator("#leaders input[name=search]").fill(name.upper())
    assert rows.count() >= 1
    assert all(name in str(one.get_attribute("data-name")) for one in rows.all())
    page.locator("#leaders input[name=search]").fill("no such model")
    expect(page.locator("#leaders .none")).to_be_visible()
    page.locator("#leaders input[name=search]").fill("")
    page.locator("#leaders select[name=price]").select_option("free")
    assert 0 < rows.count() < every
    assert all(float(one.get_attribute("data-input") or 1) == 0 for one in rows.all())
    page.locator("#leaders select[name=price]").select_option("any")
    page.locator("#leaders select[name=weights]").select_option("open")
    assert {one.get_attribute("data-weights") for one in rows.all()} == {"open"}
    page.locator("#leaders select[name=weights]").select_option("all")
    assert rows.count() == every


def test_citation_is_copied_and_figures_have_permalinks(browser: Browser, everything: Run) -> None:
    visit = Visit(browser, address(everything), viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    try:
        page = visit.page
        page.locator("#weights").get_by_role("button", name="Copy citation").click()
        expect(page.locator("#weights button.copy")).to_have_text("Copied")
        text = page.evaluate("navigator.clipboard.readText()")
        title = page.locator("#weights h3").inner_text()
        assert text.startswith(title)
        assert re.search(r"week of .* Source: OpenRouter \(openrouter\.ai/rankings\), as of \S+Z\. Compiled by", text)
        page.goto(f"{address(everything)}#weights")
        expect(page.locator("#weights h3")).to_be_in_viewport()
    finally:
        visit.context.close()


def serious_faults(page: Page, part: str | None = None) -> list[tuple[str, str]]:
    """What axe finds to be serious or critical on a page, or in a part of it."""
    # Axe would list what it finds for every element that passes, too, in most of its time.
    found = Axe().run(page, context=part, options={"resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:300]) for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_axe_finds_nothing_serious(browser: Browser, everything: Run, viewport: dict[str, int], scheme: str) -> None:
    visit = Visit(browser, address(everything), viewport=viewport, color_scheme=scheme)
    try:
        assert serious_faults(visit.page) == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        screenshot(visit.page, f"report_{scheme}_{viewport['width']}", whole=True)
    finally:
        visit.context.close()


def test_page_is_operated_by_keyboard(visit: Visit) -> None:
    page = visit.page
    page.locator("#weights summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#weights table")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#weights .scrolled")).to_be_focused()
    page.locator("#weights summary").focus()
    page.keyboard.press("Enter")
    page.locator("#leaders th[data-sort=input] button").focus()
    page.keyboard.press("Enter")
    assert page.locator("#leaders th[data-sort=input]").get_attribute("aria-sort") == "ascending"
    page.locator("#leaders th[data-sort=rank] button").press("Enter")


def test_ids_are_unique_and_links_lead_somewhere(visit: Visit) -> None:
    page = visit.page
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    links = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map(one => one.hash.slice(1))")
    assert set(links) <= set(ids)


def test_phone_shows_names_and_narrow_charts(browser: Browser, run: Run) -> None:
    visit = Visit(browser, address(run), viewport=PHONE)
    try:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for identifier in ("authors", "input-price"):
            box = page.locator(f"#{identifier} .narrow svg").bounding_box()
            assert box is not None
            assert box["width"] <= PHONE["width"]
            assert page.locator(f"#{identifier} .narrow .mark-text text").count() > 0
        for row in page.locator("#leaders tbody tr:visible").all():
            assert row.locator("th[scope=row]").is_visible()
    finally:
        visit.context.close()


def test_print_tears_no_figure(browser: Browser, everything: Run, tmp_path: Path) -> None:
    """No chart is higher than a page, and a page break never falls inside one."""
    visit = Visit(browser, address(everything), viewport={"width": 690, "height": 1_000})
    try:
        page = visit.page
        page.emulate_media(media="print")
        for identifier in CHARTS:
            figure = page.locator(f"#{identifier}")
            if figure.count():
                assert figure.evaluate("one => getComputedStyle(one).breakInside") == "avoid"
                box = figure.bounding_box()
                assert box is not None
                assert box["height"] < 970, identifier
        assert not page.locator("nav").is_visible()
        file = tmp_path / "report.pdf"
        page.pdf(path=file, format="A4")
        assert 8 <= len(re.findall(rb"/Type\s*/Page\b", file.read_bytes())) <= 40
    finally:
        visit.context.close()


def test_page_is_below_three_megabytes(run: Run) -> None:
    assert (run.data / "published" / "report" / "index.html").stat().st_size < 3_000_000


def test_charts_are_drawn_without_scripts(browser: Browser, everything: Run) -> None:
    context = browser.new_context(viewport=DESK, java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(address(everything))
        expect(page.locator("#weights .wide svg")).to_be_visible()
        assert page.locator("#leaders tbody tr:visible").count() > 20
        expect(page.locator("#leaders .controls")).to_be_hidden()
        page.locator("#weights summary").click()
        expect(page.locator("#weights table")).to_be_visible()
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_simulated_page_keeps_its_banner(browser: Browser, simulated: Run, scheme: str) -> None:
    visit = Visit(browser, address(simulated), viewport=DESK, color_scheme=scheme)
    try:
        visit.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(visit.page.locator(".simulated")).to_be_in_viewport()
        expect(visit.page.locator(".simulated")).to_contain_text("Every model, provider and figure is invented")
        assert serious_faults(visit.page, ".simulated") == []  # the rest is as on any page
    finally:
        visit.context.close()
