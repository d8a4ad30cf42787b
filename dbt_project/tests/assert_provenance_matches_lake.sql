{{ config(meta={'dagster': {'ref': {'name': 'provenance'}}}) }}
-- What is said of a raw file is what stands in the file; no response of the lake is left out; coverage counts its days
-- as the ledger tells them, and the marts have the days that it calls complete; the newest response is the one cited.
with responses as (

    select * from {{ source('raw', 'responses') }}

),

ledger as (

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
    from ledger
    where period = 'day'
    group by surface, slice, date

),

coverage_by_day as (

    -- Of what is told by the week or the month only, there is no day to compare.
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
    where surface in ('rankings', 'rankings_export') and slice = 'all' and is_complete

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
    coalesce(ledger.raw_file, responses.raw_file) as member,
    ledger.date
from ledger
full join responses using (raw_file)
where
    ledger.surface is distinct from responses.surface
    or ledger.as_of <> responses.as_of
    or ledger.fetched_at <> responses.fetched_at
    or ledger.payload_sha256 <> responses.payload_sha256
    or ledger.request_url <> responses.request_url
    or ledger.rows > responses.rows

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
    'coverage, which leaves out a day' as mart,
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
