{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- as_of and checked_at of every day row are those of the raw response that supplied it, the newest one for the day. If
-- the row also uses prices, they are those of the newest of all its responses.
with supplied as (

    {{ newest_raw_responses() }}

),

price_lists as (

    select
        as_of as price_as_of,
        max(fetched_at) as price_fetched_at
    from {{ source('raw', 'responses') }}
    where surface = 'models'
    group by as_of

),

day_rows as (

    select
        'share_model' as mart,
        model_permaslug as member,
        period_start as date,
        cast(null as timestamp) as price_as_of,
        cast(null as timestamp) as bounds_as_of,
        cast(null as timestamp) as endpoint_as_of,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('share_model') }}
    where period = 'day'

    union all

    select
        'share_author' as mart,
        author as member,
        period_start as date,
        cast(null as timestamp) as price_as_of,
        cast(null as timestamp) as bounds_as_of,
        cast(null as timestamp) as endpoint_as_of,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('share_author') }}
    where period = 'day'

    union all

    select
        'spend_model' as mart,
        model_permaslug as member,
        period_start as date,
        price_as_of,
        bounds_as_of,
        endpoint_as_of,
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('spend_model') }}
    where period = 'day'

)

select
    day_rows.*,
    supplied.raw_file
from day_rows
left join supplied using (date)
left join price_lists using (price_as_of)
left join price_lists as bounds on day_rows.bounds_as_of = bounds.price_as_of
where
    supplied.raw_file is null
    or day_rows.as_of <> greatest(
        supplied.as_of, day_rows.price_as_of, day_rows.bounds_as_of, day_rows.endpoint_as_of
    )
    -- A day may have more than one sweep of endpoints.
    or day_rows.oldest_as_of > least(supplied.as_of, day_rows.price_as_of, day_rows.endpoint_as_of)
    or day_rows.checked_at is distinct from case day_rows.as_of
        when supplied.as_of then supplied.fetched_at
        when day_rows.price_as_of then price_lists.price_fetched_at
        when day_rows.bounds_as_of then bounds.price_fetched_at
        else day_rows.checked_at
    end

union all

-- A summary has many inputs, so its times must be those of one of them and no older than its shares.
select
    'traffic_summary' as mart,
    'all' as member,
    summary.period_start as date,
    cast(null as timestamp) as price_as_of,
    cast(null as timestamp) as bounds_as_of,
    cast(null as timestamp) as endpoint_as_of,
    summary.as_of,
    summary.oldest_as_of,
    summary.checked_at,
    supplied.raw_file
from {{ ref('traffic_summary') }} as summary
left join supplied on summary.period_start = supplied.date
left join {{ source('raw', 'responses') }} as responses
    on summary.as_of = responses.as_of and summary.checked_at = responses.fetched_at
where
    summary.period = 'day'
    and (supplied.raw_file is null or responses.raw_file is null or summary.as_of < supplied.as_of)
