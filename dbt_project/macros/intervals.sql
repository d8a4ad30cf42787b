{#- Intervals of unchanged prices, from consecutive lists that each have some of the members. -#}

{#-
    A subquery with one row for each run of consecutive lists with the same `prices` for a member. `listed` has a row
    for each member of each list: the columns of `key`, `prices` (a struct of what counts as a change), list_no (from 1,
    without gaps), previous_as_of (of the list before), is_newest (whether no later list follows), as_of, fetched_at and
    any other columns, of which those of the interval's first list remain.
-#}
{% macro price_intervals(listed, key) -%}
    {%- set keys = key | join(', ') -%}
    with compared as (

        select
            *,
            lag(prices) over member_by_time as previous_prices,
            lag(as_of) over member_by_time as previous_seen_at,
            lag(list_no) over member_by_time as previous_list_no
        from {{ listed }}
        window member_by_time as (partition by {{ keys }} order by list_no)

    ),

    -- A member that returns after a list without it starts an interval, even with the same prices: it had none in
    -- between.
    marked as (

        select
            *,
            previous_list_no is not null and previous_list_no < list_no - 1 as is_return,
            previous_list_no is null
            or previous_list_no < list_no - 1
            or (prices is distinct from previous_prices) as is_start
        from compared

    ),

    numbered as (

        select
            *,
            sum(is_start::int) over (partition by {{ keys }} order by list_no) as interval_no
        from marked

    ),

    runs as (

        select
            *,
            max(as_of) over run as last_seen_at,
            max(fetched_at) over run as last_fetched_at,
            bool_or(is_newest) over run as is_open
        from numbered
        window run as (partition by {{ keys }}, interval_no)

    ),

    -- The row of its first list describes an interval; `runs` has added what the later lists show.
    starts as (

        select
            * exclude (
                as_of, fetched_at, list_no, previous_as_of, is_newest, is_start,
                previous_list_no, interval_no, prices
            ),
            as_of as valid_from,
            previous_as_of as not_before
        from runs
        where is_start

    )

    select
        *,
        -- A price ends when the next one starts; the last price of a removed member ends with the last list that
        -- includes the member.
        case
            when is_open then null
            when lead(is_return) over (partition by {{ keys }} order by valid_from) = false
                then lead(valid_from) over (partition by {{ keys }} order by valid_from)
            else last_seen_at
        end as valid_to,
        -- Lists are some time apart, so this price may have been valid until the first list with the next price, even
        -- while the member was missing.
        lead(valid_from) over (partition by {{ keys }} order by valid_from) as not_after
    from starts
{%- endmacro %}
