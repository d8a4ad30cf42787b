{{ config(meta={'dagster': {'ref': {'name': 'price_current'}}}) }}
-- The exact prices of a call are those in the columns of the same row, and every listed override is among them.
{%- set marts = ['price_current', 'price_history', 'price_endpoint', 'price_endpoint_history'] %}
{% for mart in marts -%}
    select
        '{{ mart }}' as mart,
        model_id,
        as_of
    from {{ ref(mart) }}
    where
        prices is not null
        and (
            (len((prices).overrides) > 0) is distinct from has_overrides
            {% for name in call_price_names() -%}
                {% if name in unit_price_names() -%}
                    or cast((prices).{{ name }} as double) is distinct from {{ name }}_usd
                {%- else -%}
                    or cast((prices).{{ name }} * 1000000 as double) is distinct from {{ name }}_usd_per_mtok
                {%- endif %}
            {% endfor %}
        )
    {{ 'union all' if not loop.last }}
{% endfor %}
