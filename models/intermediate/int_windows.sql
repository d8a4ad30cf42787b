-- Stretches of days over which a ranking is added up: periods as the source gives them, weeks and months added up from
-- their days where it does not, and the rolling windows of growth that end on each observed day. Apps have no remainder
-- of their own: what no listed app has is what is left of all traffic in the same span.
with rankings as (

    select * from {{ ref('int_rankings__totals') }}

),

apps as (

    select * from {{ ref('int_apps__totals') }}

),

periods as (

    select
        ranking,
        period,
        period_start,
        period_end,
        total_tokens,
        other_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
        is_suspect,
        is_truncated,
        scope_id,
        source_url,
        as_of,
        fetched_at
    from rankings

    union all

    select
        ranking,
        period,
        period_start,
        period_end,
        attributed_tokens as total_tokens,
        0 as other_tokens,
        unlisted_member_tokens_high,
        0 as unlisted_group_tokens_high,
        is_suspect,
        is_truncated,
        scope_id,
        source_url,
        as_of,
        fetched_at
    from apps

),

days as (

    select * from periods
    where period = 'day'

),

calendar as (

    select distinct
        days.ranking,
        kind.period as span,
        cast(date_trunc(kind.period, days.period_start) as date) as span_start,
        {{ period_end('kind.period', 'span_start') }} as span_end
    from days
    cross join (values ('week'), ('month')) as kind (period)

),

rolling as (

    select
        days.ranking,
        windows.span,
        days.period_start - windows.days + 1 as span_start,
        days.period_start as span_end
    from days
    cross join (values ('1d', 1), ('7d', 7), ('28d', 28)) as windows (span, days)
    where days.ranking in ('all', 'apps')

),

wanted as (

    select * from calendar
    union all
    select * from rolling

),

added_up as (

    select
        wanted.ranking,
        wanted.span,
        wanted.span_start,
        wanted.span_end,
        cast(wanted.span_end - wanted.span_start + 1 as integer) as days,
        'days' as basis,
        count(*) = wanted.span_end - wanted.span_start + 1 as is_whole,
        cast(sum(days.total_tokens) as bigint) as total_tokens,
        cast(sum(days.other_tokens) as bigint) as other_tokens,
        cast(sum(days.unlisted_member_tokens_high) as bigint) as unlisted_member_tokens_high,
        cast(sum(days.unlisted_group_tokens_high) as bigint) as unlisted_group_tokens_high,
        bool_or(days.is_suspect) as is_suspect,
        bool_or(days.is_truncated) as is_truncated,
        {{ provenance_of('days') }}
    from wanted
    inner join days
        on
            wanted.ranking = days.ranking
            and days.period_start between wanted.span_start and wanted.span_end
    group by wanted.ranking, wanted.span, wanted.span_start, wanted.span_end

),

as_given as (

    select
        ranking,
        period as span,
        period_start as span_start,
        period_end as span_end,
        cast(period_end - period_start + 1 as integer) as days,
        'source' as basis,
        true as is_whole,
        total_tokens,
        other_tokens,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high,
        is_suspect,
        is_truncated,
        scope_id,
        source_url,
        as_of,
        as_of as oldest_as_of,
        fetched_at as checked_at
    from periods

),

spans as (

    select * from as_given
    union all
    select added_up.*
    from added_up
    left join as_given using (ranking, span, span_start)
    where as_given.span is null

)

select
    *,
    as_of as ranking_as_of
from spans
where ranking <> 'apps'

union all

select
    apps.ranking,
    apps.span,
    apps.span_start,
    apps.span_end,
    apps.days,
    apps.basis,
    -- Apps that have more than all traffic have no share of it: one of the two responses is not whole.
    apps.is_whole and traffic.is_whole and apps.total_tokens <= traffic.total_tokens as is_whole,
    traffic.total_tokens,
    traffic.total_tokens - apps.total_tokens as other_tokens,
    apps.unlisted_member_tokens_high,
    apps.unlisted_group_tokens_high,
    apps.is_suspect or traffic.is_suspect as is_suspect,
    apps.is_truncated or traffic.is_truncated as is_truncated,
    apps.scope_id,
    apps.source_url,
    greatest(apps.as_of, traffic.as_of) as as_of,
    least(apps.oldest_as_of, traffic.oldest_as_of) as oldest_as_of,
    case when traffic.as_of > apps.as_of then traffic.checked_at else apps.checked_at end as checked_at,
    apps.as_of as ranking_as_of
from spans as apps
inner join spans as traffic using (span, span_start)
where apps.ranking = 'apps' and traffic.ranking = 'all'
