-- The listed price of each day: the price known at its end, or else the first one after it, as in spend_model.
with days as (

    select distinct
        model_id,
        date
    from {{ ref('int_own__days') }}
    where model_id is not null

),

lists as (

    select distinct as_of
    from {{ source('release', 'provenance') }}
    where surface = 'models'

),

newest as (

    select
        days.model_id,
        days.date,
        max(lists.as_of) as newest_as_of
    from days
    left join lists on lists.as_of < days.date + interval 1 day
    group by days.model_id, days.date

)

select
    newest.model_id,
    newest.date,
    tables.table_no,
    case
        when tables.valid_from >= newest.date + interval 1 day then 'backcast'
        when
            tables.last_seen_at >= newest.newest_as_of
            and newest.newest_as_of > newest.date - interval 1 day
            then 'observed'
        else 'carried'
    end as price_basis,
    greatest(epoch(newest.date + interval 1 day) - epoch(tables.last_seen_at), 0) / 3600 as price_age_hours,
    {{ nearest_observed_at('tables', "cast(newest.date + interval 1 day as timestamp)") }} as price_as_of,
    tables.checked_at as price_checked_at,
    tables.source_url as price_source_url
from newest
inner join {{ ref('int_own__price_tables') }} as tables
    on newest.model_id = tables.model_id and tables.is_listed_price
qualify
    row_number() over (
        partition by newest.model_id, newest.date
        order by
            tables.valid_from >= newest.date + interval 1 day,
            case when tables.valid_from < newest.date + interval 1 day then tables.valid_from end desc,
            tables.valid_from
    ) = 1
