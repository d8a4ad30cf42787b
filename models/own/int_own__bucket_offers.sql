-- What the calls of each bucket cost at each price that an endpoint may have had, and whether the charge is that cost.
with buckets as (

    select * from {{ ref('int_own__buckets') }}

),

offers as (

    select * from {{ ref('int_own__offers') }}

),

priced as (

    select
        buckets.bucket_no,
        offers.offer_no,
        offers.endpoint_tags,
        offers.price_basis,
        offers.price_age_hours,
        {{ own_offer_columns('offers') }},
        buckets.is_mixed,
        buckets.prompt_tokens,
        buckets.cached_tokens,
        buckets.cache_write_tokens,
        buckets.cache_usd,
        buckets.calls,
        buckets.extra_usd,
        buckets.explained_usd + buckets.extra_usd as compared_usd,
        buckets.prompt_tokens - coalesce(buckets.cached_tokens, 0) as uncached_tokens,
        {{ own_usd(own_cost_bound('low', 'buckets.', 'offers.')) }} + buckets.extra_usd as low_usd,
        {{ own_usd(own_cost_bound('high', 'buckets.', 'offers.')) }} + buckets.extra_usd as high_usd,
        case
            when buckets.is_failed_free or buckets.explained_usd is null then null
            {%- for no in own_first_offers() %}
                when offers.offer_no = {{ no }} then buckets.is_explained_by_{{ no }}
            {%- endfor %}
            else list_contains(buckets.more_explaining_offers, offers.offer_no)
        end as is_explaining
    from buckets
    inner join offers on buckets.offer_set_no = offers.offer_set_no

),

-- How many tokens were written to the cache, if the charge for the cache shows it. The charge is cut to 6 decimals, so
-- the number is an interval.
written as (

    select
        *,
        case
            when is_explaining and cache_usd is not null and cache_write_price_low <> prompt_price_low
                then
                    (cache_usd - cached_tokens * (cache_read_price_low - prompt_price_low))
                    / cast(cache_write_price_low - prompt_price_low as double)
        end as written_tokens,
        case
            when is_explaining and cache_usd is not null and cache_write_price_low <> prompt_price_low
                then {{ own_rounding_usd('') }} / abs(cast(cache_write_price_low - prompt_price_low as double))
        end as written_rounding
    from priced

)

-- least and greatest skip nulls, so unknown amounts and numbers are cases of their own.
select
    bucket_no,
    offer_no,
    endpoint_tags,
    price_basis,
    price_age_hours,
    is_mixed,
    low_usd,
    high_usd,
    is_explaining,
    case when low_usd is not null then abs(compared_usd - least(greatest(compared_usd, low_usd), high_usd)) end
        as difference_usd,
    case when low_usd is not null then least(greatest(compared_usd, low_usd), high_usd) end as nearest_usd,
    case
        when cache_write_tokens is not null then cache_write_tokens
        when written_tokens is null then 0
        else {{ own_limited('floor(written_tokens - written_rounding)', 'uncached_tokens') }}
    end as cache_write_low,
    case
        when cache_write_tokens is not null then cache_write_tokens
        when written_tokens is not null then {{ own_limited('round(written_tokens)', 'uncached_tokens') }}
    end as cache_write_tokens,
    case
        when cache_write_tokens is not null then cache_write_tokens
        when written_tokens is null then uncached_tokens
        else {{ own_limited('ceil(written_tokens + written_rounding)', 'uncached_tokens') }}
    end as cache_write_high
from written
