"""Titles state what the rows show, and no more than that."""

from typing import Any

import pytest

from orchestration.publish.report import findings
from orchestration.publish.report.findings import count_in_words, moved
from orchestration.publish.report.formats import Row


def week(start: str, **members: float) -> list[Row]:
    return [
        {
            "period_start": start,
            "name": name.replace("_", " "),
            "share": share,
            "share_high": None,
            "is_named": name != "Unlisted_models",
        }
        for name, share in members.items()
    ]


WEEKS = [
    *week("2026-06-01", Open_weights=0.51, Closed_weights=0.41, Unlisted_models=0.08),
    *week("2026-06-08", Open_weights=0.6, Closed_weights=0.33, Unlisted_models=0.07),
    *week("2026-07-20", Open_weights=0.2, Closed_weights=0.3, Unlisted_models=0.5),
]


def test_count_and_change_in_words() -> None:
    assert count_in_words(0, "week") == "no weeks"
    assert count_in_words(1, "week") == "one week"
    assert count_in_words(10, "week") == "ten weeks"
    assert count_in_words(1_234, "price change") == "1,234 price changes"


def bounds(low: float, high: float | None = None) -> Row:
    return {"share": low, "share_high": high}


def test_change_is_stated_as_far_as_it_is_certain() -> None:
    assert moved(bounds(0.7), bounds(0.51), "ten weeks") == ", up from 51.0% ten weeks ago"
    assert moved(bounds(0.1), bounds(0.51), "one week") == ", down from 51.0% one week ago"
    assert moved(bounds(0.51), bounds(0.5103, 0.5104), "one week") == ", as one week ago"
    assert moved(bounds(0.7, 0.8), bounds(0.5, 0.65), "one week") == ", up from at most 65.0% one week ago"
    assert moved(bounds(0.2, 0.3), bounds(0.5, 0.65), "one week") == ", down from at least 50.0% one week ago"
    assert moved(bounds(0.6, 0.7), bounds(0.5, 0.65), "one week") == "; 50.0% to 65.0% one week ago"


def test_member_of_a_split_is_compared_with_its_first_week() -> None:
    assert findings.member("Open weights")(WEEKS[:6]) == "Open weights: 60.0% of tokens, up from 51.0% one week ago"
    assert findings.member("Open weights")(WEEKS) == "Open weights: 20.0% of tokens, down from 51.0% seven weeks ago"
    assert findings.member("Open weights")(WEEKS[:3]) == "Open weights: 51.0% of tokens"
    late = [*WEEKS[:6], *week("2026-06-15", Open_weights=0.5, New=0.3), *week("2026-06-22", New=0.4, Open_weights=0.3)]
    assert findings.member("New")(late) == "New: 40.0% of tokens, up from 30.0% one week ago"


def test_leading_member_is_a_named_one() -> None:
    assert findings.leading_member(WEEKS).startswith("Closed weights: 30.0% of tokens, down from 41.0%")
    # Without a member, the title names the leader; without any class, it says so.
    assert findings.member("Free models")(WEEKS).startswith("Closed weights")
    assert findings.leading_member(week("2026-06-01", Unlisted_models=1.0)) == "No class is known of these models"


@pytest.mark.parametrize(
    ("growth", "mean", "title"),
    [
        (0.2749, 9.07e12, "Traffic grew 27% in four weeks, to 9.07 trillion tokens a day"),
        (-0.0123, 9.07e12, "Traffic fell 1.2% in four weeks, to 9.07 trillion tokens a day"),
        (0.0001, 9.07e12, "Traffic is flat over four weeks, at 9.07 trillion tokens a day"),
        (None, None, "Traffic: 8.00 trillion tokens a day"),
    ],
)
def test_traffic(growth: float | None, mean: float | None, title: str) -> None:
    rows = [{"growth_28d": growth, "mean_tokens": mean, "total_tokens": 8e12}]
    assert findings.traffic(rows) == title


def test_leader_of_the_day_and_since_when() -> None:
    def day(number: int, leader: str, second: str) -> list[Row]:
        return [
            {"period_start": f"2026-08-0{number}", "name": name, "rank": rank, "share": 0.2 / rank}
            for rank, name in enumerate((leader, second), 1)
        ]

    rows = [*day(1, "Old", "New"), *day(2, "New", "Old"), *day(3, "New", "Old")]
    assert findings.leader_by_day(rows) == (
        "New led on 3 August 2026 with 20.0% of tokens, and every day since 2 August 2026"
    )
    after_a_gap = [*day(1, "New", "Old"), *day(3, "New", "Old"), *day(4, "New", "Old")]
    assert findings.leader_by_day(after_a_gap).endswith("and every day since 3 August 2026")
    assert findings.leader_by_day(rows[:4]) == "New led on 2 August 2026 with 20.0% of tokens"


