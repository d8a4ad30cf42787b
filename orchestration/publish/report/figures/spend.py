"""Implied spend of authors and of all traffic, as ranges."""

from __future__ import annotations

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import SHARE_OF_TOKENS, TOKENS_OF_ROW, Figure, name_column
from orchestration.publish.report.formats import FRACTION, USD, Column
from orchestration.publish.seeds import read_seed


def _token_mix_basis(mix_class: str) -> str:
    """The basis of the token split of a class, from the seed `token_mix`."""
    return next(row["basis"] for row in read_seed("token_mix") if row["mix_class"] == mix_class)


_SPEND_ROWS = """
    select spend_author.*, author_name as name, share
    from spend_author
    join newest using (period, period_start)
    join share_author using (period, period_start, author)
    join author_names using (author)
    where spend_plausible_high is not null
"""


DOLLARS = Figure(
    "dollars",
    "Tokens and dollars",
    "Share of tokens (dot) and of implied spend at list prices (range) of the twelve authors with the largest spend in "
    "{period}. The source does not publish how tokens split into input, output and cached input, so spend is a range: "
    "its low end sets this author's lowest spend against the highest of all others.",
    "share_author",
    ("period", "period_start", "author"),
    (
        name_column("author"),
        SHARE_OF_TOKENS,
        Column("spend_share_low", "share of spend at least", FRACTION, mart=None),
        Column("spend_share_high", "share of spend at most", FRACTION, mart=None),
    ),
    f"""
    with spend as ({_SPEND_ROWS})
    select
        *,
        spend_plausible_low / nullif(
            sum(spend_plausible_high) over () - spend_plausible_high + spend_plausible_low, 0
        ) as spend_share_low,
        spend_plausible_high / nullif(
            sum(spend_plausible_low) over () - spend_plausible_low + spend_plausible_high, 0
        ) as spend_share_high,
    from spend
    qualify spend_share_high is not null
    order by spend_plausible_high desc, author
    limit 12
    """,  # noqa: S608  # our own words
    findings.dollar_share,
    charts.dollars,
)


SPEND = Figure(
    "spend",
    "Implied spend",
    "What the tokens of {period} would have cost at list prices. How tokens split into input, output and cached input "
    "is not published. The split of all traffic is known better than that of one author, so the plausible ranges of "
    "authors are wider and do not add up to the total. Thin line: every possible split. "
    f"{_token_mix_basis('single_model')} Before fees; without traffic on callers' own provider keys.",
    "spend_author",
    ("period", "period_start", "author"),
    (
        name_column("author"),
        TOKENS_OF_ROW,
        Column("spend_plausible_low", "plausible from", USD),
        Column("spend_plausible_high", "plausible to", USD),
        Column("spend_low", "at least", USD),
        Column("spend_high", "at most", USD),
    ),
    f"""
    select
        period, period_start, null as author, 'All traffic, by price class' as name, total_tokens as tokens,
        spend_plausible_low, spend_plausible_high, spend_low, spend_high,
        source_url, as_of, oldest_as_of, checked_at, true as is_total,
    from traffic_summary
    join newest using (period, period_start)
    where spend_plausible_high is not null
    union all by name
    select *, false as is_total from ({_SPEND_ROWS} order by spend_plausible_high desc, author limit 12)
    order by is_total desc, spend_plausible_high desc, name
    """,  # noqa: S608  # our own words
    findings.spend,
    charts.spend,
)
