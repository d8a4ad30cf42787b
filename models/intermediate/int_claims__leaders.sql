-- Leading model, author and app of each day, week and month, if no other member, listed or not, may have had more
-- tokens.
with periods as (

    select * from {{ ref('int_periods__totals') }}
    where ranking in ('all', 'apps') and is_whole

),

members as (

    select * from {{ ref('int_periods__members') }}
    where member_type in ('model', 'author', 'app')

),

-- A period has no leader if the first rank is tied or another member's upper bound reaches the leader's tokens.
leaders as (

    select
        members.member_type,
        members.member,
        members.tokens,
        members.tokens_high,
        periods.*
    from periods
    inner join members using (ranking, period, period_start)
    qualify
        members.rank = 1
        and members.tokens > greatest(
            max(case when members.rank > 1 then members.tokens_high else 0 end) over (
                partition by members.ranking, members.period, members.period_start, members.member_type
            ),
            coalesce(periods.unlisted_member_tokens_high, 0)
        )

),

apps as (

    select * from {{ ref('int_apps__profiles') }}

),

authors as (

    select
        author,
        display_name
    from {{ ref('int_authors__attributes') }}

)

select
    'leading_' || leaders.member_type as kind,
    leaders.period,
    leaders.period_start,
    leaders.ranking,
    coalesce(apps.app_name, leaders.member) as subject,
    coalesce(apps.app_name, authors.display_name, leaders.member) as subject_name,
    leaders.tokens / leaders.total_tokens as value,
    leaders.tokens_high / leaders.total_tokens as value_high,
    leaders.scope_id,
    leaders.source_url,
    leaders.as_of,
    leaders.oldest_as_of,
    leaders.checked_at
from leaders
left join apps on leaders.member_type = 'app' and leaders.member = cast(apps.app_id as varchar)
left join authors on leaders.member_type = 'author' and leaders.member = authors.author
