"""The newest week in at most 250 words: findings first, one caveat, sources at the end.

Each finding is one row of a mart, with names for people. A finding whose row does not exist is left out. Sentences fit
to quote one by one, each with its own caveat and citation, are in the mart `claim`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.formatting import (
    SIMULATED_PREFIX,
    as_percent,
    change_in_percent,
    date_in_words,
    in_words,
    is_visible,
    rounding_of,
    usd,
    usd_price,
)
from orchestration.publish.citations import citation_as_of, citations_by_url
from orchestration.storage.sql import rows_as_dicts
from orchestration.untrusted import plain_text

MAX_WORDS = 250


@dataclass(frozen=True)
class Period:
    """The week that the report is about, or a day if no week is complete."""

    kind: str
    start: dt.date
    end: dt.date

    @property
    def name(self) -> str:
        """As in the brief's file name: 2026-W31, or the day."""
        return f"{self.start:%G-W%V}" if self.kind == "week" else f"{self.start}"

    @property
    def words(self) -> str:
        """In lower case, as within a sentence: the week of 27 July 2026."""
        return f"{'the week of ' if self.kind == 'week' else ''}{date_in_words(self.start)}"

    @property
    def title(self) -> str:
        """As a heading: Week of 27 July 2026."""
        return _capitalized(self.words.removeprefix("the "))


@dataclass(frozen=True)
class Finding:
    """A sentence, and the row that it is from."""

    text: str
    mart: str
    key: Mapping[str, str]
    row: Mapping[str, Any]


def period_of(connection: duckdb.DuckDBPyConnection) -> Period:
    """The newest complete week, or the newest day if no week is complete; reads the view `newest`."""
    [(kind, start, end)] = connection.sql("select period, period_start, period_end from newest").fetchall()
    return Period(kind, start, end)


def findings_of(connection: duckdb.DuckDBPyConnection) -> list[Finding]:
    """The findings of the newest period, the most asked for first; reads the views of `views.sql`."""
    period = period_of(connection)
    return [
        *_leading_model(connection),
        *_traffic(connection, period),
        *_largest_moves(connection, period),
        *_largest_new_model(connection, period),
        *_largest_price_change(connection, period),
        *_leading_app(connection),
        *_spend(connection),
        *_largest_revision(connection, period),
    ]


def sources_of(connection: duckdb.DuckDBPyConnection, found: Sequence[Finding]) -> list[str]:
    """The citation line of each source of these findings, with the newest of their timestamps."""
    lines = citations_by_url(connection.table("citations"))
    newest: dict[str, dt.datetime] = {}
    for one in found:
        url = one.row["source_url"]
        newest[url] = max(newest.get(url, one.row["as_of"]), one.row["as_of"])
    return [citation_as_of(lines[url], as_of) for url, as_of in newest.items()]


def as_markdown(period: Period, found: Sequence[Finding], caveat: str, sources: Sequence[str], mark: str) -> str:
    """The brief as Markdown."""
    prefix = SIMULATED_PREFIX if mark else ""
    lines = [f"# {prefix}{period.title}", ""]
    if mark:
        lines += [f"**{mark}**", ""]
    lines += [f"- {prefix}{_escaped(one.text)}" for one in found]
    lines += ["", caveat, "", *sources]
    return plain_text("\n".join(lines) + "\n")


def caveat_of(scope: Mapping[str, str]) -> str:
    """The one caveat: what the figures cover."""
    return f"{scope['statement']} {scope['caveats']}"


def _escaped(text: str) -> str:
    """A sentence as Markdown, in which names are not interpreted as markup."""
    return re.sub(r"([\[\]<>`!*_])", r"\\\1", " ".join(text.split()))


def _one(connection: duckdb.DuckDBPyConnection, sql: str, *parameters: Any) -> list[dict[str, Any]]:
    return rows_as_dicts(connection.execute(sql, list(parameters)))[:1]


