"""Weekly shares that add up to all tokens: authors, countries, weights, free and paid."""

from __future__ import annotations

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import (
    SHARE_AT_MOST,
    SHARE_OF_TOKENS,
    TOKENS_OF_ROW,
    WEEK,
    Figure,
    name_column,
)
from orchestration.publish.report.findings import Finding
from orchestration.publish.report.formats import Column


def _stack(
    identifier: str, topic: str, member: Column, measure: str, mart: str, key: str, rows: str, finding: Finding
) -> Figure:
    """Weekly shares of all tokens. `rows` has `name`, `place` (its order in the stack), `is_named` and the key."""
    return Figure(
        identifier,
        topic,
        measure,
        mart,
        ("period", "period_start", *key.split()),
        (WEEK, member, SHARE_OF_TOKENS, SHARE_AT_MOST, TOKENS_OF_ROW),
        f"select * from ({rows}) order by period_start, place, name",  # noqa: S608  # our own words
        finding,
        charts.stack,
    )


AUTHORS = _stack(
    "authors",
    "Authors",
    name_column("author"),
    "Share of all tokens by author, each week. An author is the company or person that made a model, not the provider "
    "that hosts it. Unlisted models, below the 50 that OpenRouter lists each day, cannot be attributed.",
    "share_author",
    "author",
    """
    with leaders as (
        select author, rank as place from share_author join newest using (period, period_start) where rank <= 7
    ),
    listed as (
        select share_author.*, place
        from share_author
        join recent_weeks using (period_start)
        left join leaders using (author)
        where period = 'week'
    )
    select
        period, period_start, author, author_name as name, place, true as is_named, share, share_high, tokens,
        source_url, as_of, oldest_as_of, checked_at,
    from listed
    join author_names using (author)
    where place is not null
    union all by name
    select
        period, period_start, 'Other authors' as name, 90 as place, false as is_named,
        sum(share) as share, sum(tokens) as tokens, any_value(source_url) as source_url,
        max(as_of) as as_of, min(oldest_as_of) as oldest_as_of, max(checked_at) as checked_at,
    from listed
    where place is null
    group by period, period_start
    union all by name
    select
        period, period_start, 'Unlisted models' as name, 99 as place, false as is_named,
        other_share as share, other_tokens as tokens, source_url, as_of, oldest_as_of, checked_at,
    from traffic_summary
    join recent_weeks using (period_start)
    where period = 'week' and other_tokens > 0
    """,
    findings.leading_member,
)


def _segments(identifier: str, topic: str, member: Column, measure: str, kind: str, finding: Finding) -> Figure:
    return _stack(
        identifier,
        topic,
        member,
        measure,
        "share_segment",
        "segment_type segment",
        f"""
        select
            share_segment.*, coalesce(segment_name, segment) as name, coalesce(place, 89) as place,
            coalesce(place, 89) < 90 as is_named,
        from share_segment
        join recent_weeks using (period_start)
        left join segment_names using (segment_type, segment)
        where period = 'week' and segment_type = '{kind}'
        """,  # noqa: S608  # our own word
        finding,
    )


COUNTRIES = _segments(
    "countries",
    "Countries",
    name_column("country of the author"),
    "Share of all tokens by the country of the author's headquarters, each week; not the country of users or servers. "
    "seeds/authors.csv has the evidence.",
    "author_country",
    findings.leading_member,
)


WEIGHTS = _segments(
    "weights",
    "Open weights",
    name_column("weights"),
    "Share of all tokens by whether the model's weights can be downloaded, each week. The classification is ours; "
    "seeds/model_weights.csv has the evidence. Unlisted models may be of either kind.",
    "weights",
    findings.member("Open weights"),
)


PAID = _segments(
    "free",
    "Free models",
    name_column("price"),
    "Share of all tokens by whether the listed price is zero for the caller, each week.",
    "price_class",
    findings.member("Free models"),
)
