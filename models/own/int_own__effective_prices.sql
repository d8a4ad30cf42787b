-- The prices of each price table for each prompt class and each part of the day in which they may differ: exact
-- decimals in USD per token or per call. The shortest prompt of a class has the prices of the whole class.
with classes as (

    select
        prompt_class,
        case when prompt_class > 0 then thresholds[prompt_class] + 1 else 0 end as min_prompt_tokens
    from {{ ref('int_own__thresholds') }}
    cross join unnest(range(len(thresholds) + 1)) as counted (prompt_class)

),

conditions as (

    select
        model_id,
        unnest(clock_times) as clock_time
    from {{ ref('int_own__model_conditions') }}

),

priced as (

    select
        tables.table_no,
        classes.prompt_class,
        conditions.clock_time,
    {%- for name in own_price_names() %}
        {{ price_in_effect(
            'tables.prices',
            name,
            'classes.min_prompt_tokens',
            'make_time(conditions.clock_time // 100, conditions.clock_time % 100, 0)',
        ) }} as {{ name }}_price{{ ',' if not loop.last }}
    {%- endfor %}
    from {{ ref('int_own__price_tables') }} as tables
    inner join conditions using (model_id)
    cross join classes
    where tables.prices is not null

)

-- Without a price of its own, the cache costs as much as other tokens.
select
    table_no,
    prompt_class,
    clock_time,
    prompt_price,
    coalesce(cache_read_price, prompt_price) as cache_read_price,
    coalesce(cache_write_price, prompt_price) as cache_write_price,
    completion_price,
    coalesce(request_price, 0) as request_price
from priced
