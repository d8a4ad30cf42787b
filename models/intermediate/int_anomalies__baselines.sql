-- Each observed day of a subject, with the value expected from the days before. The expected level is the median of the
-- 14 days before. The scale is the change on an ordinary day: the median day-to-day change in the 28 days before, as a
-- standard deviation.
{#- An unlisted day may be below the others, so their minimum and their median are unknown. -#}
{%- set all_listed = 'case when three_days_observed = count(level) over three_days then' %}
-- Levels are logarithms, so that a drop by half is as large as a doubling. DuckDB finds the days of a range anew for
-- each function, so they are counted here, and the frames below are as many rows.
with levels as (

    select
        *,
        tokens / total_tokens as share,
        coalesce(tokens, 0) / total_tokens as share_low,
        coalesce(tokens, unlisted_tokens_high) / total_tokens as share_high,
        ln(tokens / reference_tokens) as level,
        abs(ln(tokens / reference_tokens) - lag(ln(tokens / reference_tokens)) over by_date) as day_change,
        {%- for name, days in {'four_weeks': 28, 'two_weeks': 14, 'one_week': 7, 'three_days': 3}.items() %}
        count(*) over (
            partition by subject_type, subject order by date
            range between interval {{ days }} days preceding and interval 1 day preceding
        ) as {{ name }}_observed
        {{- ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_anomalies__daily_usage') }}
    window by_date as (partition by subject_type, subject order by date)

)

select
    * exclude (oldest_as_of, four_weeks_observed, two_weeks_observed, one_week_observed, three_days_observed),
    count(level) over two_weeks as days_before,
    exp(median(level) over two_weeks) * reference_tokens as expected_tokens,
    median(level) over two_weeks as expected_level,
    greatest(1.4826 * coalesce(median(day_change) over four_weeks, 0), 0.1) as scale,
    one_week_observed as week_days_observed,
    count(level) over one_week as week_days_listed,
    median(tokens) over one_week as week_tokens,
    median(share_low) over one_week as week_share_low,
    median(share_high) over one_week as week_share_high,
    max(level) over three_days as recent_level_high,
    {{ all_listed }} min(level) over three_days end as recent_level_low,
    {{ all_listed }} median(level) over three_days end as recent_level,
    max(tokens) over three_days as recent_tokens_high,
    {{ all_listed }} min(tokens) over three_days end as recent_tokens_low,
    max(share_high) over three_days as recent_share_high,
    min(share_low) over three_days as recent_share_low,
    {{ all_listed }} median(share) over three_days end as recent_share,
    max(date) over three_days as previous_date,
    lag(tokens) over by_date as previous_tokens,
    lag(share_high) over by_date as previous_share_high,
    oldest_as_of as day_oldest_as_of,
    min(oldest_as_of) over (
        partition by subject_type, subject order by date
        rows between four_weeks_observed preceding and current row
    ) as oldest_as_of
from levels
window
    by_date as (partition by subject_type, subject order by date)
    {%- for name in ['four_weeks', 'two_weeks', 'one_week', 'three_days'] %},
    {{ name }} as (
        partition by subject_type, subject order by date
        rows between {{ name }}_observed preceding and 1 preceding
    )
    {%- endfor %}
