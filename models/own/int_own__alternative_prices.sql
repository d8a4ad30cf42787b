-- Prices of everything that a release lists now, on each day of the log and for each prompt class: at the end of the
-- day, and the lowest and highest that each price may have been on the day. Doubles are exact enough for a range, and
-- there are millions of rows to multiply.
with flows as (

    select distinct
        date,
        prompt_class,
        mean_class
    from {{ ref('int_own__flows') }}

),

tables as (

    select * from {{ ref('int_own__price_tables') }}
    where not starts_with(model_id, '~') and prices is not null and (prices).prompt >= 0

),

current_tables as (

    select
        model_id,
        provider_name,
        endpoint_tag,
        context_length
    from tables
    where is_current

),

possible as (

    select
        flows.date,
        flows.prompt_class,
        flows.mean_class,
        tables.table_no,
        tables.model_id,
        tables.provider_name,
        tables.endpoint_tag,
        current_tables.context_length,
        tables.valid_from,
        tables.valid_from < flows.date + interval 1 day as is_known,
        row_number() over (
            partition by
                flows.date, flows.prompt_class, flows.mean_class, tables.model_id, tables.provider_name,
                tables.endpoint_tag
            order by
                tables.valid_from >= flows.date + interval 1 day,
                case when tables.valid_from < flows.date + interval 1 day then tables.valid_from end desc,
                tables.valid_from
        ) as preference
    from flows
    inner join tables
        on tables.possible_from < flows.date + interval 1 day and flows.date < tables.possible_to
    inner join current_tables
        on
            tables.model_id = current_tables.model_id
            and tables.provider_name is not distinct from current_tables.provider_name
            and tables.endpoint_tag is not distinct from current_tables.endpoint_tag

)

select
    possible.date,
    possible.prompt_class,
    possible.mean_class,
    possible.model_id as to_model_id,
    possible.provider_name,
    possible.endpoint_tag,
    max(possible.context_length) as context_length,
    {%- for name in own_price_names() %}
        cast(
            max(prices.{{ name }}_price) filter (
                where possible.preference = 1
                and prices.prompt_class = possible.mean_class
                and prices.clock_time = 0
            ) as double
        ) as {{ name }}_price,
        cast(min(prices.{{ name }}_price) as double) as {{ name }}_price_low,
        cast(max(prices.{{ name }}_price) as double) as {{ name }}_price_high,
    {%- endfor %}
    bool_or(possible.is_known and possible.preference = 1) as is_known
from possible
inner join {{ ref('int_own__effective_prices') }} as prices
    on
        possible.table_no = prices.table_no
        and (possible.prompt_class = -1 or possible.prompt_class = prices.prompt_class)
group by
    possible.date, possible.prompt_class, possible.mean_class, possible.model_id, possible.provider_name,
    possible.endpoint_tag
