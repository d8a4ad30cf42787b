-- What the calls of each bucket cost at the prices of their day: as listed, and at the endpoints that may have served
-- them.
{%- set amounts = [
    'list_usd', 'list_no_cache_usd', 'list_base_usd', 'endpoint_usd', 'endpoint_low_usd', 'endpoint_high_usd',
] %}
with buckets as (

    select * from {{ ref('int_own__buckets') }}

),

offers as (

    select * from {{ ref('int_own__bucket_offers') }}

),

-- Of several prices, the one that explains the charge is meant, or else the one that comes closest to it.
at_endpoints as (

    select
        bucket_no,
        case
            when max(difference_usd) is not null
                then min_by(
                    { 'basis': price_basis, 'age_hours': price_age_hours },
                    (not coalesce(is_explaining, false), difference_usd, offer_no)
                )
            else { 'basis': {{ least_certain_basis('price_basis') }}, 'age_hours': max(price_age_hours) }
        end as endpoint_price,
        min(low_usd) as endpoint_low_usd,
        max(high_usd) as endpoint_high_usd,
        case
            when max(difference_usd) is not null
                then min_by(nearest_usd, (not coalesce(is_explaining, false), difference_usd, offer_no))
            when min(low_usd) = max(high_usd) then min(low_usd)
        end as endpoint_usd,
        bool_or(is_explaining) as is_explained,
        coalesce(
            list_sort(list_distinct(flatten(list(endpoint_tags) filter (is_explaining or is_mixed)))), []
        ) as candidates,
        coalesce(min(cache_write_low) filter (is_explaining), min(cache_write_low)) as cache_write_low,
        min_by(cache_write_tokens, (not coalesce(is_explaining, false), difference_usd, offer_no))
            as cache_write_tokens,
        coalesce(max(cache_write_high) filter (is_explaining), max(cache_write_high)) as cache_write_high
    from offers
    group by bucket_no

),

-- Tokens of the cache as intervals: the same if the log reports them.
placed as (

    select
        buckets.* exclude (cache_write_tokens),
        days.* exclude (day_no, cuts, has_prompt_classes, clock_times),
        buckets.cache_write_tokens as logged_cache_write_tokens,
        coalesce(buckets.cached_tokens, 0) as cached_low,
        coalesce(buckets.cached_tokens, buckets.prompt_tokens) as cached_high,
        coalesce(buckets.cache_write_tokens, at_endpoints.cache_write_low, 0) as cache_write_low,
        coalesce(buckets.cache_write_tokens, at_endpoints.cache_write_tokens, 0) as cache_write_tokens,
        coalesce(
            buckets.cache_write_tokens,
            at_endpoints.cache_write_high,
            buckets.prompt_tokens - coalesce(buckets.cached_tokens, 0)
        ) as cache_write_high,
        coalesce((at_endpoints.endpoint_price).basis, 'none') as endpoint_price_basis,
        (at_endpoints.endpoint_price).age_hours as endpoint_price_age_hours,
        at_endpoints.endpoint_low_usd,
        at_endpoints.endpoint_high_usd,
        at_endpoints.endpoint_usd,
        at_endpoints.is_explained,
        coalesce(at_endpoints.candidates, []) as candidates,
        -- Unknown tokens and an unknown provider leave too much open to name an endpoint by its price.
        buckets.has_cached_tokens
        and (buckets.has_cache_write_tokens or buckets.has_cache_usd)
        and (days.provider_name is null or days.priced_provider is not null) as can_name_endpoint
    from buckets
    inner join {{ ref('int_own__days') }} as days using (day_no)
    left join at_endpoints using (bucket_no)

),

-- Prices that no condition changes.
base_prices as (

    select
        table_no,
        (prices).prompt as prompt_price,
        coalesce((prices).cache_read, (prices).prompt) as cache_read_price,
        coalesce((prices).cache_write, (prices).prompt) as cache_write_price,
        (prices).completion as completion_price,
        coalesce((prices).request, 0) as request_price
    from {{ ref('int_own__price_tables') }}

),

listed as (

    select
        placed.*,
        lists.price_basis,
        lists.price_age_hours,
        lists.price_as_of,
        lists.price_checked_at,
        lists.price_source_url,
        {{ own_usd(own_cost_of('placed.', 'prices.', 'placed.cached_low', 'placed.cache_write_tokens')) }}
        + placed.extra_usd as list_usd,
        case
            when placed.has_cached_tokens
                then {{ own_usd(own_cost_of('placed.', 'prices.', '0', '0')) }} + placed.extra_usd
        end as list_no_cache_usd,
        {{ own_usd(own_cost_of('placed.', 'base.', 'placed.cached_low', 'placed.cache_write_tokens')) }}
        + placed.extra_usd as list_base_usd
    from placed
    left join {{ ref('int_own__list_prices') }} as lists
        on placed.model_id = lists.model_id and placed.date = lists.date
    left join {{ ref('int_own__effective_prices') }} as prices
        on
            lists.table_no = prices.table_no
            and placed.mean_class = prices.prompt_class
            and prices.clock_time = greatest(placed.clock_time, 0)
    left join base_prices as base on lists.table_no = base.table_no

)

-- A failed call that was not charged costs nothing.
select
    * exclude (
        list_usd, list_no_cache_usd, list_base_usd, endpoint_usd, endpoint_low_usd, endpoint_high_usd, price_basis
    ),
    case when list_usd is null then 'none' else price_basis end as price_basis,
    {%- for name in amounts %}
        case when is_failed_free then 0 else {{ name }} end as {{ name }},
    {%- endfor %}
    case
        when is_failed_free then 0
        when is_own_key then upstream_usd + coalesce(charged_usd, 0)
        when is_charge_known then charged_usd
        else list_usd
    end as paid_usd,
    case when is_failed_free then 0 else explained_usd + extra_usd - endpoint_usd end as residual_usd,
    case
        when is_failed_free or (is_own_key and upstream_usd is not null) then 'charged'
        when is_own_key then 'unknown'
        when is_charge_known then 'charged'
        when list_usd is not null then 'listed'
        else 'unknown'
    end as cost_basis
from listed
