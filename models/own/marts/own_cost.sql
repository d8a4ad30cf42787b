with costs as (

    select * from {{ ref('int_own__costs') }}

),

added as (

    select
        {{ own_row_key() }},
        {{ own_sum('list_usd') }} as list_usd,
        {{ own_sum('endpoint_usd') }} as endpoint_usd,
        list_sort(list_distinct(flatten(list(candidates)))) as candidates,
        bool_and(is_failed_free or coalesce(is_explained and can_name_endpoint, false)) as has_one_endpoint,
        {{ own_sum('endpoint_low_usd') }} as endpoint_low_usd,
        {{ own_sum('endpoint_high_usd') }} as endpoint_high_usd,
        sum(residual_usd) as residual_usd,
        sum(list_no_cache_usd - list_usd) filter (not is_failed_free) as cache_saved_usd,
        sum(list_usd - list_base_usd) filter (not is_failed_free) as tier_extra_usd,
        cast(sum(cache_write_low) as bigint) as cache_write_tokens_low,
        cast(sum(cache_write_high) as bigint) as cache_write_tokens_high,
        {{ own_common('price_basis') }} as price_basis,
        max(price_age_hours) as price_age_hours,
        {{ least_certain_basis('endpoint_price_basis') }} as endpoint_price_basis,
        max(endpoint_price_age_hours) as endpoint_price_age_hours,
        min(price_as_of) as price_as_of,
        min(price_checked_at) as price_checked_at,
        max(price_source_url) as price_source_url
    from costs
    group by {{ own_row_key() }}

)

select
    {{ own_row_key('added') }},
    added.list_usd,
    added.endpoint_usd,
    case when added.has_one_endpoint and len(added.candidates) = 1 then added.candidates[1] end as tag,
    added.candidates,
    added.endpoint_low_usd,
    added.endpoint_high_usd,
    added.residual_usd,
    added.cache_saved_usd,
    added.tier_extra_usd,
    case when added.is_own_key then {{ own_usd('added.list_usd * coalesce(fees.fee_share, 0)') }} else 0 end as fee_usd,
    added.cache_write_tokens_low,
    added.cache_write_tokens_high,
    added.price_basis,
    added.price_age_hours,
    added.endpoint_price_basis,
    added.endpoint_price_age_hours,
    added.price_as_of,
    added.price_checked_at,
    added.price_source_url
from added
left join {{ ref('int_own__fees') }} as fees on added.source = fees.source and added.date = fees.date
