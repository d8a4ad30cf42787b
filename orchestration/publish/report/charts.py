"""Draws the figures of the report: rows and a size in, an Altair chart out.

Each row has `tip`, its text for tooltips and screen readers, and `name`. Which rows a figure shows, and from which
mart, is defined in `figures`.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt

from orchestration.formatting import as_percent, change_in_percent, in_words, usd
from orchestration.publish.report.formats import Row

Drawing: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True)
class Size:
    """The width of a picture, and whether it is one for phones."""

    width_pixels: int
    is_narrow: bool = False

    def of(self, wide: int, narrow: int) -> int:
        return narrow if self.is_narrow else wide

    def of_text(self, wide: str, narrow: str) -> str:
        return narrow if self.is_narrow else wide


Draw = Callable[[Sequence[Row], Size], Drawing]

# Okabe and Ito's palette for colour-blind readers, darkened to a contrast of at least 3:1 on white.
COLOURS = ["#0072B2", "#B87A00", "#008F68", "#C2609A", "#3A93C4", "#D55E00", "#8C6BB1", "#7A6A4F"]
INPUT, OUTPUT = COLOURS[0], COLOURS[5]
_RISE, _FALL, _UNKNOWN, _REST, _UNLISTED = COLOURS[0], COLOURS[5], COLOURS[3], "#8A8F94", "#C3C8CC"
_REST_PLACE, _UNLISTED_PLACE = 90, 99
_DAYS = {"day": 1, "week": 7}
_HEIGHT_PIXELS = 300
_BAR_PIXELS = 28
_LINE_PIXELS = 14  # one line of a label
_AXIS_PIXELS = 44
_CHARACTER_PIXELS = 7
_SHARE = alt.Axis(format=".0%", title=None, tickCount=5)
_PRICE_CONSTANT = 0.05  # below it, the scale is nearly linear, so that 0 has a place
_PRICE_SCALE = alt.Scale(type="symlog", constant=_PRICE_CONSTANT, domainMin=0, nice=False)
_PRICES = [0, 0.1, 0.3, 1, 3, 10, 30, 100]
_SPEND_SCALE = alt.Scale(type="symlog", constant=1000, domainMin=0)
_MAX_POINT_LABELS = 14
_POINT_PIXELS = 9  # from the centre of a point to its label
_GROWTHS = [-0.9, -0.6, -0.3, -0.1, 0, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 100]
_UNITS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_TIP = alt.Description("tip:N")


def _data(rows: Sequence[Row]) -> alt.Data:
    """The rows as one text: Altair copies and validates lists of rows many times."""
    return alt.Data(values=json.dumps(rows), format=alt.DataFormat(type="json"))  # type: ignore[no-untyped-call]


def _unit_of(largest: float) -> tuple[float, str]:
    """The unit of an axis that ends at this number of tokens: its size and its word."""
    return next((unit for unit in _UNITS if largest >= unit[0]), _UNITS[-1])


def _date(row: Row) -> dt.date:
    return dt.date.fromisoformat(row["period_start"])


def _with_runs(rows: Sequence[Row], value: str) -> list[Row]:
    """Rows with a value, and the number of their run of consecutive days or weeks, so that no line crosses a gap."""
    numbered: list[Row] = []
    for row in rows:
        if row[value] is None:
            continue
        before = numbered[-1] if numbered else None
        days = (_date(row) - _date(before)).days if before else 0
        follows = before and row.get("name") == before.get("name") and days == _DAYS[row["period"]]
        numbered.append({**row, "run": before["run"] if before and follows else len(numbered)})
    return numbered


def _weeks(rows: Sequence[Row]) -> list[str]:
    """Every week from the first to the last, including weeks without rows."""
    days = [_date(row) for row in rows]
    count = (max(days) - min(days)).days // 7 + 1
    return [(min(days) + dt.timedelta(weeks=number)).isoformat() for number in range(count)]


def _wrapped(text: str, size: Size) -> list[str]:
    return textwrap.wrap(text, size.of(30, 16)) or [""]


def spread(centres: Sequence[float], heights: Sequence[float], low: float, high: float) -> list[float]:
    """Centres moved as little as possible so that labels of these heights do not overlap between `low` and `high`.

    Centres must be in ascending order.
    """
    moved: list[float] = []
    floor = low
    for centre, height in zip(centres, heights, strict=True):
        moved.append(max(centre, floor + height / 2))
        floor = moved[-1] + height / 2
    ceiling = high
    for at in reversed(range(len(moved))):
        moved[at] = min(moved[at], ceiling - heights[at] / 2)
        ceiling = moved[at] - heights[at] / 2
    return moved


def _side_labels(
    ends: Sequence[tuple[float, str, str]], size: Size, width: int, top: float, height: int = _HEIGHT_PIXELS
) -> Drawing:
    """Names at the right edge, each beside its end with a dot in its colour: (value, name, colour).

    `top` is the value at the upper edge, 0 at the lower.
    """
    ends = sorted(ends)
    texts = [_wrapped(text, size) for _, text, _ in ends]
    heights = [len(lines) * _LINE_PIXELS for lines in texts]
    places = spread([value / top * height for value, *_ in ends], heights, -_LINE_PIXELS, height + _LINE_PIXELS)
    labels = [
        {
            "text": lines,
            "pixel": height - place,
            "first_line_pixel": height - place - (len(lines) - 1) * _LINE_PIXELS / 2,
            "colour": colour,
        }
        for lines, place, (*_, colour) in zip(texts, places, ends, strict=True)
    ]
    base = alt.Chart(_data(labels)).encode(x=alt.value(width))
    keys = base.mark_square(size=60, opacity=1, xOffset=12, aria=False).encode(
        y=alt.Y("pixel:Q", scale=None), color=alt.Color("colour:N", scale=None)
    )
    names = base.mark_text(
        align="left", dx=21, fontSize=12, lineHeight=_LINE_PIXELS, baseline="middle", aria=False
    ).encode(y=alt.Y("first_line_pixel:Q", scale=None), text="text:N")
    return alt.layer(keys, names)


def _day(ticks: int) -> alt.X:
    # Days are UTC days in every time zone.
    axis = alt.Axis(labelOverlap=True, format="%-d %b", tickCount=ticks, grid=False)
    return alt.X("utcyearmonthdate(period_start):T", title=None, axis=axis)


def _name_pixels(size: Size, names: Sequence[str]) -> int:
    """The width that these names take at the left of a chart."""
    return min(size.of(230, 126), max(len(name) for name in names) * _CHARACTER_PIXELS)


def _names(size: Size, names: Sequence[str]) -> alt.Y:
    pixels = _name_pixels(size, names)
    axis = alt.Axis(labelLimit=pixels, minExtent=pixels + 6, domain=False, ticks=False)
    return alt.Y("name:N", title=None, sort=list(names), axis=axis)


def _named(rows: Sequence[Row], size: Size, right: int, row_pixels: int = _BAR_PIXELS) -> alt.Chart:
    """A chart with a line for each row, its name at the left, and `right` pixels left for labels."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    width = size.width_pixels - _name_pixels(size, names) - 10 - right
    return alt.Chart(_data(rows), width=width, height=row_pixels * len(names)).encode(y=_names(size, names))


