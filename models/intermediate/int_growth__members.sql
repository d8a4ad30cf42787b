-- Each rolling window of each member, with the three windows before. If a window does not list the member, its tokens
-- have the bound of an unlisted member; if a day of a window is missing, they are null.
with windows as (

    select * from {{ ref('int_growth__windows') }}

),

totals as (

    select * from {{ ref('int_windows__totals') }}

),

members as (

    select * from {{ ref('int_windows__members') }}

),

-- The growth marts report a member created in the window as launched. An app has no such day.
created as (

    select
        'model' as member_type,
        model_permaslug as member,
        created_on
    from {{ ref('int_models__attributes') }}

    union all

    select
        'author' as member_type,
        author as member,
        cast(min(created_at) as date) as created_on
    from {{ ref('stg_openrouter__models') }}
    group by author

),

-- A member has growth if the window or its base window lists it.
compared as (

    {% for end in ['window_end', 'base_end'] -%}
        select
            windows.ranking,
            windows.horizon,
            windows.window_days,
            windows.step_days,
            windows.window_start,
            windows.window_end,
            members.member_type,
            members.member
        from windows
        inner join members
            on
                windows.ranking = members.ranking
                and windows.window_days = members.window_days
                and windows.{{ end }} = members.window_end
        {{ 'union' if not loop.last }}
    {% endfor %}
),

-- Acceleration needs the two windows before, and excess tokens the three before.
observed as (

    select
        compared.*,
        shift.windows_before,
        case when totals.is_whole then totals.total_tokens end as total_tokens,
        case when totals.is_whole then coalesce(members.tokens, 0) end as tokens,
        case
            when totals.is_whole
                then least(
                    coalesce(members.tokens_high, {{ unlisted_tokens_high('compared.member_type', 'totals') }}),
                    totals.total_tokens
                )
        end as tokens_high,
        case when totals.is_whole then members.rank end as rank,
        totals.is_suspect,
        totals.scope_id,
        totals.source_url,
        totals.as_of,
        totals.oldest_as_of,
        totals.checked_at
    from compared
    cross join (values (0), (1), (2), (3)) as shift (windows_before)
    inner join totals
        on
            compared.ranking = totals.ranking
            and compared.window_days = totals.window_days
            and compared.window_end - compared.step_days * shift.windows_before = totals.window_end
    left join members
        on
            totals.ranking = members.ranking
            and totals.window_days = members.window_days
            and totals.window_end = members.window_end
            and compared.member_type = members.member_type
            and compared.member = members.member

),

-- A window that does not exist leaves its columns null, which means that the figure is unknown.
side_by_side as (

    select
        ranking,
        horizon,
        window_start,
        window_end,
        member_type,
        member,
        {% for name, windows_before in {'': 0, 'base_': 1, 'second_': 2, 'third_': 3}.items() -%}
            max(tokens) filter (where windows_before = {{ windows_before }}) as {{ name }}tokens,
            max(tokens_high) filter (where windows_before = {{ windows_before }}) as {{ name }}tokens_high,
            bool_or(is_suspect) filter (where windows_before = {{ windows_before }}) as is_{{ name }}suspect,
        {% endfor -%}
        max(total_tokens) filter (where windows_before = 0) as total_tokens,
        max(total_tokens) filter (where windows_before = 1) as base_total_tokens,
        max(rank) filter (where windows_before = 0) as rank,
        max(rank) filter (where windows_before = 1) as base_rank,
        {{ provenance_of_sums('observed') }}
    from observed
    group by all

)

select
    side_by_side.* exclude (
        is_suspect, is_base_suspect, is_second_suspect, is_third_suspect,
        scope_id, source_url, as_of, oldest_as_of, checked_at
    ),
    created.created_on,
    -- A figure from a response that looks incomplete is not exact.
    tokens = tokens_high and base_tokens = base_tokens_high and not (is_suspect or is_base_suspect) as is_complete,
    base_tokens = base_tokens_high and second_tokens = second_tokens_high
    and not (is_base_suspect or is_second_suspect) as is_base_complete,
    third_tokens = third_tokens_high and not is_third_suspect as is_third_complete,
    scope_id,
    source_url,
    as_of,
    oldest_as_of,
    checked_at
from side_by_side
left join created using (member_type, member)
