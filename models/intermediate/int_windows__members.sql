-- Tokens of each member of a ranking in each span: what was observed, and the most it can have been.
-- A member that is not listed on a day is unknown there, never zero.
with spans as (

    select * from {{ ref('int_windows') }}

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
            when members.member_type = 'author' then bounds.unlisted_group_tokens_high
            else 0
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
                    when listed.member_type = 'author' then spans.unlisted_group_tokens_high
                    else 0
                end
            )
            - sum(listed.unlisted_tokens_high) as bigint
        ) as tokens_high,
        cast(sum(listed.requests) as bigint) as requests,
        max(spans.unlisted_group_tokens_high) as unlisted_group_tokens_high,
        bool_or(spans.is_suspect) as is_suspect,
        max(spans.total_tokens) as total_tokens
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

),

-- Any segment may hold what is not listed and what nobody has classified, on every day. The remainder itself is known.
bounded as (

    select
        * exclude (tokens_high, unlisted_group_tokens_high, total_tokens),
        case
            when member_type in ('model', 'author', 'app') or member = 'other' then tokens_high
            else least(
                tokens + unlisted_group_tokens_high
                + case
                    when {{ is_unknown_segment('member') }} then 0
                    else coalesce(
                        sum(tokens) filter (where {{ is_unknown_segment('member') }}) over (
                            partition by ranking, span, span_start, member_type
                        ), 0
                    )
                end,
                total_tokens
            )
        end as tokens_high
    from added_up

)

select
    ranking,
    span,
    span_start,
    span_end,
    member_type,
    member,
    tokens,
    cast(tokens_high as bigint) as tokens_high,
    requests,
    tokens = tokens_high and not is_suspect as is_complete_observation,
    row_number() over (
        partition by ranking, span, span_start, member_type order by tokens desc, member asc
    ) as rank
from bounded
