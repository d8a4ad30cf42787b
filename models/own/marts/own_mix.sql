with usage as (

    select
        source,
        date,
        model_permaslug,
        author,
        weights,
        match_reason,
        prompt_tokens + completion_tokens as tokens
    from {{ ref('int_own__costs') }}

),

members as (

    select
        period,
        cast(date_trunc(period, date) as date) as period_start,
        source,
        dimension,
        case
            when dimension = 'model' then model_permaslug
            when match_reason = 'unmatched' then 'unmatched'
            when dimension = 'author' then author
            else coalesce(weights, 'unclassified')
        end as member,
        tokens
    from usage
    cross join unnest(['week', 'month']) as periods (period)
    cross join unnest(['model', 'author', 'weights']) as dimensions (dimension)

),

own as (

    select
        period,
        period_start,
        source,
        dimension,
        member,
        cast(sum(tokens) as bigint) as own_tokens
    from members
    group by all

),

shared as (

    select
        *,
        own_tokens
        / nullif(sum(own_tokens) over (partition by period, period_start, source, dimension), 0) as own_share,
        rank() over (partition by period, period_start, source, dimension order by own_tokens desc) as own_rank
    from own

),

public_shares as (

    select
        period,
        period_start,
        'model' as dimension,
        model_permaslug as member,
        share,
        share_high,
        rank,
        as_of
    from {{ source('release', 'share_model') }}
    union all
    select
        period,
        period_start,
        'author' as dimension,
        author as member,
        share,
        share_high,
        rank,
        as_of
    from {{ source('release', 'share_author') }}
    union all
    select
        period,
        period_start,
        'weights' as dimension,
        segment as member,
        share,
        share_high,
        rank,
        as_of
    from {{ source('release', 'share_segment') }}
    where segment_type = 'weights'

)

select
    shared.period,
    shared.period_start,
    shared.source,
    shared.dimension,
    shared.member,
    shared.own_tokens,
    shared.own_share,
    public_shares.share as public_share,
    public_shares.share_high as public_share_high,
    shared.own_share / nullif(public_shares.share, 0) as ratio,
    shared.own_rank,
    public_shares.rank as public_rank,
    public_shares.as_of as public_as_of
from shared
left join public_shares using (period, period_start, dimension, member)
