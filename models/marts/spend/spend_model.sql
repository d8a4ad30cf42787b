with usage as (

    select * from {{ ref('int_usage__priced') }}

),

periods as (

    select
        *,
        max(date) over (partition by period, period_start, model_permaslug) as newest_date
    from {{ ref('int_usage__periods') }}
    inner join usage using (date)

)

select
    period,
    period_start,
    model_permaslug,
    base_slug,
    variant,
    author,
    max_by(model_id, date) as model_id,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(priced_tokens) as bigint) as priced_tokens,
    max_by(price_class, date) as price_class,
    {{ least_certain_basis() }} as price_basis,
    max(price_age_hours) as price_age_hours,
    max(price_lag_days) as price_lag_days,
    {% for name in ['prompt', 'completion', 'cache_read'] -%}
        {{ usd_per_mtok('max(' ~ name ~ '_price) filter (where date = newest_date)') }} as {{ name }}_usd_per_mtok,
    {% endfor -%}
    {{ spend_columns() }},
    max(price_source_url) as price_source_url,
    max(price_as_of) as price_as_of,
    {{ provenance_of_priced() }}
from periods
group by period, period_start, model_permaslug, base_slug, variant, author
