"""The newest week in a dozen sentences, each with its citation.

Most sentences come from the mart `claim`. The others are written here from rows of other marts: the largest gain,
the largest new model, the largest price change and the largest revision. A sentence without a row is left out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.formatting import (
    as_percent,
    change_in_percent,
    date_in_words,
    in_words,
    is_visible,
    period_in_words,
    rounding_of,
    timestamp_in_words,
    usd_price,
)
from orchestration.periods import last_day
from orchestration.publish.citations import citation_as_of, citations_by_url

# The order of the brief: claims that most readers look for come first.
_ORDER = (
    "total_tokens",
    "leading_model",
    "leading_author",
    "leading_app",
    "top_5_models",
    "open_weights",
    "free_models",
    "implied_spend",
)


@dataclass(frozen=True)
class Period:
    """The week that the brief is about, or a day if no week is complete."""

    kind: str
    start: dt.date

    @property
    def end(self) -> dt.date:
        return last_day(self.kind, self.start)

    @property
    def name(self) -> str:
        """As in the brief's file name: 2026-W31, or the day."""
        return f"{self.start:%G-W%V}" if self.kind == "week" else f"{self.start}"

    @property
    def words(self) -> str:
        """As a heading names it, in lower case: the week of 27 July 2026."""
        return f"{'the week of ' if self.kind == 'week' else ''}{date_in_words(self.start)}"

    @property
    def phrase(self) -> str:
        """As a sentence names it: in the week of 27 July 2026."""
        return period_in_words(self.kind, self.start)


@dataclass(frozen=True)
class Sentence:
    """A sentence with its caveat and citation line. `mart` and `key` identify the row that it is from."""

    text: str
    caveat: str
    citation: str
    as_of: dt.datetime
    checked_at: dt.datetime
    mart: str
    key: Mapping[str, str]


def period_of(connection: duckdb.DuckDBPyConnection) -> Period:
    """The newest complete week, or the newest day if no week is complete; reads the view `newest`."""
    [(kind, start)] = connection.sql("SELECT period, period_start FROM newest").fetchall()
    return Period(kind, start)


def sentences(connection: duckdb.DuckDBPyConnection) -> list[Sentence]:
    """The sentences of the newest week, in the order of the brief; reads the view `newest`."""
    period = period_of(connection)
    [(scope_id, traffic, caveats)] = connection.sql(
        "SELECT scope_id, traffic, caveats FROM scopes "
        "WHERE scope_id = (SELECT any_value(scope_id) FROM traffic_summary)"
    ).fetchall()
    mark = "SIMULATED: " if scope_id == "simulated" else ""
    lines = citations_by_url(connection.table("citations"))
    found = _claims(connection)
    for drafts in (
        _largest_gain(connection, period, traffic),
        _largest_new_model(connection, period, traffic),
        _largest_price_change(connection, period),
        _largest_revision(connection, period),
    ):
        for draft in drafts:
            found.append(
                Sentence(
                    f"{mark}{draft.text}",
                    f"{draft.caveat} {caveats}",
                    citation_as_of(lines[draft.source_url], draft.as_of),
                    draft.as_of,
                    draft.checked_at,
                    draft.mart,
                    draft.key,
                )
            )
    return found


def as_markdown(period: Period, found: Sequence[Sentence], scope: Mapping[str, str], mark: str) -> str:
    """The brief as Markdown: the scope and its caveats once, then each sentence with its own caveat and citation."""
    lines = [f"# {period.words[0].upper()}{period.words[1:]}", ""]
    if mark:
        lines += [f"**{mark}**", ""]
    lines += [scope["statement"], f"Not included: {scope['left_out']} {scope['caveats']}", ""]
    for number, sentence in enumerate(found, start=1):
        own = sentence.caveat.removesuffix(scope["caveats"]).strip()
        lines.append(
            f"{number}. {_escaped(sentence.text)}{f' *{own}*' if own else ''} {sentence.citation} Checked "
            f"{timestamp_in_words(sentence.checked_at)}."
        )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """A sentence as Markdown, in which names are not interpreted as markup."""
    return re.sub(r"([\[\]<>`!])", r"\\\1", " ".join(text.split()))


def _claims(connection: duckdb.DuckDBPyConnection) -> list[Sentence]:
    rows = connection.sql(
        "SELECT claim_id, kind, statement, caveat, citation, as_of, checked_at FROM claim "
        "JOIN newest USING (period, period_start)"
    ).fetchall()
    rows.sort(key=lambda row: (_ORDER.index(row[1]) if row[1] in _ORDER else len(_ORDER), row[0]))
    return [
        Sentence(statement, caveat, citation, as_of, checked_at, "claim", {"claim_id": claim_id})
        for claim_id, _, statement, caveat, citation, as_of, checked_at in rows
    ]


@dataclass(frozen=True)
class _Draft:
    """A sentence without the caveats of its scope and without its citation line, which `source_url` identifies."""

    text: str
    caveat: str
    source_url: str
    as_of: dt.datetime
    checked_at: dt.datetime
    mart: str
    key: Mapping[str, str]


