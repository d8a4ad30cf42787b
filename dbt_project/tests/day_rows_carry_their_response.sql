{{ config(meta={'dagster': {'ref': {'name': 'share_model'}}}) }}
-- as_of and checked_at of every day row are those of the raw response that supplied it: the newest one for the day.
with supplied as (

    {{ newest_raw_responses() }}

),

day_rows as (

    select
        'share_model' as mart,
        model_permaslug as member,
        period_start as date,
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
        as_of,
        oldest_as_of,
        checked_at
    from {{ ref('share_author') }}
    where period = 'day'

    union all

    -- A price has a moment of its own: the newer of the two is the row's.
    select
        'spend_model' as mart,
        spend.model_permaslug as member,
        spend.period_start as date,
        case when spend.price_as_of > share.as_of then share.as_of else spend.as_of end as as_of,
        case when spend.price_as_of < share.as_of then share.as_of else spend.oldest_as_of end as oldest_as_of,
        case when spend.price_as_of > share.as_of then share.checked_at else spend.checked_at end as checked_at
    from {{ ref('spend_model') }} as spend
    left join {{ ref('share_model') }} as share using (period, period_start, model_permaslug)
    where spend.period = 'day'

)

select day_rows.*
from day_rows
left join supplied
    on
        day_rows.date = supplied.date
        and day_rows.as_of = supplied.as_of
        and day_rows.oldest_as_of = supplied.as_of
        and day_rows.checked_at = supplied.fetched_at
where supplied.raw_file is null
