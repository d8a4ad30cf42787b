with usage as (

    select
        *,
        max(part_end) over (partition by period, period_start, model_permaslug) as last_part_end
    from {{ ref('int_usage__periods') }}

)

select
    period,
    period_start,
    model_permaslug,
    base_slug,
    variant,
    author,
    max_by(model_id, part_end) as model_id,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(priced_tokens) as bigint) as priced_tokens,
    max_by(price_class, part_end) as price_class,
    {{ least_certain_basis('price_basis') }} as price_basis,
    max(price_age_hours) as price_age_hours,
    max(price_lag_days) as price_lag_days,
    {% for name in ['prompt', 'completion', 'cache_read'] -%}
        {{ usd_per_mtok('max(' ~ name ~ '_price) filter (where part_end = last_part_end)') }}
            as {{ name }}_usd_per_mtok,
    {% endfor -%}
    {{ spend_columns() }},
    max(basis) as basis,
    max(price_source_url) as price_source_url,
    max(price_as_of) as price_as_of,
    max(bounds_as_of) as bounds_as_of,
    max(endpoint_as_of) as endpoint_as_of,
    {{ provenance_of_spend() }}
from usage
group by period, period_start, model_permaslug, base_slug, variant, author
