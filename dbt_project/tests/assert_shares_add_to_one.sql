{{ config(meta={'dagster': {'ref': {'name': 'traffic_summary'}}}) }}
-- In every period, the shares of all models, of all authors and of all apps add up to 1 with the remainder, and so do
-- the shares of the segments of each division.
with shares as (

    {% for mart in ['model', 'author'] -%}
        select
            '{{ mart }}' as member_type,
            summary.period,
            summary.period_start,
            coalesce(shares.share, 0) as share,
            summary.other_share as remainder
        from {{ ref('traffic_summary') }} as summary
        left join {{ ref('share_' ~ mart) }} as shares using (period, period_start)

        union all

    {% endfor -%}
    select
        'app' as member_type,
        shares.period,
        shares.period_start,
        shares.share,
        1 - summary.attributed_share as remainder
    from {{ ref('share_app') }} as shares
    left join {{ ref('traffic_summary') }} as summary using (period, period_start)

    union all

    select
        segment_type as member_type,
        period,
        period_start,
        share,
        0 as remainder
    from {{ ref('share_segment') }}

),

-- A slice has no row for its remainder, but its total includes it.
slices as (

    select
        slice_kind || '=' || slice as member_type,
        period,
        period_start,
        sum(tokens) as tokens,
        any_value(total_tokens) as total_tokens,
        max(share_of_named) as largest_share
    from {{ ref('share_slice') }}
    group by all

)

select
    member_type,
    period,
    period_start,
    sum(share) + any_value(remainder) as sum_of_shares
from shares
group by member_type, period, period_start
having sum_of_shares is null or abs(sum_of_shares - 1) > 1e-9

union all

select
    member_type,
    period,
    period_start,
    tokens / total_tokens as sum_of_shares
from slices
where tokens > total_tokens or largest_share > 1
