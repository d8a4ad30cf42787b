{{ config(meta={'dagster': {'ref': {'name': 'share_slice'}}}) }}
-- What the source only estimates from a sample is marked so, is a share of that sample's own total and of no other, and
-- stands as it was told; so do the exact slices, and the cost of sessions. Read from raw by another way.
with ledger as (

    select
        raw_file,
        period,
        date,
        slice
    from {{ ref('provenance') }}
    where surface = 'rankings' and slice <> 'all' and is_latest

),

told as (

    select
        ledger.slice,
        ledger.period,
        ledger.date,
        {{ ranked_slug('rankings.model_permaslug') }} as model_permaslug,
        sum(rankings.total_tokens) as tokens,
        sum(sum(rankings.total_tokens)) over (partition by ledger.slice, ledger.period, ledger.date) as total_tokens,
        bool_or(coalesce(rankings.category, rankings.language_type) is not null) as is_estimate
    from ledger
    inner join {{ source('raw', 'rankings') }} as rankings
        on ledger.raw_file = rankings.raw_file and ledger.date = rankings.date and rankings.total_tokens > 0
    group by ledger.slice, ledger.period, ledger.date, {{ ranked_slug('rankings.model_permaslug') }}

),

members as (

    select * from told
    where model_permaslug <> 'other'

),

slices as (

    select
        *,
        -- text&10K of modality&context_bucket is modality=text&context_bucket=10K.
        concat_ws(
            '&',
            split_part(slice_kind, '&', 1) || '=' || split_part(slice, '&', 1),
            nullif(split_part(slice_kind, '&', 2), '') || '=' || split_part(slice, '&', 2)
        ) as asked_for
    from {{ ref('share_slice') }}
    where basis = 'source'

)

select
    'share_slice' as mart,
    coalesce(slices.asked_for, members.slice) || ', ' || coalesce(slices.model_permaslug, members.model_permaslug)
        as member,
    coalesce(slices.period_start, members.date) as date,
    slices.total_tokens,
    members.total_tokens as told_total_tokens
from slices
full join members
    on
        slices.asked_for = members.slice
        and slices.period = members.period
        and slices.period_start = members.date
        and slices.model_permaslug = members.model_permaslug
where
    slices.tokens is distinct from members.tokens
    or slices.total_tokens is distinct from members.total_tokens
    or slices.is_estimate is distinct from members.is_estimate

union all

select
    'session_cost' as mart,
    costs.app_slug || ', ' || costs.model_permaslug as member,
    costs.window_end as date,
    null as total_tokens,
    null as told_total_tokens
from {{ ref('session_cost') }} as costs
left join {{ source('raw', 'session_cost') }} as told
    on
        costs.as_of = told.as_of
        and costs.checked_at = told.fetched_at
        and costs.app_slug = told.app_slug
        and costs.model_permaslug = told.model_permaslug
        and costs.turn_range = told.turn_range
where
    costs.median_session_cost_usd is distinct from told.median_session_cost_usd
    or costs.window_end is distinct from told.window_end_date
    or not costs.is_estimate