def _numbers(base: alt.Chart, text: str, x: alt.X, dx: int = 6) -> alt.Chart:
    # The mark beside it has the number in its own words; the default label of a text has it as 1.88710739026e+14.
    return base.mark_text(align="left", dx=dx, fontSize=12, aria=False).encode(x=x, text=text)


def bars(rows: Sequence[Row], size: Size) -> Drawing:
    """A bar for each row, with its share at the end."""
    base = _named([{**row, "number": as_percent(row["share"])} for row in rows], size, 56)
    x = alt.X("share:Q", axis=None)
    return alt.layer(
        base.mark_bar(color=COLOURS[0], height=16).encode(x=x, description=_TIP), _numbers(base, "number:N", x)
    )


def categories(rows: Sequence[Row], size: Size) -> Drawing:
    """A bar for each category: the share of its leading model, with the model's name."""

    def number(row: Row) -> list[str]:
        name, share = row["name"], as_percent(row["share"])
        return [*_wrapped(name, size), share] if size.is_narrow else [f"{name}, {share}"]

    shown = [{**row, "name": row["slice"], "number": number(row)} for row in rows]
    base = _named(shown, size, size.of(260, 130), size.of(_BAR_PIXELS, 3 * _LINE_PIXELS + 6))
    x = alt.X("share:Q", axis=None)
    text = base.mark_text(
        align="left", dx=6, dy=size.of(0, -_LINE_PIXELS), fontSize=12, lineHeight=_LINE_PIXELS, aria=False
    )
    return alt.layer(
        base.mark_bar(color=COLOURS[0], height=16).encode(x=x, description=_TIP), text.encode(x=x, text="number:N")
    )


