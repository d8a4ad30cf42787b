with usage as (

    select * from {{ ref('int_usage__priced') }}

),

periods as (

    select * from {{ ref('int_usage__periods') }}
    inner join usage using (date)

)

select
    period,
    period_start,
    author,
    cast(sum(tokens) as bigint) as tokens,
    cast(sum(priced_tokens) as bigint) as priced_tokens,
    sum(priced_tokens) / sum(tokens) as priced_share,
    {{ least_certain_basis() }} as price_basis,
    {{ spend_columns() }},
    max(price_source_url) as price_source_url,
    max(price_as_of) as price_as_of,
    {{ provenance_of_priced() }}
from periods
group by period, period_start, author
