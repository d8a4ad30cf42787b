"""The report in a browser: light and dark, on a phone, by keyboard, without scripts, without a network."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Run
from playwright.sync_api import Browser, Page, expect

from orchestration.publish.report.figures import FIGURES

from .conftest import Visit, screenshot

pytestmark = pytest.mark.xdist_group("report_in_browser")

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1200, "height": 900}


def address(run: Run) -> str:
    return ((run.data / "published" / "report").resolve() / "index.html").as_uri()


def drawn(browser: Browser, run: Run, **context: object) -> Visit:
    """The report of a run, with all of its charts."""
    visit = Visit(browser, address(run), **context)
    visit.page.evaluate("window.routerscope.ready")
    return visit


@pytest.fixture(scope="module", params=["everything", "simulated"])
def run(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def visit(browser: Browser, run: Run) -> Iterator[Visit]:
    visit = drawn(browser, run, viewport=DESK, color_scheme="light")
    yield visit
    visit.context.close()


def test_every_chart_is_drawn_without_errors_or_network(visit: Visit, run: Run) -> None:
    for figure in FIGURES:
        marks = visit.page.locator(f"#chart-{figure.id} svg .mark-group path, #chart-{figure.id} svg .mark-rule line")
        assert marks.count() > 0, figure.id
        box = visit.page.locator(f"#chart-{figure.id} svg").bounding_box()
        assert box is not None
        assert box["width"] > 500, figure.id
    expect(visit.page.get_by_text("has not run")).to_have_count(0)
    assert visit.errors == []
    assert visit.requests == [address(run)]
    screenshot(visit.page, f"report_{run.data.parent.name}", whole=True)


def test_chart_draws_the_rows_of_its_table(visit: Visit) -> None:
    """Vega's data after drawing equals the cells of the table."""
    rows = json.loads(visit.page.evaluate("JSON.stringify(routerscope.views['leaders'].data('source_0'))"))
    cells = visit.page.locator("#leaders tbody tr > :nth-child(5)").all_text_contents()
    assert [f"{100 * row['share']:.2f}" for row in rows] == cells


def test_table_opens_and_scrolls_by_keyboard(visit: Visit) -> None:
    page = visit.page
    table = page.locator("#leaders table")
    expect(table).not_to_be_visible()
    page.locator("#leaders summary").focus()
    page.keyboard.press("Enter")
    expect(table).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#leaders .wide")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.locator("#leaders summary").focus()
    page.keyboard.press("Enter")


def test_every_part_has_a_name_for_screen_readers(visit: Visit) -> None:
    page = visit.page
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("h1").count() == 1
    for figure in FIGURES:
        chart = page.locator(f"#{figure.id} .picture")
        assert chart.get_attribute("role") == "img"
        assert figure.title in str(chart.get_attribute("aria-label"))
        assert page.locator(f"#{figure.id} table caption").count() == 1
        assert page.locator(f"#{figure.id} tbody tr th[scope=row]:only-of-type").count() == (
            page.locator(f"#{figure.id} tbody tr").count()
        )
        columns = page.locator(f"#{figure.id} th[scope=col]").all_text_contents()
        assert page.locator(f"#{figure.id} .meanings dt").all_text_contents() == columns
        assert all(page.locator(f"#{figure.id} .meanings dd").all_text_contents())
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id).filter(id => id)")
    assert len(ids) == len(set(ids))
    page.keyboard.press("Tab")
    links = page.evaluate("[...document.querySelectorAll('nav a')].map(one => one.getAttribute('href').slice(1))")
    assert set(links) <= set(ids)


def contrast(page: Page, text: str, paper: str) -> float:
    """By the formula of WCAG 2."""

    def light(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    read = "([one, name]) => getComputedStyle(document.querySelector(one))[name]"
    one, two = sorted(
        (light(page.evaluate(read, [text, "color"])), light(page.evaluate(read, [paper, "backgroundColor"])))
    )
    return (two + 0.05) / (one + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_layout_and_contrast(browser: Browser, run: Run, scheme: str) -> None:
    visit = drawn(browser, run, viewport=PHONE, color_scheme=scheme)
    try:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        for text, paper in (("h1", "body"), (".scope", "body"), ("figcaption", "figure"), ("summary", "figure")):
            assert contrast(page, text, paper) >= 4.5, (text, scheme)
        label = page.locator("#chart-leaders svg .role-axis-label text").first
        ink = label.evaluate("one => getComputedStyle(one).fill")
        assert ink == page.locator("h1").evaluate("one => getComputedStyle(one).color")
        for figure in FIGURES:
            box = page.locator(f"#chart-{figure.id} svg").bounding_box()
            assert box is not None
            assert box["width"] <= PHONE["width"]
        assert visit.errors == []
        screenshot(page, f"report_{run.data.parent.name}_{scheme}_phone", whole=True)
    finally:
        visit.context.close()


def test_days_are_utc_in_every_time_zone(browser: Browser, everything: Run) -> None:
    charts = []
    for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles"):
        visit = drawn(browser, everything, viewport=DESK, timezone_id=zone)
        charts.append(visit.page.evaluate("[...document.querySelectorAll('.chart svg')].map(one => one.innerHTML)"))
        visit.context.close()
    assert len(charts[0]) == len(FIGURES)
    for figure, *drawings in zip(FIGURES, *charts, strict=True):
        assert drawings[0] == drawings[1] == drawings[2], figure.id


def test_without_scripts_the_page_points_to_the_tables(browser: Browser, everything: Run) -> None:
    context = browser.new_context(viewport=DESK, java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(address(everything))
        expect(page.locator("#leaders").get_by_text("The table below has its figures.")).to_be_visible()
        page.locator("#leaders summary").click()
        expect(page.locator("#leaders table")).to_be_visible()
    finally:
        context.close()


def test_simulated_page_keeps_its_banner(browser: Browser, simulated: Run) -> None:
    visit = drawn(browser, simulated, viewport=DESK)
    try:
        visit.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(visit.page.locator(".simulated")).to_be_in_viewport()
        expect(visit.page.locator(".simulated")).to_contain_text("Every model, provider and figure is invented")
    finally:
        visit.context.close()


def test_pictures_have_a_readable_size(run: Run) -> None:
    folder = Path(run.data / "published" / "report")
    for figure in FIGURES:
        width = int.from_bytes((folder / f"{figure.id}.png").read_bytes()[16:20], "big")
        assert 1_000 < width < 2_500, figure.id
