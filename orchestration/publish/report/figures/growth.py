"""Traffic, what drove its growth, and the growth of authors."""

from __future__ import annotations

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import DAY, TOKENS_OF_ROW, Figure, name_column
from orchestration.publish.report.formats import DATE, GROWTH, POINTS, RANKS, SHARE, TOKENS, Column

TOTAL = Figure(
    "traffic",
    "Traffic",
    "Tokens a day of all public models, listed and unlisted. Line: mean of seven days; dots: single days.",
    "traffic_summary",
    ("period", "period_start"),
    (
        DAY,
        Column("total_tokens", "tokens", TOKENS),
        Column("mean_tokens", "mean of seven days", TOKENS, mart=None),
        Column("growth_7d", "growth over 7 days", GROWTH),
        Column("growth_28d", "growth over 28 days", GROWTH),
        Column("other_share", "share of unlisted models", SHARE),
    ),
    """
    select
        *,
        if(count(*) over seven_days = 7, avg(total_tokens) over seven_days, null) as mean_tokens,
    from traffic_summary
    where period = 'day'
    window seven_days as (order by period_start range between interval 6 day preceding and current row)
    qualify period_start > max(period_start) over () - 120
    order by period_start
    """,
    findings.traffic,
    charts.total,
)


DRIVERS = Figure(
    "drivers",
    "Drivers of growth",
    "How the tokens of the 28 days before became those of the newest 28 days: the ten largest contributions, and all "
    "others together. New models were created within the newest 28 days. Models listed in one window only entered or "
    "left OpenRouter's list of 50, which says little about their traffic.",
    "growth_drivers",
    ("window_end", "horizon", "dimension", "member"),
    (
        name_column("part"),
        Column("contribution_pp", "contribution to growth, points", POINTS),
        Column("change_tokens", "change in tokens", TOKENS),
        Column("window_end", "last day", DATE),
    ),
    """
    with members as (
        select *, row_number() over (order by abs(change_tokens) desc, member) as place
        from growth_drivers
        where horizon = '28d' and dimension = 'author'
            and window_end = (select max(window_end) from growth_drivers where horizon = '28d')
    ),
    named as (
        select
            window_end, horizon, dimension, if(place <= 10, member, null) as member,
            if(place <= 10, coalesce(driver_name, author_name, member_name), 'All others') as name,
            sum(contribution_pp) as contribution_pp,
            sum(change_tokens) as change_tokens,
            any_value(base_total_tokens) as base_total_tokens,
            any_value(total_tokens) as total_tokens,
            any_value(source_url) as source_url,
            max(as_of) as as_of, min(oldest_as_of) as oldest_as_of, max(checked_at) as checked_at,
        from members
        left join driver_names using (member)
        left join author_names on author_names.author = member
        group by all
    )
    select * from named
    order by member is null, member in ('other'), change_tokens desc, name
    """,
    findings.drivers,
    charts.waterfall,
)


GROWTH_OF_AUTHORS = Figure(
    "growth",
    "Growth of authors",
    "Tokens of the newest 28 days against the 28 before, for the twelve authors with the largest certain change in "
    "tokens. Where a model was not listed every day, growth is a range.",
    "growth_author",
    ("window_end", "horizon", "author"),
    (
        name_column("author"),
        Column("window_end", "last day", DATE),
        TOKENS_OF_ROW,
        Column("base_tokens", "tokens before", TOKENS),
        Column("growth_low", "growth at least", GROWTH),
        Column("growth", "growth", GROWTH),
        Column("growth_high", "growth at most", GROWTH),
        Column("share_change_pp", "change of share, points", POINTS),
        Column("rank_change", "change of rank", RANKS),
    ),
    """
    select growth_author.*, author_name as name
    from growth_author
    join author_names using (author)
    where horizon = '28d' and growth_low is not null and growth_high is not null
        and window_end = (select max(window_end) from growth_author where horizon = '28d')
    order by greatest(tokens - base_tokens_high, base_tokens - tokens_high, 0) desc, author
    limit 12
    """,
    findings.gained_most,
    charts.growth,
)
