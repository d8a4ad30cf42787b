-- The different prices that the endpoints of a model and provider may have had in each part of a day, for each prompt
-- class and part of the clock. Endpoints with the same prices are one offer. -1 stands for a part that the log leaves
-- open.
with days as (

    select * from {{ ref('int_own__days') }}

),

segments as (

    select
        *,
        segment_no,
        case when segment_no > 0 then cuts[segment_no] else cast(date as timestamp) end as starts_at,
        case when segment_no < len(cuts) and segment_no >= 0 then cuts[segment_no + 1] else date + interval 1 day end
            as ends_at
    from days
    cross join unnest(case when len(cuts) = 0 then [0] else range(-1, len(cuts) + 1) end) as counted (segment_no)

),

possible as (

    select
        segments.day_no,
        segments.segment_no,
        segments.has_prompt_classes,
        segments.clock_times,
        tables.table_no,
        tables.endpoint_tag,
        tables.provider_name,
        case
            when tables.valid_from >= segments.date + interval 1 day then 'backcast'
            when tables.last_seen_at > segments.date - interval 1 day then 'observed'
            else 'carried'
        end as price_basis,
        case
            when tables.valid_from < segments.date + interval 1 day
                then greatest(epoch(segments.date + interval 1 day) - epoch(tables.last_seen_at), 0) / 3600
        end as price_age_hours
    from segments
    inner join {{ ref('int_own__price_tables') }} as tables
        on
            segments.model_id = tables.model_id
            and segments.ends_at > tables.possible_from
            and segments.starts_at < tables.possible_to
            and (segments.priced_provider is null or segments.priced_provider = tables.provider_name)
    where not tables.is_listed_price

),

priced as (

    select
        possible.day_no,
        possible.segment_no,
        possible.endpoint_tag,
        classes.prompt_class,
        times.clock_time,
        -- A row of many calls may mix all prices of an endpoint.
        case when -1 in (possible.segment_no, classes.prompt_class, times.clock_time) then 0 else prices.table_no end
            as mixed_no,
        {%- for name in own_price_names() %}
            min(prices.{{ name }}_price) as {{ name }}_price_low,
            max(prices.{{ name }}_price) as {{ name }}_price_high,
        {%- endfor %}
        possible.provider_name,
        {{ least_certain_basis('possible.price_basis') }} as price_basis,
        max(possible.price_age_hours) as price_age_hours
    from possible
    inner join {{ ref('int_own__effective_prices') }} as prices using (table_no)
    cross join
        unnest(case when possible.has_prompt_classes then [prices.prompt_class, -1] else [0] end)
            as classes (prompt_class)
    cross join
        unnest(case when len(possible.clock_times) > 1 then [prices.clock_time, -1] else [0] end)
            as times (clock_time)
    where possible.has_prompt_classes or prices.prompt_class = 0
    group by
        possible.day_no, possible.segment_no, possible.endpoint_tag, possible.provider_name, classes.prompt_class,
        times.clock_time, mixed_no

),

distinct_prices as (

    select
        day_no,
        segment_no,
        prompt_class,
        clock_time,
        {{ own_offer_columns() }},
        list_sort(list(distinct endpoint_tag)) as endpoint_tags,
        {{ least_certain_basis('price_basis') }} as price_basis,
        max(price_age_hours) as price_age_hours
    from priced
    group by day_no, segment_no, prompt_class, clock_time, {{ own_offer_columns() }}

),

numbered as (

    select
        cast(dense_rank() over (order by day_no, segment_no, prompt_class, clock_time) as integer) as offer_set_no,
        *,
        row_number() over (
            partition by day_no, segment_no, prompt_class, clock_time
            order by {{ own_offer_columns() }}
        ) as offer_no
    from distinct_prices

),

price_sets as (

    select
        offer_set_no,
        list(row({{ own_offer_columns() }}) order by offer_no) as prices
    from numbered
    group by offer_set_no

)

select
    numbered.offer_set_no,
    cast(dense_rank() over (order by price_sets.prices) as integer) as price_set_no,
    numbered.* exclude (offer_set_no)
from numbered
inner join price_sets using (offer_set_no)
