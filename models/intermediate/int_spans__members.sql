-- Tokens of each member of a ranking in each span: what was observed, and the most it can have been.
-- A member that is not listed on a day is unknown there, never zero.
with spans as (

    select * from {{ ref('int_spans') }}

),

rankings as (

    select * from {{ ref('int_rankings__latest') }}

),

apps as (

    select * from {{ ref('int_apps__latest') }}

),

segments as (

    select * from {{ ref('int_usage__segments') }}

),

members as (

    select
        slice as ranking,
        period,
        period_start,
        'model' as member_type,
        model_permaslug as member,
        tokens,
        cast(null as bigint) as requests
    from rankings
    where not is_other

    union all

    select
        slice as ranking,
        period,
        period_start,
        'author' as member_type,
        author as member,
        cast(sum(tokens) as bigint) as tokens,
        cast(null as bigint) as requests
    from rankings
    where slice = 'all' and not is_other
    group by all

    union all

    select
        'all' as ranking,
        period,
        period_start,
        segment_type as member_type,
        segment as member,
        tokens,
        cast(null as bigint) as requests
    from segments

    union all

    select
        'apps' as ranking,
        period,
        period_start,
        'app' as member_type,
        cast(app_id as varchar) as member,
        tokens,
        requests
    from apps

),

-- What a member had at most in a period that does not list it.
bounds as (

    select
        ranking,
        period,
        period_start,
        unlisted_member_tokens_high,
        unlisted_group_tokens_high
    from {{ ref('int_rankings__totals') }}

    union all

    select
        ranking,
        period,
        period_start,
        unlisted_member_tokens_high,
        0 as unlisted_group_tokens_high
    from {{ ref('int_apps__totals') }}

),

listed as (

    select
        members.*,
        case
            when members.member_type in ('model', 'app') then bounds.unlisted_member_tokens_high
            -- The remainder itself is in the response even where it is nothing.
            when members.member = 'other' then 0
            else bounds.unlisted_group_tokens_high
        end as unlisted_tokens_high
    from members
    inner join bounds using (ranking, period, period_start)

),

added_up as (

    select
        spans.ranking,
        spans.span,
        spans.span_start,
        spans.span_end,
        listed.member_type,
        listed.member,
        cast(sum(listed.tokens) as bigint) as tokens,
        -- The bounds of all days less those of the days on which the member was listed.
        cast(
            sum(listed.tokens)
            + max(
                case
                    when listed.member_type in ('model', 'app') then spans.unlisted_member_tokens_high
                    when listed.member = 'other' then 0
                    else spans.unlisted_group_tokens_high
                end
            )
            - sum(listed.unlisted_tokens_high) as bigint
        ) as tokens_high,
        cast(sum(listed.requests) as bigint) as requests
    from spans
    inner join listed
        on
            spans.ranking = listed.ranking
            and listed.period = case spans.basis when 'source' then spans.span else 'day' end
            and listed.period_start between spans.span_start and spans.span_end
            -- Segments are published by period; their growth is in the drivers.
            and (
                spans.span in ('day', 'week', 'month')
                or listed.member_type in ('model', 'author', 'app')
            )
    group by all

)

select
    *,
    tokens = tokens_high as is_complete_observation,
    row_number() over (
        partition by ranking, span, span_start, member_type order by tokens desc, member asc
    ) as rank
from added_up
