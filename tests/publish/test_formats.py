"""Values read as people write them."""

import pytest

from orchestration.publish.report.formats import (
    COUNT,
    DATE,
    GROWTH,
    PERCENT_CHANGE,
    POINTS,
    PRICE,
    RANKS,
    SHARE,
    TIMESTAMP,
    TOKENS,
    UPTIME,
    USD,
    YES_NO,
    Column,
    Format,
    tooltip,
)


@pytest.mark.parametrize(
    ("format_", "value", "text"),
    [
        (SHARE, 0.12713, "12.7%"),
        (TOKENS, 7_221_234_567_890, "7.22 trillion"),
        (PRICE, 0.7168, "$0.7168"),
        (PRICE, 0.0, "$0.00"),
        (USD, 13_400_000.0, "$13 million"),
        (COUNT, 1_048_576, "1,048,576"),
        (POINTS, 4.424, "+4.4"),
        (POINTS, -0.04, "0.0"),
        (RANKS, 2, "+2"),
        (RANKS, 0, "0"),
        (GROWTH, 0.823, "+82%"),
        (GROWTH, 0.0, "0%"),
        (PERCENT_CHANGE, -80.0, "-80%"),
        (UPTIME, 99.71, "99.7%"),
        (DATE, "2026-07-27", "27 July 2026"),
        (DATE, "2026-07-27T23:59:00", "27 July 2026"),
        (TIMESTAMP, "2026-07-27T23:59:00", "27 July 2026, 23:59 UTC"),
        (YES_NO, True, "yes"),
    ],
)
def test_value_as_text(format_: Format, value: object, text: str) -> None:
    assert Column("x", "x", format_).text({"x": value}) == text


def test_missing_value() -> None:
    assert Column("x", "x", SHARE).text({"x": None}) == "–"


def test_tooltip_names_units_and_leaves_out_what_is_missing() -> None:
    columns = [
        Column("name", "model", mart=None),
        Column("share", "share", SHARE),
        Column("tokens", "tokens", TOKENS),
        Column("price", "input price", PRICE),
        Column("change", "change of share, points", POINTS),
        Column("rank", "rank", COUNT),
    ]
    row = {"name": "MiMo-V2.5", "share": 0.111, "tokens": 6.3e12, "price": 0.14, "change": 1.7, "rank": None}
    assert tooltip(row, columns) == (
        "model: MiMo-V2.5; share: 11.1%; tokens: 6.30 trillion; input price: $0.14 per million tokens; "
        "change of share: +1.7 points"
    )
