{{ config(materialized='view') }}
-- Members that a rolling window or its base window lists, with their tokens in it and in the three windows before.
-- Tokens of a window that does not list the member are null.
with windows as (

    select * from {{ ref('int_growth__windows') }}

),

-- A number for each member, because DuckDB joins a number faster than three names.
member_numbers as (

    select
        ranking,
        member_type,
        member,
        row_number() over (order by ranking, member_type, member) as member_number
    from {{ ref('int_windows__members') }}
    group by ranking, member_type, member

),

members as (

    select *
    from {{ ref('int_windows__members') }}
    inner join member_numbers using (ranking, member_type, member)

),

-- Members that the window lists, then those that only the base window lists. DuckDB takes longer for one full join.
listed as (

    {% for name, end, other_name, other_end in [
        ('', 'window_end', 'base_', 'base_end'),
        ('base_', 'base_end', '', 'window_end'),
    ] -%}
        select
            windows.ranking,
            windows.horizon,
            windows.window_days,
            windows.step_days,
            windows.window_start,
            windows.window_end,
            {{ name }}members.member_type,
            {{ name }}members.member,
            {{ name }}members.member_number,
            members.tokens,
            members.tokens_high,
            members.rank,
            base_members.tokens as base_tokens,
            base_members.tokens_high as base_tokens_high,
            base_members.rank as base_rank
        from windows
        inner join members as {{ name }}members
            on
                windows.ranking = {{ name }}members.ranking
                and windows.window_days = {{ name }}members.window_days
                and windows.{{ end }} = {{ name }}members.window_end
        left join members as {{ other_name }}members
            on
                {{ name }}members.member_number = {{ other_name }}members.member_number
                and windows.window_days = {{ other_name }}members.window_days
                and windows.{{ other_end }} = {{ other_name }}members.window_end
        {{ 'union all' if not loop.last else 'where members.member is null' }}
    {% endfor %}
)

select
    listed.* exclude (member_number),
    second_members.tokens as second_tokens,
    second_members.tokens_high as second_tokens_high,
    third_members.tokens as third_tokens,
    third_members.tokens_high as third_tokens_high
from listed
{% for name, windows_before in {'second_': 2, 'third_': 3}.items() -%}
    left join members as {{ name }}members
        on
            listed.member_number = {{ name }}members.member_number
            and listed.window_days = {{ name }}members.window_days
            and listed.window_end - listed.step_days * {{ windows_before }} = {{ name }}members.window_end
{% endfor %}