def _leading_model(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """The model with the largest share, its prices, and the model that led the period before, if it is another."""
    for row in _one(
        connection,
        """
        select
            share_model.*, model_name, prompt_usd_per_mtok, completion_usd_per_mtok,
            (
                select min(names.model_name)
                from share_model as before
                join newest on before.period = newest.period and before.period_start = newest.previous_start
                join model_names as names using (model_permaslug)
                where before.rank = 1
            ) as led_before,
        from share_model
        join newest using (period, period_start)
        join model_names using (model_permaslug)
        left join period_prices using (model_permaslug)
        where rank = 1
        order by model_permaslug
        """,
    ):
        prices = [
            f"{usd_price(row[column])} per million {kind} tokens"
            for column, kind in (("prompt_usd_per_mtok", "input"), ("completion_usd_per_mtok", "output"))
            if row[column] is not None
        ]
        listed = f", listed at {' and '.join(prices)}" if prices else ""
        before = row["led_before"]
        after = f"; the {row['period']} before, {before} led" if before and before != row["model_name"] else ""
        yield Finding(
            f"{row['model_name']} led with {as_percent(row['share'])} of tokens{listed}{after}.",
            "share_model",
            _key(row, "period", "period_start", "model_permaslug"),
            row,
        )


def _traffic(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[Finding]:
    """All tokens, their growth, and the shares that most readers look for."""
    growth_column = "growth_7d" if period.kind == "week" else "growth_1d"
    for row in _one(connection, "from traffic_summary join newest using (period, period_start)"):
        growth = row[growth_column]
        change = "" if growth is None else f", {change_in_percent(100 * growth)} on the {period.kind} before"
        yield Finding(
            f"Traffic was {in_words(row['total_tokens'], 'tokens')} tokens{change}.",
            "traffic_summary",
            _key(row, "period", "period_start"),
            row,
        )
    names = {
        ("weights", "open"): "Open-weight models had at least {}",
        ("author_country", "CN"): "authors in China {}",
        ("author_country", "US"): "authors in the United States {}",
        ("price_class", "free"): "free models {}",
    }
    rows = rows_as_dicts(connection.sql("from share_segment join newest using (period, period_start)"))
    shares = {(row["segment_type"], row["segment"]): row for row in rows}
    parts = [text.format(as_percent(shares[segment]["share"])) for segment, text in names.items() if segment in shares]
    if parts:
        first = next(segment for segment in names if segment in shares)
        yield Finding(
            f"{_capitalized(', '.join(parts))}.",
            "share_segment",
            _key(shares[first], "period", "period_start", "segment_type", "segment"),
            shares[first],
        )


def _largest_moves(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[Finding]:
    """The models whose shares rose and fell most, of those listed on every day of this period and the one before."""
    for order, verb in (("desc", "gained"), ("asc", "lost")):
        for row in _one(
            connection,
            f"""
            select growth_model.*, coalesce(model_name, model_permaslug) as name
            from growth_model left join model_names using (model_permaslug)
            where horizon = ? and window_end = ? and status = 'ok'
                and abs(share_change_pp) >= 0.05  -- reads 0.1 or more
                and (share_change_pp > 0) = ('{verb}' = 'gained')
            order by share_change_pp {order}, model_permaslug
            """,  # noqa: S608  # our own words
            "7d" if period.kind == "week" else "1d",
            period.end,
        ):
            yield Finding(
                f"{row['name']} {verb} the most share of the models listed every day: {row['share_change_pp']:+.1f} "
                "points.",
                "growth_model",
                _key(row, "window_end", "horizon", "model_permaslug"),
                row,
            )


def _largest_new_model(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[Finding]:
    """The model with the largest share, of those that were listed for the first time in the period."""
    for row in _one(
        connection,
        """
        select share_model.*, first_ranked_on, coalesce(model_name, model_permaslug) as name
        from share_model
        join newest using (period, period_start)
        join model using (model_permaslug)
        left join model_names using (model_permaslug)
        where first_ranked_on between ? and ?
            and first_ranked_on > (select min(period_start) from share_model where period = 'day')
        order by rank, model_permaslug
        """,
        period.start,
        period.end,
    ):
        yield Finding(
            f"New: {row['name']}, first listed on {date_in_words(row['first_ranked_on'])}, had at least "
            f"{as_percent(row['share'])}.",
            "share_model",
            _key(row, "period", "period_start", "model_permaslug"),
            row,
        )


def _largest_price_change(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[Finding]:
    """The largest relative change of a listed input price."""
    for row in _one(
        connection,
        """
        select price_history.*, coalesce(model_name, model_id) as name
        from price_history
        left join price_names using (model_id)
        where cast(valid_from as date) between ? and ? and prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
            and model_id not like '~%' and not is_return  -- its previous price may be from long before
        order by abs(ln((prompt_usd_per_mtok + 1e-9) / (previous_prompt_usd_per_mtok + 1e-9))) desc, model_id
        """,
        period.start,
        period.end,
    ):
        prices = [
            f"{kind} from {usd_price(row[f'previous_{column}'])} to {usd_price(row[column])}"
            for column, kind in (("prompt_usd_per_mtok", "input"), ("completion_usd_per_mtok", "output"))
        ]
        yield Finding(
            f"Largest price change: {row['name']}, per million tokens, {', '.join(prices)}, seen on "
            f"{date_in_words(row['valid_from'])}.",
            "price_history",
            {"model_id": row["model_id"], "valid_from": row["valid_from"].isoformat()},
            row,
        )


def _leading_app(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    for row in _one(
        connection,
        "from share_app join newest using (period, period_start) where rank = 1 order by app_id",
    ):
        yield Finding(
            f"Leading app: {row['app_name']}, {as_percent(row['share'])} of tokens.",
            "share_app",
            _key(row, "period", "period_start", "app_id"),
            row,
        )


def _spend(connection: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    for row in _one(
        connection,
        "from traffic_summary join newest using (period, period_start) where spend_plausible_high is not null",
    ):
        yield Finding(
            f"At list prices, the tokens would have cost {usd(row['spend_plausible_low'])} to "
            f"{usd(row['spend_plausible_high'])}: a scenario range, since the split into input and output is not "
            "published.",
            "traffic_summary",
            _key(row, "period", "period_start"),
            row,
        )


def _largest_revision(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[Finding]:
    """The figure for a day of the period that the source has revised most, if rounded figures show the change."""
    found = connection.execute(
        """
        select restatement.*, coalesce(model_name, model_permaslug) as name
        from restatement left join model_names using (model_permaslug)
        where slice = 'all' and date between ? and ? and change_pct is not null
        order by abs(change_pct) desc, date, model_permaslug
        """,
        [period.start, period.end],
    )
    for row in rows_as_dicts(found):
        first, last = row["first_tokens"], row["last_tokens"]
        if not is_visible(first, last, max(rounding_of(first, "tokens"), rounding_of(last, "tokens"))):
            continue
        name = "all unlisted models" if row["model_permaslug"] == "other" else row["name"]
        yield Finding(
            f"Largest revision: {name} on {date_in_words(row['date'])}, from {in_words(first, 'tokens')} to "
            f"{in_words(last, 'tokens')} tokens ({change_in_percent(row['change_pct'])}).",
            "restatement",
            {"slice": "all", "date": f"{row['date']}", "model_permaslug": row["model_permaslug"]},
            row,
        )
        return


def _key(row: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: f"{row[name]}" for name in names}


def _capitalized(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}"
