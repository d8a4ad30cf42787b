-- Calls added up within all that their cost depends on, so that the cost of a bucket is the sum of the costs of its
-- calls. Calls whose charge different prices explain are in different buckets.
{{ config(tags=['bulk']) }}

with offers as (

    select * from {{ ref('int_own__offers') }}

),

offer_sets as (

    select distinct
        offer_set_no,
        price_set_no,
        day_no,
        segment_no,
        prompt_class,
        clock_time
    from offers

),

-- A price stays the same for many days, so there are far fewer sets of prices than of offers. Set 0 has none.
prices as (

    select distinct
        price_set_no,
        offer_no,
        {{ own_offer_columns() }}
    from offers
    union all
    select
        0 as price_set_no,
        {{ ', '.join(['null'] * (1 + 2 * own_price_names() | length)) }}

),

-- The first offers of each set are columns, as functions on arrays take longer. Doubles are exact enough to compare
-- a charge of 6 decimals, and much faster.
first_offers as (

    select
        {%- for no in own_first_offers() %}
            {%- for name, price in own_offer_prices().items() %}
                max(case when offer_no = {{ no }} then {{ price }} end) as offer_{{ no }}_{{ name }},
            {%- endfor %}
        {%- endfor %}
        price_set_no
    from prices
    group by price_set_no

),

more_offers as (

    select
        price_set_no,
        array_sort(array_agg({{ struct_of(dict({'no': 'offer_no'}, **own_offer_prices())) }})) as offers
    from prices
    where offer_no > {{ own_first_offers() | length }}
    group by price_set_no

),

calls as (

    select
        placed.*,
        {{ own_call_parts('placed.') }}
    from {{ ref('int_own__placed_calls') }} as placed

),

explained as (

    select
        calls.*,
        sets.offer_set_no,
        {%- for no in own_first_offers() %}
            coalesce(case
                when first_offers.offer_{{ no }}_prompt_price_low is not null
                    then {{ own_explains('calls.', 'first_offers.offer_' ~ no ~ '_') }}
            end, false) as is_explained_by_{{ no }},
        {%- endfor %}
        case
            when more_offers.offers is not null
                then {{ array_of(
                    array_where('more_offers.offers', 'offer', own_explains('calls.', 'offer.')), 'offer', 'offer.no'
                ) }}
        end as more_explaining_offers
    from calls
    left join offer_sets as sets
        on
            calls.day_no = sets.day_no
            and calls.segment_no = sets.segment_no
            and calls.offer_class = sets.prompt_class
            and calls.clock_time = sets.clock_time
    inner join first_offers on coalesce(sets.price_set_no, 0) = first_offers.price_set_no
    left join more_offers on sets.price_set_no = more_offers.price_set_no

),

added as (

    select
        day_no,
        offer_set_no,
        prompt_class,
        mean_class,
        clock_time,
        length_class,
        source,
        label,
        is_own_key,
        is_charge_known,
        is_failed_free,
        is_mixed,
        cached_tokens is not null as has_cached_tokens,
        cache_write_tokens is not null as has_cache_write_tokens,
        cache_usd is not null as has_cache_usd,
        {%- for no in own_first_offers() %}
            is_explained_by_{{ no }},
        {%- endfor %}
        more_explaining_offers,
        cast(sum(calls) as bigint) as calls,
        cast(coalesce(sum(calls) filter (where is_failed), 0) as bigint) as failed_calls,
        max(prompt_tokens + completion_tokens) filter (where calls = 1) as max_tokens,
        {%- for name in ['prompt', 'cached', 'cache_write', 'completion', 'reasoning'] %}
            cast(sum({{ name }}_tokens) as bigint) as {{ name }}_tokens,
        {%- endfor %}
        {%- for name in ['charged', 'cache', 'extra', 'upstream'] %}
            sum({{ name }}_usd) as {{ name }}_usd,
        {%- endfor %}
        sum(explained_usd) as explained_usd
    from explained
    group by
        day_no, offer_set_no, prompt_class, mean_class, clock_time, length_class, source, label, is_own_key,
        is_charge_known, is_failed_free, is_mixed, has_cached_tokens, has_cache_write_tokens, has_cache_usd,
        {%- for no in own_first_offers() %}
            is_explained_by_{{ no }},
        {%- endfor %}
        more_explaining_offers, explained.explained_usd is not null

)

select
    cast(row_number() over (order by day_no) as bigint) as bucket_no,
    *
from added