def test_growth_of_authors_says_when_it_is_a_bound() -> None:
    tokens = {"tokens": 35e12, "tokens_high": 36e12, "base_tokens": 19e12, "base_tokens_high": 19.2e12}
    row: dict[str, Any] = {"name": "Xiaomi", "growth": 0.82, "growth_low": 0.82, "growth_high": 0.82, **tokens}
    assert findings.gained_most([row]) == "Xiaomi gained the most tokens in four weeks: 15.8 trillion (+82%)"
    assert findings.gained_most([{**row, "growth": None}]).endswith("in four weeks: at least 15.8 trillion (+82%)")
    bounded = {
        **row,
        "growth": None,
        "growth_low": -0.1,
        "growth_high": 0.4,
        "base_tokens": 30e12,
        "base_tokens_high": 38e12,
    }
    assert findings.gained_most([bounded]) == "No author's change in tokens over four weeks is certain"
    fell = {**row, "growth": None, "growth_low": -0.5, "growth_high": -0.3, "tokens_high": 10e12}
    assert findings.gained_most([fell]) == "Xiaomi lost the most tokens in four weeks: at least 9.00 trillion (-30%)"


def test_drivers_name_the_largest_in_the_direction_of_the_total() -> None:
    parts = [("launched", "New models", 10.4), ("x", "Xiaomi", 8.4), ("m", "MiniMax", -9.0), (None, "All others", 0.2)]
    rows = [{"member": member, "name": name, "contribution_pp": points} for member, name, points in parts]
    assert findings.drivers(rows) == (
        "Traffic grew 10% in four weeks; largest contributions in points: New models +10.4, Xiaomi +8.4"
    )
    assert findings.drivers([{**row, "contribution_pp": -row["contribution_pp"]} for row in rows]).startswith(
        "Traffic fell 10% in four weeks; largest contributions in points: New models -10.4"
    )


def test_prices_and_spend() -> None:
    priced = [{"price": 0.14, "share": 0.5}, {"price": 0.0, "share": 0.1}, {"price": 1.0, "share": 0.3}]
    title = findings.cheap_share("price", "input")(priced)
    assert title == "Listed models under $1.00 per million input tokens had 60.0% of tokens"
    changes = [{"cheaper": 18, "dearer": 40, "same": 10}]
    assert (
        findings.price_changes(changes) == "68 models changed price in 30 days: 18 cost less now, 40 more, 10 as before"
    )
    assert findings.price_changes([{"cheaper": 1, "dearer": 0, "same": 0}]) == (
        "One model changed price in 30 days: 1 cost less now, 0 more"
    )
    total = [{"spend_plausible_low": 1.3e7, "spend_plausible_high": 1.9e7}]
    assert findings.spend(total) == "At list prices, these tokens would cost $13 million to $19 million"
    shares = [
        {"name": "A", "share": 0.2, "spend_share_low": 0.1, "spend_share_high": 0.3},
        {"name": "B", "share": 0.05, "spend_share_low": 0.1, "spend_share_high": 0.6},
    ]
    assert findings.dollar_share(shares) == "B: 5.0% of tokens, 10.0% to 60.0% of implied spend"
    assert findings.dollar_share(shares[:1]).startswith("No author's share of implied spend is certain")


def test_coverage_counts_days() -> None:
    rows = [
        {"surface": "rankings", "date": "2026-08-01", "is_complete": True},
        {"surface": "rankings", "date": "2026-08-02", "is_complete": False},
        {"surface": "apps", "date": "2026-08-02", "is_complete": False},
    ]
    assert findings.coverage(rows) == "1 of 2 days of the rankings are complete; other surfaces lack one day"
    assert findings.coverage(rows[:1]) == "All 1 days of the rankings are complete"
    export = {"surface": "rankings_export", "date": "2026-08-02", "is_complete": True}
    assert findings.coverage([*rows[:2], export]) == "All 2 days of the rankings are complete"


def test_other_titles() -> None:
    leaders = [{"name": "A"}, {"name": "B"}, {"name": "A"}]
    assert findings.categories(leaders) == "A leads 2 of 3 categories"
    tests = [{"try_reason": None}, {"try_reason": "cheap"}]
    assert findings.models_to_test(tests) == "One model of the leading 2 is worth a test"
    assert findings.anomalies([{"changes": 106}]) == "106 unusual changes in 28 days"
    revised = [{"changes": 2, "change_pct": -3.8}, {"changes": 2, "change_pct": None}]
    assert findings.restatements(revised) == "Two figures of the last 60 days were revised; the largest change is 3.8%"
    assert findings.restatements([{"changes": 1, "change_pct": None}]) == "One figure of the last 60 days was revised"
    assert (
        findings.leading_app([{"name": "App", "share": 0.128}])
        == "App sends 12.8% of tokens, the most of any listed app"
    )
    assert (
        findings.leading_models(
            [{"name": "A", "share": 0.127, "prompt_usd_per_mtok": 0.14, "completion_usd_per_mtok": None}]
        )
        == "A led with 12.7% of tokens"
    )
