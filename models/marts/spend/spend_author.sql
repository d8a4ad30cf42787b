with usage as (

    select * from {{ ref('int_usage__periods') }}

)

select
    period,
    period_start,
    author,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(priced_tokens) as bigint) as priced_tokens,
    sum(priced_tokens) / sum(tokens) as priced_share,
    {{ least_certain_basis('price_basis') }} as price_basis,
    {{ spend_columns() }},
    max(basis) as basis,
    max(price_source_url) as price_source_url,
    max(price_as_of) as price_as_of,
    max(bounds_as_of) as bounds_as_of,
    max(endpoint_as_of) as endpoint_as_of,
    {{ provenance_of_spend() }}
from usage
group by period, period_start, author
