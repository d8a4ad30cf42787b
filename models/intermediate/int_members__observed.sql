-- Tokens of each member of a ranking in each complete period that the source reports: models, authors, the segments
-- that models are divided into, and apps.
with rankings as (

    select * from {{ ref('int_rankings__latest') }}
    where not is_other

),

members as (

    select
        slice as ranking,
        period,
        period_start,
        'model' as member_type,
        model_permaslug as member,
        tokens
    from rankings

    union all

    select
        slice as ranking,
        period,
        period_start,
        'author' as member_type,
        {{ author('model_permaslug') }} as member,
        cast(sum(tokens) as bigint) as tokens
    from rankings
    where slice = 'all'
    group by all

    union all

    select
        'all' as ranking,
        period,
        period_start,
        segment_type as member_type,
        segment as member,
        tokens
    from {{ ref('int_usage__segments') }}

    union all

    select
        'apps' as ranking,
        period,
        period_start,
        'app' as member_type,
        cast(app_id as varchar) as member,
        tokens
    from {{ ref('int_apps__latest') }}

)

select
    members.*,
    {{ unlisted_tokens_high('members.member_type', 'totals') }} as unlisted_tokens_high
from members
inner join {{ ref('int_periods__observed') }} as totals using (ranking, period, period_start)
