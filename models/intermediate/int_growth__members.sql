-- Each rolling window of each member, with the three windows before. If a window does not list the member, its tokens
-- have the bound of an unlisted member; if a day of a window is missing, they are null.
{#- Acceleration needs the two windows before, and excess tokens the three before. -#}
{%- set windows_before = {'': 0, 'base_': 1, 'second_': 2, 'third_': 3} %}
with windows as (

    select * from {{ ref('int_growth__windows') }}

),

totals as (

    select * from {{ ref('int_windows__totals') }}

),

-- A member has growth if the window or its base window lists it.
listed as (

    select * from {{ ref('int_growth__listed') }}

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

four_windows as (

    select
        windows.ranking,
        windows.horizon,
        windows.window_days,
        windows.window_end,
        windows.window_end - windows.step_days * shift.windows_before as before_end
    from windows
    cross join (values (0), (1), (2), (3)) as shift (windows_before)

),

-- All members of a window have the same provenance: that of the totals of the four windows.
provenance as (

    select
        four_windows.ranking,
        four_windows.horizon,
        four_windows.window_end,
        {{ provenance_of_sums('totals') }}
    from four_windows
    inner join totals
        on
            four_windows.ranking = totals.ranking
            and four_windows.window_days = totals.window_days
            and four_windows.before_end = totals.window_end
    group by four_windows.ranking, four_windows.horizon, four_windows.window_end

),

-- A window that does not exist leaves its columns null, which means that the figure is unknown.
side_by_side as (

    select
        listed.ranking,
        listed.horizon,
        listed.window_start,
        listed.window_end,
        listed.member_type,
        listed.member,
        {% for name in windows_before -%}
            case when {{ name }}totals.is_whole then coalesce(listed.{{ name }}tokens, 0) end as {{ name }}tokens,
            case
                when {{ name }}totals.is_whole
                    then least(
                        coalesce(
                            listed.{{ name }}tokens_high,
                            {{ unlisted_tokens_high('listed.member_type', name ~ 'totals') }}
                        ),
                        {{ name }}totals.total_tokens
                    )
            end as {{ name }}tokens_high,
            {{ name }}totals.is_suspect as was_{{ name }}suspect,
        {% endfor -%}
        case when totals.is_whole then totals.total_tokens end as total_tokens,
        case when base_totals.is_whole then base_totals.total_tokens end as base_total_tokens,
        case when totals.is_whole then listed.rank end as rank,
        case when base_totals.is_whole then listed.base_rank end as base_rank
    from listed
    {% for name, number in windows_before.items() -%}
        left join totals as {{ name }}totals
            on
                listed.ranking = {{ name }}totals.ranking
                and listed.window_days = {{ name }}totals.window_days
                and listed.window_end - listed.step_days * {{ number }} = {{ name }}totals.window_end
    {% endfor %}
)

select
    side_by_side.* exclude (was_suspect, was_base_suspect, was_second_suspect, was_third_suspect),
    created.created_on,
    -- A figure from a response that looks incomplete is not exact.
    tokens = tokens_high and base_tokens = base_tokens_high and not (was_suspect or was_base_suspect) as is_complete,
    base_tokens = base_tokens_high and second_tokens = second_tokens_high
    and not (was_base_suspect or was_second_suspect) as is_base_complete,
    third_tokens = third_tokens_high and not was_third_suspect as is_third_complete,
    provenance.* exclude (ranking, horizon, window_end)
from side_by_side
inner join provenance using (ranking, horizon, window_end)
left join created using (member_type, member)
