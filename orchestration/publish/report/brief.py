"""The newest week in a dozen sentences, each with what it is cited by.

Most are those of the mart `claim`; the rest say what a reader of a week wants to know besides, in words of this module,
of figures that are rows of other marts. What is not known is not said.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration.formatting import as_listed, as_percent, in_words, is_visible, rounding_of
from orchestration.publish.citations import citation_as_of, citations_by_url

# What a reader wants to know first comes first.
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
    """The week, or else the day, that is told of."""

    kind: str
    start: dt.date

    @property
    def days(self) -> int:
        return 7 if self.kind == "week" else 1

    @property
    def end(self) -> dt.date:
        return self.start + dt.timedelta(days=self.days - 1)

    @property
    def name(self) -> str:
        """As in the brief's file name: 2026-W31, or the day."""
        return f"{self.start:%G-W%V}" if self.kind == "week" else f"{self.start}"

    @property
    def words(self) -> str:
        return f"the week from {self.start} to {self.end}" if self.kind == "week" else f"{self.start}"


@dataclass(frozen=True)
class Sentence:
    """A sentence, what limits it, and what it is cited by. `mart`, `key`: the row that says it."""

    text: str
    caveat: str
    citation: str
    as_of: dt.datetime
    checked_at: dt.datetime
    mart: str
    key: Mapping[str, str]


def period_of(connection: duckdb.DuckDBPyConnection) -> Period:
    """The newest whole week, or the newest day where there is none; from the view `newest`."""
    [(kind, start)] = connection.sql("SELECT period, period_start FROM newest").fetchall()
    return Period(kind, start)


def sentences(connection: duckdb.DuckDBPyConnection) -> list[Sentence]:
    """The sentences of the newest week, those that matter most first; needs the view `newest`."""
    period = period_of(connection)
    [(scope_id, traffic, caveats)] = connection.sql(
        "SELECT scope_id, traffic, caveats FROM scopes "
        "WHERE scope_id = (SELECT any_value(scope_id) FROM traffic_summary)"
    ).fetchall()
    lines = citations_by_url(connection.table("citations"))
    found = _claims(connection)
    for tell in (_gain, _new_model, _price_change, _restatement):
        for told in tell(connection, period):
            mark = "SIMULATED: " if scope_id == "simulated" else ""
            found.append(
                Sentence(
                    mark + told.text.format(moment=period.words, traffic=traffic),
                    f"{told.caveat} {caveats}",
                    citation_as_of(lines[told.source_url], told.as_of),
                    told.as_of,
                    told.checked_at,
                    told.mart,
                    told.key,
                )
            )
    return found


def as_markdown(period: Period, told: Sequence[Sentence], scope: Mapping[str, str], mark: str) -> str:
    """The brief as Markdown: each sentence with its citation, and at the end what limits them all."""
    lines = [f"# {period.words[0].upper()}{period.words[1:]}", ""]
    if mark:
        lines += [f"**{mark}**", ""]
    lines += [scope["statement"], f"Left out: {scope['left_out']} {scope['caveats']}", ""]
    for number, one in enumerate(told, start=1):
        own = one.caveat.removesuffix(scope["caveats"]).strip()
        lines.append(
            f"{number}. {_plain(one.text)}{f' *{own}*' if own else ''} {one.citation} Checked "
            f"{one.checked_at:%Y-%m-%d %H:%M} UTC."
        )
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A sentence with names in it, as Markdown that shows it as it is."""
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
class _Told:
    """A sentence before its scope is put in; `source_url`: whose line it is cited by."""

    text: str
    caveat: str
    source_url: str
    as_of: dt.datetime
    checked_at: dt.datetime
    mart: str
    key: Mapping[str, str]


def _gain(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Told]:
    """Who gained most, of those that were listed throughout this week and the one before."""
    horizon = "7d" if period.kind == "week" else "1d"
    for author, name, change, source_url, as_of, checked_at in connection.execute(
        """
        SELECT author, coalesce(display_name, author), share_change_pp, growth_author.source_url,
            growth_author.as_of, growth_author.checked_at
        FROM growth_author LEFT JOIN author USING (author)
        WHERE horizon = ? AND window_end = ? AND status = 'ok' AND share_change_pp >= 0.05  -- what is shown as 0.1
        ORDER BY share_change_pp DESC, author LIMIT 1
        """,
        [horizon, period.end],
    ).fetchall():
        yield _Told(
            f"In {{moment}}, the listed models of {_name(name)} gained {change:.1f} percentage points of {{traffic}} "
            f"over the {'week' if period.kind == 'week' else 'day'} before, more than those of any other author whose "
            "models were listed throughout.",
            "An author whose models were not all listed every day may have gained more.",
            source_url,
            as_of,
            checked_at,
            "growth_author",
            {"window_end": f"{period.end}", "horizon": horizon, "author": author},
        )


def _new_model(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Told]:
    """The model that was listed for the first time, and had the largest share."""
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
        yield _Told(
            f"{_name(slug)} was among the listed models on {first} for the first time in what was observed, and had at "
            f"least {as_percent(share)} of {{traffic}} in {{moment}}.",
            "What it had on days on which it was not listed is not known.",
            source_url,
            as_of,
            checked_at,
            "share_model",
            {"period": period.kind, "period_start": f"{period.start}", "model_permaslug": slug},
        )


def _price_change(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Told]:
    """The largest relative change of a listed input price."""
    for (
        model,
        moment,
        not_before,
        before,
        now,
        out_before,
        out_now,
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
            AND model_id NOT LIKE '~%' AND NOT is_return  -- which had its price before long ago
        ORDER BY abs(ln((prompt_usd_per_mtok + 1e-9) / (previous_prompt_usd_per_mtok + 1e-9))) DESC, model_id LIMIT 1
        """,
        [period.start, period.end],
    ).fetchall():
        yield _Told(
            f"Of the changes of listed input prices first seen in {{moment}}, that of {_name(model)} was the largest: "
            f"from {as_listed(before)} to {as_listed(now)} USD per million tokens, seen {moment:%Y-%m-%d}; its output "
            f"price was {_usd(out_before)} before and {_usd(out_now)} then.",
            f"The price before was last seen {not_before:%Y-%m-%d}. As /models lists it; single providers may ask "
            "other prices.",
            source_url,
            as_of,
            checked_at,
            "price_history",
            {"model_id": model, "valid_from": moment.isoformat()},
        )


def _restatement(connection: duckdb.DuckDBPyConnection, period: Period) -> Iterator[_Told]:
    """The figure of the week that the source has changed most since, if rounded figures show the change."""
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
        whose = "the models that are not listed" if slug == "other" else _name(slug)
        yield _Told(
            f"Of the days of {{moment}} that were revised, {date} changed most for {whose}: from "
            f"{in_words(first, 'tokens')} to {in_words(last, 'tokens')} tokens ({change:+.2g} %).",
            "Days are restated for some days after their end.",
            source_url,
            as_of,
            checked_at,
            "restatement",
            {"slice": "all", "date": f"{date}", "model_permaslug": slug},
        )
        return


def _name(name: str) -> str:
    """A name that others have given, in a sentence that is formatted later."""
    return name.replace("{", "{{").replace("}", "}}")


def _usd(price: float | None) -> str:
    return "not listed" if price is None else as_listed(price)
