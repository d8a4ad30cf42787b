"""The newest week in a dozen sentences, each with its citation.

Most sentences come from the mart `claim`. The others are written here from rows of other marts: the largest gain,
the largest new model, the largest price change and the largest revision. A sentence without a row is left out.
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
    period_in_words,
    rounding_of,
    timestamp_in_words,
    usd_price,
)
from orchestration.periods import last_day
from orchestration.publish.citations import citation_as_of, citations_by_url
from orchestration.storage.sql import rows_as_dicts

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
    [(kind, start)] = connection.sql("select period, period_start from newest").fetchall()
    return Period(kind, start)


def sentences(connection: duckdb.DuckDBPyConnection) -> list[Sentence]:
    """The sentences of the newest week, in the order of the brief; reads the view `newest`."""
    period = period_of(connection)
    [(scope_id, traffic, caveats)] = connection.sql(
        "select scope_id, traffic, caveats from scopes "
        "where scope_id = (select any_value(scope_id) from traffic_summary)"
    ).fetchall()
    mark = SIMULATED_PREFIX if scope_id == "simulated" else ""
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
                    citation_as_of(lines[draft.row["source_url"]], draft.row["as_of"]),
                    draft.row["as_of"],
                    draft.row["checked_at"],
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
    claims = rows_as_dicts(connection.sql("from claim join newest using (period, period_start)"))
    claims.sort(key=lambda row: (_ORDER.index(row["kind"]) if row["kind"] in _ORDER else len(_ORDER), row["claim_id"]))
    return [
        Sentence(
            row["statement"],
            row["caveat"],
            row["citation"],
            row["as_of"],
            row["checked_at"],
            "claim",
            {"claim_id": row["claim_id"]},
        )
        for row in claims
    ]


@dataclass(frozen=True)
class _Draft:
    """A sentence without the caveats of its scope and without its citation line, and the row that it is from."""

    text: str
    caveat: str
    row: Mapping[str, Any]
    mart: str
    key: Mapping[str, str]


def _largest_gain(connection: duckdb.DuckDBPyConnection, period: Period, traffic: str) -> Iterator[_Draft]:
    """The author whose share rose most, of those whose models were listed on every day of this period and the last."""
    horizon = "7d" if period.kind == "week" else "1d"
    found = connection.execute(
        """
        select growth_author.*, coalesce(display_name, author) as name
        from growth_author left join author using (author)
        where horizon = ? and window_end = ? and status = 'ok' and share_change_pp >= 0.05  -- reads 0.1 or more
        order by share_change_pp desc, author limit 1
        """,
        [horizon, period.end],
    )
    for row in rows_as_dicts(found):
        yield _Draft(
            f"{_capitalized(period.phrase)}, the listed models of {row['name']} raised their share of {traffic} by "
            f"{row['share_change_pp']:.1f} percentage points over the {period.kind} before, more than those of any "
            "other author whose models were listed every day.",
            "Authors whose models were not listed every day are not compared; one of them may have gained more share.",
            row,
            "growth_author",
            {"window_end": f"{period.end}", "horizon": horizon, "author": row["author"]},
        )


def _largest_new_model(connection: duckdb.DuckDBPyConnection, period: Period, traffic: str) -> Iterator[_Draft]:
    """The model with the largest share, of those that were listed for the first time in the period."""
    found = connection.execute(
        """
        select share_model.*, first_ranked_on
        from share_model join newest using (period, period_start) join model using (model_permaslug)
        where first_ranked_on between ? and ?
            and first_ranked_on > (select min(period_start) from share_model where period = 'day')
        order by rank, model_permaslug limit 1
        """,
        [period.start, period.end],
    )
    for row in rows_as_dicts(found):
        yield _Draft(
            f"{_capitalized(period.phrase)}, {row['model_permaslug']} had at least {as_percent(row['share'])} of "
            f"{traffic}; it was first listed on {date_in_words(row['first_ranked_on'])}.",
            "First listed within the observed days. Its tokens on days on which it was not listed are unknown.",
            row,
            "share_model",
            {"period": period.kind, "period_start": f"{period.start}", "model_permaslug": row["model_permaslug"]},
        )


def _largest_price_change(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Draft]:
    """The largest relative change of a listed input price."""
    found = connection.execute(
        """
        from price_history
        where cast(valid_from as date) between ? and ? and prompt_usd_per_mtok <> previous_prompt_usd_per_mtok
            and model_id not like '~%' and not is_return  -- its previous price may be from long before
        order by abs(ln((prompt_usd_per_mtok + 1e-9) / (previous_prompt_usd_per_mtok + 1e-9))) desc, model_id limit 1
        """,
        [period.start, period.end],
    )
    for row in rows_as_dicts(found):
        yield _Draft(
            f"The largest change in a listed input price first seen {period.phrase} was for {row['model_id']}: from "
            f"{usd_price(row['previous_prompt_usd_per_mtok'])} to {usd_price(row['prompt_usd_per_mtok'])} per million "
            f"tokens, seen on {date_in_words(row['valid_from'])}; its output price was "
            f"{usd_price(row['previous_completion_usd_per_mtok'])} before and "
            f"{usd_price(row['completion_usd_per_mtok'])} after.",
            f"The previous price was last seen on {date_in_words(row['not_before'])}. Prices are from /models; "
            "individual providers may charge other prices.",
            row,
            "price_history",
            {"model_id": row["model_id"], "valid_from": row["valid_from"].isoformat()},
        )


def _largest_revision(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Draft]:
    """The figure for a day of the period that the source has revised most, if rounded figures show the change."""
    found = connection.execute(
        """
        from restatement
        where slice = 'all' and date between ? and ? and change_pct is not null
        order by abs(change_pct) desc, date, model_permaslug
        """,
        [period.start, period.end],
    )
    for row in rows_as_dicts(found):
        slug, first, last = row["model_permaslug"], row["first_tokens"], row["last_tokens"]
        if not is_visible(first, last, max(rounding_of(first, "tokens"), rounding_of(last, "tokens"))):
            continue
        whose = "all unlisted models" if slug == "other" else slug
        yield _Draft(
            f"The largest revision of a day {period.phrase} is for {whose} on {date_in_words(row['date'])}: from "
            f"{in_words(first, 'tokens')} to {in_words(last, 'tokens')} tokens "
            f"({change_in_percent(row['change_pct'])}).",
            "The source may revise a day for some time after its end.",
            row,
            "restatement",
            {"slice": "all", "date": f"{row['date']}", "model_permaslug": slug},
        )
        return


def _capitalized(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}"
