"""The figures of the marts, computed independently from the raw JSON of the recordings, in plain Python.

It shares no code with the dbt models, so a mistake in either shows as a difference.
"""

import csv
import datetime as dt
import gzip
import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

DAY = dt.timedelta(days=1)
TOKEN_PRICE_NAMES = ("prompt", "completion", "input_cache_read", "input_cache_write", "input_cache_write_1h")
# Corners of the box of token splits of single models: share of output, share of cached input.
SINGLE_MODEL_CORNERS = [(Decimal(f), Decimal(k)) for f in ("0.006", "0.12") for k in ("0", "0.9")]
# Lowest input price of a class in USD per million tokens → low, central and high share of output and of cached input.
SPLITS_BY_CLASS = {
    Decimal(0): (("0.0270", "0.0355", "0.0545"), ("0.556", "0.664", "0.747")),
    Decimal("0.30"): (("0.0251", "0.0293", "0.0357"), ("0.700", "0.753", "0.791")),
    Decimal(2): (("0.0133", "0.0163", "0.0218"), ("0.732", "0.761", "0.796")),
}
LAST_FITTED_DAY = dt.date(2026, 7, 12)


def recorded_at(path: Path) -> dt.datetime:
    return dt.datetime.strptime(path.name[:16], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007  # naive UTC, as in the marts


def body(path: Path) -> Any:
    return json.loads(gzip.decompress(path.read_bytes()), parse_float=Decimal)


def verified(name: str, key: str, value: str) -> dict[str, str]:
    """Two columns of a seed's verified rows, as key → value."""
    with (Path(__file__).parents[2] / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return {row[key]: row[value] for row in csv.DictReader(file) if row["status"] == "verified"}


def end_of(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day + DAY, dt.time())


@dataclass
class Day:
    """The rankings of one complete day, from the newest recording that covers it."""

    as_of: dt.datetime
    models: dict[str, int]
    other: int

    @property
    def total(self) -> int:
        return sum(self.models.values()) + self.other

    @property
    def model_bound(self) -> int:
        return min(min(self.models.values()), self.other)

    @cached_property
    def authors(self) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for slug, tokens in self.models.items():
            sums[slug.split("/")[0]] += tokens
        return dict(sums)


@dataclass
class Window:
    """Days added up: the tokens of each member, and the most that it can have had."""

    days: list[Day]
    kind: str
    tokens: dict[str, int] = field(default_factory=dict)
    high: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listings = [day.models if self.kind == "model" else day.authors for day in self.days]
        for member in set().union(*listings):
            self.tokens[member] = sum(listing.get(member, 0) for listing in listings)
            self.high[member] = self.tokens[member] + sum(
                self.bound(day) for day, listing in zip(self.days, listings, strict=True) if member not in listing
            )

    def bound(self, day: Day) -> int:
        return day.model_bound if self.kind == "model" else day.other

    def most(self, member: str) -> int:
        return self.high[member] if member in self.tokens else sum(map(self.bound, self.days))

    @property
    def total(self) -> int:
        return sum(day.total for day in self.days)

    @property
    def other(self) -> int:
        return sum(day.other for day in self.days)


class AppWindow:
    """Days of apps added up. On a day that does not list it, an app had at most the tokens of the last listed one."""

    def __init__(self, days: list[dict[int, tuple[int, int]]], total: int) -> None:
        self.total = total
        self.tokens: dict[int, int] = defaultdict(int)
        self.requests: dict[int, int] = defaultdict(int)
        for day in days:
            for app, (tokens, requests) in day.items():
                self.tokens[app] += tokens
                self.requests[app] += requests
        self._days = days

    def most(self, app: int) -> int:
        return sum(day[app][0] if app in day else min(tokens for tokens, _ in day.values()) for day in self._days)


class Recorded:
    """Figures from all recordings up to the newest one of rankings."""

    def __init__(self, folder: Path) -> None:
        rankings = sorted(folder.glob("rankings-daily/*.json.gz"))
        self.until = recorded_at(rankings[-1])
        self.reported: dict[dt.date, list[tuple[dt.datetime, dict[str, int]]]] = defaultdict(list)
        for path in rankings:
            by_day: dict[dt.date, dict[str, int]] = defaultdict(dict)
            for row in body(path)["data"]:
                by_day[dt.date.fromisoformat(row["date"])][row["model_permaslug"]] = int(row["total_tokens"])
            for day, models in by_day.items():
                if day < recorded_at(path).date():
                    self.reported[day].append((recorded_at(path), models))
        self.days = {day: self._newest(responses) for day, responses in sorted(self.reported.items())}
        self.price_lists = [
            (recorded_at(path), {model["id"]: model for model in body(path)["data"]})
            for path in sorted(folder.glob("models/*.json.gz"))
            if recorded_at(path) <= self.until
        ]
        self.endpoint_lists = [
            (recorded_at(path).date(), body(path))
            for path in sorted(folder.glob("endpoints/*.json.gz"))
            if recorded_at(path) <= self.until
        ]
        self.app_windows = self._app_windows(sorted(folder.glob("app-rankings/*.json.gz")))
        self.app_days = {start: apps for (start, end), apps in self.app_windows.items() if start == end}

    def _app_windows(self, paths: list[Path]) -> dict[tuple[dt.date, dt.date], dict[int, tuple[int, int]]]:
        """(First day, last day) → app → tokens and requests, from the newest recording of just that window."""
        newest: dict[tuple[dt.date, dt.date], tuple[str, dict[int, tuple[int, int]]]] = {}
        for path in paths:
            response = body(path)
            start, end, as_of = (response["meta"][name] for name in ("start_date", "end_date", "as_of"))
            if recorded_at(path) > self.until or end >= as_of[:10]:
                continue
            apps = {row["app_id"]: (int(row["total_tokens"]), row["total_requests"]) for row in response["data"]}
            window = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
            if window not in newest or as_of > newest[window][0]:
                newest[window] = (as_of, apps)
        return {window: apps for window, (_, apps) in sorted(newest.items())}

    @staticmethod
    def _newest(responses: list[tuple[dt.datetime, dict[str, int]]]) -> Day:
        as_of, models = responses[-1]
        named = {slug: tokens for slug, tokens in models.items() if slug != "other"}
        return Day(as_of, named, models.get("other", 0))

    def window(self, end: dt.date, length: int, kind: str) -> Window | None:
        dates = [end - DAY * back for back in range(length)]
        return Window([self.days[day] for day in dates], kind) if all(day in self.days for day in dates) else None

    def periods(self) -> dict[tuple[str, dt.date], list[dt.date]]:
        """(period, start) → its days, for days and for weeks and months without a missing day."""
        found: dict[tuple[str, dt.date], list[dt.date]] = {}
        for day in self.days:
            found["day", day] = [day]
            month_end = (day.replace(day=1) + DAY * 31).replace(day=1) - DAY
            for name, start, end in (
                ("week", day - DAY * day.weekday(), day + DAY * (6 - day.weekday())),
                ("month", day.replace(day=1), month_end),
            ):
                inside = [start + DAY * after for after in range((end - start).days + 1)]
                if all(one in self.days for one in inside):
                    found[name, start] = inside
        return found

    def shares(self, kind: str) -> dict[tuple, tuple]:
        """(period, start, member) → tokens, tokens_high, total, share, share of named."""
        result = {}
        for (period, start), days in self.periods().items():
            window = Window([self.days[day] for day in days], kind)
            named = window.total - sum(self.days[day].other for day in days)
            for member, tokens in window.tokens.items():
                result[period, start, member] = (
                    tokens,
                    window.high[member],
                    window.total,
                    tokens / window.total,
                    tokens / named,
                )
        return result

    def growth(self, kind: str) -> dict[tuple, tuple]:
        """(window end, horizon, member) → growth, low, high, share change, acceleration, excess; None where unknown."""
        result = {}
        for horizon, length in (("1d", 1), ("7d", 7), ("28d", 28)):
            for end in self.days:
                windows = [self.window(end - DAY * length * back, length, kind) for back in range(4)]
                now, base = windows[:2]
                if now is None or base is None:
                    continue
                for member in {*now.tokens, *base.tokens}:
                    result[end, horizon, member] = _growth(member, now, base, windows[2:])
        return result

    def app_window(self, end: dt.date, length: int) -> AppWindow | None:
        dates = [end - DAY * back for back in range(length)]
        if not all(day in self.days and day in self.app_days for day in dates):
            return None
        return AppWindow([self.app_days[day] for day in dates], sum(self.days[day].total for day in dates))

    def app_shares(self) -> dict[tuple, tuple]:
        """(period, start, app) → tokens, tokens_high, requests, total, share, share of named."""
        result = {}
        for (period, start), days in self.periods().items():
            # A recording of the period itself, if there is one; else its days.
            reported = self.app_windows.get((days[0], days[-1]))
            total = sum(self.days[day].total for day in days)
            window = AppWindow([reported], total) if reported else self.app_window(days[-1], len(days))
            if window is None:
                continue
            named = sum(window.tokens.values())
            for app, tokens in window.tokens.items():
                result[period, start, app] = (
                    tokens,
                    window.most(app),
                    window.requests[app],
                    window.total,
                    tokens / window.total,
                    tokens / named,
                )
        return result

    def app_growth(self) -> dict[tuple, tuple]:
        """The figures of `growth`, for apps."""
        result = {}
        for horizon, length in (("1d", 1), ("7d", 7), ("28d", 28)):
            for end in self.app_days:
                windows = [self.app_window(end - DAY * length * back, length) for back in range(4)]
                now, base = windows[:2]
                if now is not None and base is not None:
                    for app in {*now.tokens, *base.tokens}:
                        result[end, horizon, app] = _growth(app, now, base, windows[2:])
        return result

    def created(self, slug: str) -> dt.date | None:
        """Day on which the model was added to OpenRouter, by the first list that includes it."""
        return self._created.get(slug)

    @cached_property
    def _created(self) -> dict[str, dt.date]:
        found: dict[str, dt.date] = {}
        for _, models in self.price_lists:
            for id_, model in models.items():
                if model.get("canonical_slug"):
                    variant = id_.partition(":")[2]
                    slug = model["canonical_slug"] + (f":{variant}" if variant else "")
                    day = dt.datetime.fromtimestamp(int(model["created"]), dt.UTC).date()
                    found[slug] = min(day, found.get(slug, day))
        return found

    def reasoning(self, slug: str) -> str:
        for _, models in reversed(self.price_lists):
            if (model := self.listed_as(models, slug)) is not None:
                if model.get("reasoning") is None and model.get("supported_parameters") is None:
                    return "unknown"
                able = model.get("reasoning") is not None or "reasoning" in model["supported_parameters"]
                return "capable" if able else "not"
        return "unknown"

    @cached_property
    def classes(self) -> dict[str, dict[str, str]]:
        """Dimension → slug → class, for all dimensions but the class by price."""
        slugs = set().union(*(day.models for day in self.days.values()))
        weights, countries = verified("model_weights", "base_slug", "weights"), verified("authors", "author", "country")
        return {
            "model": {slug: slug for slug in slugs},
            "author": {slug: slug.split("/")[0] for slug in slugs},
            "variant": {slug: slug.partition(":")[2] or "standard" for slug in slugs},
            "weights": {slug: weights.get(slug.partition(":")[0], "unclassified") for slug in slugs},
            "author_country": {slug: countries.get(slug.split("/")[0]) or "unclassified" for slug in slugs},
            "reasoning": {slug: self.reasoning(slug) for slug in slugs},
        }

    def price_class(self, slug: str, row: dict[str, Any]) -> str:
        if slug.endswith(":free") or row["is_free"]:
            return "free"
        return "unpriced" if row["low"] is None else "paid"

    def drivers(self, spend: dict[tuple[dt.date, str], dict[str, Any]]) -> dict[tuple, int]:
        """(window end, horizon, dimension, member) → change in tokens, for every dimension of models."""
        result: dict[tuple, int] = defaultdict(int)
        by_price = {key: self.price_class(key[1], row) for key, row in spend.items()}
        for horizon, length in (("1d", 1), ("7d", 7), ("28d", 28)):
            for end in self.days:
                now, base = self.window(end, length, "model"), self.window(end - DAY * length, length, "model")
                if now is None or base is None:
                    continue
                inside = [end - DAY * back for back in range(length)]
                for slug in {*now.tokens, *base.tokens}:
                    change = now.tokens.get(slug, 0) - base.tokens.get(slug, 0)
                    created, last = self.created(slug), next((day for day in inside if (day, slug) in by_price), None)
                    classes = {name: of[slug] for name, of in self.classes.items()}
                    classes["price_class"] = by_price[last, slug] if last else ""
                    for dimension, member in classes.items():
                        if created is not None and inside[-1] <= created <= end:
                            member = "launched"
                        elif slug not in now.tokens or slug not in base.tokens:
                            member = "crossed_top50"
                        result[end, horizon, dimension, member] += change
                for dimension in (*self.classes, "price_class"):
                    result[end, horizon, dimension, "other"] += now.other - base.other
        return dict(result)

    def app_drivers(self) -> dict[tuple, int]:
        result: dict[tuple, int] = {}
        for horizon, length in (("1d", 1), ("7d", 7), ("28d", 28)):
            for end in self.app_days:
                now, base = self.app_window(end, length), self.app_window(end - DAY * length, length)
                if now is None or base is None:
                    continue
                both = {app: now.tokens[app] - base.tokens[app] for app in {*now.tokens} & {*base.tokens}}
                result |= {(end, horizon, "app", str(app)): change for app, change in both.items()}
                result[end, horizon, "app", "unattributed"] = now.total - base.total - sum(both.values())
        return result

    def segments(self, spend: dict[tuple[dt.date, str], dict[str, Any]]) -> dict[tuple, tuple]:
        """(period, start, segment type, segment) → tokens and share; the class by price is that of each day."""
        result: dict[tuple, int] = defaultdict(int)
        totals = {}
        for (period, start), days in self.periods().items():
            totals[period, start] = sum(self.days[day].total for day in days)
            for day in days:
                for slug, tokens in self.days[day].models.items():
                    for name in ("variant", "weights", "author_country", "reasoning"):
                        result[period, start, name, self.classes[name][slug]] += tokens
                    result[period, start, "price_class", self.price_class(slug, spend[day, slug])] += tokens
                for name in ("variant", "weights", "author_country", "reasoning", "price_class"):
                    result[period, start, name, "other"] += self.days[day].other
        return {key: (tokens, tokens / totals[key[:2]]) for key, tokens in result.items()}

    def endpoint_range(self, id_: str, day: dt.date) -> tuple[Decimal, Decimal] | None:
        """Least and greatest token price of an id's endpoints on the day, in the sweep before and in the one after."""
        by_day = {
            day + DAY * away: [
                sweep[id_] for on, sweep in self.endpoint_lists if on == day + DAY * away and id_ in sweep
            ]
            for away in (-1, 0, 1)
        }
        offered = by_day[day - DAY][-1:] + by_day[day] + by_day[day + DAY][:1]
        listed = [one for response in offered for one in (response.get("data") or {}).get("endpoints", [])]
        prices = [price for endpoint in listed for price in token_prices(endpoint)]
        return (min(prices), max(prices)) if prices else None

    def base_and_variant(self, slug: str) -> tuple[str, str]:
        base, _, variant = slug.partition(":")
        return base, variant

    def listed_as(self, price_list: dict[str, Any], slug: str) -> Any:
        base_and_variant = self.base_and_variant(slug)
        for id_, model in price_list.items():
            if (model.get("canonical_slug"), id_.partition(":")[2]) == base_and_variant:
                return model
        return None

    def possible(self, slug: str, listed: Any, day: dt.date) -> list[Any]:
        """The listed model and every row of its id that can have been valid on the day.

        These are the rows of the last list before the day, of all lists of the day and of the first list after it,
        while the id referred to the same model.
        """
        shown = [(at, models.get(listed["id"])) for at, models in self.price_lists]
        before = [model for at, model in shown if at <= end_of(day - DAY) and model][-1:]
        within = [model for at, model in shown if end_of(day - DAY) < at < end_of(day) and model]
        after = [model for at, model in shown if at >= end_of(day)][:1] if shown[0][0] < end_of(day) else []
        return [
            listed,
            *(
                model
                for model in (*before, *within, *filter(None, after))
                if model.get("canonical_slug") is None or self.listed_as({model["id"]: model}, slug)
            ),
        ]

    def mix_class(self, id_: str) -> tuple:
        """Shares of output and of cached input of the class that the first input price above 0 of an id is in."""
        listed = (models[id_] for _, models in self.price_lists if id_ in models)
        prices = (Decimal(model["pricing"].get("prompt", 0)) for model in listed)
        first = next((price for price in prices if price > 0), Decimal(0)) * 1_000_000
        return SPLITS_BY_CLASS[max(start for start in SPLITS_BY_CLASS if start <= first)]

    def price(self, slug: str, day: dt.date) -> tuple[str, Any, dt.datetime | None, list[Any]]:
        """Basis, the model's row at the day's end, when its list was made, and all rows that can have been valid."""
        before = [(at, models) for at, models in self.price_lists if at < end_of(day)]
        for at, models in reversed(before):
            if (model := self.listed_as(models, slug)) is not None:
                age = end_of(day) - at
                basis = "observed" if at == before[-1][0] and age < DAY * 2 else "carried"
                return basis, model, at, self.possible(slug, model, day)
        for at, models in self.price_lists:
            if at >= end_of(day) and (model := self.listed_as(models, slug)) is not None:
                return "backcast", model, at, self.possible(slug, model, day)
        return "none", None, None, []

    def spend(self) -> dict[tuple[dt.date, str], dict[str, Any]]:
        """(day, slug) → price basis and spend in USD.

        Spend is at the least and the greatest token price, over the box of single models, and at the low, central and
        high split of the model's class.
        """
        result = {}
        for day, rankings in self.days.items():
            for slug, tokens in rankings.models.items():
                basis, model, at, valid = self.price(slug, day)
                row: dict[str, Any] = {"basis": basis, "at": at, "low": None, "high": None, "box": None, "mix": None}
                row["is_free"] = (
                    model is not None
                    and is_priced(model)
                    and not any(Decimal(model["pricing"][name]) for name in ("prompt", "completion"))
                )
                offered = self.endpoint_range(model["id"], day) if model is not None else None
                row["endpoints"] = tuple(tokens * price for price in offered) if offered else (None, None)
                if slug.endswith(":free"):
                    row |= {"low": 0, "high": 0, "box": (0, 0), "mix": (0, 0, 0)}
                elif model is not None and is_priced(model):
                    prices = [price for one in valid for price in token_prices(one)]
                    corners = [tokens * blended(model, *corner) for corner in SINGLE_MODEL_CORNERS]
                    row |= {
                        "low": tokens * min(prices),
                        "high": tokens * max(prices),
                        "box": (min(corners), max(corners)),
                    }
                    output, cached = ([Decimal(share) for share in ends] for ends in self.mix_class(model["id"]))
                    ends = [(share, part) for share in output[::2] for part in cached[::2]]
                    row |= {
                        "mix": (
                            tokens * min(blended(model, *end) for end in ends),
                            tokens * blended(model, output[1], cached[1]),
                            tokens * max(blended(model, *end, is_written=True) for end in ends),
                        )
                    }
                result[day, slug] = row
        return result

    def restated(self) -> dict[tuple[dt.date, str], tuple[int | None, int | None]]:
        """(day, slug) → first and last tokens, if two recordings differ."""
        result = {}
        for day, responses in self.reported.items():
            for slug in set().union(*(models for _, models in responses)):
                values = [models.get(slug) for _, models in responses]
                if len(set(values)) > 1:
                    result[day, slug] = (values[0], values[-1])
        return result

    def price_intervals(self) -> list[tuple]:
        """(id, from, to, not before, last seen) for every interval of lists that give an id the same prices."""
        intervals = []
        for id_ in {id_ for _, models in self.price_lists for id_ in models}:
            open_: list[Any] | None = None
            for number, (at, models) in enumerate(self.price_lists):
                prices = all_prices(models[id_]) if id_ in models else None
                if open_ is not None and prices != open_[4]:
                    # The next price ends an interval; for a removed id, its last list does.
                    open_[1] = at if prices is not None else open_[3]
                    intervals.append((id_, *open_[:4]))
                    open_ = None
                if prices is not None:
                    not_before = self.price_lists[number - 1][0] if number else None
                    open_ = open_ or [at, None, not_before, at, prices]
                    open_[3] = at
            if open_ is not None:
                intervals.append((id_, *open_[:4]))
        return intervals


def _growth(member: Any, now: Any, base: Any, before: list[Any]) -> tuple:
    tokens, base_tokens = now.tokens.get(member, 0), base.tokens.get(member, 0)
    high, base_high = now.most(member), base.most(member)
    complete = tokens == high and base_tokens == base_high
    growth = tokens / base_tokens - 1 if complete and base_tokens else None
    exact = [
        window.tokens.get(member, 0)
        if window is not None and window.tokens.get(member, 0) == window.most(member)
        else None
        for window in before
    ]
    accelerated = complete and exact[0] and base_tokens
    excess = complete and None not in exact
    return (
        growth,
        tokens / base_high - 1 if base_high else None,
        high / base_tokens - 1 if base_tokens else None,
        100 * (tokens / now.total - base_tokens / base.total) if complete else None,
        100 * (tokens / base_tokens - base_tokens / exact[0]) if accelerated else None,
        tokens - (base_tokens + sum(exact)) / 3 if excess else None,
    )


def is_priced(model: Any) -> bool:
    pricing = model["pricing"]
    return all(name in pricing and Decimal(pricing[name]) >= 0 for name in ("prompt", "completion"))


def token_prices(model: Any) -> list[Decimal]:
    lists = [model["pricing"], *model["pricing"].get("overrides", [])]
    return [
        Decimal(prices[name]) for prices in lists for name in TOKEN_PRICE_NAMES if Decimal(prices.get(name, -1)) >= 0
    ]


def blended(model: Any, completion_share: Decimal, cached_share: Decimal, *, is_written: bool = False) -> Decimal:
    """USD per token; with `is_written`, uncached input is written to the cache where that costs more."""
    prompt, completion = (Decimal(model["pricing"][name]) for name in ("prompt", "completion"))
    if is_written:
        prompt = max(prompt, Decimal(model["pricing"].get("input_cache_write", 0)))
    cached = model["pricing"].get("input_cache_read")
    cached_share = cached_share if cached is not None else Decimal(0)
    read = Decimal(cached) if cached is not None else Decimal(0)
    return (1 - completion_share) * ((1 - cached_share) * prompt + cached_share * read) + completion_share * completion


def all_prices(model: Any) -> tuple:
    """All prices of a model as one comparable value.

    A missing condition equals an empty one, and the order of conditions does not count.
    """
    pricing = model["pricing"]
    dynamic = any(Decimal(pricing.get(name, 0)) < 0 for name in ("prompt", "completion"))
    flat = {name: Decimal(value) for name, value in pricing.items() if name != "overrides"}
    valid = {name: value for name, value in flat.items() if value >= 0}
    overrides = [
        tuple(sorted((name, Decimal(value)) for name, value in one.items())) for one in pricing.get("overrides", [])
    ]
    return dynamic, tuple(sorted(valid.items())), tuple(sorted(overrides))


def doubling_days(totals: list[int]) -> tuple[float, float, float] | None:
    """ln 2 / slope of ln(total) over 28 days and its 95 % interval, in days; None unless all of it is positive."""
    y = [math.log(total) for total in totals]
    n, mean_x, mean_y = len(y), (len(y) - 1) / 2, sum(y) / len(y)
    sxx = sum((x - mean_x) ** 2 for x in range(n))
    slope = sum((x - mean_x) * (value - mean_y) for x, value in enumerate(y)) / sxx
    residual = sum((value - mean_y - slope * (x - mean_x)) ** 2 for x, value in enumerate(y))
    margin = 2.055529 * math.sqrt(residual / (n - 2) / sxx)
    low, high = slope - margin, slope + margin
    return (math.log(2) / slope, math.log(2) / high, math.log(2) / low) if low > 0 else None
