{{ config(meta={'dagster': {'ref': {'name': 'share_segment'}}}) }}
-- The share of open weights has the same bounds in share_segment, traffic_summary and claim.
with published as (

    select
        'share_segment' as mart,
        period,
        period_start,
        share as share_low,
        share_high
    from {{ ref('share_segment') }}
    where segment_type = 'weights' and segment = 'open'

    union all

    select
        'claim' as mart,
        period,
        period_start,
        value as share_low,
        coalesce(value_high, value) as share_high
    from {{ ref('claim') }}
    where kind = 'open_weights'

)

select
    published.*,
    summary.open_weights_share_low,
    summary.open_weights_share_high
from published
left join {{ ref('traffic_summary') }} as summary using (period, period_start)
where
    not coalesce(
        abs(published.share_low - summary.open_weights_share_low) <= 1e-9
        and abs(published.share_high - summary.open_weights_share_high) <= 1e-9, false
    )
