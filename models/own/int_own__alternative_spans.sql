-- The days of a month on which an offer has the same prices: mostly all of them.
with spans as (

    select
        * exclude (date),
        cast(date_trunc('month', date) as date) as month,
        list(date order by date) as days
    from {{ ref('int_own__alternative_prices') }}
    group by all

)

select
    *,
    dense_rank() over (order by month, days, prompt_class, mean_class) as span_no
from spans
