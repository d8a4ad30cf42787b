"""Charts do not hide what is missing, and name what nobody can point at on paper."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orchestration.publish.report.charts import (
    Drawing,
    Size,
    concentration,
    growth,
    point_labels,
    price_share,
    small_multiples,
    spread,
    stack,
    total,
    waterfall,
)
from orchestration.publish.report.formats import Row

WIDE = Size(900)
WEEKS = ["2026-06-01", "2026-06-08", "2026-06-22", "2026-06-29"]  # without that of the 15th


def rows_drawn(chart: Drawing) -> list[list[dict[str, Any]]]:
    """The data of each layer that has its own."""
    found: list[list[dict[str, Any]]] = []

    def look(spec: dict[str, Any], datasets: dict[str, Any]) -> None:
        if values := spec.get("data", {}).get("values"):
            found.append(json.loads(values))
        elif name := spec.get("data", {}).get("name"):
            found.append(datasets[name])
        for layer in spec.get("layer", []):
            look(layer, datasets)

    whole = chart.to_dict()
    look(whole, whole.get("datasets", {}))
    return found


def shares(week: str, **members: float) -> list[Row]:
    return [
        {"period": "week", "period_start": week, "name": name, "share": share, "place": place, "tip": name}
        for place, (name, share) in enumerate(members.items(), 1)
    ]


def test_missing_week_keeps_its_place() -> None:
    chart = stack([row for week in WEEKS for row in shares(week, open=1.0)], WIDE).to_dict()
    domain = chart["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert domain == [*WEEKS[:2], "2026-06-15", *WEEKS[2:]]


def test_stack_begins_where_the_member_below_ends() -> None:
    [drawn, labels] = rows_drawn(stack(shares("2026-06-01", a=0.6, b=0.3, c=0.1), WIDE))
    assert [(round(row["low"], 9), round(row["high"], 9)) for row in drawn] == [(0, 0.6), (0.6, 0.9), (0.9, 1)]
    assert [" ".join(label["text"]) for label in labels] == ["a 60.0%", "b 30.0%", "c 10.0%"]


def test_stack_names_members_that_only_earlier_weeks_show() -> None:
    rows = [*shares("2026-06-01", a=0.88, left=0.05, shrank=0.05, tiny=0.02), *shares("2026-06-08", a=0.995, b=0.0)]
    rows.append({**rows[2], "period_start": "2026-06-08", "share": 0.005})
    [_, labels] = rows_drawn(stack(rows, WIDE))
    assert {" ".join(label["text"]) for label in labels} == {"a 99.5%", "shrank 0.50%", "left (earlier weeks)"}


def day(number: int, tokens: float | None, mean: float | None) -> Row:
    return {
        "period": "day",
        "period_start": f"2026-06-{number:02d}",
        "name": "A",
        "total_tokens": tokens,
        "share": 0.1,
        "mean_tokens": mean,
        "mean_share": mean,
        "tip": "A",
    }


def test_line_of_means_breaks_at_a_gap() -> None:
    rows = [day(1, 5, 5.0), day(2, 5, 5.0), day(3, 5, None), day(4, 5, 5.0), day(6, 5, 5.0)]
    means = rows_drawn(total(rows, WIDE))[1]
    assert [row["period_start"][-2:] for row in means] == ["01", "02", "04", "06"]
    assert len({row["run"] for row in means}) == 3
    [panels] = rows_drawn(small_multiples(rows, WIDE))
    assert len({row["run"] for row in panels if row["run"] is not None}) == 3
    assert len(panels) == len(rows)


def test_single_day_is_drawn_as_a_point() -> None:
    """A line through one point is nothing to see."""
    [days, *means] = rows_drawn(total([day(1, 5, None)], WIDE))
    assert len(days) == 1
    assert means == []
    shares = {"cr1": 0.1, "cr5": 0.4, "cr10": 0.6}
    marks = [layer["mark"] for layer in concentration([{**day(1, 5, None), **shares}], WIDE).to_dict()["layer"][:3]]
    assert [bool(mark["point"]) for mark in marks] == [True, True, True]


def test_points_are_labelled_where_there_is_room() -> None:
    names = ["First", "Beside it", "Far", "At the right"]
    labels = point_labels(names, [(100, 100), (140, 104), (300, 100), (490, 50)], 500)
    assert labels == [
        {"label": "First", "is_left": True},  # on its right is the second point
        {"label": "Beside it", "is_left": False},
        {"label": "Far", "is_left": False},
        {"label": "At the right", "is_left": True},
    ]
    assert point_labels(["Long name"], [(20, 10)], 60) == [{}]


def test_price_and_share_of_each_model_are_drawn() -> None:
    rows = [
        {"name": "Free", "price": 0.0, "share": 0.3, "tip": "Free"},
        {"name": "Dear", "price": 9.0, "share": 0.1, "tip": ""},
    ]
    [drawn] = rows_drawn(price_share(rows, WIDE, "price", "#000000"))
    assert [row["label"] for row in drawn] == ["Free", "Dear"]


def test_waterfall_leads_from_one_total_to_the_other() -> None:
    changes = [("New models", 30, 30.0), ("Xiaomi", 20, 20.0), ("MiniMax", -10, -10.0)]
    rows = [
        {"name": name, "change_tokens": tokens, "contribution_pp": points, "base_total_tokens": 100, "tip": name}
        for name, tokens, points in changes
    ]
    [drawn] = rows_drawn(waterfall(rows, WIDE))
    assert [(row["name"], row["low"], row["high"]) for row in drawn] == [
        ("28 days before", 100, 100),
        ("New models", 100, 130),
        ("Xiaomi", 130, 150),
        ("MiniMax", 140, 150),
        ("newest 28 days", 140, 140),
    ]
    assert [row["number"] for row in drawn][1:4] == ["+30.0", "+20.0", "-10.0"]
    assert [drawn[0]["tip"], drawn[-1]["tip"]] == [
        "tokens of the 28 days before: 100",
        "tokens of the newest 28 days: 140",
    ]


def test_unknown_growth_is_drawn_as_a_range() -> None:
    known = {"name": "A", "growth": 0.5, "growth_low": 0.5, "growth_high": 0.5, "tip": "A"}
    unknown = {"name": "B", "growth": None, "growth_low": 0.1, "growth_high": 0.9, "tip": "B"}
    [drawn] = rows_drawn(growth([known, unknown], WIDE))
    assert {row["name"]: row["number"] for row in drawn} == {"A": "+50%", "B": "+10% to +90%"}
    assert "rule" in json.dumps(growth([known, unknown], WIDE).to_dict())
    assert "rule" not in json.dumps(growth([known], WIDE).to_dict())


@given(some.lists(some.tuples(some.floats(0, 300), some.sampled_from([14.0, 28.0])), max_size=9))
def test_labels_never_overlap_if_there_is_room(labels: list[tuple[float, float]]) -> None:
    labels = sorted(labels)
    centres, heights = [centre for centre, _ in labels], [height for _, height in labels]
    places = spread(centres, heights, 0, 300)
    edges = [(place - height / 2, place + height / 2) for place, height in zip(places, heights, strict=True)]
    assert all(low >= -1e-6 and high <= 300 + 1e-6 for low, high in edges)
    assert all(after[0] >= before[1] - 1e-6 for before, after in itertools.pairwise(edges))


def test_labels_with_room_stay_in_place() -> None:
    assert spread([50, 100, 200], [14, 14, 14], 0, 300) == pytest.approx([50, 100, 200])
