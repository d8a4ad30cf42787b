-- Calls added up within everything that their cost depends on, so that the cost of a bucket is the sum of the costs of
-- its calls. Calls whose charge different prices explain are in different buckets.
{{ config(tags=['bulk']) }}

with thresholds as (

    select thresholds from {{ ref('int_own__thresholds') }}

),

days as (

    select * from {{ ref('int_own__days') }}

),

-- Doubles are exact enough to compare a charge of 6 decimals, and much faster.
offers as (

    select
        day_no,
        segment_no,
        prompt_class,
        clock_time,
        array_sort(array_agg({{ own_offer_as_doubles() }})) as offers
    from {{ ref('int_own__offers') }}
    group by day_no, segment_no, prompt_class, clock_time

),

placed as (

    select
        calls.*,
        days.day_no,
        case
            when cardinality(days.cuts) = 0 then 0
            when calls.is_daily then -1
            else cardinality({{ array_where('days.cuts', 'cut', 'cut <= calls.called_at') }})
        end as segment_no,
        case
            when cardinality(thresholds) = 0 or calls.prompt_tokens <= {{ array_element('thresholds', 1) }} then 0
            when calls.is_aggregate then -1
            else cardinality({{ array_where('thresholds', 'threshold', 'calls.prompt_tokens > threshold') }})
        end as prompt_class,
        -- Where a row adds up calls, a call of the mean length stands for all of them.
        case
            when cardinality(thresholds) = 0 or calls.prompt_tokens <= {{ array_element('thresholds', 1) }} then 0
            else cardinality({{ array_where(
                'thresholds', 'threshold', 'calls.prompt_tokens / calls.calls > threshold'
            ) }})
        end as mean_class,
        case
            when cardinality(days.clock_times) = 1 then 0
            when calls.is_daily then -1
            else {{ array_largest(array_where(
                'days.clock_times',
                't',
                't <= 100 * extract(hour from calls.called_at) + extract(minute from calls.called_at)',
            )) }}
        end as clock_time,
        days.has_prompt_classes,
        {{ own_call_parts('calls.') }},
        case
            when calls.calls = 1
                then {{ own_length_class('calls.prompt_tokens + calls.completion_tokens') }}
            else -1
        end as length_class
    from {{ ref('int_own__calls') }} as calls
    inner join days
        on
            calls.date = days.date
            and calls.logged_model = days.logged_model
            and calls.logged_variant is not distinct from days.logged_variant
            and calls.provider_name is not distinct from days.provider_name
    cross join thresholds

),

explained as (

    select
        placed.*,
        case
            when offers.offers is not null and placed.explained_usd is not null
                then {{ array_of(
                    array_where('offers.offers', 'offer', own_explains('placed.', 'offer.')), 'offer', 'offer.no'
                ) }}
        end as explaining_offers
    from placed
    left join offers
        on
            placed.day_no = offers.day_no
            and placed.segment_no = offers.segment_no
            and case when placed.has_prompt_classes then placed.prompt_class else 0 end = offers.prompt_class
            and placed.clock_time = offers.clock_time

),

added as (

    select
        day_no,
        segment_no,
        prompt_class,
        mean_class,
        case when has_prompt_classes then prompt_class else 0 end as offer_class,
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
        explaining_offers,
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
        day_no, segment_no, prompt_class, mean_class, offer_class, clock_time, length_class, source, label, is_own_key,
        is_charge_known, is_failed_free, is_mixed, has_cached_tokens, has_cache_write_tokens, has_cache_usd,
        explaining_offers, explained.explained_usd is not null

)

select
    cast(row_number() over (order by day_no) as bigint) as bucket_no,
    *
from added
