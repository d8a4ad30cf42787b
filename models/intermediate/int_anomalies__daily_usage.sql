{{ config(materialized='view') }}
-- Tokens of each model, author and app, and of the total, on each observed day. A member also has a row on days that do
-- not list it, where its tokens are unknown up to a bound, unless it stays unlisted for more than four weeks.
with days as (

    select
        *,
        period_end as date
    from {{ ref('int_periods__totals') }}
    where ranking in ('all', 'apps') and period = 'day' and is_whole

),

listings as (

    select
        ranking,
        member_type as subject_type,
        member as subject,
        period_start as date,
        tokens,
        rank
    from {{ ref('int_periods__members') }}
    where ranking in ('all', 'apps') and period = 'day' and member_type in ('model', 'author', 'app') and tokens > 0

),

-- A member that returns after more than four weeks starts another run of listings, because no baseline reaches further
-- back. The days between two runs have no rows.
compared as (

    select
        *,
        coalesce(date - lag(date) over by_date > 28, true) as is_run_start
    from listings
    window by_date as (partition by ranking, subject_type, subject order by date)

),

runs as (

    select
        *,
        sum(cast(is_run_start as integer)) over (
            partition by ranking, subject_type, subject order by date
        ) as run_no
    from compared

),

-- The rows of a run start before its first listing and end after its last, so that arrivals and disappearances can be
-- detected.
subjects as (

    select
        ranking,
        subject_type,
        subject,
        min(date) - 7 as first_date,
        max(date) + 3 as last_date
    from runs
    group by ranking, subject_type, subject, run_no

)

select
    subjects.subject_type,
    subjects.subject,
    coalesce(apps.app_name, subjects.subject) as subject_name,
    days.date,
    listings.tokens,
    least({{ unlisted_tokens_high('subjects.subject_type', 'days') }}, days.total_tokens) as unlisted_tokens_high,
    days.total_tokens,
    days.total_tokens as reference_tokens,
    listings.rank,
    days.is_suspect,
    days.scope_id,
    days.source_url,
    days.as_of,
    days.oldest_as_of,
    days.checked_at
from subjects
inner join days
    on
        subjects.ranking = days.ranking
        and days.date between subjects.first_date and subjects.last_date
left join listings
    on
        subjects.subject_type = listings.subject_type
        and subjects.subject = listings.subject
        and days.date = listings.date
left join {{ ref('int_apps__profiles') }} as apps
    on subjects.subject_type = 'app' and subjects.subject = cast(apps.app_id as varchar)

union all

-- The total drops every weekend, so it is compared with the same weekday of the week before.
select
    'total' as subject_type,
    'all' as subject,
    'all traffic' as subject_name,
    today.date,
    today.total_tokens as tokens,
    0 as unlisted_tokens_high,
    today.total_tokens,
    week_before.total_tokens as reference_tokens,
    1 as rank,
    today.is_suspect,
    today.scope_id,
    today.source_url,
    {{ merged_times('today', 'week_before') }}
from days as today
inner join days as week_before on today.ranking = week_before.ranking and today.date - 7 = week_before.date
where today.ranking = 'all'
