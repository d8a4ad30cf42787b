with alternatives as (

    select * from {{ ref('int_own__alternatives') }}

),

lengths as (

    select
        'month' as period,
        cast(date_trunc('month', date) as date) as period_start,
        source,
        from_model,
        length_class,
        max(max_tokens) as max_tokens,
        sum(calls) as calls,
        sum(prompt_tokens + completion_tokens) as tokens
    from {{ ref('int_own__flows') }}
    group by all
    union all
    select
        'all' as period,
        min(min(date)) over (partition by source) as period_start,
        source,
        from_model,
        length_class,
        max(max_tokens) as max_tokens,
        sum(calls) as calls,
        sum(prompt_tokens + completion_tokens) as tokens
    from {{ ref('int_own__flows') }}
    group by source, from_model, length_class

),

totals as (

    select
        period,
        period_start,
        source,
        from_model,
        sum(tokens) as tokens
    from lengths
    group by period, period_start, source, from_model

),

-- Calls that certainly fit: the longest call of their length class does.
fitting as (

    select
        contexts.period,
        contexts.period_start,
        contexts.source,
        contexts.from_model,
        contexts.context_length,
        sum(case when lengths.max_tokens <= contexts.context_length then lengths.calls else 0 end)
        / sum(lengths.calls) as context_fits_share
    from (
        select distinct
            period,
            period_start,
            source,
            from_model,
            context_length
        from alternatives
        where context_length is not null
    ) as contexts
    inner join lengths using (period, period_start, source, from_model)
    where lengths.max_tokens is not null
    group by all

),

scorecard as (

    select * from {{ source('release', 'model_scorecard') }}

)

select
    alternatives.period,
    alternatives.period_start,
    alternatives.source,
    alternatives.from_model,
    alternatives.to_model_id,
    alternatives.provider_name,
    alternatives.endpoint_tag as tag,
    alternatives.calls,
    alternatives.tokens,
    alternatives.paid_usd,
    alternatives.same_tokens_usd,
    alternatives.no_cache_usd,
    alternatives.low_usd,
    alternatives.high_usd,
    100 * (alternatives.same_tokens_usd / nullif(cast(alternatives.paid_usd as double), 0) - 1) as change_pct,
    fitting.context_fits_share,
    alternatives.known_tokens / totals.tokens as price_coverage,
    scorecard.rank as public_rank,
    scorecard.share as public_share,
    scorecard.share_change_28d_pp,
    scorecard.intelligence_index,
    scorecard.coding_index,
    scorecard.agentic_index,
    scorecard.try_reason
from alternatives
inner join totals using (period, period_start, source, from_model)
left join fitting using (period, period_start, source, from_model, context_length)
left join scorecard on alternatives.to_model_id = scorecard.model_id
