{{ config(meta={'dagster': {'ref': {'name': 'price_current'}}}) }}
-- Current prices, the open intervals of the history and the newest prices of endpoints are those that stand in the raw
-- response of the moment that the row names. Read from raw by another way than the models do.
{%- set names = {
    'prompt': 'prompt', 'completion': 'completion', 'cache_read': 'input_cache_read',
    'cache_write': 'input_cache_write', 'internal_reasoning': 'internal_reasoning', 'audio': 'audio',
} %}
with raw_models as (

    select models.*
    from {{ source('raw', 'models') }} as models
    -- Lists that look truncated are set aside.
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect and {{ is_model_id('models.id') }}

),

raw_endpoints as (

    select * from {{ source('raw', 'endpoints') }}
    where endpoint_no is not null

),

last_told as (

    select max(as_of) as as_of from raw_models

),

newest as (

    select raw_models.id
    from raw_models
    inner join last_told using (as_of)

),

-- (model, provider, tag) is not unique, so that the rows are compared as a whole.
endpoints as (

    select
        model_id,
        provider_name,
        tag,
        context_length,
        status,
        uptime_30m_pct,
        {% for ours in names -%}
            {{ ours }}_usd_per_mtok,
        {% endfor -%}
        as_of
    from {{ ref('price_endpoint') }}

    except

    select
        model_id,
        coalesce(provider_name, 'unnamed provider') as provider_name,
        coalesce(tag, 'untagged') as tag,
        context_length,
        status,
        uptime_last_30m as uptime_30m_pct,
        {% for ours, theirs in names.items() -%}
            cast(case when pricing_{{ theirs }} >= 0 then pricing_{{ theirs }} end * 1000000 as double)
                as {{ ours }}_usd_per_mtok,
        {% endfor -%}
        as_of
    from raw_endpoints

)

{% for mart, moment in {'price_current': 'last_told.as_of', 'price_history': 'prices.as_of'}.items() -%}
    select
        '{{ mart }}' as mart,
        prices.model_id as member,
        prices.as_of
    from {{ ref(mart) }} as prices
    {% if mart == 'price_current' -%}
        cross join last_told
    {%- endif %}
    left join raw_models as told on prices.model_id = told.id and {{ moment }} = told.as_of
    where
        told.id is null
        {% for ours, theirs in names.items() -%}
            or prices.{{ ours }}_usd_per_mtok is distinct from cast(
                case when told.pricing_{{ theirs }} >= 0 then told.pricing_{{ theirs }} end * 1000000 as double
            )
        {% endfor %}
        {% if mart == 'price_current' -%}
            or prices.name is distinct from told.name
            or prices.context_length is distinct from told.context_length
        {%- endif %}

    union all

{% endfor -%}
select
    'price_endpoint' as mart,
    model_id || ' at ' || provider_name as member,
    as_of
from endpoints

union all

-- What the newest response lists is current, and nothing else is.
select
    'price_current, against the newest list' as mart,
    coalesce(current_prices.model_id, newest.id) as member,
    current_prices.as_of
from {{ ref('price_current') }} as current_prices
full join newest on current_prices.model_id = newest.id
where current_prices.model_id is null or newest.id is null
