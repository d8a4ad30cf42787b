{#- Adding up days and periods: what the models of calendar periods and those of rolling windows have in common. -#}

{#- The total of the rows `days` that fall into a period or window, and whether there is one for each of its days. -#}
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
    The totals of apps in `totals`, measured by all traffic of the same period or window (`key`): a list of apps has no
    remainder of its own, so what no listed app has is what is left of all traffic.
-#}
{% macro totals_of_apps(totals, key, columns) -%}
    select
        apps.ranking,
        {% for column in columns -%}
            apps.{{ column }},
        {% endfor -%}
        -- Apps that have more than all traffic have no share of it: one of the two responses lacks rows.
        apps.is_whole and traffic.is_whole and apps.total_tokens <= traffic.total_tokens as is_whole,
        traffic.total_tokens,
        traffic.total_tokens - apps.total_tokens as other_tokens,
        apps.unlisted_member_tokens_high,
        apps.unlisted_group_tokens_high,
        apps.is_suspect or traffic.is_suspect as is_suspect,
        apps.is_truncated or traffic.is_truncated as is_truncated,
        apps.scope_id,
        apps.source_url,
        {{ merged_times('apps', 'traffic') }},
        apps.as_of as ranking_as_of
    from {{ totals }} as apps
    inner join {{ totals }} as traffic using ({{ key }})
    where apps.ranking = 'apps' and traffic.ranking = 'all'
{%- endmacro %}

{#-
    Whether a row that the source reports for a period is a part of a row of int_periods__totals: the period itself,
    or one of the days that it was added up from.
-#}
{% macro is_part_of(reported, periods) -%}
    {{ reported }}.period = case {{ periods }}.basis when 'source' then {{ periods }}.period else 'day' end
        and {{ reported }}.period_start between {{ periods }}.period_start and {{ periods }}.period_end
{%- endmacro %}

{#- The most tokens that a member can have had where it is not listed, by the bounds of a ranking's total. -#}
{% macro unlisted_tokens_high(member_type, totals) -%}
    case
        when {{ member_type }} in ('model', 'app') then {{ totals }}.unlisted_member_tokens_high
        when {{ member_type }} = 'author' then {{ totals }}.unlisted_group_tokens_high
        else 0
    end
{%- endmacro %}

{#-
    The most tokens that a member can have had in a period or window: what was observed, and the bounds of all days
    less those of the days on which it was listed.
-#}
{% macro added_up_tokens_high(totals) -%}
    cast(
        sum(listed.tokens)
        + max({{ unlisted_tokens_high('listed.member_type', totals) }})
        - sum(listed.unlisted_tokens_high) as bigint
    )
{%- endmacro %}
