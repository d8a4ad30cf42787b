{#- Days and calendar periods (UTC; ISO weeks). Engines differ in how they generate a series of days. -#}

{#- In a select list: one row for each day from start to end, both included. -#}
{% macro days_between(start_date, end_date) -%}
    {{ adapter.dispatch('days_between')(start_date, end_date) }}
{%- endmacro %}

{% macro default__days_between(start_date, end_date) -%}
    {{ start_date }} + cast(unnest(range(({{ end_date }}) - ({{ start_date }}) + 1)) as integer)
{%- endmacro %}

{#- Last day of the day, ISO week or month that starts on period_start. -#}
{% macro period_end(period, period_start) -%}
    case {{ period }}
        when 'week' then {{ period_start }} + 6
        when 'month' then last_day({{ period_start }})
        else {{ period_start }}
    end
{%- endmacro %}

{#- First day of the day, ISO week or month before the one that starts on period_start. -#}
{% macro previous_period_start(period, period_start) -%}
    case {{ period }}
        when 'week' then {{ period_start }} - 7
        when 'month' then cast(date_trunc('month', {{ period_start }} - 1) as date)
        else {{ period_start }} - 1
    end
{%- endmacro %}

{#- Number of days in the day, ISO week or month that starts on period_start. -#}
{% macro days_in_period(period, period_start) -%}
    ({{ period_end(period, period_start) }} - {{ period_start }} + 1)
{%- endmacro %}

{#- The first instant after a UTC day. -#}
{% macro end_of_day(date) -%}
    cast({{ date }} + 1 as timestamp)
{%- endmacro %}

{#- day, week or month if the days from first to last are exactly one (ISO week, calendar month); otherwise window. -#}
{% macro period_of_days(first_day, last_day) -%}
    case
        when {{ first_day }} = {{ last_day }} then 'day'
        when {{ first_day }} = date_trunc('week', {{ first_day }}) and {{ last_day }} = {{ first_day }} + 6 then 'week'
        when
            {{ first_day }} = date_trunc('month', {{ first_day }})
            and {{ last_day }} = last_day({{ first_day }}) then 'month'
        else 'window'
    end
{%- endmacro %}
