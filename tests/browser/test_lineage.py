"""Dagster's pages over a finished run, in a browser on loopback."""

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest
from conftest import Run, environment
from playwright.sync_api import Browser, Page, expect
from served import served

from .conftest import Visit, screenshot

pytestmark = pytest.mark.xdist_group("lineage_in_browser")

CHAIN = ["openrouter/rankings", "raw/rankings", "staging/stg_openrouter__rankings", "intermediate/int_rankings__latest"]
CHAIN += ["intermediate/int_periods__members", "marts/share_model", "published", "report"]
# What Chromium logs if a test opens the next page while this one is connecting; a refused connection reads otherwise.
LEFT_EARLY = "WebSocket is closed before the connection is established"
STAGES = ["1_openrouter", "2_raw", "3_seeds", "4_staging", "5_intermediate", "6_marts", "7_published", "8_own"]


@pytest.fixture(scope="module")
def webserver(everything: Run, dagster_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`make ui` over the run on all recordings."""
    settings = environment(dagster_home, ROUTERSCOPE_DATA_DIR=everything.data)
    log = tmp_path_factory.mktemp("webserver") / "log"
    with served("make ui PORT={port}", "server_info", settings, log) as url:
        yield url


def test_ui_is_read_only(webserver: str) -> None:
    query = "{ permissions { permission value } }"
    response = httpx.post(f"{webserver}/graphql", json={"query": query}, timeout=60).raise_for_status()
    permissions = response.json()["data"]["permissions"]
    allowed = {one["permission"]: one["value"] for one in permissions}
    assert not allowed["launch_pipeline_execution"]
    assert not allowed["terminate_pipeline_execution"]


@pytest.fixture(scope="module")
def visit(browser: Browser, webserver: str) -> Iterator[Visit]:
    visit = Visit(browser, webserver, viewport={"width": 1600, "height": 1000})
    yield visit
    visit.context.close()


@pytest.fixture
def page(visit: Visit, webserver: str) -> Iterator[Page]:
    """A page that must request nothing beyond loopback and log no error."""
    visit.requests.clear()
    visit.errors.clear()
    yield visit.page
    assert [url for url in visit.requests if not url.startswith((webserver, "data:", "blob:"))] == []
    assert [error for error in visit.errors if LEFT_EARLY not in error] == []


def shortened(name: str) -> re.Pattern[str]:
    """A name as Dagster shows it: a long one is shortened in its middle."""
    return re.compile(f"^({name}|{name[:3]}.*{name[-5:]})$")


def test_lineage_lists_groups_by_stage(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/asset-groups")
    shown = [page.get_by_text(stage, exact=True).first for stage in STAGES]
    for group in shown:
        group.wait_for()
    heights = [(group.bounding_box() or {"y": 0})["y"] for group in shown]
    assert heights == sorted(heights)
    page.wait_for_timeout(1500)
    screenshot(page, "lineage")


def test_lineage_reaches_from_endpoint_to_report(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/marts/share_model?view=lineage&lineageScope=neighbors&lineageDepth=6")
    for name in CHAIN:
        page.get_by_text(shortened(name.rpartition("/")[2])).first.wait_for()
    page.wait_for_timeout(1500)
    screenshot(page, "share_model_lineage")


def test_column_lineage_is_shown(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/marts/share_model")
    page.get_by_role("row").filter(has_text="column_sources").get_by_text("[Show Markdown]").click()
    page.get_by_text("total_tokens of intermediate/int_periods__totals").first.wait_for()
    page.wait_for_timeout(500)
    screenshot(page, "share_column_lineage")


def test_mart_shows_columns_descriptions_and_checks(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/marts/share_model")
    page.get_by_text("Each listed model's share of all tokens, by day, week and month.").first.wait_for()
    page.get_by_text("share_of_named").first.wait_for()
    page.get_by_text("routerscope/source: replay").first.wait_for()
    expect(page.get_by_text("Raw SQL")).to_have_count(0)
    expect(page.get_by_text("Freshness policy")).to_have_count(0)
    page.wait_for_timeout(1500)
    screenshot(page, "share_model")
    page.goto(f"{webserver}/assets/marts/share_model?view=checks")
    page.get_by_text(shortened("assert_day_rows_cite_their_response")).locator("visible=true").first.wait_for()
    screenshot(page, "share_model_checks")


def test_raw_surface_shows_its_metadata(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/raw/rankings?view=events")
    page.get_by_text("newest_as_of").first.wait_for()
    page.get_by_text("days_covered").first.wait_for()
    page.wait_for_timeout(1000)
    screenshot(page, "raw_rankings")


def test_schedules_and_sensors_are_on(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/automation")
    for name in ("refresh_daily", "refresh_prices_intraday", "refetch_rankings_weekly", "alerts", "housekeeping"):
        page.get_by_text(name, exact=True).first.wait_for()
    expect(page.locator("input[type=checkbox]:checked")).to_have_count(5)
    page.wait_for_timeout(500)
    screenshot(page, "automation")


@pytest.mark.usefixtures("all_recordings")
def test_recordings_warn_that_they_are_old(page: Page, webserver: str) -> None:
    """The endpoints of the recordings end two weeks before the rankings do."""
    page.goto(f"{webserver}/assets/published?view=checks&checkDetail=fresh_endpoints")
    page.get_by_text("fresh_endpoints").first.wait_for()
    page.get_by_text("as_of_hours").first.wait_for()
    page.get_by_text("Failed").first.wait_for()
    page.get_by_text("Recorded data of 7 August 2026, 00:05 UTC: old by design.").first.wait_for()
    page.wait_for_timeout(1000)
    screenshot(page, "freshness")


def test_job_lists_runs_of_the_command_line(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/jobs")
    page.get_by_text(re.compile(r"(ago|just now)$")).first.wait_for()


def test_published_shows_metrics_and_the_brief(page: Page, webserver: str, everything: Run) -> None:
    page.goto(f"{webserver}/assets/published?view=events")
    page.get_by_text("newest_day_priced_coverage").first.wait_for()
    with duckdb.connect(str(everything.published), read_only=True) as connection:
        [(days,)] = connection.sql(
            "select count(distinct period_start) from share_model where period = 'day'"
        ).fetchall()
    row = page.get_by_role("row").filter(has_text="days_covered")
    expect(row.first).to_contain_text(str(days))
    page.wait_for_timeout(500)
    screenshot(page, "published")
    page.goto(f"{webserver}/assets/report?view=events")
    page.get_by_role("row").filter(has_text="brief").get_by_text("[Show Markdown]").first.click()
    page.get_by_text("led with").first.wait_for()
    page.wait_for_timeout(500)
    screenshot(page, "brief")


def test_raw_table_describes_its_columns(page: Page, webserver: str) -> None:
    page.goto(f"{webserver}/assets/raw/rankings")
    page.get_by_text("SHA-256 of the response").first.wait_for()
    page.wait_for_timeout(500)
    screenshot(page, "raw_columns")
