-- All traffic of each day, week and month: size, growth, concentration and implied spend.
with periods as (

    {{ whole_periods_of_all_traffic() }}

),

-- A period has the growth of the rolling windows that end on its last day.
growth as (

    select
        periods.period,
        periods.period_start,
        growth.*
    from periods
    inner join {{ ref('int_traffic__growth') }} as growth on periods.period_end = growth.window_end

),

concentration as (

    select * from {{ ref('int_traffic__concentration') }}

),

turnover as (

    select * from {{ ref('int_traffic__turnover') }}

),

spend as (

    select * from {{ ref('int_traffic__spend') }}

),

apps as (

    select * from {{ ref('int_traffic__apps') }}

),

providers as (

    select * from {{ ref('int_traffic__providers') }}

),

-- A row is as new as the newest of its parts.
provenance as (

    {{ provenance_by(
        'period, period_start',
        ['periods', 'growth', 'concentration', 'turnover', 'spend', 'apps', 'providers'],
    ) }}

)

select
    periods.period,
    periods.period_start,
    periods.basis,
    periods.total_tokens,
    periods.other_tokens,
    periods.other_tokens / periods.total_tokens as other_share,
    concentration.models_listed,
    concentration.authors_listed,
    providers.providers_listed,
    growth.growth_1d,
    growth.growth_7d,
    growth.growth_28d,
    growth.growth_364d,
    growth.growth_7d_without_top_app,
    growth.cagr,
    growth.doubling_days,
    growth.doubling_days_low,
    growth.doubling_days_high,
    concentration.hhi_model_low,
    concentration.hhi_model_high,
    concentration.hhi_author_low,
    concentration.hhi_author_high,
    concentration.cr1,
    concentration.cr3,
    concentration.cr5,
    concentration.cr10,
    cast(coalesce(spend.paid_tokens, 0) as bigint) as paid_tokens,
    concentration.open_weights_share_low,
    concentration.open_weights_share_high,
    apps.top_1_app_share,
    apps.top_5_app_share,
    apps.top_10_app_share,
    apps.attributed_share,
    turnover.launched_share,
    turnover.survival,
    spend.spend_low,
    spend.spend_high,
    spend.spend_plausible_low,
    spend.spend_plausible_high,
    spend.spend_central,
    spend.usd_per_mtok_central,
    cast(spend.token_mix_age_days as bigint) as token_mix_age_days,
    coalesce(spend.priced_tokens, 0) / periods.total_tokens as priced_coverage,
    spend.priced_tokens / spend.named_tokens as priced_coverage_of_named,
    provenance.scope_id,
    provenance.source_url,
    provenance.as_of,
    provenance.oldest_as_of,
    provenance.checked_at
from periods
inner join concentration using (period, period_start)
inner join turnover using (period, period_start)
inner join provenance using (period, period_start)
left join growth using (period, period_start)
left join spend using (period, period_start)
left join apps using (period, period_start)
left join providers using (period, period_start)
