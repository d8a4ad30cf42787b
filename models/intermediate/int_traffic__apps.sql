-- Shares of the listed apps in the traffic of each day, week and month.
with periods as (

    select * from {{ ref('int_periods__totals') }}
    where ranking = 'apps' and is_whole

),

members as (

    select * from {{ ref('int_periods__members') }}
    where ranking = 'apps'

)

select
    periods.period,
    periods.period_start,
    {% for top in [1, 5, 10] -%}
        sum(members.tokens) filter (where members.rank <= {{ top }}) / periods.total_tokens as top_{{ top }}_app_share,
    {% endfor -%}
    (periods.total_tokens - periods.other_tokens) / periods.total_tokens as attributed_share,
    periods.scope_id,
    periods.source_url,
    periods.as_of,
    periods.oldest_as_of,
    periods.checked_at
from periods
inner join members using (period, period_start)
group by
    periods.period,
    periods.period_start,
    periods.total_tokens,
    periods.other_tokens,
    periods.scope_id,
    periods.source_url,
    periods.as_of,
    periods.oldest_as_of,
    periods.checked_at
