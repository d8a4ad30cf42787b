{{ config(meta={'dagster': {'ref': {'name': 'price_current'}}}) }}
-- Current prices, the open intervals of the history and the newest prices of endpoints are those in the raw response
-- that the as_of of the row names. Computed from the raw tables, independently of the models.
{%- set names = {
    'prompt': 'prompt', 'completion': 'completion', 'cache_read': 'input_cache_read',
    'cache_write': 'input_cache_write', 'internal_reasoning': 'internal_reasoning', 'audio': 'audio',
} %}
with raw_models as (

    select models.*
    from {{ source('raw', 'models') }} as models
    -- The models leave out lists that look truncated.
    inner join {{ ref('int_lists__compared') }} as lists using (raw_file)
    where not lists.is_suspect and {{ is_model_id('models.id') }}

),

raw_endpoints as (

    select * from {{ source('raw', 'endpoints') }}
    where endpoint_no is not null

),

newest_list as (

    select max(as_of) as as_of from raw_models

),

newest_ids as (

    select raw_models.id
    from raw_models
    inner join newest_list using (as_of)

),

-- A provider may have several endpoints with the same tag, so whole rows are compared.
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

{% for mart, moment in {'price_current': 'newest_list.as_of', 'price_history': 'prices.as_of'}.items() -%}
    select
        '{{ mart }}' as mart,
        prices.model_id as member,
        prices.as_of
    from {{ ref(mart) }} as prices
    {% if mart == 'price_current' -%}
        cross join newest_list
    {%- endif %}
    left join raw_models as raw on prices.model_id = raw.id and {{ moment }} = raw.as_of
    where
        raw.id is null
        {% for ours, theirs in names.items() -%}
            or prices.{{ ours }}_usd_per_mtok is distinct from cast(
                case when raw.pricing_{{ theirs }} >= 0 then raw.pricing_{{ theirs }} end * 1000000 as double
            )
        {% endfor %}
        {% if mart == 'price_current' -%}
            or prices.name is distinct from raw.name
            or prices.context_length is distinct from raw.context_length
        {%- endif %}

    union all

{% endfor -%}
select
    'price_endpoint' as mart,
    model_id || ' at ' || provider_name as member,
    as_of
from endpoints

union all

-- price_current has exactly the ids of the newest list.
select
    'price_current, against the newest list' as mart,
    coalesce(current_prices.model_id, newest_ids.id) as member,
    current_prices.as_of
from {{ ref('price_current') }} as current_prices
full join newest_ids on current_prices.model_id = newest_ids.id
where current_prices.model_id is null or newest_ids.id is null
