-- Tokens of each model and author in each span: what was observed, and the most it can have been.
-- A member that is not listed on a day is unknown there, never zero.
with spans as (

    select * from {{ ref('int_spans') }}

),

rankings as (

    select * from {{ ref('int_rankings__latest') }}
    where slice = 'all' and not is_other

),

totals as (

    select * from {{ ref('int_rankings__totals') }}

),

members as (

    select
        period,
        period_start,
        'model' as member_type,
        model_permaslug as member,
        tokens
    from rankings

    union all

    select
        period,
        period_start,
        'author' as member_type,
        author as member,
        cast(sum(tokens) as bigint) as tokens
    from rankings
    group by all

),

listed as (

    select
        members.*,
        case members.member_type
            when 'model' then totals.unlisted_model_tokens_high
            else totals.unlisted_author_tokens_high
        end as unlisted_tokens_high
    from members
    inner join totals using (period, period_start)

),

added_up as (

    select
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
                case listed.member_type
                    when 'model' then spans.unlisted_model_tokens_high
                    else spans.unlisted_author_tokens_high
                end
            )
            - sum(listed.unlisted_tokens_high) as bigint
        ) as tokens_high
    from spans
    inner join listed
        on
            listed.period = case spans.basis when 'source' then spans.span else 'day' end
            and listed.period_start between spans.span_start and spans.span_end
    group by all

)

select
    *,
    tokens = tokens_high as is_complete_observation,
    row_number() over (partition by span, span_start, member_type order by tokens desc, member asc) as rank
from added_up
