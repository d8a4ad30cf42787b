-- Share of the cost of the calls with an own key on each day that OpenRouter's fee applies to. Each month has a free
-- allowance, which the first calls of the month use up.
with daily as (

    select
        source,
        date,
        sum(calls) as calls,
        coalesce(sum(list_usd), 0) as list_usd
    from {{ ref('int_own__costs') }}
    where is_own_key and not is_failed_free
    group by source, date

),

ruled as (

    select
        daily.*,
        fees.fee_share,
        fees.free_usd_per_month,
        fees.free_calls_per_month,
        sum(daily.calls) over in_month as calls_to_date,
        sum(daily.list_usd) over in_month as list_usd_to_date
    from daily
    inner join {{ ref('own_key_fees') }} as fees on daily.date >= fees.valid_from
    window
        in_month as (
            partition by daily.source, date_trunc('month', daily.date), fees.valid_from
            order by daily.date
        )
    qualify row_number() over (partition by daily.source, daily.date order by fees.valid_from desc) = 1

)

select
    source,
    date,
    fee_share * coalesce(
        case
            when free_calls_per_month is not null
                then least(greatest(calls_to_date - free_calls_per_month, 0), calls) / calls
            else least(greatest(list_usd_to_date - free_usd_per_month, 0), list_usd) / nullif(list_usd, 0)
        end,
        0
    ) as fee_share
from ruled