def _largest_gain(connection: duckdb.DuckDBPyConnection, period: Period, traffic: str) -> Iterator[_Draft]:
    """The author whose share rose most, of those whose models were listed on every day of this period and the last."""
    horizon = "7d" if period.kind == "week" else "1d"
    for author, name, change, source_url, as_of, checked_at in connection.execute(
        """
        SELECT author, coalesce(display_name, author), share_change_pp, growth_author.source_url,
            growth_author.as_of, growth_author.checked_at
        FROM growth_author LEFT JOIN author USING (author)
        WHERE horizon = ? AND window_end = ? AND status = 'ok' AND share_change_pp >= 0.05  -- reads 0.1 or more
        ORDER BY share_change_pp DESC, author LIMIT 1
        """,
        [horizon, period.end],
    ).fetchall():
        yield _Draft(
            f"{_capitalized(period.phrase)}, the share of {name}'s listed models in {traffic} rose by {change:.1f} "
            f"percentage points from the {'week' if period.kind == 'week' else 'day'} before, more than that of any "
            "other author whose models were listed every day.",
            "Authors whose models were not listed every day are not compared; the share of one of them may have risen "
            "more.",
            source_url,
            as_of,
            checked_at,
            "growth_author",
            {"window_end": f"{period.end}", "horizon": horizon, "author": author},
        )


def _largest_new_model(connection: duckdb.DuckDBPyConnection, period: Period, traffic: str) -> Iterator[_Draft]:
    """The model with the largest share, of those that were listed for the first time in the period."""
    for slug, first, share, source_url, as_of, checked_at in connection.execute(
        """
        SELECT
            model_permaslug, first_ranked_on, share, share_model.source_url, share_model.as_of, share_model.checked_at
        FROM share_model JOIN newest USING (period, period_start) JOIN model USING (model_permaslug)
        WHERE first_ranked_on BETWEEN ? AND ?
            AND first_ranked_on > (SELECT min(period_start) FROM share_model WHERE period = 'day')
        ORDER BY rank, model_permaslug LIMIT 1
        """,
        [period.start, period.end],
    ).fetchall():
        yield _Draft(
            f"{_capitalized(period.phrase)}, {slug} had at least {as_percent(share)} of {traffic}; it was first listed "
            f"on {date_in_words(first)}.",
            "First listed within the observed days. Its tokens on days on which it was not listed are unknown.",
            source_url,
            as_of,
            checked_at,
            "share_model",
            {"period": period.kind, "period_start": f"{period.start}", "model_permaslug": slug},
        )


def _largest_price_change(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Draft]:
    """The largest relative change of a listed input price."""
    for (
        model,
        seen_at,
        not_before,
        before,
        after,
        output_before,
        output_after,
        source_url,
        as_of,
        checked_at,
    ) in connection.execute(
        """
        SELECT
            model_id, valid_from, not_before, previous_prompt_usd_per_mtok, prompt_usd_per_mtok,
            previous_completion_usd_per_mtok, completion_usd_per_mtok, source_url, as_of, checked_at
        FROM price_history
        WHERE CAST(valid_from AS DATE) BETWEEN ? AND ? AND prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
            AND model_id NOT LIKE '~%' AND NOT is_return  -- its previous price may be from long before
        ORDER BY abs(ln((prompt_usd_per_mtok + 1e-9) / (previous_prompt_usd_per_mtok + 1e-9))) DESC, model_id LIMIT 1
        """,
        [period.start, period.end],
    ).fetchall():
        yield _Draft(
            f"The largest change in a listed input price first seen {period.phrase} was for {model}: from "
            f"{usd_price(before)} to {usd_price(after)} per million tokens, seen on {date_in_words(seen_at)}; its "
            f"output price was {usd_price(output_before)} before and {usd_price(output_after)} after.",
            f"The previous price was last seen on {date_in_words(not_before)}. Prices are from /models; individual "
            "providers may charge other prices.",
            source_url,
            as_of,
            checked_at,
            "price_history",
            {"model_id": model, "valid_from": seen_at.isoformat()},
        )


def _largest_revision(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Draft]:
    """The figure for a day of the period that the source has revised most, if rounded figures show the change."""
    for slug, date, first, last, change, source_url, as_of, checked_at in connection.execute(
        """
        SELECT model_permaslug, date, first_tokens, last_tokens, change_pct, source_url, as_of, checked_at
        FROM restatement
        WHERE slice = 'all' AND date BETWEEN ? AND ? AND change_pct IS NOT NULL
        ORDER BY abs(change_pct) DESC, date, model_permaslug
        """,
        [period.start, period.end],
    ).fetchall():
        if not is_visible(first, last, max(rounding_of(first, "tokens"), rounding_of(last, "tokens"))):
            continue
        whose = "all unlisted models" if slug == "other" else slug
        yield _Draft(
            f"The largest revision of a day {period.phrase} is for {whose} on {date_in_words(date)}: from "
            f"{in_words(first, 'tokens')} to {in_words(last, 'tokens')} tokens ({change_in_percent(change)}).",
            "The source may revise a day for some time after its end.",
            source_url,
            as_of,
            checked_at,
            "restatement",
            {"slice": "all", "date": f"{date}", "model_permaslug": slug},
        )
        return


def _capitalized(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}"