def stack(rows: Sequence[Row], size: Size) -> Drawing:
    """Shares that add up to 100%, week by week, with the names beside the newest week."""
    members = list(dict.fromkeys(row["name"] for row in sorted(rows, key=lambda row: (row["place"], row["name"]))))
    places = {row["name"]: row["place"] for row in rows}
    spare = iter(COLOURS)
    colours = {
        name: _UNLISTED
        if places[name] >= _UNLISTED_PLACE
        else _REST
        if places[name] >= _REST_PLACE
        else next(spare, _REST)
        for name in members
    }
    weeks, width = _weeks(rows), size.width_pixels - _AXIS_PIXELS - size.of(215, 140)
    shown, ends = [], []
    for week in weeks:
        floor = 0.0
        for row in sorted((row for row in rows if row["period_start"] == week), key=lambda r: members.index(r["name"])):
            shown.append({**row, "low": floor, "high": floor + row["share"]})
            floor += row["share"]
    newest, floor = {row["name"]: row["share"] for row in rows if row["period_start"] == weeks[-1]}, 0.0
    for name in members:
        share, largest = newest.get(name, 0.0), max(row["share"] for row in rows if row["name"] == name)
        # What the newest week hardly shows is named too if an earlier week shows it: no colour is left without a name.
        if share >= 0.01 or largest >= 0.03:
            text = f"{name} {as_percent(share)}" if name in newest else f"{name} (earlier weeks)"
            ends.append((floor + share / 2, text, colours[name]))
        floor += share
    areas = (
        alt.Chart(_data(shown), width=width, height=_HEIGHT_PIXELS)
        .mark_bar()
        .encode(
            x=alt.X(
                "period_start:O",
                title=None,
                axis=alt.Axis(
                    labelOverlap="greedy",
                    labelAngle=0,
                    labelSeparation=8,
                    ticks=False,
                    labelExpr="utcFormat(toDate(datum.value), '%-d %b')",
                ),
                scale=alt.Scale(domain=weeks, paddingInner=0.12, paddingOuter=0),
            ),
            y=alt.Y("low:Q", axis=_SHARE, scale=alt.Scale(domain=[0, 1])),
            y2="high:Q",
            color=alt.Color(
                "name:N", scale=alt.Scale(domain=members, range=[colours[name] for name in members]), legend=None
            ),
            description=_TIP,
        )
    )
    return alt.layer(areas, _side_labels(ends, size, width, 1))


