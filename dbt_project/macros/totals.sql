{#- Totals of calendar periods and of rolling windows. -#}

{#- The total of the rows `days` in a period or window, and whether every day of it has a row. -#}
{% macro totals_of_days(first_day, last_day) -%}
    count(*) = {{ last_day }} - {{ first_day }} + 1 as is_whole,
        cast(sum(days.total_tokens) as bigint) as total_tokens,
        cast(sum(days.other_tokens) as bigint) as other_tokens,
        cast(sum(days.unlisted_member_tokens_high) as bigint) as unlisted_member_tokens_high,
        cast(sum(days.unlisted_group_tokens_high) as bigint) as unlisted_group_tokens_high,
        bool_or(days.is_suspect) as is_suspect,
        bool_or(days.is_truncated) as is_truncated,
        {{ provenance_of('days') }}
{%- endmacro %}

{#-
    The totals of apps in `totals`, with all traffic of the same period or window (`key`) as the denominator. A list of
    apps has no remainder, so `other` is all traffic minus the listed apps.
-#}
{% macro totals_of_apps(totals, key, columns) -%}
    select
        apps.ranking,
        {% for column in columns -%}
            apps.{{ column }},
        {% endfor -%}
        -- If apps have more tokens than all traffic, one of the two responses lacks rows, so there is no share.
        apps.is_whole and traffic.is_whole and apps.total_tokens <= traffic.total_tokens as is_whole,
        traffic.total_tokens,
        traffic.total_tokens - apps.total_tokens as other_tokens,
        apps.unlisted_member_tokens_high,
        apps.unlisted_group_tokens_high,
        apps.is_suspect or traffic.is_suspect as is_suspect,
        apps.is_truncated or traffic.is_truncated as is_truncated,
        apps.scope_id,
        apps.source_url,
        {{ merged_times('apps', 'traffic') }}
    from {{ totals }} as apps
    inner join {{ totals }} as traffic using ({{ key }})
    where apps.ranking = 'apps' and traffic.ranking = 'all'
{%- endmacro %}

{#- A query for the totals of all traffic in the days, weeks and months of which every day was observed. -#}
{% macro whole_periods_of_all_traffic() -%}
    select * from {{ ref('int_periods__totals') }}
    where ranking = 'all' and is_whole
{%- endmacro %}

{#-
    The rows of int_periods__totals (`periods`), one for each reported period that they consist of: the period itself or
    each day that it was summed from. Joins on part_period and part_start take time in proportion to the days; joins on
    a range of days would compare every day with every period.
-#}
{% macro parts_of(periods) -%}
    select
        *,
        case basis when 'source' then period else 'day' end as part_period,
        {{ days_between('period_start', "case basis when 'source' then period_start else period_end end") }}
            as part_start
    from {{ periods }}
{%- endmacro %}

{#- Upper bound on the tokens of a member that is not listed, from the bounds of the ranking's total. -#}
{% macro unlisted_tokens_high(member_type, totals) -%}
    case
        when {{ member_type }} in ('model', 'app') then {{ totals }}.unlisted_member_tokens_high
        when {{ member_type }} = 'author' then {{ totals }}.unlisted_group_tokens_high
        else 0
    end
{%- endmacro %}

{#-
    Upper bound on the tokens of a member in a period or window: its observed tokens, plus the bounds of all days, minus
    the bounds of the days on which it was listed; at most the total. The bound of an unlisted app comes from the list of
    apps alone, so it may exceed all traffic if that list was truncated.
-#}
{% macro added_up_tokens_high(totals) -%}
    cast(
        greatest(
            sum(listed.tokens),
            least(
                sum(listed.tokens)
                + max({{ unlisted_tokens_high('listed.member_type', totals) }})
                - sum(listed.unlisted_tokens_high),
                max({{ totals }}.total_tokens)
            )
        ) as bigint
    )
{%- endmacro %}
