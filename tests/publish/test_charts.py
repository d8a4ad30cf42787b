"""Charts do not hide what is missing, and name what nobody can point at on paper."""

from pathlib import Path

import altair as alt
import pytest

from orchestration.publish.report.charts import Row, hhi, price_share, scorecard, stack, total
from orchestration.publish.report.renderer import render

WEEKS = ["2026-06-01", "2026-06-08", "2026-06-22", "2026-06-29"]  # without that of the 15th


def test_missing_week_keeps_its_place() -> None:
    rows = [{"period": "week", "period_start": week, "segment": "open", "share": 1.0} for week in WEEKS]
    chart = stack(rows, [], ["open"]).to_dict()
    assert chart["encoding"]["x"]["scale"]["domain"] == [*WEEKS[:2], "2026-06-15", *WEEKS[2:]]


def test_single_day_is_drawn_as_a_point() -> None:
    """A line through one point is nothing to see."""
    day = {"period": "day", "period_start": "2026-06-01", "total_tokens": 1}
    assert total([day], []).to_dict()["mark"]["point"]
    ends = {f"hhi_{kind}_{end}": 1000 for kind in ("author", "model") for end in ("low", "high")}
    marks = [layer["mark"] for layer in hhi([{**day, **ends}], []).to_dict()["layer"]]
    assert [bool(mark.get("point")) for mark in marks if mark["type"] == "line"] == [True, True]


def names_in(rows: list[Row]) -> list[str]:
    chart = price_share(rows, [alt.Tooltip("share:Q")], "price", "#000000").to_dict()
    return [row["label"] for row in chart["data"]["values"] if "label" in row]


def test_points_are_labelled_where_there_is_room() -> None:
    alone = [
        {"model_permaslug": "a/first", "price": 0.1, "share": 0.3},
        {"model_permaslug": "a/dear", "price": 10.0, "share": 0.2},
        {"model_permaslug": "a/small", "price": 0.1, "share": 0.01},
    ]
    assert names_in(alone) == ["a/first", "a/dear", "a/small"]
    beside_the_first = {"model_permaslug": "a/second", "price": 0.11, "share": 0.299}
    assert names_in([alone[0], beside_the_first, *alone[1:]]) == ["a/first", "a/dear", "a/small"]
    assert names_in(alone[:1]) == ["a/first"]


@pytest.mark.parametrize("context_length", [None, 0, -1])
@pytest.mark.parametrize("providers", [None, 0])
def test_models_without_context_or_providers_are_drawn(
    context_length: int | None, providers: int | None, tmp_path: Path
) -> None:
    known = {"model_permaslug": "a/known", "context_length": 8192, "providers": 2, "share": 0.2, "weights": "open"}
    unknown = {**known, "model_permaslug": "a/other", "context_length": context_length, "providers": providers}
    drawing = scorecard([unknown, known], [])
    assert drawing is not None
    chart = drawing.to_dict()
    assert [row.get("label") for row in chart["data"]["values"]] == [None, "a/known"]
    assert render({tmp_path / "scorecard.png": {"spec": chart}}) == {}


def test_models_without_any_provider_have_no_chart() -> None:
    unknown = {"model_permaslug": "a/b", "context_length": 8192, "providers": None, "share": 0.2, "weights": "open"}
    assert scorecard([unknown, unknown], []) is None
