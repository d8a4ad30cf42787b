"""Draws the figures of the report: rows and tooltips in, an Altair chart out.

Which rows a figure shows, and from which mart, is defined in `figures`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt

Row = Mapping[str, Any]
Tooltips = Sequence[alt.Tooltip]
Drawing: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart
# None if no row has the values that the chart needs.
Draw = Callable[[Sequence[Row], Tooltips], Drawing | None]

# Okabe and Ito's palette for colour-blind readers, darkened to a contrast of at least 3:1 on white.
COLOURS = ["#0072B2", "#B87A00", "#008F68", "#C2609A", "#3A93C4", "#D55E00", "#8C6BB1", "#6E6E6E"]
_UNKNOWN = "#A2845C"
INPUT, OUTPUT = COLOURS[0], COLOURS[5]
_DAYS = {"day": 1, "week": 7}
_HEIGHT_PIXELS = 300
# The slug without its author, for short labels; the table has the whole slug.
_WITHOUT_AUTHOR = "replace(datum.label, regexp('^[^/]*/'), '')"
_BAR_PIXELS = 26
_SHARE = alt.Axis(format=".0%", title=None)
_PRICE_SCALE = alt.Scale(type="symlog", constant=0.05, domainMin=0)
_PRICES = [0, 0.1, 0.3, 1, 3, 10, 30, 100]
_SPEND_SCALE = alt.Scale(type="symlog", constant=1000, domainMin=0)
_SPEND = alt.Axis(
    title="USD, on a logarithmic scale",
    values=[0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
    labelExpr="datum.value == 0 ? '0' : datum.value < 1e6 ? datum.value / 1e3 + ' k' : datum.value / 1e6 + ' M'",
    labelOverlap=True,
)
# The part of the chart that a label takes, so that labels do not overlap.
_NAME_WIDTH, _NAME_HEIGHT = 0.4, 0.07
_GROWTHS = [-0.9, -0.6, -0.3, -0.1, 0, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 100]
_WINDOWS = [2**power for power in range(12, 25)]


def _data(rows: Sequence[Row]) -> alt.Data:
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call]


def _with_runs(rows: Sequence[Row], member: str = "") -> list[Row]:
    """Rows with the number of their run of consecutive days or weeks, so that no line crosses a gap."""
    numbered: list[Row] = []
    for row in rows:
        before = numbered[-1] if numbered else None
        days = (_date(row) - _date(before)).days if before else 0
        follows = before and (not member or row[member] == before[member]) and days == _DAYS[row["period"]]
        numbered.append({**row, "run": before["run"] if before and follows else len(numbered)})
    return numbered


def _number(moment: str) -> float:
    """An ISO date or timestamp as a number."""
    return dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp()


def _date(row: Row) -> dt.date:
    return dt.date.fromisoformat(row["period_start"])


def _weeks(rows: Sequence[Row]) -> list[str]:
    """Every week from the first to the last, including weeks without rows."""
    days = [_date(row) for row in rows]
    count = (max(days) - min(days)).days // 7 + 1
    return [(min(days) + dt.timedelta(weeks=number)).isoformat() for number in range(count)]


def _with_labels(
    rows: Sequence[Row], name: str, at: Callable[[Row], tuple[float, float] | None], most: int = 7
) -> list[Row]:
    """Rows with a `label` for at most `most` points that have room for one, and the side it goes on (`is_left`).

    `at` gives the position of a row's point, or None. Earlier rows are labelled first.
    """
    points = [at(row) for row in rows]
    there = [point for point in points if point]
    (left, width), (low, height) = (
        (min(along), (max(along) - min(along)) or 1) for along in (zip(*there, strict=True) if there else ((0,), (0,)))
    )
    taken: list[tuple[float, float]] = []
    labelled: list[Row] = []
    for row, point in zip(rows, points, strict=True):
        written = {}
        if point and len(taken) < most:
            x, y = (point[0] - left) / width, (point[1] - low) / height
            if all(abs(x - across) > _NAME_WIDTH or abs(y - along) > _NAME_HEIGHT for across, along in taken):
                taken.append((x, y))
                written = {"label": row[name], "is_left": x > 0.5}
        labelled.append({**row, **written})
    return labelled


def _labels(points: alt.Chart, dx: int = 9, dy: int = 0) -> alt.Chart:
    """Text beside the labelled points: a picture has no tooltips."""
    side = alt.expr("datum.is_left ? 'right' : 'left'")
    return (
        points.transform_filter("isValid(datum.label)")
        .mark_text(align=side, dx=alt.expr(f"datum.is_left ? {-dx} : {dx}"), dy=dy, fontSize=11, limit=210)
        .transform_calculate(short=_WITHOUT_AUTHOR)
        .encode(text="short:N")
    )


def _day(name: str, mondays: Sequence[str] = ()) -> alt.X:
    # Days are UTC days in every time zone.
    days = [dt.date.fromisoformat(monday) for monday in mondays]
    ticks = [alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True) for day in days]
    axis = alt.Axis(
        labelOverlap=True, format="%b %-d", values=ticks or alt.Undefined, tickCount=alt.Undefined if ticks else 6
    )
    return alt.X(f"utcyearmonthdate({name}):T", title=None, axis=axis)


def _names(name: str, order: str | Sequence[Any] | None = None) -> alt.Y:
    return alt.Y(f"{name}:N", title=None, sort=order, axis=alt.Axis(labelLimit=190, labelExpr=_WITHOUT_AUTHOR))


def _legend() -> alt.Legend:
    return alt.Legend(title=None, orient="top", labelLimit=190, symbolType="circle", labelExpr=_WITHOUT_AUTHOR)


def bars(rows: Sequence[Row], tooltip: Tooltips, name: str, value: str) -> Drawing:
    return (
        alt.Chart(_data(rows), height=_BAR_PIXELS * len(rows))
        .mark_bar(color=COLOURS[0])
        .encode(
            x=alt.X(f"{value}:Q", axis=_SHARE),
            y=_names(name, [row[name] for row in rows]),
            tooltip=list(tooltip),
        )
    )


def lines(rows: Sequence[Row], tooltip: Tooltips, member: str, value: str, axis: alt.Axis = _SHARE) -> Drawing:
    members = list(dict.fromkeys(row[member] for row in rows))
    mondays = sorted({row["period_start"] for row in rows if row["period"] == "week"})
    return (
        alt.Chart(_data(_with_runs(rows, member)), height=_HEIGHT_PIXELS)
        .mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2)
        .encode(
            x=_day("period_start", mondays),
            y=alt.Y(f"{value}:Q", axis=axis),
            color=alt.Color(f"{member}:N", scale=alt.Scale(domain=members, range=COLOURS), legend=_legend()),
            detail="run:N",
            tooltip=list(tooltip),
        )
    )


def stack(rows: Sequence[Row], tooltip: Tooltips, order: Sequence[str]) -> Drawing:
    there = [one for one in order if any(row["segment"] == one for row in rows)]
    colours = {"other": COLOURS[7], "unclassified": _UNKNOWN, "unpriced": _UNKNOWN}
    spare = iter(COLOURS)
    return (
        alt.Chart(_data(rows), height=_HEIGHT_PIXELS)
        .transform_calculate(place=f"indexof({json.dumps(there)}, datum.segment)")
        .mark_bar()
        .encode(
            x=alt.X(
                "period_start:O",
                title=None,
                axis=alt.Axis(labelOverlap=True, labelAngle=0),
                scale=alt.Scale(domain=_weeks(rows)),
            ),
            y=alt.Y("share:Q", stack="zero", axis=_SHARE, scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "segment:N",
                scale=alt.Scale(domain=there, range=[colours.get(one) or next(spare) for one in there]),
                legend=_legend(),
            ),
            order=alt.Order("place:Q"),
            tooltip=list(tooltip),
        )
    )


def total(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    return (
        alt.Chart(_data(_with_runs(rows)), height=_HEIGHT_PIXELS)
        .mark_area(line={"color": COLOURS[0]}, point={"color": COLOURS[0], "size": 20}, color=COLOURS[0], opacity=0.25)
        .encode(
            x=_day("period_start"),
            y=alt.Y("total_tokens:Q", axis=alt.Axis(format="~s", title="tokens per day")),
            detail="run:N",
            tooltip=list(tooltip),
        )
    )


def growth(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    """A bar where growth is known, a line with two ends where only its bounds are known."""
    names = [row["author"] for row in sorted(rows, key=lambda row: -(row["growth_low"] + row["growth_high"]))]
    base = alt.Chart(_data(rows), height=_BAR_PIXELS * len(rows)).encode(
        y=_names("author", names), tooltip=list(tooltip)
    )
    axis = alt.Axis(
        format="+.0%", title="growth over the 28 days before, log scale", values=_GROWTHS, labelOverlap=True
    )
    known = base.transform_filter("isValid(datum.growth)").mark_bar(height=12)
    colour = alt.condition("datum.growth < 0", alt.value(COLOURS[5]), alt.value(COLOURS[0]))
    scale = alt.Scale(type="symlog", constant=0.5)  # an author that has grown tenfold leaves room for the others
    layers = [known.encode(x=alt.X("growth:Q", axis=axis, scale=scale), color=colour)]
    if any(row["growth"] is None for row in rows):
        low, high = (alt.X(f"growth_{end}:Q", axis=axis, scale=scale) for end in ("low", "high"))
        between = base.transform_filter("!isValid(datum.growth)")
        layers.append(between.mark_rule(strokeWidth=3, color=COLOURS[3]).encode(x=low, x2="growth_high"))
        ends = between.mark_tick(thickness=3, size=15, color=COLOURS[3])
        layers += [ends.encode(x=low), ends.encode(x=high)]
    return alt.layer(*layers)


def spend(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    """The plausible range as a thick line with a tick at each end, and the whole range as a thin line behind it."""
    base = alt.Chart(_data(rows), height=_BAR_PIXELS * len(rows)).encode(
        y=_names("author", [row["author"] for row in rows]), tooltip=list(tooltip)
    )

    def at(end: str) -> alt.X:
        return alt.X(f"{end}:Q", scale=_SPEND_SCALE, axis=_SPEND)

    return alt.layer(
        base.mark_rule(strokeWidth=2, color=COLOURS[4]).encode(x=at("spend_low"), x2="spend_high"),
        base.mark_rule(strokeWidth=9, color=COLOURS[0]).encode(x=at("spend_plausible_low"), x2="spend_plausible_high"),
        base.mark_tick(thickness=3, size=15, color=COLOURS[5]).encode(x=at("spend_plausible_low")),
        base.mark_tick(thickness=3, size=15, color=COLOURS[5]).encode(x=at("spend_plausible_high")),
    )


def drivers(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    return (
        alt.Chart(_data(rows), height=_BAR_PIXELS * len(rows))
        .mark_bar()
        .encode(
            x=alt.X("contribution_pp:Q", title="contribution to the growth of all traffic, percentage points"),
            y=_names("member_name", [row["member_name"] for row in rows]),
            color=alt.condition("datum.contribution_pp < 0", alt.value(COLOURS[5]), alt.value(COLOURS[0])),
            tooltip=list(tooltip),
        )
    )


def price_share(rows: Sequence[Row], tooltip: Tooltips, price: str, colour: str) -> Drawing:
    named = _with_labels(rows, "model_permaslug", lambda row: (math.log10(row[price] + 0.05), row["share"]))
    points = alt.Chart(_data(named), height=_HEIGHT_PIXELS).encode(
        x=alt.X(
            f"{price}:Q",
            scale=_PRICE_SCALE,
            axis=alt.Axis(values=_PRICES, labelExpr="datum.value"),
            title="USD per million tokens, log scale; free at 0",
        ),
        y=alt.Y("share:Q", axis=_SHARE),
        tooltip=list(tooltip),
    )
    return alt.layer(points.mark_circle(size=90, color=colour, opacity=0.75), _labels(points))


def hhi(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    base = alt.Chart(_data(_with_runs(rows)), height=_HEIGHT_PIXELS).encode(
        x=_day("period_start"), detail="run:N", tooltip=list(tooltip)
    )
    bands = []
    for low, high, name, colour in (
        ("hhi_author_low", "hhi_author_high", "authors", COLOURS[0]),
        ("hhi_model_low", "hhi_model_high", "models", COLOURS[1]),
    ):
        named = base.transform_calculate(what=f"'{name}'")
        colours = alt.Color(
            "what:N", scale=alt.Scale(domain=["authors", "models"], range=COLOURS[:2]), legend=_legend()
        )
        y = alt.Y(f"{low}:Q", title="points of 10,000", scale=alt.Scale(zero=True))
        bands.append(named.mark_area(opacity=0.35).encode(y=y, y2=high, color=colours))
        bands.append(named.mark_line(color=colour, point=alt.OverlayMarkDef(color=colour, size=20)).encode(y=y))
    return alt.layer(*bands)


def price_changes(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    def change(column: str) -> alt.Y:
        return alt.Y(
            f"{column}:Q",
            title="change, %, on a logarithmic scale",
            scale=alt.Scale(type="symlog", constant=5),
            axis=alt.Axis(values=[-100, -50, -20, -5, 0, 5, 20, 50, 100, 300, 1000]),
        )

    changes = [{**row, "greater": _greater_change(row)} for row in rows]

    def at(row: Row) -> tuple[float, float] | None:
        if (greater := row["greater"]) is None:
            return None
        return _number(row["valid_from"]), math.copysign(math.log1p(abs(greater) / 5), greater)

    base = alt.Chart(_data(_with_labels(changes, "model_id", at)), height=_HEIGHT_PIXELS).encode(
        x=alt.X("utcyearmonthdatehours(seen):T", title=None, axis=alt.Axis(format="%b %-d", tickCount=6)),
        tooltip=list(tooltip),
    )
    # Without a zone, a browser reads a timestamp in the reader's own.
    base = base.transform_calculate(seen="toDate(datum.valid_from + 'Z')")
    marks = []
    for column, name, shape in (
        ("prompt_change_pct", "input", "circle"),
        ("completion_change_pct", "output", "diamond"),
    ):
        changed = base.transform_filter(f"isValid(datum.{column}) && datum.{column} != 0").transform_calculate(
            what=f"'{name}'"
        )
        colour = alt.Color(
            "what:N", scale=alt.Scale(domain=["input", "output"], range=[INPUT, OUTPUT]), legend=_legend()
        )
        point = changed.mark_point(filled=True, size=80, opacity=0.75, shape=shape)
        marks.append(point.encode(y=change(column), color=colour))
    return alt.layer(*marks, _labels(base).encode(y=change("greater")))


def _greater_change(row: Row) -> float | None:
    changes = [row[f"{kind}_change_pct"] for kind in ("prompt", "completion")]
    return max((change for change in changes if change), key=abs, default=None)


def scorecard(rows: Sequence[Row], tooltip: Tooltips) -> Drawing | None:
    named = _with_labels(
        rows,
        "model_permaslug",
        lambda row: (
            (math.log2(row["context_length"]), row["providers"])
            if (row["context_length"] or 0) > 0 and row["providers"] is not None
            else None
        ),
    )
    if not any("label" in row for row in named):
        return None  # endpoints were never observed
    points = alt.Chart(_data(named), height=_HEIGHT_PIXELS).encode(
        x=alt.X(
            "context_length:Q",
            scale=alt.Scale(type="log", base=2, padding=24),
            axis=alt.Axis(values=_WINDOWS, format=".3~s", labelOverlap=True),
            title="context window, tokens",
        ),
        y=alt.Y("providers:Q", title="providers", axis=alt.Axis(tickMinStep=1), scale=alt.Scale(domainMin=0)),
        tooltip=list(tooltip),
    )
    circles = points.mark_circle(opacity=0.7).encode(
        size=alt.Size("share:Q", legend=None, scale=alt.Scale(range=[30, 600])),
        color=alt.Color(
            "weights:N",
            scale=alt.Scale(domain=["open", "closed", "undisclosed", "unclassified"], range=[*COLOURS[:3], COLOURS[7]]),
            legend=_legend(),
        ),
    )
    return alt.layer(circles, _labels(points))


def anomalies(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    kinds = sorted({row["kind"] for row in rows})
    named = _with_labels(
        rows, "subject_name", lambda row: (_number(row["date"]), kinds.index(row["kind"])), 2 * len(kinds)
    )
    points = alt.Chart(_data(named), height=38 * len(kinds)).encode(
        x=_day("date"), y=_names("kind", "ascending"), tooltip=list(tooltip)
    )
    marks = points.mark_point(filled=True, size=110, opacity=0.6).encode(
        color=alt.Color("kind:N", scale=alt.Scale(range=COLOURS), legend=None)
    )
    return alt.layer(marks, _labels(points, dx=-5, dy=-12))  # above, since other points are beside


def coverage(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    return (
        alt.Chart(_data(rows), height=30 * len({row["surface"] for row in rows}))
        .transform_calculate(what="datum.is_complete ? 'complete' : datum.is_observed ? 'partial' : 'missing'")
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X("date:O", title=None, axis=alt.Axis(labelOverlap="greedy", labelSeparation=12, labelAngle=0)),
            y=_names("surface"),
            color=alt.Color(
                "what:N",
                scale=alt.Scale(domain=["complete", "partial", "missing"], range=[COLOURS[2], COLOURS[1], COLOURS[5]]),
                legend=_legend(),
            ),
            tooltip=list(tooltip),
        )
    )


def restatements(rows: Sequence[Row], tooltip: Tooltips) -> Drawing:
    named = _with_labels(
        rows,
        "model_permaslug",
        lambda row: (_number(row["date"]), row["change_pct"]) if row["change_pct"] is not None else None,
    )
    points = alt.Chart(_data(named), height=_HEIGHT_PIXELS).encode(
        x=_day("date"),
        y=alt.Y("change_pct:Q", title="change since first published, %"),
        tooltip=list(tooltip),
    )
    return alt.layer(points.mark_circle(size=70, color=COLOURS[0], opacity=0.7), _labels(points))
