-- The days of a month on which an offer has the same prices: mostly all of them.
select
    * exclude (date),
    cast(date_trunc('month', date) as date) as month,
    list(date order by date) as days
from {{ ref('int_own__alternative_prices') }}
group by all
