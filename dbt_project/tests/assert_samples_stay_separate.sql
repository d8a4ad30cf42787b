{{ config(meta={'dagster': {'ref': {'name': 'share_slice'}}}) }}
-- A figure that the source estimates from a sample is marked as an estimate, is a share of that sample's own total and
-- of no other, and is published unchanged; exact slices and session costs are unchanged too. Computed from the raw
-- tables, independently of the models.
with listed as (

    select
        raw_file,
        period,
        date,
        slice
    from {{ ref('provenance') }}
    where surface = 'rankings' and slice <> 'all' and is_latest

),

reported as (

    select
        listed.slice,
        listed.period,
        listed.date,
        rankings.model_permaslug,
        rankings.total_tokens as tokens,
        coalesce(rankings.category, rankings.language_type) is not null as is_estimate
    from listed
    inner join {{ source('raw', 'rankings') }} as rankings
        on listed.raw_file = rankings.raw_file and listed.date = rankings.date and rankings.total_tokens > 0

),

totals as (

    select
        slice,
        period,
        date,
        sum(tokens) as total_tokens
    from reported
    group by slice, period, date

),

members as (

    select
        reported.*,
        totals.total_tokens
    from reported
    inner join totals using (slice, period, date)
    where {{ is_model_slug('reported.model_permaslug') }}

),

slices as (

    select
        *,
        -- text&10K of modality&context_bucket is modality=text&context_bucket=10K.
        concat_ws(
            '&',
            split_part(slice_kind, '&', 1) || '=' || split_part(slice, '&', 1),
            nullif(split_part(slice_kind, '&', 2), '') || '=' || split_part(slice, '&', 2)
        ) as requested_slice
    from {{ ref('share_slice') }}
    where basis = 'source'

)

select
    'share_slice' as mart,
    coalesce(slices.requested_slice, members.slice) || ', ' || coalesce(slices.model_permaslug, members.model_permaslug)
        as member,
    coalesce(slices.period_start, members.date) as date,
    slices.total_tokens,
    members.total_tokens as raw_total_tokens
from slices
full join members
    on
        slices.requested_slice = members.slice
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
    null as raw_total_tokens
from {{ ref('session_cost') }} as costs
left join {{ source('raw', 'session_cost') }} as raw
    on
        costs.as_of = raw.as_of
        and costs.checked_at = raw.fetched_at
        and costs.app_slug = raw.app_slug
        and costs.model_permaslug = raw.model_permaslug
        and costs.turn_range = raw.turn_range
where
    costs.median_session_cost_usd is distinct from raw.median_session_cost_usd
    or costs.window_end is distinct from raw.window_end_date
    or not costs.is_estimate
