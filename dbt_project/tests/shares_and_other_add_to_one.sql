{{ config(meta={'dagster': {'ref': {'name': 'traffic_summary'}}}) }}
-- The shares of all models, and of all authors, add up to 1 with that of `other`, in every period.
with shares as (

    select
        'model' as member_type,
        period,
        period_start,
        share
    from {{ ref('share_model') }}

    union all

    select
        'author' as member_type,
        period,
        period_start,
        share
    from {{ ref('share_author') }}

)

select
    shares.member_type,
    summary.period,
    summary.period_start,
    sum(shares.share) + any_value(summary.other_share) as sum_of_shares
from {{ ref('traffic_summary') }} as summary
left join shares using (period, period_start)
group by shares.member_type, summary.period, summary.period_start
having sum_of_shares is null or abs(sum_of_shares - 1) > 1e-9