def small_multiples(rows: Sequence[Row], size: Size) -> Drawing:
    """A panel for each member on one scale: single days as dots, and a line of their share over seven days."""
    members = list(dict.fromkeys(row["name"] for row in rows))
    runs = _with_runs(rows, "mean_share")
    shown = [*runs, *({**row, "run": None} for row in rows if row["mean_share"] is None)]
    columns = size.of(3, 2)
    top = max(row["share"] for row in rows) * 1.08
    base = (
        alt.Chart()
        .encode(x=_day(3))
        .properties(width=(size.width_pixels - 50) // columns - 24, height=size.of(130, 100))
    )
    scale = alt.Scale(domain=[0, top], nice=False)
    axis = alt.Axis(format=".0%", title=None, tickCount=4)
    dots = base.mark_circle(size=22, opacity=0.45, color=COLOURS[0]).encode(
        y=alt.Y("share:Q", scale=scale, axis=axis), description=_TIP
    )
    lines = (
        base.transform_filter("isValid(datum.run)")
        .mark_line(strokeWidth=2.5, color=COLOURS[0], point=alt.OverlayMarkDef(size=10, color=COLOURS[0]))
        .encode(y=alt.Y("mean_share:Q", scale=scale, axis=axis), detail="run:N", description=_TIP)
    )
    header = alt.Header(title=None, labelFontSize=12, labelFontWeight="bold", labelLimit=size.of(260, 160))
    return alt.layer(dots, lines, data=_data(shown)).facet(
        alt.Facet("name:N", header=header, sort=members), columns=columns, spacing=14
    )


def total(rows: Sequence[Row], size: Size) -> Drawing:
    """Single days as dots, and a line of means over seven days that ends at its number."""
    width = size.width_pixels - _AXIS_PIXELS - size.of(170, 110)
    top = max(row["total_tokens"] for row in rows) * 1.08
    size_of_unit, unit = _unit_of(top)
    axis = alt.Axis(
        title=None, tickCount=5, labelExpr=f"format(datum.value / {size_of_unit:g}, '~g') + ' {unit[:1].upper()}'"
    )
    y: dict[str, Any] = {"axis": axis, "scale": alt.Scale(domain=[0, top], nice=False)}
    means = _with_runs(rows, "mean_tokens")
    layers = [
        alt.Chart(_data(rows), width=width, height=_HEIGHT_PIXELS)
        .mark_circle(size=26, opacity=0.5, color=COLOURS[0])
        .encode(x=_day(size.of(7, 3)), y=alt.Y("total_tokens:Q", **y), description=_TIP)
    ]
    if means:
        layers.append(
            alt.Chart(_data(means))
            .mark_line(strokeWidth=2.5, color=COLOURS[0], point=alt.OverlayMarkDef(color=COLOURS[0], size=10))
            .encode(x=_day(size.of(7, 3)), y=alt.Y("mean_tokens:Q", **y), detail="run:N", description=_TIP)
        )
        last = means[-1]["mean_tokens"]
        layers.append(_side_labels([(last, f"{in_words(last, 'tokens')} a day", COLOURS[0])], size, width, top))
    return alt.layer(*layers)


def growth(rows: Sequence[Row], size: Size) -> Drawing:
    """A bar where growth is known, a line with two ends where only its bounds are known."""

    def text(row: Row) -> str:
        low, high = (change_in_percent(100 * row[f"growth_{end}"]) for end in ("low", "high"))
        return low if row["growth"] is not None or low == high else f"{low} to {high}"

    shown = [{**row, "number": text(row)} for row in rows]
    base = _named(shown, size, size.of(170, 96))
    axis = alt.Axis(
        title="growth, on a logarithmic scale",
        values=_GROWTHS,
        labelExpr="datum.value == 0 ? '0%' : format(datum.value, '+.0%')",
        labelOverlap="greedy",
        labelSeparation=6,
    )
    scale = alt.Scale(type="symlog", constant=0.5)  # an author that has grown tenfold leaves room for the others
    low, high = (alt.X(f"growth_{end}:Q", axis=axis, scale=scale) for end in ("low", "high"))
    known = base.transform_filter("isValid(datum.growth)").mark_bar(height=14)
    colour = alt.condition("datum.growth < 0", alt.value(_FALL), alt.value(_RISE))
    layers = [known.encode(x=alt.X("growth:Q", axis=axis, scale=scale), color=colour, description=_TIP)]
    if any(row["growth"] is None for row in rows):
        between = base.transform_filter("!isValid(datum.growth)")
        layers.append(
            between.mark_rule(strokeWidth=3, color=_UNKNOWN).encode(x=low, x2="growth_high", description=_TIP)
        )
        ends = between.mark_tick(thickness=3, size=15, color=_UNKNOWN)
        layers += [ends.encode(x=low, description=_TIP), ends.encode(x=high, description=_TIP)]
    number = alt.X("end:Q", axis=axis, scale=scale)
    ended = base.transform_calculate(end="max(0, datum.growth_high)")
    layers.append(_numbers(ended, "number:N", number))
    return alt.layer(*layers)


def waterfall(rows: Sequence[Row], size: Size) -> Drawing:
    """From the tokens of one window to those of the next: each contribution begins where the one before ends."""
    first, last = "28 days before", "newest 28 days"
    at = rows[0]["base_total_tokens"]

    def total_of(name: str, tokens: float) -> Row:
        words = in_words(tokens, "tokens")
        tip = f"tokens of the {name}: {words}"
        return {"name": name, "low": tokens, "high": tokens, "number": words, "kind": "total", "tip": tip}

    steps: list[Row] = [total_of(first, at)]
    for row in rows:
        end = at + row["change_tokens"]
        steps.append(
            {
                **row,
                "low": min(at, end),
                "high": max(at, end),
                "number": f"{row['contribution_pp']:+.1f}",
                "kind": "rise" if end >= at else "fall",
            }
        )
        at = end
    steps.append(total_of(last, at))
    least, most = min(step["low"] for step in steps), max(step["high"] for step in steps)
    room = (most - least or most or 1) * 0.06
    scale = alt.Scale(domain=[max(least - room, 0), most + room], nice=False, zero=False)
    size_of_unit, unit = _unit_of(most)
    axis = alt.Axis(
        title=f"{unit} tokens in 28 days{size.of_text('; numbers: contribution in points', '')}",
        labelExpr=f"format(datum.value / {size_of_unit:g}, '~g')",
        tickCount=size.of(7, 4),
    )
    base = _named(steps, size, size.of(120, 84))
    low, high = (alt.X(f"{end}:Q", scale=scale, axis=axis) for end in ("low", "high"))
    moves = base.transform_filter("datum.kind != 'total'").mark_bar(height=16)
    colour = alt.Color("kind:N", scale=alt.Scale(domain=["rise", "fall"], range=[_RISE, _FALL]), legend=None)
    totals = base.transform_filter("datum.kind == 'total'").mark_tick(thickness=4, size=20, color=_REST)
    return alt.layer(
        moves.encode(x=low, x2="high:Q", color=colour, description=_TIP),
        totals.encode(x=low, description=_TIP),
        _numbers(base, "number:N", high),
    )


def price_share(rows: Sequence[Row], size: Size, price: str, colour: str) -> Drawing:
    """A point for each model by its price and share; as many names as there is room for."""
    width, height = size.width_pixels - _AXIS_PIXELS - 20, _HEIGHT_PIXELS + 20

    def across(usd_per_mtok: float) -> float:
        return math.log1p(usd_per_mtok / _PRICE_CONSTANT)

    right, top = max(across(row[price]) for row in rows) or 1, max(row["share"] for row in rows) or 1
    places = [(across(row[price]) / right * width, row["share"] / top * height) for row in rows]
    labels_of_points = point_labels([row["name"] for row in rows], places, width)
    shown = [{**row, **label} for row, label in zip(rows, labels_of_points, strict=True)]
    points = alt.Chart(_data(shown), width=width, height=height).encode(
        x=alt.X(
            f"{price}:Q",
            scale=_PRICE_SCALE,
            axis=alt.Axis(values=_PRICES, labelExpr="'$' + datum.value", labelOverlap="greedy", grid=False),
            title=f"USD per million tokens; logarithmic from about ${_PRICE_CONSTANT:g}",
        ),
        y=alt.Y("share:Q", axis=_SHARE),
    )
    labels = (
        points.transform_filter("isValid(datum.label)")
        .mark_text(
            align=alt.expr("datum.is_left ? 'right' : 'left'"),
            dx=alt.expr(f"datum.is_left ? -{_POINT_PIXELS} : {_POINT_PIXELS}"),
            fontSize=12,
            aria=False,
        )
        .encode(text="label:N")
    )
    return alt.layer(points.mark_circle(size=90, color=colour, opacity=0.75).encode(description=_TIP), labels)


def point_labels(names: Sequence[str], places: Sequence[tuple[float, float]], width: float) -> list[Row]:
    """A `label` for each point with room for its name on one side, and that side (`is_left`); else nothing.

    `places` are in pixels. Earlier points are labelled first; a label covers no point and no other label.
    """
    boxes = [(x - 5, x + 5, y - 5, y + 5) for x, y in places]  # what is taken: the points, then the labels too
    labels: list[Row] = []
    for name, (x, y) in zip(names, places, strict=True):
        label: Row = {}
        for is_left in (False, True) if len(boxes) < len(places) + _MAX_POINT_LABELS else ():
            low = x - _POINT_PIXELS - len(name) * _CHARACTER_PIXELS if is_left else x + _POINT_PIXELS
            box = (low, low + len(name) * _CHARACTER_PIXELS, y - 8, y + 8)
            fits = box[0] >= 0 and box[1] <= width
            if fits and not any(box[0] < b[1] and b[0] < box[1] and box[2] < b[3] and b[2] < box[3] for b in boxes):
                boxes.append(box)
                label = {"label": name, "is_left": is_left}
                break
        labels.append(label)
    return labels


def dollars(rows: Sequence[Row], size: Size) -> Drawing:
    """The share of tokens as a dot, and the range of the share of spend as a bar."""
    shown = [
        {
            **row,
            "number": f"{as_percent(row['share'])} → {as_percent(row['spend_share_low'])}–"
            f"{as_percent(row['spend_share_high'])}",
        }
        for row in rows
    ]
    base = _named(shown, size, size.of(160, 16))
    title = size.of_text("dot: share of tokens; bar: share of implied spend", "dot: tokens; bar: spend")
    axis = alt.Axis(format=".0%", title=title, tickCount=size.of(7, 4))
    low, dot = (alt.X(f"{name}:Q", axis=axis) for name in ("spend_share_low", "share"))
    layers: list[alt.Chart] = [
        base.mark_bar(height=12, color=COLOURS[1], opacity=0.75).encode(
            x=low, x2="spend_share_high:Q", description=_TIP
        ),
        base.mark_circle(size=110, color=COLOURS[0], opacity=1).encode(x=dot, description=_TIP),
    ]
    if not size.is_narrow:
        ended = base.transform_calculate(end="max(datum.spend_share_high, datum.share)")
        layers.append(_numbers(ended, "number:N", alt.X("end:Q", axis=axis), 10))
    return alt.layer(*layers)


def spend(rows: Sequence[Row], size: Size) -> Drawing:
    """The plausible range as a thick line with its numbers, and the range of every possible split as a thin one."""
    shown = [
        {**row, "number": f"{usd(row['spend_plausible_low'])} to {usd(row['spend_plausible_high'])}"} for row in rows
    ]
    base = _named(shown, size, size.of(215, 16))
    axis = alt.Axis(
        title="USD, on a logarithmic scale",
        values=[0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9],
        labelExpr="datum.value == 0 ? '$0' : datum.value < 1e6 ? '$' + datum.value / 1e3 + 'k' "
        ": '$' + datum.value / 1e6 + 'M'",
        labelOverlap="greedy",
    )

    def at(end: str) -> alt.X:
        return alt.X(f"{end}:Q", scale=_SPEND_SCALE, axis=axis)

    layers: list[alt.Chart] = [
        base.mark_rule(strokeWidth=2, color=COLOURS[4]).encode(x=at("spend_low"), x2="spend_high", description=_TIP),
        base.mark_rule(strokeWidth=10, color=COLOURS[0]).encode(
            x=at("spend_plausible_low"), x2="spend_plausible_high", description=_TIP
        ),
    ]
    if not size.is_narrow:
        layers.append(_numbers(base, "number:N", at("spend_high"), 10))
    return alt.layer(*layers)


def concentration(rows: Sequence[Row], size: Size) -> Drawing:
    """Lines of the share of the one, five and ten leading models, named at the right edge."""
    width = size.width_pixels - _AXIS_PIXELS - size.of(190, 126)
    top = max(row["cr10"] for row in rows) * 1.05
    runs, layers, ends = _with_runs(rows, "cr10"), [], []
    for column, name, colour in (
        ("cr1", "leading model", COLOURS[0]),
        ("cr5", "five leading models", COLOURS[1]),
        ("cr10", "ten leading models", COLOURS[2]),
    ):
        y = alt.Y(f"{column}:Q", axis=_SHARE, scale=alt.Scale(domain=[0, top], nice=False))
        layers.append(
            alt.Chart(_data(runs), width=width, height=_HEIGHT_PIXELS)
            .mark_line(color=colour, strokeWidth=2.5, point=alt.OverlayMarkDef(color=colour, size=12))
            .encode(x=_day(size.of(7, 3)), y=y, detail="run:N", description=_TIP)
        )
        ends.append((rows[-1][column], f"{name} {as_percent(rows[-1][column])}", colour))
    return alt.layer(*layers, _side_labels(ends, size, width, top))


def coverage(rows: Sequence[Row], size: Size) -> Drawing:
    """A cell for each surface and day."""
    states = {"complete": COLOURS[2], "partial": COLOURS[1], "missing": COLOURS[5]}
    shown = [
        {
            **row,
            "name": row["surface"],
            "state": "complete" if row["is_complete"] else "partial" if row["is_observed"] else "missing",
        }
        for row in rows
    ]
    return (
        _named(sorted(shown, key=lambda row: row["name"]), size, 12)
        .mark_rect(stroke="white", strokeWidth=0.5)
        .encode(
            x=alt.X(
                "date:O",
                title=None,
                axis=alt.Axis(
                    labelOverlap="greedy",
                    labelSeparation=12,
                    labelAngle=0,
                    labelExpr="utcFormat(toDate(datum.value), '%-d %b')",
                ),
            ),
            color=alt.Color(
                "state:N",
                scale=alt.Scale(domain=list(states), range=list(states.values())),
                legend=alt.Legend(title=None, orient="top", symbolType="square"),
            ),
            description=_TIP,
        )
    )
