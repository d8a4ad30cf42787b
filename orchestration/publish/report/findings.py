"""Titles that state a finding: rules that turn the rows of a figure into one short sentence.

Each rule takes the rows that its figure shows, so a title never says more than the figure. A rule whose condition does
not hold falls back to a plainer sentence.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from orchestration.formatting import as_percent, change_in_percent, date_in_words, in_words, usd, usd_price
from orchestration.publish.report.formats import Row

Finding = Callable[[Sequence[Row]], str]

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Changes below these read as none, as the figures beside them are rounded.
SMALLEST_CHANGE = 0.0005
_CHEAP_USD_PER_MTOK = 1.0


def count_in_words(number: int, noun: str) -> str:
    """1 → one week; 12 → 12 weeks."""
    word = _NUMBERS[number] if number < len(_NUMBERS) else f"{number:,}"
    return f"{word} {noun}{'' if number == 1 else 's'}"


def moved(now: Row, before: Row, ago: str) -> str:
    """How a share compares with an earlier one, as far as the bounds of both are certain.

    `, up from 17.0% nine weeks ago` if both are exact; with bounds, `, up from at most 65.1% …` if they do not overlap,
    else `; 44.8% to 60.3% …`. Rows have `share` and `share_high` (null: exact).
    """
    (low, high), (low_before, high_before) = _bounds(now), _bounds(before)
    if high - low < SMALLEST_CHANGE and high_before - low_before < SMALLEST_CHANGE:
        if abs(low - low_before) < SMALLEST_CHANGE:
            return f", as {ago} ago"
        return f", {'up' if low > low_before else 'down'} from {as_percent(low_before)} {ago} ago"
    if low > high_before:
        return f", up from at most {as_percent(high_before)} {ago} ago"
    if high < low_before:
        return f", down from at least {as_percent(low_before)} {ago} ago"
    return f"; {as_percent(low_before)} to {as_percent(high_before)} {ago} ago"


def _bounds(row: Row) -> tuple[float, float]:
    return row["share"], row["share"] if row["share_high"] is None else row["share_high"]


def _dates(rows: Sequence[Row]) -> list[str]:
    return sorted({row["period_start"] for row in rows})


def _share_on(rows: Sequence[Row], name: str, start: str) -> float | None:
    return next((row["share"] for row in rows if row["name"] == name and row["period_start"] == start), None)


def _over_weeks(rows: Sequence[Row], name: str) -> str:
    """The newest share of a member, and its change since the first week shown in which it is known."""
    known = sorted((row for row in rows if row["name"] == name), key=lambda row: str(row["period_start"]))
    before, now = known[0], known[-1]
    low, high = _bounds(now)
    least = "" if high - low < SMALLEST_CHANGE else "at least "
    days = dt.date.fromisoformat(now["period_start"]) - dt.date.fromisoformat(before["period_start"])
    change = moved(now, before, count_in_words(days.days // 7, "week")) if days else ""
    return f"{least}{as_percent(low)} of tokens{change}"


def leading_member(rows: Sequence[Row]) -> str:
    """The member with the largest share in the newest week: `DeepSeek: 21.5% of tokens, up from …`."""
    newest = _dates(rows)[-1]
    named = [row for row in rows if row["period_start"] == newest and row["is_named"]]
    if not named:
        return "No class is known of these models"
    leader = max(named, key=lambda row: row["share"])
    return f"{leader['name']}: {_over_weeks(rows, leader['name'])}"


def member(name: str) -> Finding:
    """The share of one member, whatever its rank; without it, of the leading one."""

    def finding(rows: Sequence[Row]) -> str:
        if _share_on(rows, name, _dates(rows)[-1]) is None:
            return leading_member(rows)
        return f"{name}: {_over_weeks(rows, name)}"

    return finding


def leading_models(rows: Sequence[Row]) -> str:
    """The leading model of the list and its share."""
    first = rows[0]
    price = ""
    if first["prompt_usd_per_mtok"] is not None and first["completion_usd_per_mtok"] is not None:
        price = (
            f", at {usd_price(first['prompt_usd_per_mtok'])} per million input tokens and "
            f"{usd_price(first['completion_usd_per_mtok'])} per million output tokens"
        )
    return f"{first['name']} led with {as_percent(first['share'])} of tokens{price}"


def traffic(rows: Sequence[Row]) -> str:
    """The growth of the newest 28 days, else the newest mean of seven days."""
    newest = rows[-1]
    mean = newest["mean_tokens"] or newest["total_tokens"]
    daily = f"{in_words(mean, 'tokens')} tokens a day"
    growth = newest["growth_28d"]
    if growth is None:
        return f"Traffic: {daily}"
    if abs(growth) < SMALLEST_CHANGE:
        return f"Traffic is flat over four weeks, at {daily}"
    size = change_in_percent(100 * abs(growth))[1:]
    return f"Traffic {'grew' if growth > 0 else 'fell'} {size} in four weeks, to {daily}"


def leader_by_day(rows: Sequence[Row]) -> str:
    """Which model led the newest day, and since when without a break among the days shown."""
    days = _dates(rows)
    leaders = {row["period_start"]: row["name"] for row in rows if row["rank"] == 1}
    leader = leaders[days[-1]]
    since = days[-1]
    for day in reversed(days):
        is_next = dt.date.fromisoformat(since) - dt.date.fromisoformat(day) <= dt.timedelta(days=1)
        if leaders.get(day) != leader or not is_next:
            break
        since = day
    share = _share_on(rows, leader, days[-1]) or 0.0
    led = f"{leader} led on {_date(days[-1])} with {as_percent(share)} of tokens"
    return f"{led}, and every day since {_date(since)}" if since != days[-1] else led


def gained_most(rows: Sequence[Row]) -> str:
    """The author whose tokens changed most for certain."""
    first = rows[0]
    rose = first["growth_low"] > 0
    known = first["growth"] is not None
    tokens = first["tokens"] - first["base_tokens_high"] if rose else first["base_tokens"] - first["tokens_high"]
    if tokens <= 0:
        return "No author's change in tokens over four weeks is certain"
    size = first["growth"] if known else first["growth_low"] if rose else first["growth_high"]
    least = "" if known else "at least "
    return (
        f"{first['name']} {'gained' if rose else 'lost'} the most tokens in four weeks: {least}"
        f"{in_words(tokens, 'tokens')} ({change_in_percent(100 * size)})"
    )


def drivers(rows: Sequence[Row]) -> str:
    """The change of the total and its two largest contributions in the same direction."""
    parts = [row for row in rows if row["member"] not in (None, "other", "crossed_top50")]
    total = sum(row["contribution_pp"] for row in rows)
    verb = "grew" if total > 0 else "fell"
    same = sorted(
        (row for row in parts if row["contribution_pp"] * total > 0), key=lambda row: -abs(row["contribution_pp"])
    )[:2]
    text = f"Traffic {verb} {change_in_percent(abs(total))[1:]} in four weeks"
    named = [f"{row['name']} {row['contribution_pp']:+.1f}" for row in same]
    return f"{text}; largest contributions in points: {', '.join(named)}" if named else text


def cheap_share(price: str, kind: str) -> Finding:
    """The share of the models that cost less than a dollar per million tokens."""

    def finding(rows: Sequence[Row]) -> str:
        share = sum(row["share"] for row in rows if row[price] < _CHEAP_USD_PER_MTOK)
        limit = usd_price(_CHEAP_USD_PER_MTOK)
        return f"Listed models under {limit} per million {kind} tokens had {as_percent(share)} of tokens"

    return finding


def price_changes(rows: Sequence[Row]) -> str:
    """How many models have another price than 30 days ago, and in which direction."""
    cheaper, dearer, same = (rows[0][name] for name in ("cheaper", "dearer", "same"))
    others = f", {same:,} as before" if same else ""
    models = count_in_words(cheaper + dearer + same, "model").capitalize()
    return f"{models} changed price in 30 days: {cheaper:,} cost less now, {dearer:,} more{others}"


def spend(rows: Sequence[Row]) -> str:
    """The plausible cost of the period's tokens."""
    total = rows[0]
    return (
        f"At list prices, these tokens would cost {usd(total['spend_plausible_low'])} to "
        f"{usd(total['spend_plausible_high'])}"
    )


