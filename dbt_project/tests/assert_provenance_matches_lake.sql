{{ config(meta={'dagster': {'ref': {'name': 'provenance'}}}) }}
-- Provenance describes each raw file as the file does and leaves out no response of the lake; coverage counts the days
-- that provenance lists; the marts have the days that coverage marks as complete; citations are those of the newest
-- responses.
with responses as (

    select * from {{ source('raw', 'responses') }}

),

listed as (

    select * from {{ ref('provenance') }}

),

days as (

    select
        surface,
        slice,
        date,
        count(*) as observations,
        max(as_of) as as_of,
        max_by(rows, (as_of, fetched_at)) as rows,
        max_by(rows > 0, (as_of, fetched_at)) filter (where is_complete) as is_complete
    from listed
    where period = 'day'
    group by surface, slice, date

),

coverage_by_day as (

    -- A slice that the source reports by week or month only has no days to compare.
    select coverage.*
    from {{ ref('coverage') }} as coverage
    semi join days on coverage.surface = days.surface and coverage.slice = days.slice

),

days_in_marts as (

    select period_start as date
    from {{ ref('traffic_summary') }}
    where period = 'day'

),

complete_days as (

    select distinct date
    from {{ ref('coverage') }}
    where {{ is_rankings_surface('surface') }} and slice = 'all' and is_complete

),

newest as (

    select
        surface,
        max_by(citation, (as_of, fetched_at, raw_file)) as citation,
        max_by(licence, (as_of, fetched_at, raw_file)) as licence
    from responses
    group by surface

)

select
    'provenance' as mart,
    coalesce(listed.raw_file, responses.raw_file) as member,
    listed.date
from listed
full join responses using (raw_file)
where
    listed.surface is distinct from responses.surface
    or listed.as_of <> responses.as_of
    or listed.fetched_at <> responses.fetched_at
    or listed.payload_sha256 <> responses.payload_sha256
    or listed.request_url <> responses.request_url
    or listed.rows > responses.rows

union all

select
    'coverage' as mart,
    coverage_by_day.surface || ', ' || coverage_by_day.slice as member,
    coverage_by_day.date
from coverage_by_day
left join days using (surface, slice, date)
where
    coverage_by_day.observations <> coalesce(days.observations, 0)
    or coverage_by_day.rows <> coalesce(days.rows, 0)
    or coverage_by_day.newest_as_of is distinct from days.as_of
    or coverage_by_day.is_complete <> coalesce(days.is_complete, false)

union all

select
    'coverage, a day left out' as mart,
    days.surface || ', ' || days.slice as member,
    days.date
from days
left join coverage_by_day using (surface, slice, date)
where coverage_by_day.date is null

union all

select
    'coverage, against the days in the marts' as mart,
    'all traffic' as member,
    coalesce(days_in_marts.date, complete_days.date) as date
from days_in_marts
full join complete_days using (date)
where days_in_marts.date is null or complete_days.date is null

union all

select
    'citations' as mart,
    newest.surface as member,
    null as date
from newest
left join {{ ref('citations') }} as citations using (surface)
where citations.citation is distinct from newest.citation or citations.licence is distinct from newest.licence
