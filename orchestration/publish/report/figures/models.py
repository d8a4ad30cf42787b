"""Single models: the leaderboard, their days, and which to test."""

from __future__ import annotations

from orchestration.publish.report import charts, findings
from orchestration.publish.report.figures.figure import (
    DAY,
    INPUT_PRICE_COLUMN,
    MODEL_KEY,
    OUTPUT_PRICE_COLUMN,
    SHARE_OF_TOKENS,
    TOKENS_OF_ROW,
    Figure,
    name_column,
)
from orchestration.publish.report.formats import (
    COUNT,
    POINTS,
    PRICE,
    RANKS,
    SHARE,
    TIMESTAMP,
    TOKEN_COUNT,
    UPTIME,
    Column,
)

LEADERBOARD = Figure(
    "leaders",
    "Leading models",
    "Share of all tokens in {period}, with the prices listed at that time, in USD per million tokens. A variant, such "
    "as a free one, counts as a model of its own.",
    "share_model",
    MODEL_KEY,
    (
        Column("rank", "rank", COUNT),
        Column("rank_change", "change of rank", RANKS, "growth_model", ("window_end", "horizon", "model_permaslug")),
        name_column("model"),
        Column("author_name", "author", mart=None),
        SHARE_OF_TOKENS,
        Column(
            "share_change_pp",
            "change of share, points",
            POINTS,
            "growth_model",
            ("window_end", "horizon", "model_permaslug"),
        ),
        INPUT_PRICE_COLUMN,
        OUTPUT_PRICE_COLUMN,
        Column("context_length", "context window", TOKEN_COUNT, "model", ("model_permaslug",)),
        Column("weights", "weights", mart="model", key=("model_permaslug",)),
    ),
    """
    select
        share_model.period, share_model.period_start, share_model.model_permaslug, newest.period_end as window_end,
        newest.horizon,
        share_model.rank, rank_change, model_name as name, author_name, share_model.share, share_change_pp,
        prompt_usd_per_mtok, completion_usd_per_mtok, context_length, weights,
        share_model.source_url, share_model.as_of as source_as_of, price_source_url, price_as_of,
        greatest(share_model.as_of, period_prices.as_of) as as_of,
        least(share_model.oldest_as_of, period_prices.oldest_as_of) as oldest_as_of,
        greatest(share_model.checked_at, period_prices.checked_at) as checked_at,
        -- The line of shares in the row, oldest first; null where the model was not listed.
        (
            select list(recent.share order by periods.period_start)
            from (select distinct period_start from traffic_summary where period = newest.period) as periods
            left join share_model as recent
                on recent.period = newest.period and recent.period_start = periods.period_start
                and recent.model_permaslug = share_model.model_permaslug
            where periods.period_start > newest.period_start - if(newest.period = 'week', 12 * 7, 12)
        ) as history,
    from share_model
    join newest using (period, period_start)
    join model_names using (model_permaslug)
    join model using (model_permaslug)
    left join period_prices using (model_permaslug)
    left join growth_model
        on growth_model.model_permaslug = share_model.model_permaslug
        and growth_model.horizon = newest.horizon and growth_model.window_end = newest.period_end
    order by share_model.rank, model_permaslug
    """,
    findings.leading_models,
)


MODELS = Figure(
    "models",
    "Models day by day",
    "Share of tokens of the five leading models of {period} and of the leader of the newest day. Line: share over "
    "seven days; dots: single days. On a day without a dot the model was not listed, so its tokens are unknown.",
    "share_model",
    MODEL_KEY,
    (
        DAY,
        name_column("model"),
        Column("rank", "rank", COUNT),
        SHARE_OF_TOKENS,
        Column("mean_share", "share over seven days", SHARE, mart=None),
        TOKENS_OF_ROW,
    ),
    """
    with daily as (
        select
            *,
            if(count(*) over seven_days = 7, sum(tokens) over seven_days / sum(total_tokens) over seven_days, null)
                as mean_share,
        from share_model
        where period = 'day'
        window seven_days as (
            partition by model_permaslug order by period_start range between interval 6 day preceding and current row
        )
    ),
    shown as (
        select model_permaslug, rank as place from share_model join newest using (period, period_start) where rank <= 5
        union
        select model_permaslug, 6 from daily where rank = 1 and period_start = (select max(period_start) from daily)
    )
    select daily.*, model_name as name, min(place) as place
    from daily
    join shown using (model_permaslug)
    join model_names using (model_permaslug)
    where period_start > (select max(period_start) - 60 from daily)
    group by all
    order by place, model_permaslug, period_start
    """,
    findings.leader_by_day,
    charts.small_multiples,
)


SCORECARD = Figure(
    "scorecard",
    "Models to test",
    "The twenty leading models of the newest day, those with a reason to test first. Providers and uptime are as of "
    "the time beside them. A reason follows from our own rules; your own tests decide.",
    "model_scorecard",
    ("model_permaslug",),
    (
        Column("rank", "rank", COUNT),
        name_column("model"),
        SHARE_OF_TOKENS,
        Column("prompt_usd_per_mtok", "input price", PRICE),
        Column("completion_usd_per_mtok", "output price", PRICE),
        Column("context_length", "context window", TOKEN_COUNT),
        Column("providers", "providers", COUNT),
        Column("median_uptime_30m_pct", "median uptime", UPTIME),
        Column("endpoints_as_of", "endpoints as of", TIMESTAMP),
        Column("try_reason", "reason to test"),
    ),
    """
    select model_scorecard.*, model_name as name
    from model_scorecard
    join model_names using (model_permaslug)
    where rank <= 20
    order by try_reason is null, rank, model_permaslug
    """,
    findings.models_to_test,
)