def dollar_share(rows: Sequence[Row]) -> str:
    """The author whose share of spend exceeds its share of tokens most, for certain."""
    ahead = [row for row in rows if row["spend_share_low"] > row["share"] > 0]
    if not ahead:
        return "No author's share of implied spend is certain to exceed its share of tokens"
    first = max(ahead, key=lambda row: row["spend_share_low"] / row["share"])
    return (
        f"{first['name']}: {as_percent(first['share'])} of tokens, {as_percent(first['spend_share_low'])} to "
        f"{as_percent(first['spend_share_high'])} of implied spend"
    )


def leading_app(rows: Sequence[Row]) -> str:
    return f"{rows[0]['name']} sends {as_percent(rows[0]['share'])} of tokens, the most of any listed app"


def categories(rows: Sequence[Row]) -> str:
    """The model that leads most categories."""
    leaders = [row["name"] for row in rows]
    most = max(leaders, key=lambda name: (leaders.count(name), -leaders.index(name)))
    return f"{most} leads {leaders.count(most)} of {len(leaders)} categories"


def concentration(rows: Sequence[Row]) -> str:
    return f"The five leading models had {as_percent(rows[-1]['cr5'])} of tokens on {_date(rows[-1]['period_start'])}"


def models_to_test(rows: Sequence[Row]) -> str:
    reasons = sum(row["try_reason"] is not None for row in rows)
    number = count_in_words(reasons, "model").capitalize()
    return f"{number} of the leading {len(rows)} {'is' if reasons == 1 else 'are'} worth a test"


def anomalies(rows: Sequence[Row]) -> str:
    return f"{count_in_words(rows[0]['changes'], 'unusual change').capitalize()} in 28 days"


def coverage(rows: Sequence[Row]) -> str:
    """How many days of the rankings are complete, and how many days of other surfaces are not."""
    days: dict[bool, dict[tuple[str, str], bool]] = {True: {}, False: {}}
    for row in rows:
        is_rankings = row["surface"] in ("rankings", "rankings_export")
        key = ("rankings" if is_rankings else row["surface"], row["date"])
        days[is_rankings][key] = days[is_rankings].get(key, False) or row["is_complete"]
    complete, total = sum(days[True].values()), len(days[True])
    text = f"{'All' if complete == total else f'{complete} of'} {total} days of the rankings are complete"
    missing = sum(not is_complete for is_complete in days[False].values())
    return f"{text}; other surfaces lack {count_in_words(missing, 'day')}" if missing else text


def restatements(rows: Sequence[Row]) -> str:
    changes = [abs(row["change_pct"]) for row in rows if row["change_pct"] is not None]
    largest = f"; the largest change is {change_in_percent(max(changes))[1:]}" if changes else ""
    number = rows[0]["changes"]
    were = "was" if number == 1 else "were"
    return f"{count_in_words(number, 'figure').capitalize()} of the last 60 days {were} revised{largest}"


def _date(day: str) -> str:
    return date_in_words(dt.date.fromisoformat(day[:10]))
