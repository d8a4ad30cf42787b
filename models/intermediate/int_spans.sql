-- Stretches of days over which usage is added up: periods as the source gives them, weeks and months added up
-- from their days where it does not, and the rolling windows of growth that end on each observed day.
with periods as (

    select * from {{ ref('int_rankings__totals') }}

),

days as (

    select * from periods
    where period = 'day'

),

calendar as (

    select distinct
        kind.period as span,
        cast(date_trunc(kind.period, days.period_start) as date) as span_start,
        {{ period_end('kind.period', 'span_start') }} as span_end
    from days
    cross join (values ('week'), ('month')) as kind (period)

),

rolling as (

    select
        horizon.span,
        days.period_start - horizon.days + 1 as span_start,
        days.period_start as span_end
    from days
    cross join (values ('1d', 1), ('7d', 7), ('28d', 28)) as horizon (span, days)

),

wanted as (

    select * from calendar
    union all
    select * from rolling

),

added_up as (

    select
        wanted.span,
        wanted.span_start,
        wanted.span_end,
        cast(wanted.span_end - wanted.span_start + 1 as integer) as days,
        'days' as basis,
        count(*) = wanted.span_end - wanted.span_start + 1 as is_whole,
        cast(sum(days.total_tokens) as bigint) as total_tokens,
        cast(sum(days.other_tokens) as bigint) as other_tokens,
        cast(sum(days.unlisted_model_tokens_high) as bigint) as unlisted_model_tokens_high,
        cast(sum(days.unlisted_author_tokens_high) as bigint) as unlisted_author_tokens_high,
        {{ provenance_of('days') }}
    from wanted
    inner join days on days.period_start between wanted.span_start and wanted.span_end
    group by wanted.span, wanted.span_start, wanted.span_end

),

as_given as (

    select
        period as span,
        period_start as span_start,
        period_end as span_end,
        cast(period_end - period_start + 1 as integer) as days,
        'source' as basis,
        true as is_whole,
        total_tokens,
        other_tokens,
        unlisted_model_tokens_high,
        unlisted_author_tokens_high,
        scope_id,
        source_url,
        as_of,
        as_of as oldest_as_of,
        fetched_at as checked_at
    from periods

)

select * from as_given
union all
select added_up.*
from added_up
left join as_given using (span, span_start)
where as_given.span is null
